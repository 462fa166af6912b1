"""A rule run on facts that are not known yet: each question that it asks of them is answered both ways, until every
road through it has come to its verdict. What results is the rule's own decision tree, so nobody writes it twice.

A rule may compare, ask whether something is there, and look into a set of words. What else it tries ends in
`NotTraceable`, which a test would show: such a fact has to be worked out before (`cedar_facts`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from huizhen import rules
from huizhen.adapters.cedar_facts import ANY, ENDS, FACTS, Fact, Record, answers_of, context
from huizhen.model.grant import Verdict
from huizhen.model.purpose import PURPOSES, Purpose
from huizhen.model.rule import About, Facts, Rule

SHOWN = "…"
"""What a fact looks like in the words of an answer, which are not exported."""


class NotTraceable(TypeError):
    """A rule asked something of a fact that Cedar could not answer."""


@dataclass(frozen=True)
class Test:
    """A question as Cedar asks it. `path` and `literal`: where it is whether this fact is that word. `opens`: the path
    of what it asks whether it is there. `reads`: what it reads without having asked so."""

    cedar: str
    path: str = ""
    literal: str | None = None
    opens: str = ""
    reads: str = ""


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


class Run:
    """One road through a rule: the answers that are given are taken first, then always yes."""

    def __init__(self, answers: tuple[bool, ...]) -> None:
        self._given = answers
        self.asked: list[tuple[Test, bool]] = []

    def ask(self, test: Test) -> bool:
        for seen, answer in self.asked:
            if seen == test:
                return answer
            if answer and seen.literal is not None and test.literal is not None and seen.path == test.path:
                return False
        place = len(self.asked)
        answer = self._given[place] if place < len(self._given) else True
        self.asked.append((test, answer))
        return answer


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


# -- facts that are not known


class Unknown:
    """A fact at a path."""

    def __init__(self, path: str, run: Run) -> None:
        self._path, self._run = path, run

    def _ask(self, cedar: str) -> bool:
        return self._run.ask(Test(cedar))

    def __format__(self, _how: str) -> str:
        return SHOWN

    def __bool__(self) -> bool:
        raise NotTraceable(self._path)

    __hash__ = None  # type: ignore[assignment]

    def _equal(self, other: object) -> bool:
        if other is None:
            return False
        if isinstance(other, Unknown):
            return self._ask(f"{self._path} == {other._path}")
        if isinstance(other, str):
            return self._run.ask(Test(f"{self._path} == {quoted(other)}", self._path, other))
        raise NotTraceable(self._path)

    def __eq__(self, other: object) -> bool:
        return self._equal(other)

    def __ne__(self, other: object) -> bool:
        return not self._equal(other)


class Word(Unknown):
    def strip(self) -> str:
        return SHOWN

    def __bool__(self) -> bool:
        return True

    # A word that is there; one that may be empty is worked out before.


class Ordered(Unknown):
    """A whole number or a day."""

    def _equal(self, other: object) -> bool:
        return False if other is None else self._ask(f"{self._path} == {self._other(other)}")

    def _other(self, other: object) -> str:
        if isinstance(other, Ordered):
            return other._path
        if isinstance(other, int) and not isinstance(other, bool):
            return str(other)
        raise NotTraceable(self._path)

    def __lt__(self, other: object) -> bool:
        return self._ask(f"{self._path} < {self._other(other)}")

    def __le__(self, other: object) -> bool:
        return self._ask(f"{self._path} <= {self._other(other)}")

    def __gt__(self, other: object) -> bool:
        return self._ask(f"{self._path} > {self._other(other)}")

    def __ge__(self, other: object) -> bool:
        return self._ask(f"{self._path} >= {self._other(other)}")


class Words(Unknown):
    """A set of words."""

    def __bool__(self) -> bool:
        return not self._ask(f"{self._path}.isEmpty()")

    def __contains__(self, word: object) -> bool:
        if isinstance(word, Word):
            return self._ask(f"{self._path}.contains({word._path})")
        if isinstance(word, str | int):
            return self._ask(f"{self._path}.contains({quoted(word)})")
        raise NotTraceable(self._path)

    def __iter__(self) -> Iterator[str]:
        """For the words of an answer."""
        return iter((SHOWN,))


class Given(Unknown):
    """A record, whose facts are asked for by their names as in the code."""

    def __init__(self, record: Record, path: str, run: Run) -> None:
        super().__init__(path, run)
        self._record = record

    def __bool__(self) -> bool:
        return True

    def __getattr__(self, name: str) -> Any:
        return self._at(name)

    def _at(self, name: str) -> Any:
        facts = self._record.facts
        if name in facts:
            return self._value(facts[name], f"{self._path}{step(name)}")
        if f"{name}?" not in facts:
            raise NotTraceable(f"{self._path}.{name}")
        path = f"{self._path}{step(name)}"
        there = self._run.ask(Test(f"{self._path} has {bare(name)}", opens=path))
        return self._value(facts[f"{name}?"], path) if there else None

    def _value(self, fact: Fact | Record, path: str) -> Any:
        if isinstance(fact, Record):
            return Given(fact, path, self._run)
        if fact.domain:
            word = Word(path, self._run)
            return next((each for each in fact.domain[:-1] if word == each), fact.domain[-1])
        if fact.type == "Bool":
            return self._ask(path)
        return {"String": Word, "Long": Ordered, "datetime": Ordered}.get(fact.type, Words)(path, self._run)


class GivenAct(Given):
    def holds(self, today: Any) -> bool:
        """As `Act.holds`, in one question."""
        until = f"if {self._path} has until_day then {today._path} <= {self._path}.until_day else true"
        holds = f"({self._path}.from_day <= {today._path} && ({until}))"
        return self._run.ask(Test(holds, reads=f"{self._path}.from_day"))


class Kind(Unknown):
    """The type of some column."""

    def _equal(self, other: object) -> bool:
        return self._ask(f"{self._path}.contains({quoted(str(other))})")

    def __ne__(self, other: object) -> bool:
        raise NotTraceable(self._path)


class Some(Given):
    """Some column: each question is whether there is one of which it is so. Exact for what rules ask, which is never of
    two traits that a column must have together, but for a category without levels."""

    name = SHOWN

    @property
    def type(self) -> Kind:
        return Kind(f"{self._path}.types", self._run)

    @property
    def grade(self) -> Kind:
        return Grade(f"{self._path}.grades", self._run)

    @property
    def levels(self) -> tuple[str, ...] | None:
        return None if self._ask(f"{self._path}.unlisted") else ()


class Grade(Kind):
    def _equal(self, other: object) -> bool:
        return self._ask(f"{self._path}.contains({other})")


class Amount(Unknown):
    """A fraction, which Cedar cannot compare: whether it is over its cap was worked out before."""

    def __gt__(self, _cap: object) -> bool:
        return self._ask(self._path)


class GivenStudy(Given):
    """Stands for `Facts`: what is derived there is derived by the same code."""

    on_file = Facts.on_file

    def __getattr__(self, name: str) -> Any:
        found = getattr(Facts, name, None)
        if isinstance(found, property) and name not in self._record.facts:
            return found.fget(self)  # type: ignore[misc]
        return self._at(name)

    def act(self, kind: str) -> Any:
        acts = self._at("acts")
        found = acts._at(kind)
        return None if found is None else GivenAct(found._record, found._path, self._run)

    @property
    def party(self) -> Any:
        return self._at("party")

    @property
    def purpose(self) -> Purpose | None:
        asked = self.request.purpose
        return next((p for p in PURPOSES.values() if asked == p.code), None)

    @property
    def columns(self) -> tuple[Some]:
        return (Some(self._record.facts["columns"], "context.columns", self._run),)  # type: ignore[arg-type]

    @property
    def epsilon_total(self) -> Amount | None:
        return None if self._at("epsilon_total") is None else Amount("context.epsilon_over", self._run)

    @property
    def epsilon_cap(self) -> Amount:
        return Amount("context.epsilon_over", self._run)

    @property
    def delta_total(self) -> Amount:
        return Amount("context.delta_over", self._run)

    delta_cap = delta_total


class GivenCare(Given):
    @property
    def reviews(self) -> tuple[Any, Any] | None:
        found = self._at("reviews")
        return None if found is None else (found.staff, found.role)


SOURCES: dict[About, Callable[[Record, str, Run], Any]] = {"study": GivenStudy, "care": GivenCare}
"""Where a plain record does not do."""


# -- how Cedar writes names and words


def quoted(word: str | int) -> str:
    return f'"{word}"' if isinstance(word, str) else str(word)


def bare(name: str) -> str:
    return name if name.isidentifier() else quoted(name)


def step(name: str) -> str:
    return f".{name}" if name.isidentifier() else f"[{quoted(name)}]"
