"""Sessions of people who have signed in: a random secret in a cookie, of which the hub keeps the hash."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Engine, delete, insert, select, update

from huizhen.adapters import database as db
from huizhen.adapters.secrets import digest, new_secret
from huizhen.kit.clock import Clock, parse, stamp

IDLE = timedelta(hours=1)
LONGEST = timedelta(hours=12)
"""A session ends so long after its last request, and so long after it was opened."""
_NOTED = timedelta(minutes=1)
"""How exactly the last request is kept: one write a minute at the most."""
_SHOWN = 8


@dataclass(frozen=True)
class Session:
    """`way`: passkey, password or link. `id` is the beginning of its hash, and opens nothing."""

    id: str
    login: str
    way: str
    created_utc: str
    seen_utc: str


class Sessions:
    """The sessions in the hub's database. Every request reads it: one that is ended is so from the next request on."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def open(self, login: str, way: str) -> str:
        """The secret of a new session, for the cookie; nowhere else. Whatever was in the cookie before is not used."""
        secret, now = new_secret(), self._clock()
        row = {"hash": digest(secret), "login": login, "way": way, "created_utc": stamp(now), "seen_utc": stamp(now)}
        with db.writing(self._engine) as c:
            c.execute(delete(db.session).where(db.session.c.until_utc <= stamp(now)))
            c.execute(insert(db.session).values(**row, until_utc=stamp(now + LONGEST)))
        return secret

    def find(self, secret: str) -> Session | None:
        """The session, unless it is unknown, ended or idle for too long."""
        now = self._clock()
        with self._engine.connect() as c:
            row = c.execute(select(db.session).where(db.session.c.hash == digest(secret))).first()
        if row is None or row.until_utc <= stamp(now) or parse(row.seen_utc) + IDLE <= now:
            return None
        if parse(row.seen_utc) + _NOTED <= now:
            with db.writing(self._engine) as c:
                c.execute(update(db.session).where(db.session.c.hash == row.hash).values(seen_utc=stamp(now)))
        return Session(row.hash[:_SHOWN], row.login, row.way, row.created_utc, row.seen_utc)

    def of(self, login: str) -> list[Session]:
        """Those that are open now, newest first."""
        now = self._clock()
        query = select(db.session).where(db.session.c.login == login, db.session.c.until_utc > stamp(now))
        with self._engine.connect() as c:
            rows = c.execute(query.order_by(db.session.c.created_utc.desc())).all()
        live = [r for r in rows if parse(r.seen_utc) + IDLE > now]
        return [Session(r.hash[:_SHOWN], r.login, r.way, r.created_utc, r.seen_utc) for r in live]

    def end(self, secret: str) -> None:
        with db.writing(self._engine) as c:
            c.execute(delete(db.session).where(db.session.c.hash == digest(secret)))

    def end_all(self, login: str) -> None:
        with db.writing(self._engine) as c:
            c.execute(delete(db.session).where(db.session.c.login == login))


def form_key(secret: str) -> str:
    """What every form of a session bears: nobody who lacks the cookie can make it (HMAC-SHA-256)."""
    return hmac.new(secret.encode(), b"huizhen form", hashlib.sha256).hexdigest()
