"""Anonymised rows: what may be asked, and what each hospital is told to make of its rows."""

from __future__ import annotations

from typing import Any

import pytest

from huizhen.kit.errors import BadInput
from huizhen.methods.extract import Extract
from huizhen.model.dataset import Column, Schema

SCHEMA = Schema(
    columns=(
        Column(name="age", type="integer"),
        Column(name="icd", type="category", levels=("E11", "I10")),
        Column(name="cost", type="number"),
        Column(name="name", type="text", identifier=True),
    )
)
ASKED: dict[str, Any] = {
    "quasi_identifiers": {"age": {"by": "interval", "widths": [5, 10]}}, "sensitive": {"icd": {"distinct": 2}},
    "keep": ["cost"],
}  # fmt: skip


def made(**changes: Any) -> Extract:
    return Extract(Extract.read_params({**ASKED, **changes}), SCHEMA)


def test_it_reads_the_columns_that_are_named_and_says_who_is_who() -> None:
    assert made().columns == ("age", "icd", "cost")
    assert made().by_person and made().yields == "extract" and made().delivers


def test_a_hospital_makes_no_smaller_classes_than_it_has_to_and_says_itself_what_nobody_knows() -> None:
    asked = made(k=5).anonymisation(10, frozenset({"cost", "age"}))
    assert asked.k == 10 and asked.attacks.unknown == ("cost",) and asked.attacks.run
    assert made(k=30).anonymisation(10).k == 30
    assert made(k=30).anonymisation(10).attacks.unknown == ()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"keep": ["name"]}, "'name' is not a column to be used"),
        ({"keep": ["height"]}, "'height' is not a column"),
        ({"keep": ["age"]}, "'age' is named twice"),
        ({"watermark": {"age": "1"}}, "'age' is marked, but not under keep"),
        ({"quasi_identifiers": {"age": {"by": "file", "file": "a.csv"}}}, "no file travels with a study"),
        ({"k": 2}, "k: "),
        ({"attacks": {"run": False}}, "attacks"),
        ({"population": {"file": "p.csv"}}, "population"),
    ],
)
def test_what_is_wrong_is_said_before_anything_runs(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        made(**changes)
