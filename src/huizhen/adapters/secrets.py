"""Secrets that are shown once, and of which only SHA-256 is kept: tokens, sign-in links, sessions, challenges."""

from __future__ import annotations

import base64
import hashlib
import os


def new_secret(prefix: str = "") -> str:
    """32 random bytes as text for addresses and headers (RFC 4648, base64url without padding), behind `prefix`."""
    return prefix + base64.urlsafe_b64encode(os.urandom(32)).decode().rstrip("=")


def digest(secret: str) -> str:
    """What is kept of it, hexadecimal. 256 random bits need no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()
