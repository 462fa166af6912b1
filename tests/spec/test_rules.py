"""The casebook: every rule decides its own cases as it says, and has at least three."""

from __future__ import annotations

import pytest

from huizhen import rules
from huizhen.model.rule import Case


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
