"""Every error says what happened and what to do, in two languages, under a code that means one thing."""

from __future__ import annotations

import re
from collections import defaultdict

from architecture.source import ROOT
from pages.codes import raised

CODES = defaultdict(set)
for _each in raised():
    CODES[_each.code].add(_each.kind)


def test_the_source_is_read_as_it_raises() -> None:
    assert len(CODES) > 100
    assert CODES["no-consent"] == {"Refused"}
    assert CODES["cell-too-small"] == {"Refused"}


def test_codes_are_in_kebab_case() -> None:
    assert [code for code in CODES if not re.fullmatch(r"[a-z]+(-[a-z]+)*", code)] == []


def test_a_code_means_one_thing_so_it_belongs_to_one_class() -> None:
    assert {code: sorted(kinds) for code, kinds in CODES.items() if len(kinds) > 1} == {}


def test_every_code_is_in_the_reference() -> None:
    page = (ROOT / "docs" / "reference" / "errors.md").read_text(encoding="utf-8")
    assert [code for code in CODES if f"| `{code}` |" not in page] == []
