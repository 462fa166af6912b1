"""Bearer tokens: 32 random bytes that are shown once; the hub keeps SHA-256 of them, which cannot be turned back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Engine, insert, select, update

from huizhen.adapters import database as db
from huizhen.adapters.secrets import digest, new_secret
from huizhen.kit.clock import Clock, stamp
from huizhen.kit.errors import NotFound, Refused
from huizhen.kit.text import Text

_PREFIX = "hz_"
"""So that people and scanners of source code know one when they see it."""
_SHOWN = 8


@dataclass(frozen=True)
class Token:
    """What the hub knows of a token. `id` is the beginning of its hash and opens nothing; `scope` is what of its role
    it opens, nothing for all of it."""

    id: str
    name: str
    role: str
    created_utc: str
    until_utc: str
    revoked_utc: str | None
    scope: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {**vars(self), "scope": list(self.scope)}


def _read(row: Any) -> Token:
    scope = tuple((row.scope or "").split())
    return Token(row.hash[:_SHOWN], row.name, row.role, row.created_utc, row.until_utc, row.revoked_utc, scope)


class Tokens:
    """The tokens in the hub's database. Every look reads it: a token that is revoked is so from the next request on."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def add(self, name: str, role: str, days: int, scope: Sequence[str] = ()) -> tuple[str, Token]:
        """A new token, and what is known of it. The token itself is nowhere else."""
        secret = new_secret(_PREFIX)
        now = self._clock()
        row: dict[str, Any] = {
            "hash": digest(secret),
            "name": name,
            "role": role,
            "created_utc": stamp(now),
            "until_utc": stamp(now + timedelta(days=days)),
            "revoked_utc": None,
            "scope": " ".join(scope) or None,
        }
        with db.writing(self._engine) as c:
            c.execute(insert(db.token).values(**row))
        return secret, Token(row["hash"][:_SHOWN], name, role, stamp(now), row["until_utc"], None, tuple(scope))

    def all(self) -> list[Token]:
        with self._engine.connect() as c:
            return [_read(r) for r in c.execute(select(db.token).order_by(db.token.c.created_utc))]

    def revoke(self, who: str) -> int:
        """Revoke every token of that name, or the one of that id; answers how many. Raises NotFound for none."""
        query = update(db.token).where((db.token.c.name == who) | (db.token.c.hash.like(f"{_plain(who)}%")))
        with db.writing(self._engine) as c:
            done = c.execute(query.where(db.token.c.revoked_utc.is_(None)).values(revoked_utc=stamp(self._clock())))
        if not done.rowcount:
            raise NotFound(
                "unknown-token",
                Text(f"There is no valid token of '{who[:64]}'.", f"没有“{who[:64]}”的有效令牌。"),
                Text("`huizhen hub token list` shows those there are.", "可用 `huizhen hub token list` 查看。"),
            )
        return int(done.rowcount)

    def who(self, secret: str) -> Token:
        """Whose token this is. Raises Refused for one that is unknown, revoked or past its time."""
        with self._engine.connect() as c:
            row = c.execute(select(db.token).where(db.token.c.hash == digest(secret))).first()
        if row is None or row.revoked_utc is not None or row.until_utc <= stamp(self._clock()):
            raise Refused(
                "token-refused",
                Text("This token is not valid, or not any more.", "该令牌无效，或已失效。"),
                Text("Ask the trustee for a new one.", "请向受托方索取新令牌。"),
            )
        return _read(row)


def _plain(who: str) -> str:
    """An id as a pattern that stands for itself only; nothing that is no id matches."""
    return who if len(who) == _SHOWN and all(c in "0123456789abcdef" for c in who) else "-"
