"""Canonical bytes: RFC 8785 (JSON Canonicalization Scheme), and what is hashed and signed over them."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from typing import Any

import rfc8785

_LONG = re.compile(r'(?<![\w"])\d{16}')
"""A number of sixteen digits or more; in a text, at times, what looks like one."""


def canonical(value: Any) -> bytes:
    """The one byte string that stands for a JSON value (RFC 8785). Raises ValueError where it is none.

    Where there is no number but small integers and no character beyond U+FFFF, Python's own encoder in C writes these
    very bytes, some twenty times faster; whatever it does not read back as it was goes the long way.
    """
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
        data = text.encode()
        if not _LONG.search(text) and _is_narrow(text) and json.loads(text, parse_float=_not_a_float) == value:
            return data
    except (TypeError, ValueError, RecursionError):
        pass
    return rfc8785.dumps(value)


def _not_a_float(_digits: str) -> None:
    """Stands for a number that JSON in Python and RFC 8785 may write differently: equal to none."""


def _is_narrow(text: str) -> bool:
    """No character beyond U+FFFF: then keys are in the same order by character and by UTF-16 unit."""
    return text.isascii() or len(text.encode("utf-16-le")) == 2 * len(text)


def digest(value: Any) -> str:
    """SHA-256 of the canonical bytes, in hexadecimal."""
    return hashlib.sha256(canonical(value)).hexdigest()


def salted(salt: bytes, content: bytes) -> str:
    """HMAC-SHA256(salt, content) in hexadecimal: a commitment that reveals nothing once the salt is gone."""
    return hmac.digest(salt, content, "sha256").hex()
