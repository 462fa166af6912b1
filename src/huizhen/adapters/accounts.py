"""Accounts of people at the console: who they are, how they sign in with a password and a second factor, or a link.

A password is kept as Argon2id (RFC 9106); the seed of the one-time codes (RFC 6238) is sealed with a key that is not in
the database; a link opens one session and is then gone. After five wrong tries an account waits, for longer each time.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, delete, insert, select, update

from huizhen.adapters import database as db
from huizhen.adapters.locker import Locker
from huizhen.adapters.secrets import digest, new_secret
from huizhen.kit.clock import Clock, stamp
from huizhen.kit.errors import BadInput, Conflict, NotFound, Refused
from huizhen.kit.text import Text, did_you_mean

if TYPE_CHECKING:
    from argon2 import PasswordHasher

TRIES = 5
"""Wrong ones in a row after which an account waits."""
_LONGEST_WAIT = timedelta(hours=1)
SHORTEST, LONGEST = 12, 200
"""Characters of a password (NIST SP 800-63B-4, 3.1.1.2, asks for 15 alone and 8 beside a second factor)."""
_STEP = 30
_ISSUER = "Huizhen"


@dataclass(frozen=True)
class Account:
    """A person's account: in which party's name and role it acts, and by which ways it can be opened."""

    login: str
    party: str
    role: str
    created_utc: str
    closed_utc: str | None
    has_password: bool

    def as_json(self) -> dict[str, Any]:
        return {**vars(self)}


def _read(row: Any) -> Account:
    both = row.password is not None and row.totp is not None
    return Account(row.login, row.party, row.role, row.created_utc, row.closed_utc, both)


@cache
def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher

    return PasswordHasher()


@cache
def _nobodys() -> str:
    """What a password is held against where there is no account: it takes as long."""
    return _hasher().hash(new_secret())


class Accounts:
    """`seed` is the private key of the hub, or of the node whose pages they open: it seals the seeds of codes."""

    def __init__(self, engine: Engine, clock: Clock, seed: bytes) -> None:
        self._engine = engine
        self._clock = clock
        self._locker = Locker(seed, b"huizhen one-time codes")

    # -- accounts

    def add(self, login: str, party: str, role: str) -> Account:
        """Raises Conflict for a name that is taken."""
        row = {
            "login": login,
            "party": party,
            "role": role,
            "created_utc": stamp(self._clock()),
            "totp_step": 0,
            "failures": 0,
        }
        with db.writing(self._engine) as c:
            if c.execute(select(db.account.c.login).where(db.account.c.login == login)).first():
                raise Conflict(
                    "account-there",
                    Text(f"There is an account '{login}' already.", f"账户“{login}”已存在。"),
                    Text("`account link` prints a new link for it.", "可用 `account link` 打印新链接。"),
                )
            c.execute(insert(db.account).values(row))
        return self.find(login)

    def all(self) -> list[Account]:
        with self._engine.connect() as c:
            return [_read(r) for r in c.execute(select(db.account).order_by(db.account.c.login))]

    def find(self, login: str) -> Account:
        """Raises NotFound."""
        known = {a.login: a for a in self.all()}
        if login not in known:
            hint = did_you_mean(login, list(known))
            raise NotFound(
                "unknown-account",
                Text(f"There is no account '{login[:64]}'{hint.en}.", f"没有账户“{login[:64]}”{hint.zh}。"),
                Text("`account list` shows those there are.", "可用 `account list` 查看。"),
            )
        return known[login]

    def close(self, login: str) -> None:
        """From the next request on nothing opens this account: its sessions, links, passkeys and password are gone."""
        self.find(login)
        with db.writing(self._engine) as c:
            for table in (db.session, db.sign_in_link, db.passkey):
                c.execute(delete(table).where(table.c.login == login))
            gone = {"closed_utc": stamp(self._clock()), "password": None, "totp": None}
            c.execute(update(db.account).where(db.account.c.login == login).values(gone))

    # -- links

    def link(self, login: str, hours: float) -> str:
        """The secret of a new sign-in link; an earlier one is void. Raises NotFound; Refused for a closed account."""
        if self.find(login).closed_utc is not None:
            raise _wrong()
        secret, until = new_secret(), stamp(self._clock() + timedelta(hours=hours))
        with db.writing(self._engine) as c:
            c.execute(delete(db.sign_in_link).where(db.sign_in_link.c.login == login))
            c.execute(insert(db.sign_in_link).values(hash=digest(secret), login=login, until_utc=until))
        return secret

    def by_link(self, secret: str) -> Account:
        """Who comes by this link, which is used up by it. Raises Refused."""
        with db.writing(self._engine) as c:
            row = c.execute(select(db.sign_in_link).where(db.sign_in_link.c.hash == digest(secret))).first()
            c.execute(delete(db.sign_in_link).where(db.sign_in_link.c.hash == digest(secret)))
        if row is None or row.until_utc <= stamp(self._clock()):
            raise Refused(
                "link-not-valid",
                Text("This sign-in link is unknown, used or too old.", "该登录链接不存在、已使用或已过期。"),
                Text("Ask whoever gave you your account for a new one.", "请向为您开设账户的一方索取新链接。"),
            )
        return self._open(row.login)

    # -- password and second factor

    def new_codes(self) -> str:
        """A seed of one-time codes, base32, as apps that show codes read it."""
        import pyotp

        return pyotp.random_base32()

    def codes_address(self, login: str, codes: str) -> str:
        """The same as an address that such apps read from a picture (otpauth)."""
        import pyotp

        return pyotp.TOTP(codes).provisioning_uri(name=login, issuer_name=_ISSUER)

    def set_password(self, login: str, password: str, codes: str, code: str) -> None:
        """Set both factors at once; `code` shows that the app has the seed. Raises BadInput; changes nothing then."""
        if not SHORTEST <= len(password) <= LONGEST or len(set(password)) < TRIES or login in password:
            raise BadInput(
                "weak-password",
                Text(f"A password has {SHORTEST} to {LONGEST} characters, and not your name in it.",
                     f"密码须为 {SHORTEST} 至 {LONGEST} 个字符，且不含您的账户名。"),
                Text("Take several words that do not belong together.", "请使用几个互不相关的词。"),
            )  # fmt: skip
        step = self._step(codes, code, 0)
        if step is None:
            raise BadInput(
                "wrong-code",
                Text("The six digits are not those of this seed now.", "这六位数字与当前密钥不符。"),
                Text("Read the picture again with your app; is the clock of your device right?",
                     "请用应用重新扫描图片，并确认设备时间准确。"),
            )  # fmt: skip
        both = {
            "password": _hasher().hash(password),
            "totp": self._locker.seal(login, codes.encode()),
            "totp_step": step,
        }
        with db.writing(self._engine) as c:
            c.execute(update(db.account).where(db.account.c.login == login).values(**both, failures=0))

    def by_password(self, login: str, password: str, code: str) -> Account:
        """Who this is. Raises Refused, the same for every reason: which of the three was wrong is not told, nor whether
        there is such an account. A one-time code opens once."""
        with self._engine.connect() as c:
            row = c.execute(select(db.account).where(db.account.c.login == login)).first()
        right = _is_right(row.password if row is not None else None, password[:LONGEST])
        now = stamp(self._clock())
        with db.writing(self._engine) as c:
            row = c.execute(select(db.account).where(db.account.c.login == login)).first()
            if row is None or row.totp is None or (row.locked_until_utc or "") > now:
                raise _wrong()
            codes = self._locker.unseal(login, row.totp)
            step = None if codes is None else self._step(codes.decode(), code, row.totp_step)
            passed = right and step is not None
            self._note(c, row, step if passed else None)
        if not passed:
            raise _wrong()
        return self._open(login)

    def _note(self, c: Connection, row: Any, step: int | None) -> None:
        """Count a wrong try, or forget the earlier ones."""
        told: dict[str, int | str | None]
        if step is not None:
            told = {"failures": 0, "locked_until_utc": None, "totp_step": step}
        else:
            failures = row.failures + 1
            wait = min(_LONGEST_WAIT, timedelta(minutes=2 ** max(0, failures - TRIES)))
            until = stamp(self._clock() + wait) if failures >= TRIES else None
            told = {"failures": failures, "locked_until_utc": until}
        c.execute(update(db.account).where(db.account.c.login == row.login).values(told))

    def _open(self, login: str) -> Account:
        found = self.find(login)
        if found.closed_utc is not None:
            raise _wrong()
        return found

    def _step(self, codes: str, code: str, after: int) -> int | None:
        """The time step of this code, now or one before or after, if it is later than `after`; else None."""
        import pyotp

        totp, now = pyotp.TOTP(codes), int(self._clock().timestamp()) // _STEP
        for step in (now - 1, now, now + 1):
            if step > after and hmac.compare_digest(totp.generate_otp(step).encode(), code.strip().encode()):
                return step
        return None


def _is_right(kept: str | None, password: str) -> bool:
    from argon2.exceptions import VerifyMismatchError

    try:
        return _hasher().verify(kept or _nobodys(), password) and kept is not None
    except VerifyMismatchError:
        return False


def _wrong() -> Refused:
    return Refused(
        "sign-in-refused",
        Text("Name, password or code is not right, or there were too many wrong tries.",
             "账户名、密码或验证码不正确，或错误次数过多。"),
        Text(f"Try again; after {TRIES} wrong tries an account waits a minute, then longer. "
             "Whoever gave you your account can give you a new link.",
             f"请重试；连续错误 {TRIES} 次后账户须等待一分钟，此后更久。为您开设账户的一方可提供新链接。"),
    )  # fmt: skip
