"""What a key makes of a value: for each kind its own, and the same in every table."""

from __future__ import annotations

import hmac
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from huizhen.privacy.masking import ff1
from huizhen.privacy.masking.ff1 import Bytes, Numbers

KEY_BYTES = 32
_TWEAK = 16


class Key:
    """32 secret bytes. Who has them can turn masked numbers back; who has not learns nothing of one from another."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def of(self, kind: str) -> bytes:
        """A key of 32 bytes for one kind of value (HMAC-SHA-256 as key derivation, SP 800-108)."""
        return hmac.digest(self._secret, b"huizhen-mask/1\0" + kind.encode(), "sha256")

    def permute(self, kind: str, size: int, numbers: Numbers, kept: Sequence[str]) -> Numbers:
        """Numbers below `size`, permuted by FF1; `kept`, of each, is what stays of the value, and another permutation
        for each. Raises BadInput for a size below a million."""
        return ff1.permute(self.of(kind), size, numbers, self._tweaks(kind, kept))

    def draw(self, kind: str, values: Sequence[str]) -> npt.NDArray[np.uint64]:
        """(N, 4): 256 bits for each value that nobody without the key can tell from chance."""
        key = self.of("draw/" + kind)
        drawn = b"".join(hmac.digest(key, value.encode(), "sha256") for value in values)
        return np.frombuffer(drawn, ">u8").astype(np.uint64).reshape(-1, 4)

    def _tweaks(self, kind: str, kept: Sequence[str]) -> Bytes:
        key = self.of("tweak/" + kind)
        known = {k: hmac.digest(key, k.encode(), "sha256")[:_TWEAK] for k in set(kept)}
        return np.frombuffer(b"".join(known[k] for k in kept), np.uint8).reshape(-1, _TWEAK)
