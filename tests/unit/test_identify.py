"""Columns that identify a person are told from those that look alike, by name, by content, and by both."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from huizhen.privacy.identify.finding import find
from huizhen.privacy.identify.kinds import KINDS, luhn, names_a_person, tidy

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))
from identifiers import columns, found


def test_made_up_columns_are_found_and_what_looks_alike_is_not() -> None:
    """Small beside `bench/identifiers.py`, which has the figures by kind."""
    made = columns(4, seed=23)
    said = [found(c) for c in made]
    direct = [bool(c.kind) for c in made]
    assert np.mean([bool(s) for s, d in zip(said, direct, strict=True) if d]) >= 0.97
    assert np.mean([bool(s) for s, d in zip(said, direct, strict=True) if not d]) <= 0.05


@pytest.mark.parametrize(
    ("column", "values", "kind"),
    [
        ("x", ["11010519491231002X", "440524188001010014"] * 3, "id_number"),
        ("x", ["110105194912310021", "440524188001010015"] * 3, "free_text"),
        ("身份证号", [], "id_number"),
        ("name", ["内科", "外科", "骨科"] * 9, None),
        ("姓名", ["李雷", "韩梅梅", "欧阳锋"] * 9, "name"),
        ("drug_name", ["Aspirin", "Heparin"], None),
        ("x", ["6222021234567890120"[:18] + c for c in "0123456789"], None),
        ("x", ["患者：李雷，电话13912345678，一周后复查随访。"] + ["病情平稳，继续目前治疗，注意休息饮食。"] * 50,
          "free_text"),
        ("id_type", ["1", "2"], None),
        ("证件类型", ["身份证", "护照"], None),
        ("x", ["2026-11-28 08:30", "2026-11-29 09:30"] * 10, None),
    ],
)  # fmt: skip
def test_what_counts(column: str, values: list[str], kind: str | None) -> None:
    said = find(column, values)
    assert (said.kind if said else None) == kind


def test_a_column_of_numbers_that_are_never_twice_there_is_of_records() -> None:
    values = [f"ZY{10_000_000 + 7 * i}" for i in range(50)]
    assert find("f3", values, unique=True).kind == "record_number"  # type: ignore[union-attr]
    assert find("f3", values, unique=False) is None


def test_words_and_check_digits() -> None:
    assert tidy("PatientID") == tidy("patient-id") == "patient_id"
    assert luhn(["4111111111111111", "4111111111111112", "0000000000000000"]).tolist() == [True, False, False]
    assert len({k.name for k in KINDS}) == len(KINDS)
    assert all(map(names_a_person, ("MRN", "PatientName", "联系电话", "e-mail", "id", "sfzh")))
    assert not any(map(names_a_person, ("sex", "drug_name", "ward", "age", "科室名称", "证件类型")))
