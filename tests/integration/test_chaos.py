"""Many rounds over real programs, while hub and hospitals are killed, stopped and cut off at random.

The answer is the one that a quiet region gives, to the last digit; it is paid for once; the ledger holds. As many
rounds as HUIZHEN_CHAOS_ROUNDS says (200 take some three minutes), else 80, a stroke of bad luck every ten.
"""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from commands import NAMES, done, patients, split
from federations import until
from hospitals import DATASET, Asking, Wired
from huizhen.model.study import Request
from huizhen.path.outcome import UNFINISHED
from regions import make_region, run

ROUNDS = max(80, int(os.environ.get("HUIZHEN_CHAOS_ROUNDS", "80")))
EVERY = 10
"""Rounds between two strokes of bad luck."""
FRAMES = dict(zip(NAMES, split(patients()), strict=True))
TREES: dict[str, Any] = {
    "title": "Many rounds",
    "method": "gbdt",
    "params": {
        "outcome": "died",
        "columns": ["age", "sex", "time"],
        "trees": ROUNDS // 2,
        "depth": 2,
        "early_stopping_rounds": None,
    },
    "price_fen": 10_000,
    "quorum": len(NAMES),
    "deadline_minutes": 20,
}


@pytest.fixture
def hospitals(tmp_path: Path) -> Iterator[Wired]:
    made = Wired(tmp_path, FRAMES)
    done("review", "waive", "memorising-model", "--reason", "chaos is what is tested", "--region", made.region)
    try:
        made.begin()
        yield made
    finally:
        made.end()


def restart_hub(hospitals: Wired) -> None:
    """Killed, and started again: it takes up every study that has not ended."""
    hospitals.hub.kill()
    hospitals.hub = hospitals.serve_hub()


def quiet(folder: Path) -> dict[str, Any]:
    """The same study where nothing goes wrong, in one process."""
    with closing(make_region(folder, FRAMES, waived=["memorising-model"])) as region:
        return run(region, **TREES)


def strokes(hospitals: Wired, luck: random.Random) -> dict[str, Callable[[], None]]:
    def kill_node() -> None:
        node = luck.choice(NAMES)
        hospitals.nodes[node].kill()
        hospitals.start(node)

    def kill_two() -> None:
        chosen = luck.sample(NAMES, 2)
        for node in chosen:
            hospitals.nodes[node].kill()
        for node in chosen:
            hospitals.start(node)

    def freeze_node() -> None:
        process = hospitals.nodes[luck.choice(NAMES)].process
        process.send_signal(signal.SIGSTOP)
        time.sleep(luck.choice([0.2, 1.0, 4.0]))
        process.send_signal(signal.SIGCONT)

    def cut_line() -> None:
        for _ in range(luck.randint(1, 5)):
            hospitals.line.cut()
            time.sleep(0.05)

    def shut_line() -> None:
        hospitals.line.freeze()
        hospitals.line.cut()
        time.sleep(luck.choice([0.5, 4.0]))
        hospitals.line.thaw()

    def kill_hub() -> None:
        restart_hub(hospitals)

    def kill_both() -> None:
        node = luck.choice(NAMES)
        hospitals.nodes[node].kill()
        kill_hub()
        hospitals.start(node)

    return {s.__name__: s for s in (kill_node, kill_two, freeze_node, cut_line, shut_line, kill_hub, kill_both)}


