"""Schema files and study files: strict YAML, every mistake at once, each with its line; what is written reads back."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from huizhen.intake import document
from huizhen.intake.document import read_yaml
from huizhen.intake.schema import parse_schema, read_schema, write_schema
from huizhen.intake.yaml_tree import parse
from huizhen.kit.errors import BadInput, NotFound
from huizhen.model.dataset import Column, Schema
from huizhen.model.document import Document
from huizhen.model.policy import Policy
from huizhen.model.settings import RegionSettings
from huizhen.model.study import Request

STUDY = """\
title: Does sex change survival?
asker: acme-pharma
purpose: HMB                 # DUO short code
dataset: lung
participants: all
cohort: age >= 18
method: cox
params: {duration: time, event: status_died, formula: "age + sex", ties: efron}
protection: {min_cell: 10, epsilon: null, secure_sum: true}
price_fen: 120000
"""


def study(folder: Path, text: str = STUDY, encoding: str = "utf-8") -> Request:
    path = folder / "STUDY.yaml"
    path.write_bytes(text.encode(encoding))
    return read_yaml(path, Request)


def refusal(folder: Path, text: str) -> BadInput:
    with pytest.raises(BadInput) as caught:
        study(folder, text)
    return caught.value


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
def test_a_study(tmp_path: Path, encoding: str) -> None:
    request = study(tmp_path, STUDY.replace("Does sex change survival?", "性别影响生存吗？"), encoding)
    assert request.title == "性别影响生存吗？"
    assert request.cohort == "age >= 18"
    assert request.params["ties"] == "efron"
    assert request.protection.epsilon is None


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("purpose: HMB", "purposes: HMB", "line 3: unknown key 'purposes' (did you mean 'purpose'?); allowed: title, "),
        ("purpose: HMB", "purposes: HMB", "line 1: key 'purpose' is missing"),
        ("min_cell: 10", "min_cell: 2", "line 9: 'protection.min_cell' must be a whole number, at least 3"),
        ("secure_sum: true", "secure_sum: yes", "line 9: 'protection.secure_sum' must be true or false"),
        ("epsilon: null", "epsilon: 0", "line 9: 'protection.epsilon' must be a number or left empty, greater than 0"),
        ("min_cell: 10,", "mincell: 10,", "line 9: unknown key 'mincell' (did you mean 'min_cell'?)"),
        ("120000", "120000.5", "line 10: 'price_fen' must be a whole number, at least 0"),
        ("participants: all", "participants: north", "line 5: 'participants' must be all or a list, each text"),
        ("participants: all", "participants: [north, 7]", "line 5: 'participants[2]' must be text"),
        ("asker: acme-pharma", "asker: acme pharma", "line 2: 'asker' must be text, not empty, of letters"),
        ("title: Does sex change survival?", 'title: ""', "line 1: 'title' must be text, not empty"),
        ("dataset: lung", "dataset: 7", "line 4: 'dataset' must be text"),
        ("method: cox", "method: cox\nmethod: glm", "line 8: key 'method' is there twice"),
        ("method: cox", "method: &m cox", "line 7: anchors"),
        ("method: cox", "method: *m", "line 7: anchors"),
        ("method: cox", "method: !!python/name:os.system cox", "line 7: anchors"),
        ("method: cox", "method: 'cox", "line"),
        ("method: cox", "\tmethod: cox", "line 7: found character"),
        ("method: cox", "---\nmethod: cox", "line 7: a second document begins"),
        ("120000", "99999999999999999999", "line 10: a number is too large"),
        ("method: cox", "? [a, b]\n: cox", "line 7: a key must be one word"),
        ("params: {duration", f"params: {'{a: ' * 60}1{'}' * 60}\n#", "line 8: is nested too deeply"),
        ("method: cox", "method: \x01", "line 1: holds a character that YAML does not allow"),
    ],
)
def test_mistakes_are_named_by_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in STUDY
    error = refusal(tmp_path, STUDY.replace(old, new))
    assert f"STUDY.yaml {said}" in error.what.en
    assert error.what.zh.startswith("STUDY.yaml 第 ")


@pytest.mark.parametrize("kind", [Request, Schema, RegionSettings, Policy])
def test_a_form_is_told_in_words(kind: type[Document]) -> None:
    """Nobody has to read a regular expression to write a file."""
    said = [document._expected(f.annotation, tuple(f.metadata)) for f in kind.model_fields.values()]
    assert said and not any("of the form" in text.en or "格式为" in text.zh for text in said)


def test_all_mistakes_are_named_at_once_in_order(tmp_path: Path) -> None:
    text = STUDY.replace("purpose:", "purposes:").replace("min_cell: 10", "min_cell: x").replace("dataset: lung", "")
    assert [line.split(":")[0] for line in refusal(tmp_path, text).what.en.splitlines()] == [
        "STUDY.yaml line 1", "STUDY.yaml line 1", "STUDY.yaml line 3", "STUDY.yaml line 9",
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["", "# nothing\n", "- a\n- b\n", "just words\n", "7\n"])
def test_a_study_has_keys(tmp_path: Path, text: str) -> None:
    assert "there must be keys with values: title, asker" in refusal(tmp_path, text).what.en


def test_deep_and_long_files_are_refused_before_they_are_read(tmp_path: Path) -> None:
    assert refusal(tmp_path, "a: " + "[" * 50_000).code == "bad-yaml"
    assert "longer than a megabyte" in refusal(tmp_path, "a: " + "x" * 1_100_000).what.en
    with pytest.raises(NotFound):
        read_yaml(tmp_path / "absent.yaml", Request)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"), ("yes", "yes"), ("on", "on"), ("true", True), ("False", False), ("~", None), ("", None),
        ("null", None), ("007", "007"), ("0x10", "0x10"), ("1_000", "1_000"), ("12:30:00", "12:30:00"), ("7", 7),
        ("-7", -7), ("+7", "+7"), ("1e3", 1000.0), ("1.5", 1.5), (".5", 0.5), ("1e999", "1e999"), (".inf", ".inf"),
        (".nan", ".nan"), ("NaN", "NaN"), ("2020-01-01", "2020-01-01"), ("'7'", "7"), ('"true"', "true"), ("<<", "<<"),
        ("9007199254740991", 9007199254740991),
    ],
)  # fmt: skip
def test_plain_scalars_mean_one_thing(text: str, value: object) -> None:
    got = parse(f"key: {text}\n", "x.yaml").value["key"]
    assert got == value
    assert type(got) is type(value)


SCHEMA = """\
category: clinical
columns:
- name: pid
  type: text
  identifier: true
