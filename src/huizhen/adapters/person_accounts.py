"""At a hospital's console: which account is whose, what people asked of the hospital there, and what is still to be
done for them. A number at the hospital, and what somebody wrote, are sealed under the node's own key.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy import Column, Engine, Integer, LargeBinary, MetaData, String, Table, delete, insert, select, update

from huizhen.adapters import database as db
from huizhen.adapters.locker import Locker
from huizhen.kit.clock import Clock, stamp
from huizhen.kit.errors import Conflict, NotFound, Tampered
from huizhen.kit.text import Text
from huizhen.model.consent import By
from huizhen.model.right import Right

_TABLES = MetaData()
_person = Table(
    "person_account",
    _TABLES,
    Column("login", String, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
)
_asked = Table(
    "person_request",
    _TABLES,
    Column("number", Integer, primary_key=True),
    Column("login", String, nullable=False, index=True),
    Column("right", String, nullable=False),
    Column("at_utc", String, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("answered_utc", String),
    Column("answer", LargeBinary),
)
_due = Table("person_due", _TABLES, Column("login", String, primary_key=True))


@dataclass(frozen=True)
class Person:
    """Whose record an account is about (`subject`, the number in the hospital's tables), and who speaks by it: the
    person, or somebody for them, with the ground."""

    subject: str
    by: By = "person"
    speaker: str | None = None
    ground: str | None = None


@dataclass(frozen=True)
class Asked:
    """A right that somebody claimed at the console. `verdict` and `reply` once the hospital has answered."""

    number: int
    login: str
    right: Right
    at_utc: str
    text: str
    answered_utc: str | None = None
    verdict: str = ""
    reply: str = ""
    reasons: tuple[tuple[str, Text], ...] = ()
    """What each rule answered."""


class PersonAccounts:
    """Over the console's database; `seed` is the node's private key."""

    def __init__(self, engine: Engine, clock: Clock, seed: bytes) -> None:
        self._engine, self._clock = engine, clock
        self._locker = Locker(seed, b"huizhen persons of accounts")
        _TABLES.create_all(engine)

    # -- whose account it is

    def put(self, login: str, person: Person) -> None:
        sealed = self._locker.seal(login, json.dumps(asdict(person)).encode())
        with db.writing(self._engine) as c:
            c.execute(insert(_person).values(login=login, sealed=sealed))

    def of(self, login: str) -> Person:
        """Raises NotFound for an account that is nobody's; Tampered for one that was moved to somebody else."""
        with self._engine.connect() as c:
            row = c.execute(select(_person).where(_person.c.login == login)).first()
        if row is None:
            raise NotFound(
                "nobodys-account",
                Text("No person's record belongs to this account.", "该账户未关联任何患者记录。"),
                Text("Ask the hospital for a new account.", "请向医院申请新账户。"),
            )
        return Person(**json.loads(self._open(login, row.sealed)))

    def _open(self, login: str, sealed: bytes) -> bytes:
        content = self._locker.unseal(login, sealed)
        if content is None:
            raise Tampered(
                "account-moved",
                Text("What belongs to this account was not written by this node.", "该账户的内容并非由本节点写入。"),
                Text("Close the account, and make a new one.", "请关闭该账户并重新开设。"),
            )
        return content

    # -- what people ask of the hospital

    def ask(self, login: str, right: Right, text: str) -> int:
        """Keep a claim for the hospital to answer; its number. Raises Conflict where the same one still waits."""
        with db.writing(self._engine) as c:
            same = (_asked.c.login == login, _asked.c.right == right, _asked.c.answered_utc.is_(None))
            if c.execute(select(_asked.c.number).where(*same)).first():
                raise Conflict(
                    "asked-already",
                    Text("You have asked for this already, and the hospital has not answered yet.",
                         "您已提出该请求，医院尚未答复。"),
                    Text("The answer will stand here.", "答复将显示在此处。"),
                )  # fmt: skip
            row = {"login": login, "right": right, "at_utc": stamp(self._clock()),
                   "sealed": self._locker.seal(login, text.encode())}  # fmt: skip
            made = c.execute(insert(_asked).values(row)).inserted_primary_key
        return int(made[0]) if made else 0

    def asked(self, login: str | None = None) -> list[Asked]:
        """Newest first; of one account, or all."""
        query = select(_asked).order_by(_asked.c.number.desc())
        with self._engine.connect() as c:
            rows = c.execute(query if login is None else query.where(_asked.c.login == login)).all()
        return [self._read(row) for row in rows]

    def find(self, number: int) -> Asked:
        """Raises NotFound."""
        with self._engine.connect() as c:
            row = c.execute(select(_asked).where(_asked.c.number == number)).first()
        if row is None:
            raise _no_request()
        return self._read(row)

    def answer(self, number: int, verdict: str, reply: str, reasons: Sequence[tuple[str, Text]] = ()) -> None:
        """Keep what the law answered, and what the hospital says. Raises NotFound; Conflict where that was done."""
        found = self.find(number)
        if found.answered_utc is not None:
            raise Conflict(
                "answered-already",
                Text("This has been answered already.", "该请求已答复。"),
                Text("The person can ask anew.", "本人可再次提出。"),
            )
        content = json.dumps({"verdict": verdict, "reply": reply, "reasons": list(reasons)}).encode()
        told = {"answered_utc": stamp(self._clock()), "answer": self._locker.seal(found.login, content)}
        with db.writing(self._engine) as c:
            c.execute(update(_asked).where(_asked.c.number == number).values(told))

    def _read(self, row: Any) -> Asked:
        text = self._open(row.login, row.sealed).decode()
        asked = Asked(row.number, row.login, row.right, row.at_utc, text, row.answered_utc)
        if row.answer is None:
            return asked
        found = json.loads(self._open(row.login, row.answer))
        reasons = tuple((rule, Text(*said)) for rule, said in found["reasons"])
        return replace(asked, verdict=found["verdict"], reply=found["reply"], reasons=reasons)

    # -- what is to be done after a withdrawal

    def owe(self, login: str) -> None:
        """After a withdrawal: what no consent covers any more is still to be deleted."""
        with db.writing(self._engine) as c:
            c.execute(delete(_due).where(_due.c.login == login))
            c.execute(insert(_due).values(login=login))

    def owed(self) -> list[str]:
        with self._engine.connect() as c:
            return [row.login for row in c.execute(select(_due).order_by(_due.c.login))]

    def done(self, login: str) -> None:
        with db.writing(self._engine) as c:
            c.execute(delete(_due).where(_due.c.login == login))


def _no_request() -> NotFound:
    return NotFound(
        "no-such-request",
        Text("There is no such request.", "没有该请求。"),
        Text("Go to the list of requests.", "请返回请求列表。"),
    )
