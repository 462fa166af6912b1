"""Consent files: who permits what from when until when; all lines or none."""

from __future__ import annotations

from pathlib import Path

import pytest

from huizhen.intake.consents import SCHEMA, Consents, read_consents
from huizhen.kit.errors import BadInput
from huizhen.model.consent import Terms


def consents(folder: Path, text: str, encoding: str = "utf-8") -> Consents:
    path = folder / "consents.csv"
    path.write_bytes(text.encode(encoding))
    return read_consents(path)


def refusal(folder: Path, text: str) -> BadInput:
    with pytest.raises(BadInput) as caught:
        consents(folder, text)
    return caught.value


def test_the_short_form(tmp_path: Path) -> None:
    result = consents(tmp_path, "subject,purpose\n007,HMB\n 12 ,GRU\n007,PUBHLTH\n")
    assert result.table.schema == SCHEMA
    assert result.table.to_pylist() == [
        {
            **dict.fromkeys(("dataset", "from_utc", "until_utc", "category", "terms")),
            **{"subject": s, "purpose": p, "permit": True},
        }
        for s, p in [("007", "HMB"), ("12", "GRU"), ("007", "PUBHLTH")]
    ]
    assert (result.lines, result.repeated) == (3, 0)


def test_dates_and_times(tmp_path: Path) -> None:
    result = consents(
        tmp_path,
        "subject;purpose;until;from;dataset\n"
        "a;HMB;2025-12-31;2025-01-01;lung\n"
        "b;HMB;2025-01-01T08:00:00+08:00;2024-12-31T23:59:59.5Z;\n"
        "c;HMB;9999-12-31;;\n",
    )
    assert [(r["from_utc"], r["until_utc"], r["dataset"]) for r in result.table.to_pylist()] == [
        ("2025-01-01T00:00:00.000000Z", "2026-01-01T00:00:00.000000Z", "lung"),
        ("2024-12-31T23:59:59.500000Z", "2025-01-01T00:00:00.000000Z", None),
        (None, "9999-12-31T23:59:59.999999Z", None),
    ]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_encodings_and_delimiters(tmp_path: Path, encoding: str, delimiter: str) -> None:
    text = delimiter.join(["Subject", "PURPOSE"]) + "\r\n" + delimiter.join(["张伟一", "HMB"]) + "\r\n"
    assert consents(tmp_path, text, encoding).table.column("subject").to_pylist() == ["张伟一"]


def test_what_is_said_twice_counts_once(tmp_path: Path) -> None:
    text = "subject,purpose,until\na,HMB,\na,HMB,2025-12-31\na,HMB,\na,HMB,2026-01-01T00:00:00Z\nb,HMB,\n"
    result = consents(tmp_path, text)
    assert [(r["subject"], r["until_utc"]) for r in result.table.to_pylist()] == [
        ("a", None), ("a", "2026-01-01T00:00:00.000000Z"), ("b", None),
    ]  # fmt: skip
    assert (result.lines, result.repeated) == (5, 2)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (",HMB,,", "no subject"),
        ("  ,HMB,,", "no subject"),
        ("Zhang,hmb,,", "unknown purpose"),
        ("Zhang,,,", "unknown purpose"),
        ("Zhang,HMB,2025-02-30,", "'from' is neither"),
        ("Zhang,HMB,01/02/2025,", "'from' is neither"),
        ("Zhang,HMB,2025-01-01T00:00:00,", "'from' is neither"),
        ("Zhang,HMB,,2025-W01-1", "'until' is neither"),
        ("Zhang,HMB,,20250101", "'until' is neither"),
        ("Zhang,HMB,2025-01-02,2025-01-01", "'until' is not after 'from'"),
        ("Zhang,HMB,2025-01-01T00:00:00Z,2025-01-01T08:00:00+08:00", "'until' is not after 'from'"),
    ],
)
def test_a_bad_line_is_named_by_number_and_reason(tmp_path: Path, line: str, said: str) -> None:
    error = refusal(tmp_path, f"subject,purpose,from,until\nok,HMB,,\n{line}\nok2,HMB,2025-01-01,2025-01-01\n")
    assert error.code == "bad-consents"
    assert "1 line is wrong" in error.what.en
    assert f"line 3: {said}" in error.what.en
    assert "第 3 行" in error.what.zh
    assert "Zhang" not in str(error.as_dict())
    assert "Nothing was imported" in error.remedy.en


