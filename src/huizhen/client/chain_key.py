"""The key file of an account on an EVM chain: PEM (PKCS #8) of a key on secp256k1, as `openssl ecparam` makes it."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ec import SECP256K1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from huizhen.client.party_key import write_new
from huizhen.kit.errors import BadInput, NotFound
from huizhen.kit.text import Text


def make(path: Path) -> bytes:
    """A new account's key, 32 bytes, in a new file that only its owner can read. Raises Conflict."""
    private = generate_private_key(SECP256K1())
    write_new(path, private)
    return _raw(private)


def read(path: Path) -> bytes:
    """The key in a file, 32 bytes. Raises NotFound without the file, BadInput for one that is no such key."""
    remedy = Text("Make one with `huizhen chain key --out FILE`.", "可用 `huizhen chain key --out 文件` 生成。")
    if not path.is_file():
        raise NotFound("no-account-file", Text(f"There is no file {path}.", f"没有文件 {path}。"), remedy)
    try:
        found = load_pem_private_key(path.read_bytes(), None)
        if not isinstance(found, EllipticCurvePrivateKey) or not isinstance(found.curve, SECP256K1):
            raise ValueError("another kind of key")
    except (ValueError, TypeError) as error:
        raise BadInput(
            "bad-account-file",
            Text(f"{path} is not a secp256k1 key without a password (PEM, PKCS #8).",
                 f"{path} 不是无口令的 secp256k1 密钥（PEM，PKCS #8）。"),
            remedy,
        ) from error  # fmt: skip
    return _raw(found)


def _raw(private: EllipticCurvePrivateKey) -> bytes:
    return private.private_numbers().private_value.to_bytes(32, "big")
