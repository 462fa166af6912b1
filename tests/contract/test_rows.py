"""One contract for the rows of a node: in its own file, in PostgreSQL, in Spark. The same card, people and sums.

The judge is the node's own DuckDB, which the other suites hold to the truth. Every method is asked, with missing
values, categories, booleans, dates, cohorts and any set of people who consent.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyroaring import BitMap

from drive import build
from generative.test_every_method import CASES
from huizhen import methods
from huizhen.adapters.table import Selection, Table, Work
from huizhen.intake import cohort
from huizhen.kit import wire
from huizhen.kit.errors import HuizhenError
from huizhen.model.agreement import agree
from huizhen.model.batch import Batch
from huizhen.model.dataset import Dataset
from huizhen.model.method import Done, Method, Privacy
from huizhen.model.partial import Partial
from huizhen.node.agent import Agent
from huizhen.node.enrol import create_node
from huizhen.node.hold import hold
from huizhen.node.point import point
from huizhen.statistics.gathered import Gathered
from warehouses import into_folder, into_postgresql

SPARK = os.environ.get("HUIZHEN_ROWS_IN") == "spark"
"""Set by `test_rows_in_spark`, which runs this file again in a process of its own: pyspark leaves sockets behind."""
ENGINES = ("spark",) if SPARK else ("duckdb", "postgresql")
PEOPLE = 700


def patients() -> pa.Table:
    """Some with several rows, every column with missing values, in an order of their own."""
    dice = np.random.default_rng(5)
    size = 1000
    person = np.concatenate([np.arange(PEOPLE), dice.integers(0, PEOPLE, size - PEOPLE)])
    x, arm = dice.normal(50, 9, size), dice.integers(0, 3, size)
    risk = (x - 50) / 20 + 0.4 * arm
    years = dice.exponential(np.exp(-risk))
    columns = {
        "patient": pa.array([f"P{p:04d}" for p in person]),
        "x": x,
        "y": 2 * risk + dice.normal(size=size),
        "visits": np.minimum(dice.poisson(np.exp(0.3 * risk)), 4).astype(np.int32),
        "arm": np.array(["a", " b", "it's \\"])[arm],
        "smoker": dice.random(size) < 0.5,
        "days": np.ceil(years * 5).astype(np.int64),
        "years": years,
        "died": dice.random(size) < 0.7,
        "seen": np.datetime64("1969-06-01") + dice.integers(0, 900, size),
        "note": np.array([f"free text {i}" for i in range(size)]),
    }
    kept = {"patient": columns.pop("patient")}
    for name, values in columns.items():
        lost = dice.random(size) < 0.06
        kind = pa.date32() if name == "seen" else None
        kept[name] = pa.array(values, type=kind, mask=lost)
    kept["x"] = pa.array(np.where(dice.random(size) < 0.02, np.nan, kept["x"].to_numpy(zero_copy_only=False)))
    table = pa.table(kept).append_column("arms", kept["arm"]).append_column("empty", pa.nulls(size, pa.float64()))
    return table.take(dice.permutation(size))


@dataclass(frozen=True)
class Node:
    """A node that holds these patients, and how it counts them."""

    agent: Agent
    card: Dataset

    @property
    def table(self) -> Table:
        return self.agent.runner.tables.of("d")

    def people(self, numbers: list[int]) -> BitMap:
        return BitMap(self.agent.book.indices([f"P{n:04d}" for n in numbers]))

    def numbers(self, people: BitMap) -> set[int]:
        return {n for n in range(PEOPLE) if self.agent.book.find(f"P{n:04d}") in people}

    def selection(self, columns: tuple[str, ...], asked: str | None = None, complete: bool = True) -> Selection:
        schema = agree([self.card])
        return Selection("d", schema, cohort.parse(asked, schema).sql if asked else None, columns, complete)


def agent_at(folder: Path) -> Agent:
    create_node(folder, b"\0" * 32, "hub+00000000+AA")
    return Agent(folder)


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    folder = tmp_path_factory.mktemp("own")
    pq.write_table(patients(), folder / "patients.parquet")
    agent = agent_at(folder / "nodes" / "n")
    yield Node(agent, hold(agent, "d", folder / "patients.parquet", "patient", None).card)
    agent.close()


@pytest.fixture(scope="module", params=ENGINES)
def node(request: pytest.FixtureRequest, own: Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """The same patients, where that engine has them."""
    if request.param == "duckdb":
        yield own
        return
    folder = tmp_path_factory.mktemp(request.param)
    agent = agent_at(folder / "nodes" / "n")
    if request.param == "postgresql":
        address, table = request.getfixturevalue("warehouse"), "visits"
        into_postgresql(
            address, table, patients(),
            "CREATE TYPE kind AS ENUM ('a', ' b', 'it''s \\')",
            "ALTER TABLE visits ALTER arms TYPE kind USING arms::kind",
        )  # fmt: skip
    else:
        request.getfixturevalue("spark")
        address, table = f"spark:{into_folder(folder / 'visits', patients())}", ""
    yield Node(agent, point(agent, "d", address, table, "patient", None).card)
    agent.close()


def test_the_card_is_that_of_a_file(node: Node, own: Node) -> None:
    assert node.card.model_copy(update={"version": ""}) == own.card.model_copy(update={"version": ""})
    assert len(node.card.version) == 64
    types = {c.name: c.type for c in node.card.table.columns}
    assert (types["arms"], types["smoker"], types["seen"], types["x"]) == ("category", "boolean", "date", "number")


COHORTS = [
    None,
    "x > 45.5 AND visits IN (0, 2, 3)",
    "arm = 'it''s \\' OR arms <> 'b' AND NOT smoker",
    "seen BETWEEN '1969-12-01' AND DATE '1971-01-31' OR died IS NULL",
    "y / (x - 50) > 0.1 OR abs(years * 1e200 * days * 1e200) > 1e299 AND smoker",
    "x > 1000",
]
CONSENTS = {
    "everybody": list(range(PEOPLE)),
    "every third": list(range(0, PEOPLE, 3)),
    "a run": list(range(100, 300)),
    "one": [17],
    "nobody": [],
}


PAIRS = [(asked, who) for asked in COHORTS for who in CONSENTS]


@pytest.mark.parametrize(("asked", "who"), PAIRS[:: 7 if SPARK else 1])
def test_the_same_people_and_rows(node: Node, own: Node, asked: str | None, who: str) -> None:
    found, wanted = [], []
    for each, told in ((node, found), (own, wanted)):
        selection = each.selection(("x", "arm", "smoker"), asked)
        allowed = each.people(CONSENTS[who])
        counted = each.table.census(selection, allowed)
        told.append((each.numbers(counted.cohort), each.numbers(counted.included)))
        told.append((counted.rows, counted.missing, counted.repeated))
        told += [each.table.count(selection, allowed, complete) for complete in (False, True)]
    assert found == wanted
    assert found[0][0] <= set(CONSENTS[who])
    assert (found[3] > 0) == (who != "nobody" and asked != "x > 1000" and found[0][1] != set())


@dataclass(frozen=True)
class Round:
    state: dict[str, Any]
    total: Partial
    rows: int


def rounds(node: Node, method: Method, asked: str | None, allowed: BitMap) -> list[Round]:
    """The method to its end over this node alone."""
    selection = replace(node.selection(method.columns, asked, method.complete_cases), by_person=method.by_person)
    state, seen = method.start(), []
    for _ in range(method.max_rounds):
        state = wire.decode(wire.encode(state))
        told = wire.decode(wire.encode(method.told(state)))
        summed = node.table.total(selection, allowed, Work(method, told))
        seen.append(Round(told, *summed))
        try:
            step = method.combine(method.finish(summed.partial, told, {})[0], state)
        except HuizhenError:
            break
        if isinstance(step, Done):
            break
        state = step.state
    return seen


ASKED = "seen > '1969-08-01' AND (arm <> 'a' OR x IS NOT NULL)"


@pytest.mark.parametrize("name", methods.names())
def test_every_method_has_the_same_sums(node: Node, own: Node, name: str) -> None:
    numbers = [n for n in range(PEOPLE) if n % 7]
    for i, case in enumerate(CASES[name]):
        if "hospital" in str(case.params):
            continue
        method, asked = build(name, case.params, agree([node.card])), ASKED if i % 2 == 0 else None
        seen = rounds(own, method, asked, own.people(numbers))
        assert seen[0].rows > 0
        selection = replace(node.selection(method.columns, asked, method.complete_cases), by_person=method.by_person)
        for wanted in [*seen[1 : len(seen) // 2 : 9], seen[-1]][-1 if SPARK else 0 :]:
            found = node.table.total(selection, node.people(numbers), Work(method, wanted.state))
            assert found.rows == wanted.rows
            if isinstance(wanted.total, Gathered):
                last = -1 if method.by_person else None  # each node has its own number for a person
                one, other = (Gathered({"rows": x["rows"][:, :last]}) for x in (found.partial, wanted.total))
                np.testing.assert_array_equal(one.in_order(), other.in_order())
            else:
                check_same(found.partial, wanted.total)


@pytest.mark.parametrize("name", ["nn"])
def test_rows_say_who_is_the_same_person_where_the_method_asks(node: Node, own: Node, name: str) -> None:
    params = {"outcome": "died", "columns": ["x"], "ranges": {"x": [0, 100]}, "rounds": 1}
    seen = []
    for each in (node, own):
        method = build(name, params, agree([each.card]), Privacy(1.0, 1e-6))
        selection = replace(each.selection(method.columns), by_person=method.by_person)
        people = each.people([n for n in range(PEOPLE) if n % 7])
        rows = each.table.total(selection, people, Work(method, method.start())).partial["rows"]
        assert set(rows[:, -1].astype(int)) <= set(people)
        numbers = {int(index): n for n in range(PEOPLE) for index in each.agent.book.indices([f"P{n:04d}"])}
        seen.append(np.column_stack([rows[:, :-1], [numbers[int(k)] for k in rows[:, -1]]]))
    one, other = (rows[np.lexsort(rows.T)] for rows in seen)
    np.testing.assert_allclose(one, other, rtol=1e-12)
    assert len(one) > len(set(one[:, -1])), "some have several rows"


def check_same(found: Partial, wanted: Partial) -> None:
    assert found.layout() == wanted.layout()
    for name, values in wanted.fields.items():
        np.testing.assert_allclose(
            found[name], values, rtol=1e-9, atol=1e-9 * np.abs(values).max(initial=1), err_msg=name
        )


def test_no_rows_give_the_zero_of_a_method(node: Node) -> None:
    method = build("glm", {"formula": "y ~ x + C(arm)", "family": "gaussian"}, agree([node.card]))
    for people, asked in (([], None), ([1, 2, 3], "x > 1000")):
        found = node.table.total(
            node.selection(method.columns, asked), node.people(people), Work(method, method.start())
        )
        assert found.rows == 0
        assert all(not values.any() for values in found.partial.fields.values())


def test_what_a_method_says_where_the_rows_are_is_heard(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    method = build("histogram", {"column": "x", "edges": [0, 1]}, agree([node.card]))
    work = Work(method, method.start())
    monkeypatch.setattr(
        Work, "as_bytes", lambda self: wire.encode({**wire.decode(as_bytes(self)), "method": "nothing"})
    )
    monkeypatch.setattr(type(method), "partial", refuse)
    with pytest.raises(HuizhenError) as refused:
        node.table.total(node.selection(("x",)), node.people([1]), work)
    assert refused.value.code == "unknown-method"


as_bytes = Work.as_bytes


def refuse(_method: Method, _batch: Batch, _state: Any) -> Partial:
    return methods.find("nothing")  # type: ignore[return-value]
