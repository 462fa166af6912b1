"""Passkeys (WebAuthn level 2): a key in the person's own device, which opens it by finger, face or PIN.

The hub keeps public keys. A challenge is used once, and expires; the device must have checked that the person is there.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Engine, delete, insert, select, update

from huizhen.adapters import database as db
from huizhen.adapters.secrets import digest
from huizhen.kit.clock import Clock, stamp
from huizhen.kit.errors import NotFound, Refused
from huizhen.kit.text import Text

_PATIENCE = timedelta(minutes=5)
_MOST = 20
_LABEL = 60


@dataclass(frozen=True)
class Passkey:
    id: str
    label: str
    created_utc: str
    used_utc: str | None


@dataclass(frozen=True)
class Site:
    """What a passkey is bound to: the host's name, and the origin as browsers write it (https://host:port)."""

    host: str
    origin: str


class Passkeys:
    """The public keys in the hub's database, and the challenges that are open."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def of(self, login: str) -> list[Passkey]:
        query = select(db.passkey).where(db.passkey.c.login == login).order_by(db.passkey.c.created_utc)
        with self._engine.connect() as c:
            return [Passkey(r.id, r.label, r.created_utc, r.used_utc) for r in c.execute(query)]

    def remove(self, login: str, key: str) -> None:
        """Raises NotFound for one that is not this person's."""
        with db.writing(self._engine) as c:
            done = c.execute(delete(db.passkey).where(db.passkey.c.login == login, db.passkey.c.id == key))
        if not done.rowcount:
            raise NotFound(
                "unknown-passkey",
                Text("There is no such passkey.", "没有这个通行密钥。"),
                Text("Look at the list again.", "请重新查看列表。"),
            )

    # -- a new one

    def options_to_add(self, login: str, site: Site) -> dict[str, Any]:
        """What the browser is asked to make: a key that can be found without a name, opened by the person."""
        from webauthn import generate_registration_options, options_to_json
        from webauthn.helpers.structs import (
            AuthenticatorSelectionCriteria,
            PublicKeyCredentialDescriptor,
            ResidentKeyRequirement,
            UserVerificationRequirement,
        )

        asked = generate_registration_options(
            rp_id=site.host,
            rp_name="Huizhen",
            user_name=login,
            user_id=bytes.fromhex(digest(login)),
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
            ),
            exclude_credentials=[PublicKeyCredentialDescriptor(_bytes(k.id)) for k in self.of(login)],
        )
        self._put(asked.challenge, login)
        found: dict[str, Any] = json.loads(options_to_json(asked))
        return found

    def add(self, login: str, label: str, answer: dict[str, Any], site: Site) -> None:
        """Raises Refused for whatever is not the answer to an open challenge of this person's, made at this site."""
        from webauthn import verify_registration_response
        from webauthn.helpers.exceptions import InvalidJSONStructure, InvalidRegistrationResponse

        try:
            found = verify_registration_response(
                credential=answer,
                expected_challenge=self._take(answer, login),
                expected_rp_id=site.host,
                expected_origin=site.origin,
                require_user_verification=True,
            )
        except (InvalidRegistrationResponse, InvalidJSONStructure) as problem:
            raise _refused() from problem
        key = _text(found.credential_id)
        row = {"id": key, "login": login, "label": label.strip()[:_LABEL] or "passkey"}
        row["created_utc"] = stamp(self._clock())
        with db.writing(self._engine) as c:
            there = c.execute(select(db.passkey.c.id).where((db.passkey.c.login == login) | (db.passkey.c.id == key)))
            ids = [r.id for r in there]
            if key in ids or len(ids) >= _MOST:
                raise _refused()
            more = {"public_key": found.credential_public_key, "sign_count": found.sign_count}
            c.execute(insert(db.passkey).values(**row, **more))

    # -- signing in

    def options_to_sign_in(self, site: Site) -> dict[str, Any]:
        """No name is asked: the device knows whose keys it has for this site."""
        from webauthn import generate_authentication_options, options_to_json
        from webauthn.helpers.structs import UserVerificationRequirement

        asked = generate_authentication_options(rp_id=site.host, user_verification=UserVerificationRequirement.REQUIRED)
        self._put(asked.challenge, None)
        found: dict[str, Any] = json.loads(options_to_json(asked))
        return found

    def by_passkey(self, answer: dict[str, Any], site: Site) -> str:
        """The login of who shows this passkey. Raises Refused."""
        from webauthn import verify_authentication_response
        from webauthn.helpers.exceptions import InvalidAuthenticationResponse, InvalidJSONStructure

        key = str(answer.get("id", ""))
        with self._engine.connect() as c:
            row = c.execute(select(db.passkey).where(db.passkey.c.id == key)).first()
        challenge = self._take(answer, None)
        if row is None:
            raise _refused()
        try:
            found = verify_authentication_response(
                credential=answer,
                expected_challenge=challenge,
                expected_rp_id=site.host,
                expected_origin=site.origin,
                credential_public_key=row.public_key,
                credential_current_sign_count=row.sign_count,
                require_user_verification=True,
            )
        except (InvalidAuthenticationResponse, InvalidJSONStructure) as problem:
            raise _refused() from problem
        told = {"sign_count": found.new_sign_count, "used_utc": stamp(self._clock())}
        with db.writing(self._engine) as c:
            c.execute(update(db.passkey).where(db.passkey.c.id == key).values(told))
        return str(row.login)

    # -- challenges

    def _put(self, challenge: bytes, login: str | None) -> None:
        now = self._clock()
        with db.writing(self._engine) as c:
            c.execute(delete(db.challenge).where(db.challenge.c.until_utc <= stamp(now)))
            row = {"hash": digest(_text(challenge)), "login": login, "until_utc": stamp(now + _PATIENCE)}
            c.execute(insert(db.challenge).values(row))

    def _take(self, answer: dict[str, Any], login: str | None) -> bytes:
        """The challenge that this answers, which is gone by that. Raises Refused for none of ours, or another's."""
        try:
            said = json.loads(_bytes(answer["response"]["clientDataJSON"]))["challenge"]
            challenge = _bytes(str(said))
        except (KeyError, TypeError, ValueError) as problem:
            raise _refused() from problem
        hashed = digest(_text(challenge))
        with db.writing(self._engine) as c:
            row = c.execute(select(db.challenge).where(db.challenge.c.hash == hashed)).first()
            c.execute(delete(db.challenge).where(db.challenge.c.hash == hashed))
        if row is None or row.login != login or row.until_utc <= stamp(self._clock()):
            raise _refused()
        return challenge


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _refused() -> Refused:
    return Refused(
        "passkey-refused",
        Text("This passkey was not accepted.", "该通行密钥未被接受。"),
        Text("Try again, or sign in another way.", "请重试，或改用其他方式登录。"),
    )
