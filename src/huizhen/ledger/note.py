"""Signed notes (C2SP signed-note): text, a blank line, signature lines. One byte off and the note is refused."""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from huizhen.kit.errors import BadInput, Tampered
from huizhen.kit.text import Text

ED25519 = 0x01
"""A plain Ed25519 signature over the text (C2SP signed-note)."""
COSIGNATURE = 0x04
"""A timestamped Ed25519 cosignature of a checkpoint (C2SP tlog-cosignature, cosignature/v1)."""

MAX_NOTE_BYTES = 1 << 20
_DASH = "— "
_LAST_SECOND = (1 << 63) - 1


def encode_base64(data: bytes) -> str:
    """Standard base64 with padding (RFC 4648, section 4)."""
    return b64encode(data).decode("ascii")


def decode_base64(text: str) -> bytes:
    """The bytes whose one canonical base64 form is `text`; ValueError for any other form of the same bytes."""
    try:
        data = b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error
    if encode_base64(data) != text:
        raise ValueError("not the canonical base64")
    return data


@dataclass(frozen=True)
class VerifierKey:
    """A public key by which a name signs, in one of the two algorithms; written as a C2SP vkey."""

    name: str
    algorithm: int
    public: bytes

    def __post_init__(self) -> None:
        if not is_key_name(self.name) or self.algorithm not in (ED25519, COSIGNATURE) or len(self.public) != 32:
            raise _bad_key()

    @classmethod
    def of(cls, name: str, algorithm: int, private: Ed25519PrivateKey) -> VerifierKey:
        return cls(name, algorithm, private.public_key().public_bytes_raw())

    @classmethod
    def parse(cls, vkey: str) -> VerifierKey:
        """From `name+hex key id+base64(algorithm || key)`. Raises BadInput("bad-verifier-key")."""
        name, _, rest = vkey.partition("+")
        _, _, encoded = rest.partition("+")
        try:
            material = decode_base64(encoded)
        except ValueError as error:
            raise _bad_key() from error
        if not material:
            raise _bad_key()
        key = cls(name, material[0], material[1:])
        if key.vkey != vkey:
            raise _bad_key()
        return key

    @property
    def key_id(self) -> bytes:
        """SHA-256(name || 0x0A || algorithm || key)[:4]."""
        return sha256(self.name.encode() + b"\n" + bytes([self.algorithm]) + self.public).digest()[:4]

    @property
    def vkey(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{encode_base64(bytes([self.algorithm]) + self.public)}"


class Signature(NamedTuple):
    """One signature line. `blob` is what follows the key id: a signature, or a timestamp and a signature."""

    name: str
    key_id: bytes
    blob: bytes

    @property
    def line(self) -> str:
        return f"{_DASH}{self.name} {encode_base64(self.key_id + self.blob)}\n"


class Verified(NamedTuple):
    """A signature that a known key made; `at_unix_s` is its time, for cosignatures."""

    key: VerifierKey
    at_unix_s: int | None


@dataclass(frozen=True)
class Note:
    """`text` ends in a newline; there is at least one signature, and none twice by the same key."""

    text: str
    signatures: tuple[Signature, ...]

    def serialise(self) -> bytes:
        return (self.text + "\n" + "".join(s.line for s in self.signatures)).encode()


def is_key_name(name: str) -> bool:
    """Non-empty, without spaces, plus signs and control characters (C2SP signed-note, Format)."""
    return bool(name) and "+" not in name and not any(c.isspace() or c < " " for c in name)


def parse_note(data: bytes) -> Note:
    """A note from its bytes; `parse_note(data).serialise() == data`. Raises Tampered("bad-note")."""
    try:
        if len(data) > MAX_NOTE_BYTES:
            raise ValueError("too long")
        whole = data.decode("utf-8")
        if any(c < " " and c != "\n" for c in whole) or not whole.endswith("\n"):
            raise ValueError("a control character, or no newline at the end")
        text, blank, lines = whole.rpartition("\n\n")
        if not blank or not text or not lines:
            raise ValueError("no text or no signature")
        signatures = tuple(parse_signature(line + "\n") for line in lines[:-1].split("\n"))
        note = _note(text + "\n", signatures)
        if note.serialise() != data:
            raise ValueError("not canonical")
    except ValueError as error:
        raise _bad_note() from error
    return note


def parse_signature(line: str) -> Signature:
    """One signature line, newline included. Raises ValueError for any deviation."""
    name, _, encoded = line.removeprefix(_DASH).removesuffix("\n").partition(" ")
    data = decode_base64(encoded)
    signature = Signature(name, data[:4], data[4:])
    if len(data) < 5 or not is_key_name(name) or signature.line != line:
        raise ValueError("not a signature line")
    return signature


def make_note(text: str, signatures: Sequence[Signature]) -> Note:
    """A note that `parse_note` reads back. Raises BadInput("bad-note-text")."""
    try:
        note = _note(text, tuple(signatures))
        parsed = parse_note(note.serialise())
        if parsed != note:
            raise ValueError("it would read differently")
    except (ValueError, Tampered) as error:
        raise BadInput(
            "bad-note-text",
            Text("This text and these signatures do not make a note.", "该文本与签名无法构成一份签名笔记。"),
            Text("End the text with a newline; sign once per key.", "文本须以换行结尾；每个密钥只签一次。"),
        ) from error
    return note


def sign(text: str, name: str, private: Ed25519PrivateKey) -> Signature:
    """A plain Ed25519 signature over the text."""
    key = VerifierKey.of(name, ED25519, private)
    return Signature(name, key.key_id, private.sign(text.encode()))


def cosign(text: str, name: str, private: Ed25519PrivateKey, at_unix_s: int) -> Signature:
    """A cosignature/v1 over the text of a checkpoint at a time in POSIX seconds (C2SP tlog-cosignature)."""
    if not 0 <= at_unix_s <= _LAST_SECOND:
        raise ValueError("a cosignature's time is from 0 to 2**63 - 1 seconds")
    key = VerifierKey.of(name, COSIGNATURE, private)
    signed = private.sign(_cosigned_message(text, at_unix_s))
    return Signature(name, key.key_id, at_unix_s.to_bytes(8, "big") + signed)


def check_distinct(keys: Iterable[VerifierKey]) -> Mapping[tuple[str, bytes], VerifierKey]:
    """Keys by name and key id. Raises BadInput when two share these or the public key: one signer is not two."""
    known: dict[tuple[str, bytes], VerifierKey] = {}
    publics = set()
    for key in keys:
        identity = (key.name, key.key_id)
        if identity in known or key.public in publics:
            raise BadInput(
                "key-twice",
                Text("The same key stands in the trusted keys twice.", "可信密钥中有重复的密钥。"),
                Text("Give every signer a key of its own.", "请为每个签名方使用各自的密钥。"),
            )
        known[identity] = key
        publics.add(key.public)
    return known


def verify_signatures(note: Note, keys: Iterable[VerifierKey]) -> tuple[Verified, ...]:
    """The signatures on the note by known keys, each verified; those by unknown keys are passed over (C2SP).

    Raises Tampered when a signature by a known key is wrong, or when no known key has signed; BadInput when there are
    no known keys, or one stands there twice.
    """
    known = check_distinct(keys)
    if not known:
        raise BadInput(
            "no-trusted-key",
            Text("There is no trusted key to verify with.", "没有可用于验证的可信密钥。"),
            Text("Name at least one key that you trust.", "请至少指定一个可信密钥。"),
        )
    verified = []
    for signature in note.signatures:
        key = known.get((signature.name, signature.key_id))
        if key is not None:
            verified.append(Verified(key, _verify(note.text, signature.blob, key)))
    if not verified:
        raise Tampered(
            "unsigned",
            Text("No trusted key has signed this.", "没有任何可信密钥签署过这份内容。"),
            Text("Do not rely on it; ask its sender for a signed one.", "请勿采信；请向发送方索取已签名的版本。"),
        )
    return tuple(verified)


def _verify(text: str, blob: bytes, key: VerifierKey) -> int | None:
    public = Ed25519PublicKey.from_public_bytes(key.public)
    try:
        if key.algorithm == ED25519:
            public.verify(blob, text.encode())
            return None
        at_unix_s = int.from_bytes(blob[:8], "big")
        if at_unix_s > _LAST_SECOND:
            raise InvalidSignature
        public.verify(blob[8:], _cosigned_message(text, at_unix_s))
    except InvalidSignature as error:
        raise Tampered(
            "bad-signature",
            Text(f"The signature of {key.name} does not fit this text.", f"{key.name} 的签名与该文本不符。"),
            Text(
                "Do not rely on it: either the text or the signature was changed. Keep it as evidence.",
                "请勿采信：文本或签名已被更改。请保留作为证据。",
            ),
        ) from error
    return at_unix_s


def _cosigned_message(text: str, at_unix_s: int) -> bytes:
    return f"cosignature/v1\ntime {at_unix_s}\n{text}".encode()


def _note(text: str, signatures: tuple[Signature, ...]) -> Note:
    if len({(s.name, s.key_id) for s in signatures}) != len(signatures):
        raise ValueError("a key signed twice")
    return Note(text, signatures)


def _bad_note() -> Tampered:
    return Tampered(
        "bad-note",
        Text("This is not a signed note, or not any more.", "这不是一份完好的签名笔记。"),
        Text("Get it again from where it was published, byte for byte.", "请从发布处重新获取原文，不得改动任何字节。"),
    )


def _bad_key() -> BadInput:
    return BadInput(
        "bad-verifier-key",
        Text("This is not a verifier key (name+id+key).", "这不是有效的验证密钥（名称+编号+密钥）。"),
        Text("Copy the whole line as its owner published it.", "请完整复制其所有者公布的那一行。"),
    )
