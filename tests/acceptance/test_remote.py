"""The same commands with --hub as with --region: real processes, one region asked here and its copy asked over TLS."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from commands import COX, NAMES, Ran, Region, chinese, done, huizhen, in_both, patients
from federations import free_port
from huizhen.ledger.note import COSIGNATURE, VerifierKey
from programs import Program

CHANGING = {"study", "submitted_utc", "expires_utc", "issued_utc", "evidence", "timings", "bytes_up", "bytes_down",
            "at_utc", "date_utc", "epoch", "refs", "commitment", "inclusion", "key"}  # fmt: skip
"""Ids, times, what is salted or signed: the rest has to be the same."""
STUDY = re.compile(r"st-[0-9a-f]{16}")
WIDTH = re.compile(r"\d+(\.\d+)? (B|kB|MB)")


@dataclass(frozen=True)
class Up:
    """A region that runs as processes; `here` is a copy of it that lies as a folder."""

    where: Region
    folder: Path
    program: Program
    url: str
    here: Path
    person: str
    """Somebody of the north hospital."""

    def hub(self, caller: str = "acme") -> list[str]:
        return ["--hub", self.url, "--token", str(self.folder / f"{caller}.access")]

    def home(self) -> list[str]:
        return ["--hub", self.url, "--home", str(self.where.path)]

    def pid(self, node: str) -> int:
        return int(self.program.until(rf"{node}: process (\d+)")[1])


@pytest.fixture(scope="module")
def up(asked: tuple[Region, dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    folder = tmp_path_factory.mktemp("up")
    where, here = folder / "there", folder / "here"
    for each in (where, here):
        shutil.copytree(asked[0].path, each)
    moved = Region.__new__(Region)
    moved.folder, moved.path, moved.dataset, moved.said = folder, where, "lung", {}
    for caller, role in (("acme", "asker"), ("rival", "asker"), ("watch", "auditor"), ("zhang", "trustee")):
        done("hub", "token", "add", caller, "--role", role, "--out", folder / f"{caller}.access", "--region", where)
    port = free_port()
    program = Program(folder / "up.log", "up", "--region", where, "--port", str(port))
    try:
        program.until("All 4 nodes are connected", seconds=120)
        key = done("witness", "show", "--home", where / "witness", "--json").json()["key"]
        done("witness", "add", key, "--region", here)
        person = str(pd.read_csv(asked[0].folder / "north.csv")["patient"].iloc[0])
        yield Up(moved, folder, program, f"https://localhost:{port}", here, person)
    finally:
        if program.process.poll() is None:
            program.end(signal.SIGINT)


def same(value: Any) -> Any:
    """What has to be the same wherever it was asked."""
    if isinstance(value, dict):
        return {k: same(v) for k, v in value.items() if k not in CHANGING}
    if isinstance(value, str):
        return STUDY.sub("st", value)
    return [same(v) for v in value] if isinstance(value, list) else value


def both(up: Up, *words: str | Path, code: int = 0) -> tuple[Any, Any]:
    """What a command prints as JSON there and here."""
    ran = [huizhen(*words, *up.hub()), huizhen(*words, "--region", up.here)]
    assert [r.code for r in ran] == [code, code], ran
    there, here = (r.json() for r in ran)
    return there, here


def test_the_same_words_give_the_same_answer(up: Up) -> None:
    study = up.where.write_study("cox", **{**COX, "title": "Asked in two places"})
    there, here = both(up, "study", "check", study, "--json")
    assert same(there) == same(here)
    there, here = both(up, "study", "run", study, "--json", "-")
    assert there["status"] == "released" and set(there) == set(here)
    assert same(there) == same(here)
    ids = [there["study"], here["study"]]
    for words in (["show"], ["result"]):
        shown = [huizhen("study", *words, ids[0], "--json", *up.hub()).json(),
                 huizhen("study", *words, ids[1], "--json", "--region", up.here).json()]  # fmt: skip
        assert same(shown[0]) == same(shown[1])
    booked = [done("money", "postings", "--study", ids[0], "--json", *up.hub()).json(),
              done("money", "postings", "--study", ids[1], "--json", "--region", up.here).json()]  # fmt: skip
    assert same(booked[0]) == same(booked[1])
    for words in (["study", "list"], ["ledger", "list"], ["money", "statement", "--party", "acme"]):
        there, here = both(up, *words, "--json")
        assert same(there) == same(here), words


def test_what_is_said_on_a_terminal_is_the_same(up: Up) -> None:
    study = up.where.write_study("count", method="count", title="How many?", price_fen=700)
    said = [huizhen("study", "run", study, *place).out for place in (up.hub(), ["--region", up.here])]
    there, here = (WIDTH.sub("", STUDY.sub("st", text)) for text in said)
    assert there == here and "released" in there
    zh = huizhen("study", "list", *up.hub(), HUIZHEN_LANG="zh").out
    assert chinese(zh)


def test_mistakes_are_met_with_the_same_words(up: Up, tmp_path: Path) -> None:
    wrong = up.where.write_study("wrong", method="count", cohort="agee > 3")
    denied = up.where.write_study("denied", method="count", participants=["north", "south"])
    for words, code in (
        (["study", "check", wrong], 2),
        (["study", "run", wrong], 2),
        (["study", "show", "st-0123456789abcdef"], 3),
        (["money", "postings", "--study", "st-0123456789abcdef"], 3),
        (["ledger", "prove", "9999", "--out", tmp_path / "x"], 2),
    ):
        ran = [huizhen(*words, *up.hub()), huizhen(*words, "--region", up.here)]
        assert [r.code for r in ran] == [code, code], ran
        assert ran[0].err == ran[1].err
    ran = [huizhen("study", "run", denied, *place) for place in (up.hub(), ["--region", up.here])]
    assert [r.code for r in ran] == [5, 5] and "HZ01" in ran[0].out


def test_a_hospital_works_at_its_own_home_and_the_hub_is_told(up: Up) -> None:
    person = up.person
    count = up.where.write_study("again", method="count", title="Who is left?")
    before = done("study", "run", count, "--json", "-", *up.hub()).json()["result"]["n"]
    words = ["consent", "withdraw", "--node", "north", "--subject", person, "--purpose", "HMB", "--json"]
    there = done(*words, *up.home()).json()
    here = done(*words, "--region", up.here).json()
    assert same(there) == same(here)
    assert done("study", "run", count, "--json", "-", *up.hub()).json()["result"]["n"] == before - 1
    assert huizhen("consent", "withdraw", "--node", "north", "--subject", "nobody", "--purpose", "HMB",
                   *up.home()).code == 3  # fmt: skip
    last = done("ledger", "list", "--json", *up.hub()).json()
    told = [e for e in last if e["kind"] == "consent-changed" and e["actor"] == "north"]
    assert told[-1]["facts"]["epoch"] == there["epoch"] and "statement" in told[-1]["refs"]
    uses = done("patient", "uses", "--node", "north", "--subject", person, "--json", "--home", up.where.path).json()
    assert {u["asker"] for u in uses} == {"acme"}
    assert "what was written" not in in_both("node", "log", "north", "--home", up.where.path)[0]


def test_a_running_node_takes_in_a_dataset(up: Up) -> None:
    table = up.folder / "visits.csv"
    pd.DataFrame({"patient": [f"V{i}" for i in range(30)], "visits": range(30)}).to_csv(table, index=False)
    added = done("dataset", "add", "visits", "--node", "north", "--from", table, "--subject", "patient", "--json",
                 *up.home()).json()  # fmt: skip
    assert added["card"]["rows"] == 30
    wrong = up.where.write_study("visits", dataset="visits", method="count", participants=["north", "south"])
    assert "holder of 'visits' 'south'" in huizhen("study", "check", wrong, *up.hub()).err


def test_the_ledger_is_verified_here_under_keys_that_were_given_not_fetched(up: Up, tmp_path: Path) -> None:
    for caller in ("acme", "watch", "rival"):
        en, zh = in_both("ledger", "verify", *up.hub(caller))
        assert "computed again on this machine" in en and "under the keys of 4 hospitals" in en and "本机" in zh
    proof = tmp_path / "e.proof"
    done("ledger", "prove", "3", "--out", proof, "--keys", tmp_path / "keys", *up.hub())
    assert "Proven: entry 3" in done("ledger", "verify", "--proof", proof, "--keys", tmp_path / "keys").out
    assert "Proven: entry 3" in done("ledger", "verify", "--proof", proof, *up.hub()).out
    strangers = tmp_path / "strangers.access"
    text = (up.folder / "acme.access").read_text(encoding="utf-8")
    for name in NAMES:
        text = re.sub(
            rf"^key {name}\+.*$", f"key {VerifierKey(name, COSIGNATURE, os.urandom(32)).vkey}", text, flags=re.M
        )
    strangers.write_text(text, encoding="utf-8")
    said = huizhen("ledger", "verify", "--hub", up.url, "--token", strangers)
    assert said.code == 8 and "No checkpoint bears the cosignatures" in said.out


def test_models_are_listed_shown_used_and_taken_away_from_there(
    up: Up, asked: tuple[Region, dict[str, Any]], tmp_path: Path
) -> None:
    model, rows = asked[1]["study"], tmp_path / "rows.csv"
    patients().to_csv(rows, index=False)
    for words in (["list"], ["show", model]):
        there, here = both(up, "model", *words, "--json")
        assert there and same(there) == same(here)
    assert model in in_both("model", "list", *up.hub())[0]
    assert "asked by: acme" in in_both("model", "show", model, *up.hub())[0]
    made: list[bytes] = []
    for where in (up.hub(), ["--region", str(up.here)]):
        scores, onnx = tmp_path / "scores.csv", tmp_path / "model.onnx"
        said = done("model", "score", model, "--from", rows, "--out", scores, "--json", *where).json()
        assert (said["rows"], said["scored"]) == (240, 240)
        done("model", "export", model, "--onnx", onnx, *where)
        made += [scores.read_bytes(), onnx.read_bytes()]
        onnx.unlink()
        scores.unlink()
    assert made[:2] == made[2:]
    assert done("model", "list", "--json", *up.hub("rival")).json() == []
    for words in (["show", model], ["score", model, "--from", rows, "--out", tmp_path / "s.csv"],
                  ["export", model, "--onnx", tmp_path / "m.onnx"]):  # fmt: skip
        assert huizhen("model", *words, *up.hub("rival")).code == 3, words
    assert done("model", "show", model, "--json", *up.hub("watch")).json()["study"] == model


def test_the_register_is_kept_from_there_by_a_trustee(up: Up) -> None:
    party = ["party", "add", "acme", "--kind", "commercial", "--jurisdiction", "CN", "--not-foreign-controlled"]
    act = ["act", "add", "ethics-review", "--for", "acme", "--until", "2099-12-31"]
    for words in (party, act):
        for caller in ("acme", "watch"):
            refused = huizhen(*words, *up.hub(caller))
            assert refused.code == 5 and "[wrong-role]" in refused.err
    assert done("party", "list", "--json", *up.hub()).json() == []
    assert "已登记" in in_both(*party, *up.hub("zhang"))[1]
    filed = done(*act, "--json", *up.hub("zhang")).json()
    assert done("act", "list", "--json", *up.hub()).json() == [filed] and filed["from_day"] <= filed["until_day"]
    (found,) = done("party", "list", "--json", *up.hub("rival")).json()
    assert (found["name"], found["foreign_controlled"]) == ("acme", False)
    assert "acme" in in_both("party", "list", *up.hub())[0] and "伦理审查" in in_both("act", "list", *up.hub())[1]
    assert huizhen("act", "add", "emergency", "--for", "acme", "--until", "2001-01-01", *up.hub("zhang")).code == 2
    told = [
        e for e in done("ledger", "list", "--json", *up.hub()).json() if e["kind"] in ("party-registered", "act-filed")
    ]
    assert [(e["kind"], e["actor"]) for e in told] == [("party-registered", "zhang")] * 2 + [("act-filed", "zhang")]
    study = up.where.write_study("kept", method="count", title="Who may ask?")
    assert "HZ03" in huizhen("study", "check", study, *up.hub()).out
    stranger = up.where.write_study("stranger", method="count", title="Who may ask?", asker="rival")
    assert huizhen("study", "run", stranger, *up.hub("rival")).code == 5


def test_a_study_goes_on_when_whoever_waits_for_it_leaves(up: Up) -> None:
    study = up.where.write_study("left", method="count", title="Who waits?")
    node = up.pid("east")
    os.kill(node, signal.SIGSTOP)
    try:
        waiting = Program(up.folder / "left.log", "study", "run", study, *up.hub(), LANG="C.UTF-8")
        waiting.until("propose|authorise|compute", seconds=60)
        assert waiting.end(signal.SIGINT) == 130
        said = re.search(r"Study (st-[0-9a-f]{16}) goes on at the hub", waiting.printed())
        assert said, waiting.printed()
    finally:
        os.kill(node, signal.SIGCONT)
    again = done("study", "run", study, "--json", "-", *up.hub()).json()
    assert (again["study"], again["status"]) == (said[1], "released")


def test_doctor_looks_at_both_ends(up: Up) -> None:
    found = done("doctor", "--json", *up.hub()).json()
    said = " ".join(f["what"] for f in found)
    assert all(f["ok"] for f in found)
    for part in ("answers in", "clocks differ", "certificate lasts", "version", "takes you for acme", "4 of 4 nodes"):
        assert part in said, part
    lost = huizhen("doctor", "--hub", "https://localhost:1", "--token", up.folder / "acme.access")
    assert lost.code == 1 and "There is no answer from https://localhost:1" in lost.out


def test_where_a_command_acts_has_to_be_clear(up: Up) -> None:
    def codes(*words: str | Path, **environment: str) -> tuple[int, str]:
        ran = huizhen("study", "list", *words, **environment)
        return ran.code, (re.findall(r"\[([a-z-]+)\]", ran.err) or [""])[0]

    access = str(up.folder / "acme.access")
    assert codes("--region", up.here, "--hub", up.url) == (2, "two-places")
    assert codes(HUIZHEN_REGION=str(up.here), HUIZHEN_HUB=up.url) == (2, "two-places")
    assert codes("--region", up.here, HUIZHEN_HUB=up.url, HUIZHEN_TOKEN=access) == (0, "")
    assert codes(*up.hub(), HUIZHEN_REGION="nowhere") == (0, "")
    assert codes(HUIZHEN_HUB=up.url, HUIZHEN_TOKEN=access) == (0, "")
    assert codes("--hub", up.url) == (2, "no-token-given")
    assert codes("--hub", up.url, "--token", "nothing") == (3, "no-access-file")
    assert codes("--hub", "http://localhost", "--token", access) == (2, "bad-hub-address")
    assert codes("--hub", "https://localhost:1", "--token", access) == (7, "hub-not-reached")
    assert codes("--region", up.where.path) == (0, "")
    served = huizhen("study", "run", up.where.write_study(method="count"), "--region", up.where.path)
    assert served.code == 4 and "region-is-served" in served.err
    assert (
        huizhen("consent", "grant", "--node", "north", "--subject", "x", "--purpose", "HMB", "--hub", up.url).code == 2
    )


def test_stopped_it_is_a_folder_again(up: Up) -> None:
    """The last in this file: it stops the processes."""
    assert up.program.end(signal.SIGINT) == 0
    assert "the region is a folder again" in up.program.printed()
    assert (up.where.path / "hub" / "seal.json").exists()
    assert "own copies agree" in done("ledger", "verify", "--region", up.where.path).out
    study = up.where.write_study("after", method="count", title="Afterwards")
    ran: Ran = done("study", "run", study, "--json", "-", "--region", up.where.path)
    assert json.loads(ran.out)["status"] == "released"
    with sqlite3.connect(up.where.path / "hub" / "hub.sqlite") as hub:
        kept = hub.execute("SELECT hash FROM token").fetchall()
    secret = next(x for x in (up.folder / "acme.access").read_text().splitlines() if x.startswith("token "))
    assert len(kept) == 4 and secret.split()[1] not in str(kept)
