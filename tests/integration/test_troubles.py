"""What goes wrong between a hub and its hospitals, one trouble at a time, with real programs over a real line.

Nodes and hubs that are killed, alone and together: `test_processes.py`, and many times over `test_chaos.py`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import statsmodels.formula.api as smf

from commands import NAMES, done, patients, split
from conftest import absent
from federations import until
from hospitals import SILENCE, Asking, Wired
from huizhen.adapters.mailbox import Mailbox
from huizhen.kit import wire
from tampered import SLOW_SECONDS

CUT_SECONDS = float(os.environ.get("HUIZHEN_CUT_SECONDS", "5"))
"""How long the line is cut; longer than the hub takes a node for silent."""
MODEL: dict[str, Any] = {"method": "glm", "params": {"formula": "time ~ age + sex", "family": "gaussian"}}
WEIGHT: dict[str, Any] = {"method": "glm", "params": {"formula": "time ~ weight", "family": "gaussian"}}
WHOLE: dict[str, Any] = {**MODEL, "quorum": len(NAMES)}
"""Of all hospitals: one that a busy machine keeps from answering in time is waited for, and not left out."""
PLAIN: dict[str, Any] = {**MODEL, "protection": {"secure_sum": False}, "quorum": 3}


def frames() -> dict[str, pd.DataFrame]:
    """A weight at each patient; in the north one of them is 1e308, which only what reads it minds."""
    everyone = patients().assign(weight=lambda f: 50.0 + f.age)
    parts = dict(zip(NAMES, split(everyone), strict=True))
    parts["north"].loc[parts["north"].index[7], "weight"] = 1e308
    return parts


FRAMES = frames()


@pytest.fixture(scope="module")
def hospitals(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wired]:
    made = Wired(tmp_path_factory.mktemp("troubles"), FRAMES)
    try:
        made.begin()
        for node in NAMES:
            (made.home(node) / "nodes" / node / "policy.yaml").write_text("allow_plain: true\n")
        yield made
    finally:
        made.end()


@pytest.fixture(scope="module")
def asking(hospitals: Wired) -> Iterator[Asking]:
    with closing(Asking(hospitals.region)) as made:
        until(lambda: sorted(made.cards()) == sorted(FRAMES))
        yield made


@contextmanager
def tampered(hospitals: Wired, node: str, how: str) -> Iterator[None]:
    """The node's program is another one for a while."""
    hospitals.nodes[node].kill()
    hospitals.start(node, how)
    try:
        yield
    finally:
        hospitals.nodes[node].kill()
        hospitals.start(node)


def is_pooled(found: Mapping[str, Any], model: Mapping[str, Any] = MODEL, without: str | None = None) -> None:
    everyone = pd.concat([f for n, f in FRAMES.items() if n != without])
    fit = smf.ols(model["params"]["formula"], everyone).fit()
    assert found["status"] == "released", found["problem"]
    assert found["result"]["n"] == len(everyone)
    got = {c["name"]: c["estimate"] for c in found["result"]["coefficients"]}
    assert got == pytest.approx(dict(fit.params), rel=1e-9)
    assert found["hospitals"] == [n for n in sorted(NAMES) if n != without]


# -- figures that cannot be


def test_a_hospital_whose_values_cannot_be_is_left_out_and_everyone_is_told(hospitals: Wired, asking: Asking) -> None:
    found = asking.run(**WEIGHT, title="a weight of 1e308", price_fen=3000)
    is_pooled(found, WEIGHT, without="north")
    (gone,) = found["left_out"]
    assert (gone["node"], gone["code"]) == ("north", "value-too-large") and "weight" in gone["zh"]
    assert "north" not in {line["party"] for line in found["settlement"]["lines"] if line["role"] == "hospital"}
    shown = done("study", "show", found["study"], "--region", hospitals.region).out
    assert "Left out: north. Column 'weight' holds a value" in shown and "3 hospitals take part." in shown
    told = done("ledger", "list", "--region", hospitals.region, "--json").json()
    assert [e["facts"]["node"] for e in told if e["kind"] == "node-left-out"] == ["north"]
    own = done("node", "log", "north", "--home", hospitals.home("north")).out
    assert "value-too-large" in own


def test_a_program_that_masks_garbage_ends_the_study_and_is_not_guessed_at(hospitals: Wired, asking: Asking) -> None:
    with tampered(hospitals, "south", "absurd"):
        found = asking.run(**WHOLE, title="garbage under masks")
        named = asking.run(**PLAIN, title="garbage that lies open")
    assert found["status"] == "failed" and found["problem"]["code"] == "absurd-sum"
    assert found["result"] is None and found["settlement"] is None and found["left_out"] == []
    assert not any(n in found["problem"]["message"] for n in NAMES)
    is_pooled(named, without="south")
    assert [(g["node"], g["code"]) for g in named["left_out"]] == [("south", "overflow")]


