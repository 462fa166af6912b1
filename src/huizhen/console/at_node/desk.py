"""What stands behind a hospital's pages: its node, opened for each request; whose record an account is about; and what
is done after a withdrawal. Whether somebody may is asked of the node's own rules, as the commands do.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Annotated, Any, Protocol

from fastapi import Depends, Request

from huizhen.adapters.person_accounts import Person, PersonAccounts
from huizhen.console.visit import Visit, Visiting, no_page
from huizhen.kit.defect import note_defect
from huizhen.kit.errors import HuizhenError, Lost
from huizhen.kit.text import Text
from huizhen.model.statement import Statement
from huizhen.node import deletion
from huizhen.node.agent import Agent
from huizhen.node.saying import Saying
from huizhen.node.speakers import check_speaks
from huizhen.node.statements import deliver

PATIENT, OPERATOR = "patient", "operator"
_AGAIN_SECONDS = 5.0


class Hub(Protocol):
    """What a node asks its hub. Each raises Lost where the hub cannot be reached."""

    def prove(self, entry: int) -> bytes: ...
    def statement(self, party: str) -> list[dict[str, Any]]: ...
    def standing(self) -> dict[str, Any]: ...
    def announce(self, said: Statement) -> None: ...
    def settle(self) -> None: ...


Where = Callable[[], AbstractContextManager[tuple[Agent, Hub]]]
"""Opens the node, and the way to its hub, for one request."""


class NodeDesk:
    """One hospital's. `close` ends what works beside the pages."""

    def __init__(self, name: str, where: Where, people: PersonAccounts) -> None:
        self.name, self.where, self.people = name, where, people
        self._wake, self._over = threading.Event(), threading.Event()
        self._beside = threading.Thread(target=self._work, name=f"huizhen-console-{name}", daemon=True)
        self._beside.start()

    def withdrawn(self, login: str) -> None:
        """A withdrawal was recorded, and holds: what follows from it is done aside, and again until it is done."""
        self.people.owe(login)
        self._wake.set()

    def tell(self) -> None:
        """The hub is told aside: what is recorded at the node holds already."""
        self._wake.set()

    def close(self) -> None:
        self._over.set()
        self._wake.set()
        self._beside.join()

    def _work(self) -> None:
        while not self._over.is_set():
            self._wake.wait(_AGAIN_SECONDS)
            asked = self._wake.is_set()
            self._wake.clear()
            owed = self.people.owed()
            if (owed or asked) and not self._over.is_set():
                self._follow(owed)

    def _follow(self, owed: list[str]) -> None:
        """A study that is running has the rows open, and a hub may be away: then it is tried again."""
        try:
            with self.where() as (agent, hub):
                for login in owed:
                    deletion.after_withdrawal(agent, self.people.of(login).subject)
                    self.people.done(login)
                if deliver(agent, hub.announce):
                    hub.settle()
        except HuizhenError:
            return
        except Exception as fault:
            if not _of_rows(fault):
                note_defect("at a hospital's console", fault)


def _of_rows(fault: Exception) -> bool:
    """Whether the rows could not be had: a study that runs has them open."""
    return type(fault).__module__.partition(".")[0] in {"duckdb", "_duckdb"}


@contextmanager
def in_words() -> Iterator[None]:
    """Raises Lost where the rows cannot be had now."""
    try:
        yield
    except HuizhenError:
        raise
    except Exception as fault:
        if not _of_rows(fault):
            raise
        raise Lost(
            "rows-in-use",
            Text("A study that is running has the rows open.", "正在进行的研究占用了数据。"),
            Text("Answer again in a minute; nobody reads what was withdrawn meanwhile.",
                 "请一分钟后再试；其间已撤回的数据不会被读取。"),
        ) from fault  # fmt: skip


@dataclass(frozen=True)
class Mine:
    """A patient, or who speaks for one, at their own record."""

    visit: Visit
    person: Person

    @property
    def desk(self) -> NodeDesk:
        return desk_of(self.visit.request)

    @contextmanager
    def open(self) -> Iterator[tuple[Agent, Hub]]:
        """Raises Refused for who does not speak for the person any more."""
        with self.desk.where() as (agent, hub):
            check_speaks(agent, self.person.subject, self.person.by, self.person.speaker)
            yield agent, hub

    def saying(self, purpose: str, **more: Any) -> Saying:
        """A word of theirs on this purpose."""
        who = self.person
        return Saying(
            who.subject,
            purpose,
            by=who.by,
            speaker=who.speaker,
            ground=who.ground,
            language=self.visit.language,
            **more,
        )


@dataclass(frozen=True)
class Staff:
    """Somebody who runs the hospital's node."""

    visit: Visit

    @property
    def desk(self) -> NodeDesk:
        return desk_of(self.visit.request)


def desk_of(request: Request) -> NodeDesk:
    found: NodeDesk = request.app.state.desk
    return found


def _mine(visit: Visiting) -> Mine:
    if visit.account.role != PATIENT:
        raise no_page()
    return Mine(visit, desk_of(visit.request).people.of(visit.account.login))


def _staff(visit: Visiting) -> Staff:
    if visit.account.role != OPERATOR:
        raise no_page()
    return Staff(visit)


AsPatient = Annotated[Mine, Depends(_mine)]
AsStaff = Annotated[Staff, Depends(_staff)]
