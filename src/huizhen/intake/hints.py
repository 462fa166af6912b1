"""What a column's name says about its kind: findings of the strictest grade (GB/T 39725: five grades). What identifies
a person is told by `privacy.identify`."""

from __future__ import annotations

import re

from huizhen.privacy.identify.kinds import tidy

_GRADE_5 = re.compile(
    r"(^|_)(hiv|aids|syphilis|gonorrh.*|psych.*|mental.*|schizo.*|genetics?|genom.*|genotype|dna|wgs|"
    r"abortion|substance_abuse|drug_abuse)(_|$)"
)
_GRADE_5_ZH = ("艾滋", "性病", "梅毒", "淋病", "精神", "遗传", "基因", "流产", "吸毒")


def is_most_sensitive(column: str) -> bool:
    """Whether the name of a column speaks of sexual, mental or genetic matters, or of addiction: grade 5."""
    lower = tidy(column)
    return bool(_GRADE_5.search(lower)) or any(word in lower for word in _GRADE_5_ZH)