- {name: age, type: integer, unit: years, missing_codes: [-9, NA, 1.5]}
- name: stage
  type: category
  levels: [I, 2, 007, no]
- {name: icd, type: category, code_system: ICD-10, levels: [C34, J44], grade: 4, sensitive: true, label: 诊断}
- {name: ecog, type: integer, levels: [0, 1]}
"""


def test_a_schema(tmp_path: Path) -> None:
    path = tmp_path / "schema.yaml"
    path.write_text(SCHEMA, encoding="utf-8")
    schema = read_schema(path)
    assert schema.column("stage").levels == ("I", "2", "007", "no")
    assert schema.column("age") == Column(name="age", type="integer", unit="years", missing_codes=(-9, "NA", 1.5))
    assert schema.column("icd").grade == 4
    assert parse_schema(write_schema(schema)) == schema


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("type: text", "type: string", "line 4: 'columns[1].type' must be one of integer, number, boolean, category, "),
        ("  identifier: true", "  identifer: true", "line 5: unknown key 'identifer' (did you mean 'identifier'?)"),
        ("grade: 4", "grade: 6", "line 10: 'columns[4].grade' must be a whole number, at least 1, at most 5"),
        ("name: ecog", "name: Age", "line 11: column 'Age' is there twice"),
        ("  levels: [I, 2, 007, no]\n", "", "line 8: category 'stage' needs levels"),
        ("[I, 2, 007, no]", "[I, 2, '2']", "line 9: a level of 'stage' is there twice"),
        ("[I, 2, 007, no]", "[I, ' II']", "line 9: a level of 'stage' is empty or has blanks"),
        ("[I, 2, 007, no]", "[I, 2.5]", "line 9: 'columns[3].levels[2]' must be a whole number or text"),
        ("unit: years", "levels: [a]", "line 6: the levels of 'age' must be whole numbers"),
        ("type: text", "type: text\n  levels: [a]", "line 5: 'pid' is text: only category and integer have levels"),
        ("name: pid", "name: ' pid'", "line 3: a column needs a name"),
    ],
)
def test_mistakes_in_a_schema(old: str, new: str, said: str) -> None:
    assert old in SCHEMA
    with pytest.raises(BadInput) as caught:
        parse_schema(SCHEMA.replace(old, new))
    assert f"schema.yaml {said}" in caught.value.what.en


def test_a_schema_without_columns() -> None:
    with pytest.raises(BadInput, match="there is no column"):
        parse_schema("columns: []")


NAME = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=8)
CODE = st.one_of(
    st.integers(-(2**53) + 1, 2**53 - 1), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=6)
)
TRICKY = st.sampled_from(
    ["no", "007", "1e3", "~", "null", "true", ".5", "2020-01-01", "- a", "a: b", "#", "'", '"', "[", "*x"]
)


@st.composite
def columns(draw: st.DrawFn) -> Column:
    kind = draw(st.sampled_from(["integer", "number", "boolean", "category", "date", "text"]))
    levels: tuple[int | str, ...] | None = None
    if kind == "category":
        levels = tuple(draw(st.lists(st.one_of(NAME, TRICKY), max_size=5, unique=True)))
    elif kind == "integer":
        whole = st.lists(st.integers(-(10**9), 10**9), max_size=4, unique=True).map(tuple)
        levels = draw(st.one_of(st.none(), whole))
    return Column(
        name=draw(st.one_of(NAME, TRICKY)),
        type=kind,
        unit=draw(st.one_of(st.none(), NAME, TRICKY)),
        code_system=draw(st.one_of(st.none(), NAME)),
        levels=levels,
        missing_codes=tuple(draw(st.lists(st.one_of(CODE, TRICKY), max_size=3))),
        grade=draw(st.integers(1, 5)),
        sensitive=draw(st.booleans()),
        identifier=draw(st.booleans()),
        label=draw(st.one_of(st.none(), st.text(st.characters(codec="utf-8", exclude_characters="\x7f"), max_size=9))),
    )


@settings(max_examples=150, deadline=None)
@given(st.lists(columns(), min_size=1, max_size=4, unique_by=lambda c: c.name.casefold()), NAME)
def test_what_is_written_reads_back(drawn: list[Column], category: str) -> None:
    schema = Schema(columns=tuple(drawn), category=category)
    assert parse_schema(write_schema(schema)) == schema
