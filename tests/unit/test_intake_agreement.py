"""Many holders, one schema: what is widened, what must be equal, and every difference by column and holder."""

from __future__ import annotations

from itertools import permutations

import pytest

from huizhen.kit.errors import Conflict
from huizhen.model.agreement import agree, differences, one_sided, so_far
from huizhen.model.dataset import Column, Dataset, Schema


def card(holder: str, *columns: Column, pinned: bool = False, category: str = "clinical") -> Dataset:
    return Dataset(
        name="lung",
        holder=holder,
        table=Schema(columns=columns, category=category),
        pinned=pinned,
        rows=100,
        subjects=100,
        quality=1.0,
        version="0" * 64,
    )


def joint(*cards: Dataset) -> Schema:
    """The agreement, which must not depend on the order of the cards."""
    schemas = {agree(order).canonical() for order in permutations(cards)}
    assert len(schemas) == 1
    return agree(cards)


def conflict(*cards: Dataset) -> list[str]:
    with pytest.raises(Conflict) as caught:
        agree(cards)
    assert caught.value.code == "schemas-differ"
    assert len(caught.value.what.zh.splitlines()) == len(caught.value.what.en.splitlines())
    assert "--schema" in caught.value.remedy.en
    return caught.value.what.en.splitlines()


AGE = Column(name="age", type="integer")
STAGE = Column(name="stage", type="category", levels=("I", "II"))
BLANK = Column(name="x", type="category", levels=())


def test_one_holder_agrees_with_itself() -> None:
    assert agree([card("north", AGE, STAGE)]).columns == (AGE, STAGE)
    with pytest.raises(ValueError, match="nobody"):
        agree([])


def test_integer_and_number_are_number() -> None:
    number = Column(name="age", type="number")
    levels = Column(name="age", type="integer", levels=(1, 2))
    assert joint(card("a", AGE), card("b", number), card("c", levels)).columns == (number,)


def test_levels_are_united_in_sorted_order() -> None:
    a, b = card("a", STAGE), card("b", Column(name="stage", type="category", levels=("IV", "I")))
    assert joint(a, b).column("stage").levels == ("I", "II", "IV")
    assert [said.en for said in one_sided([b, a])] == [
        "column 'stage': only a has II",
        "column 'stage': only b has IV",
    ]
    whole = (Column(name="e", type="integer", levels=v) for v in ((10, 2), (0, 2)))
    assert joint(*(card(h, c) for h, c in zip("ab", whole, strict=True))).column("e").levels == (0, 2, 10)


def test_integer_levels_are_dropped_when_one_has_too_many_to_list() -> None:
    few = Column(name="age", type="integer", levels=(1, 2))
    assert joint(card("a", AGE), card("b", few)).column("age").levels is None
    many = [Column(name="age", type="integer", levels=tuple(range(i * 20, i * 20 + 20))) for i in range(3)]
    assert joint(*(card(h, c) for h, c in zip("abc", many, strict=True))).column("age").levels is None


@pytest.mark.parametrize(
    "other",
    [
        Column(name="x", type="integer"),
        Column(name="x", type="number"),
        Column(name="x", type="boolean"),
        Column(name="x", type="date"),
        Column(name="x", type="text"),
        Column(name="x", type="category", levels=("a", "b")),
        Column(name="x", type="integer", levels=(0, 1)),
        BLANK,
    ],
)
def test_a_column_without_values_agrees_with_any(other: Column) -> None:
    assert joint(card("a", BLANK), card("b", other), card("c", BLANK)).column("x") == other


def test_flags_and_codes_of_inferred_schemas_are_united() -> None:
    a = Column(name="x", type="integer", sensitive=True, grade=5, missing_codes=("NA",))
    b = Column(name="x", type="integer", identifier=True, missing_codes=("-", "NA"))
    assert joint(card("a", a), card("b", b)).column("x") == Column(
        name="x", type="integer", sensitive=True, grade=5, identifier=True, missing_codes=("-", "NA")
    )


FEW = Column(name="x", type="category")
FEW_WHOLE = Column(name="x", type="integer", levels=())


def test_a_holder_with_too_few_rows_to_list_levels_takes_those_of_the_others() -> None:
    listed = Column(name="x", type="category", levels=("a", "b"))
    assert joint(card("a", FEW), card("b", listed), card("c", FEW)).column("x") == listed
    assert one_sided([card("a", FEW), card("b", listed)]) == ()
    assert joint(card("a", FEW), card("b", listed, pinned=True)).column("x") == listed
    whole = Column(name="x", type="integer", levels=(0, 1))
    assert joint(card("a", FEW_WHOLE), card("b", whole)).column("x") == whole
    assert joint(card("a", FEW_WHOLE), card("b", whole, pinned=True)).column("x") == whole
    assert joint(card("a", FEW_WHOLE), card("b", Column(name="x", type="integer"))).column("x").levels is None
    assert joint(card("a", FEW_WHOLE), card("b", Column(name="x", type="number"))).column("x").type == "number"
    assert (
        joint(card("a", FEW_WHOLE), card("b", whole), card("c", Column(name="x", type="integer"))).column("x").levels
        is None
    )


def test_a_category_of_which_nobody_lists_a_level_is_text() -> None:
    text = Column(name="x", type="text")
    assert joint(card("a", FEW), card("b", FEW)).column("x") == text
    assert joint(card("a", FEW), card("b", BLANK)).column("x") == text
    assert agree([card("a", FEW)]).column("x") == text
    assert agree([card("a", FEW_WHOLE)]).column("x") == Column(name="x", type="integer")
    assert conflict(card("a", FEW), card("b", Column(name="x", type="integer"))) == [
        "column 'x': category at a, integer at b"
    ]