def test_twenty_bad_lines_are_shown_and_all_are_counted(tmp_path: Path) -> None:
    body = "".join(f"p{i},{'HMB' if i % 2 else 'XX'}\n" for i in range(200_000))
    error = refusal(tmp_path, "subject,purpose\n" + body)
    lines = error.what.en.splitlines()
    assert "100000 lines are wrong" in lines[0]
    assert lines[1:3] == ["line 2: unknown purpose", "line 4: unknown purpose"]
    assert len(lines) == 22
    assert lines[-1] == "and 99980 more"


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("subject,purposes", "unknown column 'purposes' (did you mean 'purpose'?); column 'purpose' is missing"),
        ("patient,purpose", "unknown column 'patient'; column 'subject' is missing"),
        ("subject,purpose,name", "unknown column 'name'"),
    ],
)
def test_the_header(tmp_path: Path, header: str, said: str) -> None:
    assert said in refusal(tmp_path, f"{header}\n{','.join('1' for _ in header.split(','))}\n").what.en


def test_a_ragged_line(tmp_path: Path) -> None:
    error = refusal(tmp_path, "subject,purpose\na,HMB\nZhang\n")
    assert "line 3: 1 fields where the header has 2" in error.what.en
    assert "Zhang" not in str(error.as_dict())


def test_a_header_alone_is_nobody(tmp_path: Path) -> None:
    assert consents(tmp_path, "subject,purpose\n").table.num_rows == 0


def test_a_hundred_thousand_lines(tmp_path: Path) -> None:
    body = "".join(f"P{i:06d},{('HMB', 'GRU', 'DS')[i % 3]},2024-01-{i % 28 + 1:02d}\n" for i in range(100_000))
    result = consents(tmp_path, "subject,purpose,from\n" + body + body)
    assert (result.table.num_rows, result.lines, result.repeated) == (100_000, 200_000, 100_000)


def test_what_narrows_a_yes(tmp_path: Path) -> None:
    result = consents(
        tmp_path,
        "subject,purpose,recipients,methods,min_percent,min_price_fen,category\n"
        "a,HMB,academic;commercial,statistics,50,100,clinical\nb,HMB,commercial academic|foreign,,,,\nc,HMB,,,,,\n",
    )
    rows = result.table.to_pylist()
    found = [None if r["terms"] is None else Terms.model_validate_json(r["terms"]) for r in rows]
    both = ("academic", "commercial")
    assert found == [
        Terms(recipients=both, methods=("statistics",), min_percent=50, min_price_fen=100),
        Terms(recipients=(*both, "foreign")),
        None,
    ]
    assert [r["category"] for r in rows] == ["clinical", None, None]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("Zhang,HMB,acedemic,,,", "'recipients' are not of academic"),
        ("Zhang,HMB,foreign,,,", "'recipients' are not of academic"),
        ("Zhang,HMB,,stats,,", "'methods' are not of statistics"),
        ("Zhang,HMB,,,101,", "'min_percent' is not"),
        ("Zhang,HMB,,,-1,", "'min_percent' is not"),
        ("Zhang,HMB,,,,1.5", "'min_price_fen' is not"),
        ("Zhang,HMB,,,,\uff11", "'min_price_fen' is not"),
    ],
)
def test_terms_that_cannot_be_are_refused_by_line_and_nothing_is_imported(tmp_path: Path, line: str, said: str) -> None:
    head = "subject,purpose,recipients,methods,min_percent,min_price_fen\n"
    error = refusal(tmp_path, head + "a,HMB,academic,,,\n" + line + "\n")
    assert said in error.what.en and "line 3" in error.what.en and "Zhang" not in error.what.en