def test_many_rounds_of_bad_luck_end_with_the_exact_answer_and_one_settlement(hospitals: Wired, tmp_path: Path) -> None:
    expected = quiet(tmp_path / "quiet")
    assert expected["status"] == "released" and expected["rounds"] >= ROUNDS
    asking = Asking(hospitals.region)
    store = asking.hub.store
    until(lambda: sorted(asking.cards()) == sorted(NAMES))
    base = {"asker": "acme", "purpose": "HMB", "dataset": DATASET}
    study = asking.hub.road(asking.mailbox, lambda _step, _text: None).begin(Request.read({**base, **TREES}))
    restart_hub(hospitals)

    def at() -> int:
        if store.status(study.id) not in UNFINISHED:
            return 10**6
        journal = store.journal(study.id)
        return int(journal["standing"]["number"]) if "standing" in journal else 0

    luck, struck = random.Random(3), Counter[str]()
    choices = strokes(hospitals, luck)
    order = [*choices, *luck.choices(list(choices), k=ROUNDS // EVERY - len(choices))]
    for number, name in enumerate(order):
        until(lambda number=number: at() >= EVERY * number, 120)
        if at() >= 10**6:
            break
        choices[name]()
        struck[name] += 1
    until(lambda: store.status(study.id) not in UNFINISHED, 120)
    journal, status = store.journal(study.id), store.status(study.id)
    asking.close()

    assert status == "released", journal.get("problem")
    assert set(struck) == set(choices), f"not every stroke fell: {struck}"
    assert journal["release"]["result"] == expected["result"]
    assert journal["rounds"] == expected["rounds"]
    postings = json.loads(done("money", "postings", "--study", study.id, "--region", hospitals.region, "--json").out)
    assert [p for p in postings if p["account"].startswith("asker")], postings
    assert sum(p["debit_fen"] for p in postings) == sum(p["credit_fen"] for p in postings)
    lines = journal["settlement"]["lines"]
    assert sum(line["fen"] for line in lines) == TREES["price_fen"]
    kinds = Counter(e["kind"] for e in done("ledger", "list", "--region", hospitals.region, "--json").json())
    assert kinds["study-settled"] == kinds["study-released"] == 1


SHORT: list[dict[str, Any]] = [
    {"method": "count"},
    {"method": "glm", "params": {"formula": "time ~ age + sex", "family": "gaussian"}},
    {"method": "kmeans", "params": {"columns": ["age", "time"], "k": 3}},
    {"method": "cox", "params": {"duration": "time", "event": "died", "formula": "age + sex"}},
    {"method": "count", "cohort": "age > 200"},
    {"method": "glm", "params": {"formula": "died ~ age", "family": "binomial"}},
]
"""Studies that run at the same time; nobody is in the cohort of the one but last."""


def asked(number: int, minutes: float) -> Request:
    """Each by another asker, so that none overtakes another; none goes on without a hospital that falls silent."""
    base = {"asker": f"asker-{number}", "purpose": "HMB", "dataset": DATASET, "price_fen": 900, "title": str(number)}
    more = {"quorum": len(NAMES), "deadline_minutes": minutes}
    return Request.read({**base, **more, **SHORT[number % len(SHORT)]})


def test_every_study_ends_with_a_reason_and_what_is_released_is_exact_and_paid_once(
    hospitals: Wired, tmp_path: Path
) -> None:
    """Six studies through bad luck; then six more, of eighteen seconds each, of which one hospital hears nothing."""
    with closing(make_region(tmp_path / "quiet", FRAMES)) as region:
        expected = [run(region, **asked(i, 10).as_json())["result"] for i in range(len(SHORT))]
    asking = Asking(hospitals.region)
    store = asking.hub.store
    until(lambda: sorted(asking.cards()) == sorted(NAMES))

    def begin(numbers: range, minutes: float) -> list[str]:
        road = asking.hub.road(asking.mailbox, lambda _step, _text: None)
        return [road.begin(asked(number, minutes)).id for number in numbers]

    def over(studies: list[str]) -> bool:
        return all(store.status(study) not in UNFINISHED for study in studies)

    first = begin(range(len(SHORT)), 10)
    restart_hub(hospitals)
    luck = random.Random(5)
    choices = strokes(hospitals, luck)
    for name in luck.sample(list(choices), 3):
        choices[name]()
    until(lambda: over(first), 240)
    hospitals.nodes[NAMES[0]].kill()
    second = begin(range(len(SHORT), 2 * len(SHORT)), 0.3)
    restart_hub(hospitals)
    until(lambda: over(second), 240)
    found = {study: (store.status(study), store.journal(study)) for study in [*first, *second]}
    asking.close()

    for study, result in zip(first, expected, strict=True):
        status, journal = found[study]
        assert status == ("denied" if result is None else "released"), journal.get("problem")
        assert (journal["release"]["result"] if status == "released" else None) == result
    assert {found[study][0] for study in second} == {"failed"}
    settled = Counter(
        e["subject"]
        for e in done("ledger", "list", "--region", hospitals.region, "--json").json()
        if e["kind"] == "study-settled"
    )
    assert settled == {study: 1 for study, (status, _) in found.items() if status == "released"}
    for status, journal in found.values():
        problem = journal.get("problem")
        assert (status == "released") == (problem is None)
        assert problem is None or (problem["message"] and problem["remedy"] and problem["message_zh"])
