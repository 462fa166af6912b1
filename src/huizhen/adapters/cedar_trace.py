"""A rule run on facts that are not known yet: each question that it asks of them is answered both ways, until every
road through it has come to its verdict. What results is the rule's own decision tree, so nobody writes it twice.

A rule may compare, ask whether something is there, and look into a set of words. What else it tries ends in
`NotTraceable`, which a test would show: such a fact has to be worked out before (`cedar_facts`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any

from huizhen import rules
from huizhen.adapters.cedar_facts import ANY, ENDS, FACTS, Record, answers_of, context
from huizhen.adapters.cedar_given import SOURCES, Given, NotTraceable, Run, Test
from huizhen.model.grant import Verdict
from huizhen.model.rule import About, Rule


@dataclass(frozen=True)
class Choice:
    test: Test
    yes: Tree
    no: Tree
    _hash: int = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_hash", hash((self.test, self.yes, self.no)))

    def __hash__(self) -> int:
        return self._hash


Tree = Choice | str | None
"""A question with what follows from either answer, or a verdict, or none."""


@cache
def trace(rule: Rule[Any]) -> Tree:
    """The decision tree of a rule; a question whose answer changes nothing is not in it. Raises NotTraceable."""
    return _explore(rule, ())


@cache
def outside() -> tuple[str, ...]:
    """The rules that cannot be traced: about clocks, or what signed papers say. Their answer is a fact of a request."""

    def lies(rule: Rule[Any]) -> bool:
        try:
            trace(rule)
        except NotTraceable:
            return True
        return False

    return tuple(rule.id for rule in rules.all_rules() if lies(rule))


@cache
def facts_about(about: About) -> Record:
    """All that a request about this holds."""
    named = FACTS.get(about, Record({})).facts
    return Record({**named, **answers_of(r.id for r in rules.all_rules() if r.about == about and r.id in outside())})


def tree_of(rule: Rule[Any]) -> Tree:
    """The tree of a rule, or of the answer that a request brings."""
    if rule.id not in outside():
        return trace(rule)
    path = f"context.answer_{rule.id}"
    here = [Test(f'{path} == "{said}"', path, said) for said in ("allow", "deny")]
    return Choice(Test(f"context has answer_{rule.id}", opens=path),
                  Choice(here[0], "allow", Choice(here[1], "deny", "needs")), None)  # fmt: skip


def request(about: About, facts: Any) -> dict[str, Any]:
    """The question that Cedar is asked about a study, a word of consent, a record that is opened, and so on."""
    ends = ("any", "any")
    if about == "study":
        ends = (facts.request.asker, facts.request.dataset)
    elif about == "consent":
        ends = (facts.speaker or facts.by, facts.purpose)
    elif about == "care":
        ends = (facts.staff, "record")
    kinds = ENDS.get(about, ANY)
    principal, resource = ({"type": f"Huizhen::{k}", "id": end} for k, end in zip(kinds, ends, strict=True))
    action = {"type": "Huizhen::Action", "id": about}
    return {
        "principal": principal,
        "action": action,
        "resource": resource,
        "context": context(facts_about(about), facts),
    }


def _explore(rule: Rule[Any], answers: tuple[bool, ...]) -> Tree:
    run = Run(answers)
    tree: Tree = _verdict(rule, run)
    given = tuple(answer for _, answer in run.asked)
    for place in reversed(range(len(answers), len(given))):
        other = _explore(rule, (*given[:place], not given[place]))
        test = run.asked[place][0]
        if tree != other:
            tree = Choice(test, tree, other) if given[place] else Choice(test, other, tree)
    return tree


def _verdict(rule: Rule[Any], run: Run) -> Verdict | None:
    facts = SOURCES.get(rule.about, Given)(FACTS.get(rule.about, Record({})), "context", run)
    answer = rule.decide(facts)
    return None if answer is None else answer.verdict
