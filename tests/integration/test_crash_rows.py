"""Killed with SIGKILL anywhere, a study that gives out rows is finished afterwards: one set of rows, one settlement."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from crash import finished, run_until
from extracts import PARAMS, Here, asked, key_file, people, ready
from huizhen.cli.place import verify_folder
from huizhen.cli.region import Region
from huizhen.client import rows
from regions import load

STRIDE = 7
"""Of some fifty moments, from the proposal over the review to the last piece, each so manieth."""


def posted(region: Region) -> int:
    """Fen that moved: into escrow, out of it, and to those who share it."""
    return sum(p.debit_fen for p, _ in region.hub.store.postings())


def test_killed_at_any_moment_it_gives_out_one_set_of_rows_and_settles_once(tmp_path: Path) -> None:
    question = asked(params={**PARAMS, "watermark": {}, "k": 5}, price_fen=9999)
    base, key = tmp_path / "base", key_file(tmp_path)
    ready(base, people(120)).close()
    shutil.copytree(base, tmp_path / "whole")
    killed, moments = run_until(tmp_path / "whole", question, 0)
    assert not killed and moments > 5 * STRIDE
    region = Region(tmp_path / "whole")
    expected = posted(region)
    region.close()
    for moment in range(3, moments + 1, STRIDE):
        folder = tmp_path / str(moment)
        shutil.copytree(base, folder)
        killed, _ = run_until(folder, question, moment)
        assert killed, moment
        region = Region(folder)
        found = load(region, finished(region, question))
        store = region.hub.store
        assert [status for _, status in store.studies()] == ["released"], (moment, found["problem"])
        table = rows.fetch(Here(region), found, key)  # each hospital's rows have the digest that was approved
        assert table.num_rows == sum(h["rows"] for h in found["result"]["hospitals"]) > 60
        kinds = [json.loads(leaf)["kind"] for leaf in store.leaves()]
        assert [kinds.count(k) for k in ("study-guarded", "study-released", "study-settled")] == [1, 1, 1], moment
        assert sum(line["fen"] for line in found["settlement"]["lines"]) == 9999
        assert posted(region) == expected, moment
        region.witness()
        region.close()
        assert verify_folder(folder)[1] == []
        shutil.rmtree(folder)
