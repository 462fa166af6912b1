"""The key file of a party: made and kept by the party, read only to sign with, never sent anywhere.

It is PEM (PKCS #8, RFC 5958), so that other tools may sign with it, too: Ed25519 as in RFC 8410.
"""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from huizhen.kit.errors import BadInput, Conflict, NotFound
from huizhen.kit.keys import SigningKey
from huizhen.kit.text import Text


def make(path: Path) -> SigningKey:
    """A new key in a new file that only its owner can read. Raises Conflict where there is a file."""
    private = Ed25519PrivateKey.generate()
    write_new(path, private)
    return SigningKey(private.private_bytes_raw())


def write_new(path: Path, private: Ed25519PrivateKey | EllipticCurvePrivateKey) -> None:
    """Write a key to a new file that only its owner can read. Raises Conflict where there is a file."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise Conflict(
            "key-file-exists",
            Text(
                f"There is a file {path} already; a key is never written over.", f"文件 {path} 已存在；密钥不会被覆盖。"
            ),
            Text("Name another file.", "请换一个文件名。"),
        ) from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def read(path: Path) -> SigningKey:
    """The key in a file. Raises NotFound without the file, BadInput for one that is no Ed25519 key."""
    if not path.is_file():
        raise NotFound(
            "no-key-file",
            Text(f"There is no key file {path}.", f"没有密钥文件 {path}。"),
            Text("Make one with `huizhen party key --out FILE`.", "可用 `huizhen party key --out 文件` 生成。"),
        )
    try:
        found = load_pem_private_key(path.read_bytes(), None)
        if not isinstance(found, Ed25519PrivateKey):
            raise ValueError("another kind of key")
    except (ValueError, TypeError) as error:
        raise BadInput(
            "bad-key-file",
            Text(f"{path} is not an Ed25519 key without a password (PEM, PKCS #8).",
                 f"{path} 不是无口令的 Ed25519 密钥（PEM，PKCS #8）。"),
            Text("Make one with `huizhen party key --out FILE`.", "可用 `huizhen party key --out 文件` 生成。"),
        ) from error  # fmt: skip
    return SigningKey(found.private_bytes_raw())