def test_for_a_holder_who_is_yet_to_come_it_stays_a_category() -> None:
    known = so_far([card("a", FEW)])
    assert known is not None and known.column("x") == FEW
    assert so_far([]) is None
    assert so_far([card("a", FEW), card("b", Column(name="x", type="integer"))]) is None


def test_a_category_at_one_and_text_at_another_are_text() -> None:
    listed = Column(name="x", type="category", levels=("a", "b"))
    text = Column(name="x", type="text")
    assert joint(card("a", listed), card("b", text)).column("x") == text
    assert joint(card("a", listed), card("b", text, pinned=True)).column("x") == text
    assert conflict(card("a", listed, pinned=True), card("b", text)) == ["column 'x': category at a, text at b"]


def test_identifiers_of_any_type_agree_as_text() -> None:
    a, b = (Column(name="mrn", type=t, identifier=True) for t in ("integer", "text"))
    assert joint(card("a", a), card("b", b)).column("mrn").type == "text"
    assert conflict(card("a", a.model_copy(update={"identifier": False})), card("b", b)) == [
        "column 'mrn': integer at a, text at b"
    ]


def test_columns_may_stand_in_any_order() -> None:
    assert joint(card("a", AGE, STAGE), card("b", STAGE, AGE)).names() == ("age", "stage")


def test_every_difference_is_named() -> None:
    date = Column(name="seen", type="date")
    north = card("north", AGE, STAGE, date)
    east = card("east", AGE, STAGE, Column(name="seen", type="text"))
    south = card("south", Column(name="Age", type="integer"), Column(name="stage", type="integer"), date)
    assert conflict(north, south, east) == [
        "column 'age': there at east and north, missing at south",
        "column 'stage': category at east and north, integer at south",
        "column 'seen': text at east, date at north and south",
        "column 'Age': there at south, missing at east and north",
    ]
    assert [said.en for said in differences(north, east)] == ["column 'seen': text at east, date at north"]
    assert differences(north, card("west", AGE, STAGE, date)) == ()


def test_pinned_schemas_must_be_equal() -> None:
    years = Column(name="age", type="integer", unit="years", label="Age")
    assert joint(card("a", years, pinned=True), card("b", years, pinned=True)).columns == (years,)
    other = Column(name="age", type="number", unit="months", grade=4)
    assert conflict(card("a", years, pinned=True), card("b", other, pinned=True)) == [
        "column 'age': integer at a, number at b"
    ]
    other = Column(name="age", type="integer", unit="months", grade=4, sensitive=True, identifier=True)
    assert conflict(card("a", years, pinned=True), card("b", other, pinned=True, category="imaging")) == [
        "data category: clinical at a, imaging at b",
        "column 'age': unit: years at a, months at b",
        "column 'age': label: Age at a, none at b",
        "column 'age': grade: 3 at a, 4 at b",
        "column 'age': sensitive: false at a, true at b",
        "column 'age': identifier: false at a, true at b",
    ]


@pytest.mark.parametrize(
    ("levels", "said"),
    [
        (("II", "I"), ["column 'stage': levels in another order at b than at a"]),
        (("I", "III"), ["column 'stage': levels at b, not at a: III", "column 'stage': levels at a, not at b: II"]),
        (("I",), ["column 'stage': levels at a, not at b: II"]),
    ],
)
def test_pinned_levels_are_equal_in_order(levels: tuple[str, ...], said: list[str]) -> None:
    b = card("b", Column(name="stage", type="category", levels=levels), pinned=True)
    assert conflict(card("a", STAGE, pinned=True), b) == said


def test_codes_for_missing_are_each_hospitals_own() -> None:
    a, b = (Column(name="age", type="integer", missing_codes=codes) for codes in ((-9,), ("NA", 99)))
    assert set(joint(card("a", a, pinned=True), card("b", b, pinned=True)).column("age").missing_codes) == {
        -9,
        99,
        "NA",
    }


def test_inferred_schemas_fit_into_pinned_ones() -> None:
    number = Column(name="age", type="number", unit="years")
    guessed = Column(name="age", type="integer", levels=(1, 2), grade=5, sensitive=True)
    schema = joint(card("z", STAGE, number, pinned=True), card("a", guessed, STAGE))
    assert schema.names() == ("stage", "age")
    assert schema.column("age") == number.model_copy(update={"grade": 5, "sensitive": True})
    assert joint(card("z", STAGE, pinned=True), card("a", BLANK.model_copy(update={"name": "stage"}))).columns == (
        STAGE,
    )
    more = Column(name="stage", type="category", levels=("I", "IX"))
    assert conflict(card("z", STAGE, pinned=True), card("a", more)) == ["column 'stage': levels at a, not at z: IX"]
    assert conflict(card("z", AGE, pinned=True), card("a", number.model_copy(update={"unit": None}))) == [
        "column 'age': integer at z, number at a"
    ]
    hidden = AGE.model_copy(update={"identifier": True})
    assert conflict(card("z", AGE, pinned=True), card("a", hidden)) == [
        "column 'age': identifier: false at z, true at a"
    ]
    listed = AGE.model_copy(update={"levels": (1, 2)})
    assert conflict(card("z", listed, pinned=True), card("a", AGE)) == ["column 'age': levels listed at z, not at a"]
