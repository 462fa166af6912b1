"""A node's share passed on to its patients."""

from __future__ import annotations

import pytest

from huizhen.kit.errors import BadInput
from huizhen.market.patients import share_out

SALT = b"s" * 16


def test_equal_shares_and_the_odd_fen_by_salted_hash() -> None:
    assert share_out(9, ["c", "a", "b"], SALT) == {"a": 3, "b": 3, "c": 3}
    shares = share_out(11, ["c", "a", "b"], SALT)
    assert sorted(shares.values()) == [3, 4, 4]
    assert shares == share_out(11, ["b", "c", "a"], SALT)


def test_no_name_is_favoured() -> None:
    """Over many studies, each with its own salt, the one odd fen falls on each of four people about as often."""
    got = dict.fromkeys("abcd", 0)
    for study in range(2_000):
        for person, fen in share_out(1, list(got), study.to_bytes(16, "big")).items():
            got[person] += fen
    assert sum(got.values()) == 2_000
    assert all(400 < fen < 600 for fen in got.values())


def test_nobody_shares_nothing() -> None:
    assert share_out(0, [], SALT) == {}


@pytest.mark.parametrize(
    ("total_fen", "people", "salt"),
    [(-1, ["a"], SALT), (1, [], SALT), (1, ["a", "a"], SALT), (1, ["a"], b""), (1, ["a"], b"s" * 15)],
)
def test_what_cannot_be_shared_is_refused(total_fen: int, people: list[str], salt: bytes) -> None:
    with pytest.raises(BadInput) as caught:
        share_out(total_fen, people, salt)
    assert caught.value.code == "bad-share-out"
