"""The casebook: every rule decides its own cases as it says, and has at least three."""

from __future__ import annotations

import importlib
import re
from datetime import date

import pytest

from huizhen import rules
from huizhen.model.rule import Case
from pages.law import ROWS, row_of


@pytest.mark.parametrize("name", rules.names())
def test_a_rule_has_an_id_that_its_file_carries_a_source_and_three_cases(name: str) -> None:
    rule = next(r for r in rules.all_rules() if name.startswith(r.id.lower() + "_"))
    assert rule.source
    assert len(rules.cases(name)) >= 3


@pytest.mark.parametrize(
    ("name", "case"),
    [(n, c) for n in rules.names() for c in rules.cases(n)],
    ids=[f"{n}: {c.story}" for n in rules.names() for c in rules.cases(n)],
)
def test_each_case_is_decided_as_the_casebook_says(name: str, case: Case) -> None:
    rule = next(r for r in rules.all_rules() if name.startswith(r.id.lower() + "_"))
    reason = rule.ask(case.facts)
    assert (reason.verdict if reason else None) == case.verdict


def test_every_row_of_the_law_has_a_rule_and_every_rule_a_row() -> None:
    """House rules apart. 42 rows: 30 of China, 7 of the EU, 5 of the United States."""
    decided = {row_of(r.id) for r in rules.all_rules() if not r.id.startswith("HZ")}
    assert decided == set(ROWS) and len(ROWS) == 42


@pytest.mark.parametrize("row", ROWS)
def test_a_row_cites_the_articles_that_its_rules_cite_since_when_and_how_it_was_read(
    row: str,
) -> None:
    named = {rule.id: name for rule, name in zip(rules.all_rules(), rules.names(), strict=True)}
    deciding = [rule for rule in rules.all_rules() if not rule.id.startswith("HZ") and row_of(rule.id) == row]
    articles = re.compile(r"\d+(?:\([\w]+\))*")
    cited = {found for rule in deciding for found in articles.findall(rule.source)}
    assert set(articles.findall(re.sub(r" \[[VSM]\]", "", ROWS[row][0]))) <= cited
    for rule in deciding:
        assert date.fromisoformat(rule.valid_from) <= date(2026, 11, 29)
        assert re.search(r"\[[VSM]\]", importlib.import_module(f"huizhen.rules.{named[rule.id]}").__doc__ or "")


@pytest.mark.parametrize("name", rules.names())
def test_a_casebook_has_a_case_that_is_allowed_one_that_is_denied_and_one_that_lacks_a_fact(name: str) -> None:
    found = {case.verdict for case in rules.cases(name)}
    assert {"allow", "deny", "needs"} - found <= NEVER.get(name, set())


NEVER: dict[str, set[str | None]] = {
    "cn01_consent": {"deny"},  # who does not consent is not read; nobody is denied for it
    "cn03_columns": {"needs"},  # the columns are always known
    "cn29_grade": {"needs"},  # so are their grades
    "cn30_blacklist": {"allow", "needs"},  # not to be listed is no leave
    "eu06_prohibited": {"allow"},  # not to be prohibited is no leave
    "hz04_deed": {"needs"},  # what is on file is known
    "hz06_review": {"deny"},  # reviewers who are missing can be enrolled
}
"""Answers that a rule never gives."""