# -- time


def test_a_clock_that_is_off_by_an_hour_is_refused_with_the_remedy(hospitals: Wired, asking: Asking) -> None:
    with tampered(hospitals, "east", "late"):
        found = asking.run(quorum=len(NAMES), title="an hour ahead")
    problem = found["problem"]
    assert found["status"] == "denied" and problem["code"] == "clock-off" and found["result"] is None
    assert "east" in problem["message"] and "60 minutes" in problem["message"] and "NTP" in problem["remedy"]
    assert asking.run(title="on time again")["status"] == "released"


def test_a_slow_node_is_not_taken_for_silent(hospitals: Wired, asking: Asking) -> None:
    assert SLOW_SECONDS > SILENCE
    with tampered(hospitals, "west", "slow"):
        log = hospitals.nodes["west"].printed()
        found = asking.run(title="slowly")
        assert "lost connection" not in hospitals.nodes["west"].printed()[len(log) :]
    assert found["status"] == "released" and found["result"]["n"] == sum(map(len, FRAMES.values()))
    assert found["left_out"] == []


def test_the_line_is_cut_within_a_study_and_it_goes_on_when_it_is_back(hospitals: Wired, asking: Asking) -> None:
    store = asking.hub.store
    before = {study.id for study, _ in store.studies()}

    def counted() -> bool:
        return any("standing" in store.journal(s.id) for s, _ in store.studies() if s.id not in before)

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(lambda: asking.run(**WHOLE, title="the line is cut"))
        until(counted, 60)
        hospitals.line.freeze()
        hospitals.line.cut()
        time.sleep(CUT_SECONDS)
        assert not running.done()
        hospitals.line.thaw()
        found = running.result(60)
    is_pooled(found)
    assert found["left_out"] == []


# -- messages


def test_messages_that_come_twice_or_again_are_answered_once(asking: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever carries them hands every message out twice, and slips in one of the study before."""
    exchange, old, refused = Mailbox.exchange, dict[tuple[str, str], bytes](), []

    def carrying(self: Mailbox, messages: Mapping[str, bytes], seconds: float) -> Mapping[str, bytes]:
        replies = exchange(self, messages, seconds)
        kinds = {node: wire.decode(data[64:])["kind"] for node, data in messages.items()}
        before = {node: old.get((node, kind), messages[node]) for node, kind in kinds.items()}
        for again in (messages, before):
            for node, data in exchange(self, again, seconds).items():
                if node in replies:
                    refused.append(wire.decode(data[64:])["body"].get("error", {}).get("code"))
        old.update({(node, kind): messages[node] for node, kind in kinds.items()})
        return replies

    monkeypatch.setattr(Mailbox, "exchange", carrying)
    for title in ("each message twice", "and those of before"):
        found = asking.run(title=title)
        assert found["status"] == "released" and found["result"]["n"] == sum(map(len, FRAMES.values()))
    assert set(refused) == {"replayed"} and len(refused) > 100


# -- room


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[None]:
    """A file system of that size at the folder, with what lies there."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "small", str(folder)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        absent("no file system can be mounted here; it takes root")
    subprocess.run(["umount", folder], check=True)
    aside = folder.with_name(f"{folder.name}-aside")
    folder.rename(aside)
    folder.mkdir()
    subprocess.run(mount, check=True)
    try:
        subprocess.run(["cp", "-a", f"{aside}/.", folder], check=True)
        yield
        subprocess.run(["cp", "-a", f"{folder}/.", aside], check=True)
    finally:
        subprocess.run(["umount", "-l", folder], check=True)
        folder.rmdir()
        aside.rename(folder)


def test_a_node_whose_disk_is_full_is_left_out_and_takes_part_again_when_there_is_room(
    hospitals: Wired, asking: Asking
) -> None:
    home, filler = hospitals.home("east"), hospitals.home("east") / "filler"
    hospitals.nodes["east"].end(signal.SIGTERM)
    with small_disk(home, "24m"):
        hospitals.start("east")
        with filler.open("wb") as file, pytest.raises(OSError, match="No space"):
            while True:
                file.write(bytes(65536))
                file.flush()
        found = asking.run(**MODEL, title=f"no room for {'x' * 60000}")
        filler.unlink()
        again = asking.run(**MODEL, title="room again")
        hospitals.nodes["east"].end(signal.SIGTERM)
    hospitals.start("east")
    is_pooled(found, without="east")
    assert [(g["node"], g["code"]) for g in found["left_out"]] == [("east", "disk-full")]
    is_pooled(again)
