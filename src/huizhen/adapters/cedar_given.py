"""Facts that are not known yet, as a rule meets them while it is traced: every question that it asks of one is asked of
Cedar, by the path and the words that a policy has (`cedar_trace`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from huizhen.adapters.cedar_facts import STOPS, Fact, Record
from huizhen.kit.text import Text
from huizhen.model.incident import Step
from huizhen.model.purpose import PURPOSES, Purpose
from huizhen.model.rule import About, Facts

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

    def began_within(self, days: int, today: Any) -> bool:
        since = f"{today._path}.durationSince({self._path}.from_day)"
        return self._run.ask(Test(f'{since} <= duration("{days}d")', reads=f"{self._path}.from_day"))

    @property
    def assessed(self) -> Shown:
        return Shown()


def act_of(found: Given | None) -> GivenAct | None:
    return None if found is None else GivenAct(found._record, found._path, found._run)


class Shown:
    """A paper, of which a rule says the words only."""

    name = version = document = clause = SHOWN
    state = "active"
    text = Text(SHOWN, SHOWN)

    @property
    def instrument(self) -> Shown:
        return self

    def cited(self, _clause: str = "") -> Text:
        return self.text


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
        return act_of(self._at("acts")._at(kind))

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

    @property
    def listed(self) -> tuple[Shown, ...]:
        return (Shown(),) if self._at("listed") else ()

    @property
    def reviewing(self) -> Any:
        return self._at("reviewing")

    @property
    def under_deeds(self) -> tuple[Shown, ...]:
        return (Shown(),) if self._at("under_deeds") else ()

    @property
    def outside_deed(self) -> tuple[Shown, Shown] | None:
        return (Shown(), Shown()) if self._at("outside_deed") else None

    @property
    def contract_asked(self) -> Shown | None:
        return Shown() if self._at("contract_asked") else None

    @property
    def under_contracts(self) -> tuple[Shown, ...]:
        return (Shown(),) if self._at("under_contracts") else ()

    @property
    def contract(self) -> Shown | None:
        return Shown() if self._at("contract") else None

    @property
    def outside_contract(self) -> tuple[Shown, tuple[Shown, ...]]:
        return Shown(), (Shown(),)

    @property
    def assessment(self) -> GivenAct | None:
        return act_of(self._at("assessment"))

    @property
    def assessed_elsewhere(self) -> GivenAct | None:
        return act_of(self._at("assessed_elsewhere"))


class GivenUpkeep(Given):
    def last(self, kind: str, _party: str | None = None) -> GivenAct | None:
        return act_of(self._at("acts")._at(kind))

    def holds(self, act: GivenAct | None, days: int | None = None) -> bool:
        """As `Upkeep.holds`."""
        if act is None or act.outcome == "refused" or not act.holds(self.today):
            return False
        return days is None or act.began_within(days, self.today)


class GivenCare(Given):
    @property
    def reviews(self) -> tuple[Any, Any] | None:
        found = self._at("reviews")
        return None if found is None else (found.staff, found.role)


class GivenDue:
    """A clock of a breach: whether it has stopped is asked, and whether that was after its time, worked out before."""

    due_utc = SHOWN

    def __init__(self, what: Step, facts: Given) -> None:
        self.what, self._facts = what, facts
        self._name = next(name for name, step in STOPS.items() if step == what)

    @property
    def done_utc(self) -> Any:
        return self._facts._at(f"{self._name}_utc")

    def late(self, _now_utc: object) -> Any:
        return self._facts._at(f"{self._name}_late")


class GivenBreach(Given):
    now_utc = SHOWN

    def clock(self, what: Step) -> GivenDue:
        return GivenDue(what, self)


SOURCES: dict[About, Callable[[Record, str, Run], Any]] = {
    "study": GivenStudy,
    "care": GivenCare,
    "breach": GivenBreach,
    "upkeep": GivenUpkeep,
}
"""Where a plain record does not do."""


# -- how Cedar writes names and words


def quoted(word: str | int) -> str:
    return f'"{word}"' if isinstance(word, str) else str(word)


def bare(name: str) -> str:
    return name if name.isidentifier() else quoted(name)


def step(name: str) -> str:
    return f".{name}" if name.isidentifier() else f"[{quoted(name)}]"
