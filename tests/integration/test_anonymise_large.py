"""With rows on the disk the release is what it is in memory, and what lies between is gone afterwards."""

from __future__ import annotations

import errno
import os
import threading
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from commands import done, in_both
from huizhen.adapters import anonymise_large, anonymise_spool
from huizhen.adapters.anonymised import anonymise
from huizhen.adapters.on_disk import Disk
from huizhen.kit.errors import BadInput, Refused, Unable
from huizhen.model.anonymisation import Anonymisation
from own_files import people

MEMORY = anonymise_large.LEAST_MEMORY
QUASI = ["age", "region", "job"]


def frame(rows: int = 4000) -> pd.DataFrame:
    return people(rows, 11)


def asked(**more: object) -> Anonymisation:
    said = {
        "quasi_identifiers": {
            "age": {"by": "interval", "widths": [5, 10, 20]},
            "region": {"by": "division"},
            "job": {"by": "flat"},
        },
        "sensitive": {"icd": {"distinct": 2, "t": 0.4}},
        "keep": ["note"],
        "drop": ["name"],
        "k": 5,
        "attacks": {"run": False},
    }
    return Anonymisation.read({**said, **more})


def released(source: Path, how: Anonymisation, memory: int | None) -> tuple[pd.DataFrame, dict[str, object]]:
    out = source.with_name(f"out-{memory}{source.suffix}")
    figures = anonymise(source, out, how, Path(), lambda _step, _n: None, measured=False, memory=memory)
    assert {p.name for p in source.parent.iterdir()} <= {source.name, out.name, f"out-None{source.suffix}"}
    table = pd.read_parquet(out) if source.suffix == ".parquet" else pd.read_csv(out, dtype=str, keep_default_na=False)
    return table, {k: v for k, v in figures.items() if k != "output_sha256"}


@pytest.mark.parametrize("kind", ["csv", "gb18030", "parquet"])
@pytest.mark.parametrize("suppress", [0.0, 0.02])
def test_the_same_rows_in_the_same_classes(kind: str, suppress: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """In many blocks and many heaps; t measured over the tree; numbers stay numbers in Parquet."""
    monkeypatch.setattr(anonymise_large, "_HEAP", MEMORY // 20_000)
    monkeypatch.setattr(anonymise_spool, "_BLOCK_BYTES", 10_000)
    monkeypatch.setattr(anonymise_spool, "_BLOCK_ROWS", 700)
    table, source = frame(), tmp_path / ("in.parquet" if kind == "parquet" else "in.csv")
    if kind == "parquet":
        table["age"] = pd.to_numeric(table["age"]).astype("Int64")
        table["icd"] = table["icd"].map({"I10": 1, "E11": 2, "C50": 3, "B20": 4})
        table.to_parquet(source)
    else:
        table["job"] = table["job"].replace({"nurse": "护士"})
        table.to_csv(source, index=False, encoding="utf-8" if kind == "csv" else kind)
    ground = {"distance": "ordered"} if kind == "csv" else {}
    how = asked(suppress=suppress, sensitive={"icd": {"distinct": 2, "t": 0.4, **ground}})
    (small, said), (large, told) = (released(source, how, memory) for memory in (None, MEMORY))
    if kind == "gb18030":
        assert large["job"].str.contains("护士").any()
    assert list(small) == list(large) and (small.dtypes == large.dtypes).all()
    assert Counter(map(tuple, small.values)) == Counter(map(tuple, large.values))
    assert told == said
    assert large.groupby(QUASI).size().min() >= 5


def test_the_order_says_nothing_of_the_file(tmp_path: Path):
    """Kept numbers count the rows of the file: neither within a class nor from class to class do they go up."""
    table = frame(20_000).assign(note=range(20_000))
    table.to_csv(tmp_path / "in.csv", index=False)
    large, _ = released(tmp_path / "in.csv", asked(), MEMORY)
    note = large["note"].astype(int)
    same = (large[QUASI] == large[QUASI].shift()).all(axis=1)
    up = (note.diff() > 0)[same].mean()
    first = note[~same].corr(pd.Series(np.arange(len(large)))[~same], method="spearman")
    assert same.sum() > 10_000 and 0.45 < up < 0.55 and abs(first) < 0.2


def test_pages_given_back_keep_what_was_written(tmp_path: Path):
    disk = Disk(tmp_path, 0)
    array, expected = disk.array((500, 1000), np.int32), np.arange(500_000, dtype=np.int32).reshape(500, 1000)
    with disk.watched():
        for _ in range(20):
            array[:] = expected
            array += 1
            threading.Event().wait(0.01)
    assert (array == expected + 1).all()


def test_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    frame().to_csv(tmp_path / "in.csv", index=False)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(Unable) as error:
        released(tmp_path / "in.csv", asked(), MEMORY)
    assert error.value.code == "no-room-between"
    assert [p.name for p in tmp_path.iterdir()] == ["in.csv"]


@pytest.mark.parametrize(
    ("more", "memory", "code"),
    [
        ({"algorithm": "lattice"}, MEMORY, "needs-all-rows"),
        ({"attacks": {"run": True}}, MEMORY, "needs-all-rows"),
        ({"population_size": 90_000}, MEMORY, "needs-all-rows"),
        ({}, MEMORY - 1, "memory-too-small"),
        ({"k": 5000}, MEMORY, "fewer-rows-than-k"),
        ({"drop": []}, MEMORY, "columns-unclear"),
    ],
)
def test_what_cannot_be_is_refused(more: dict[str, object], memory: int, code: str, tmp_path: Path):
    frame().to_csv(tmp_path / "in.csv", index=False)
    with pytest.raises((BadInput, Unable, Refused)) as error:
        released(tmp_path / "in.csv", asked(**more), memory)
    assert error.value.code == code
    assert [p.name for p in tmp_path.iterdir()] == ["in.csv"]


def test_by_the_command(tmp_path: Path):
    frame().to_csv(tmp_path / "in.csv", index=False)
    words = ["anonymize", tmp_path / "in.csv", "--out", tmp_path / "out.csv", "--qi", "age,region,job", "--sensitive",
             "icd", "--keep", "note", "--drop", "name", "--k", "5", "--memory", "1GB"]  # fmt: skip
    assert "4,000 rows" in done(*words, "--no-measures", "--no-attacks").out
    assert "measures-need-all-rows" in in_both(*words, "--no-attacks", code=2)[0]
    for more in (["--auto"], ["--for", "icd"]):
        found = in_both(*words, "--no-attacks", "--no-measures", *more, code=2)[0]
        assert "auto-needs-all-rows" in found
    assert "bad-memory" in in_both(*words[:-1], "lots", "--no-attacks", "--no-measures", code=2)[0]
