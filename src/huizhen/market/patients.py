"""A node's share for its patients, passed on equally: no one is favoured by name, by order, or by hospital.

Two people of one study differ by at most one fen, also across nodes. The hub gives a node with n of all T people the
floor or ceiling of P n / T. With P = b T + r and 0 <= r < T that is b n + r n / T, and 0 <= r n / T < n, so the node
receives from b n to (b + 1) n fen, and an equal split of these gives b or b + 1 to each.
"""

from __future__ import annotations

from collections.abc import Sequence

from huizhen.kit.canonical import salted
from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text


def share_out(total_fen: int, people: Sequence[str], salt: bytes) -> dict[str, int]:
    """Fen by person: equal shares, the fen that do not divide to the smallest HMAC-SHA256(salt, person).

    `people` are the node's own pseudonyms, each once; `salt` is secret, at least 16 bytes, and of one study, so that
    the odd fen fall on others each time. The shares sum to the total. Raises BadInput("bad-share-out").
    """
    if total_fen < 0 or len(set(people)) != len(people) or len(salt) < 16 or (total_fen and not people):
        raise BadInput(
            "bad-share-out",
            Text(
                "A share is not negative, has someone to receive it, each person once, and a salt of 16 bytes or more.",
                "待分配金额不得为负，须有受益人且每人只计一次，盐值不少于 16 字节。",
            ),
            Text(
                "Run the study's settlement again from what the node has kept.", "请根据节点留存的记录重新结算该研究。"
            ),
        )
    if not people:
        return {}
    order = sorted(people, key=lambda person: salted(salt, person.encode()))
    return {person: owed(total_fen, len(people), place) for place, person in enumerate(order)}


def owed(total_fen: int, people: int, place: int) -> int:
    """What the one at that place in the order of the salted values receives of the node's share, in fen; the order is
    that of the study's commitment to who was in it (`ledger.inclusion`)."""
    base, odd = divmod(total_fen, people)
    return base + (place < odd)
