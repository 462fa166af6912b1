"""party add and list, act add and list: what they say in both languages and to machines, and what they refuse."""

from __future__ import annotations

from pathlib import Path

import pytest

from commands import done, in_both


@pytest.fixture(scope="module")
def region(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("register") / "r"
    done("init", "--region", folder)
    return folder


def test_a_party_is_registered_and_what_is_not_said_is_told(region: Path) -> None:
    en, zh = in_both("party", "add", "lab", "--kind", "academic", "--region", region)
    assert "--jurisdiction, --foreign-controlled, --contact" in en and "已登记" in zh
    done("party", "add", "lab", "--kind", "academic", "--jurisdiction", "CN", "--region", region)
    (found,) = done("party", "list", "--json", "--region", region).json()
    assert (found["jurisdiction"], found["foreign_controlled"]) == ("CN", None), "not said is not known"
    en, zh = in_both("party", "list", "--region", region)
    assert "lab" in en and "主体" in zh


def test_an_act_is_filed_with_its_days(region: Path) -> None:
    words = ["act", "add", "ethics-review", "--for", "lab", "--dataset", "d", "--until", "2030-12-31"]
    en, zh = in_both(*words, "--region", region)
    assert "ethics review (granted)" in en and "伦理审查" in zh
    assert "registered" not in en
    done(*words, "--refused", "--from", "2026-01-01", "--region", region)
    found = done("act", "list", "--json", "--region", region).json()
    assert [a["outcome"] for a in found] == ["granted", "granted", "refused"]
    assert found[-1]["from_day"] == "2026-01-01" and found[-1]["until_day"] == "2030-12-31"
    assert "ethics review" in in_both("act", "list", "--region", region)[0]
    entries = done("ledger", "list", "--json", "--region", region).json()
    assert [e["kind"] for e in entries].count("act-filed") == 3


def test_an_act_for_a_party_that_is_not_registered_is_filed_with_a_word_of_warning(region: Path) -> None:
    done("party", "add", "institute", "--kind", "academic", "--region", region)
    en, zh = in_both("act", "add", "ethics-review", "--for", "instiute", "--until", "2030-12-31", "--region", region)
    assert "no party 'instiute' is registered (did you mean 'institute'?)" in en and "尚未登记" in zh


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("party", "add", "x", "--kind", "academia"), "unknown-party-kind", "did you mean 'academic'"),
        (("party", "add", "x", "--kind", "public", "--jurisdiction", "China"), "bad-register-entry", "jurisdiction"),
        (("act", "add", "ethics-revew", "--for", "x"), "unknown-act", "did you mean 'ethics-review'"),
        (("act", "add", "ethics-review"), "act-for-nobody", "--for PARTY"),
        (("act", "add", "emergency", "--for", "x", "--until", "31.12.2030"), "bad-register-entry", "until_day"),
        (("act", "add", "emergency", "--for", "x", "--until", "2001-01-01"), "act-over", "--from DATE"),
        (
            ("act", "add", "emergency", "--for", "x", "--from", "2002-01-01", "--until", "2001-01-01"),
            "bad-register-entry",
            "dates",
        ),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_filed(
    region: Path, words: tuple[str, ...], code: str, said: str
) -> None:
    before = done("ledger", "list", "--json", "--region", region).out
    en, _ = in_both(*words, "--region", region, code=2)
    assert f"[{code}]" in en and said in en
    assert done("ledger", "list", "--json", "--region", region).out == before
