"""Who was in a study, as one commitment: a Merkle tree (RFC 9162, 2.1) over the sorted HMACs of their pseudonyms.

Sorted, so that of anybody it can be shown that they are in it, or that they are not, and nobody else is named. Places
in the tree are those by which odd fen are dealt out (`market.patients`), so that a proof says what is owed, too.
"""

from __future__ import annotations

import hmac
from bisect import bisect_left
from collections.abc import Iterable
from hashlib import sha256

from pydantic import Field

from huizhen.kit.errors import Tampered
from huizhen.kit.text import Text
from huizhen.ledger.merkle import EMPTY_ROOT, Tree, leaf_hash, verify_inclusion
from huizhen.ledger.tiles import Frontier
from huizhen.model.document import Document

_DOMAIN = b"huizhen/inclusion/v1\n"
_HEX = r"^[0-9a-f]{64}$"


class Place(Document):
    """Where a value stands among all of them, and the way from it to the root."""

    index: int = Field(ge=0)
    value: str = Field(pattern=_HEX)
    path: tuple[str, ...]

    def check(self, people: int, root: bytes) -> None:
        """Raises Tampered."""
        path = tuple(bytes.fromhex(each) for each in self.path)
        verify_inclusion(leaf_hash(bytes.fromhex(self.value)), self.index, people, path, root)


class Membership(Document):
    """That somebody is in it (`here`), or stands between two neighbours and is not. `salt` is of this study alone: with
    it nobody can be found whose pseudonym is not known."""

    people: int = Field(ge=0)
    root: str = Field(pattern=_HEX)
    salt: str = Field(pattern=r"^([0-9a-f]{2}){16,64}$")
    here: Place | None = None
    before: Place | None = None
    after: Place | None = None


class Members:
    """The people of one study at one hospital, by pseudonym, under a secret salt of at least 16 bytes."""

    def __init__(self, people: Iterable[str], salt: bytes) -> None:
        self._salt = salt
        self._values = sorted(_value(person, salt) for person in people)

    def commitment(self) -> str:
        """SHA-256 over the number of people and the root, in hexadecimal: neither can be told from it."""
        frontier = Frontier()
        frontier.add(b"".join([leaf_hash(value) for value in self._values]))
        return _commitment(len(self._values), frontier.root())

    def membership(self, person: str) -> Membership:
        """The proof of whether this person is in it."""
        values, value = self._values, _value(person, self._salt)
        tree, at = Tree(leaf_hash(each) for each in values), bisect_left(values, value)

        def place(index: int) -> Place | None:
            if not 0 <= index < len(values):
                return None
            path = tuple(each.hex() for each in tree.inclusion_proof(index))
            return Place(index=index, value=values[index].hex(), path=path)

        found = Membership(people=len(values), root=tree.root().hex(), salt=self._salt.hex())
        if at < len(values) and values[at] == value:
            return found.model_copy(update={"here": place(at)})
        return found.model_copy(update={"before": place(at - 1), "after": place(at)})


def check(shown: Membership, person: str, commitment: str) -> int | None:
    """The person's place, or None where they are not in it. Raises Tampered for what proves neither: another tree, the
    place of somebody else, neighbours that leave room for the person."""
    root, value = bytes.fromhex(shown.root), _value(person, bytes.fromhex(shown.salt)).hex()
    if _commitment(shown.people, root) != commitment:
        raise _wrong()
    for each in (shown.here, shown.before, shown.after):
        if each is not None:
            each.check(shown.people, root)
    if shown.here is not None:
        if shown.here.value != value:
            raise _wrong()
        return shown.here.index
    before, after = shown.before, shown.after
    first = -1 if before is None else before.index
    last = shown.people if after is None else after.index
    between = (before is None or before.value < value) and (after is None or value < after.value)
    if last != first + 1 or not between or (not shown.people and root != EMPTY_ROOT):
        raise _wrong()
    return None


def _commitment(people: int, root: bytes) -> str:
    return sha256(_DOMAIN + people.to_bytes(8, "big") + root).hexdigest()


def _value(person: str, salt: bytes) -> bytes:
    return hmac.digest(salt, person.encode(), "sha256")


def _wrong() -> Tampered:
    return Tampered(
        "bad-membership",
        Text("This does not show whether the person was in the study.", "这不能证明此人是否在该研究中。"),
        Text("Ask the hospital for it again; keep what it gave you.", "请向医院重新索取，并保留其所给文件。"),
    )
