"""Countries by ISO 3166 code, as far as the rules ask for them."""

from __future__ import annotations

_WEST = ("AT", "BE", "DE", "DK", "ES", "FI", "FR", "GR", "IE", "IT", "LU", "NL", "PT", "SE")
_EAST = ("BG", "CY", "CZ", "EE", "HR", "HU", "LT", "LV", "MT", "PL", "RO", "SI", "SK")
EU = (*_WEST, *_EAST)
EEA = (*EU, "IS", "LI", "NO")
ADEQUATE = ("AD", "AR", "CA", "CH", "FO", "GB", "GG", "IL", "IM", "JE", "JP", "KR", "NZ", "UY")
"""By decision of the European Commission, from memory; Canada for commercial organisations only."""


def in_eu(code: str) -> bool:
    return code in EU


def in_eea(code: str) -> bool:
    return code in EEA
