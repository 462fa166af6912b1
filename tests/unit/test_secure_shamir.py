"""Secret sharing: enough shares give the secret back, fewer fit every secret."""

import itertools
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from huizhen.secure import shamir
from secure_round import coins

SECRET = bytes(range(32))


def is_prime(n: int) -> bool:
    """Miller and Rabin, to 40 bases."""
    odd, twos = n - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    return all(
        (x := pow(base, odd, n)) in {1, n - 1} or any((x := x * x % n) == n - 1 for _ in range(twos - 1))
        for base in range(2, 42)
    )


def test_the_field_is_the_first_above_32_bytes() -> None:
    assert is_prime(shamir.PRIME)
    assert not any(is_prime(n) for n in range(2**256, shamir.PRIME))


@settings(max_examples=40)
@given(st.binary(min_size=32, max_size=32), st.integers(1, 12), st.data())
def test_any_set_of_enough_holders_recovers(secret: bytes, holders: int, data: st.DataObject) -> None:
    threshold = data.draw(st.integers(1, holders))
    shares = shamir.share(secret, holders, threshold, coins("deal"))
    chosen = data.draw(st.sets(st.integers(1, holders), min_size=threshold))
    assert shamir.recover({i: shares[i - 1] for i in chosen}, threshold) == secret


@pytest.mark.parametrize("secret", [bytes(32), b"\xff" * 32])
def test_the_ends_of_the_range_come_back(secret: bytes) -> None:
    shares = shamir.share(secret, 5, 3, coins("ends"))
    for places in itertools.combinations(range(1, 6), 3):
        assert shamir.recover({i: shares[i - 1] for i in places}, 3) == secret


def test_one_share_too_few_fits_every_secret() -> None:
    """With t - 1 shares and any secret whatever there is a polynomial: they say nothing about the right one."""
    shares = shamir.share(SECRET, 5, 3, coins("blind"))
    for other in (bytes(32), b"\x55" * 32, SECRET):
        points = {
            0: int.from_bytes(other, "big"),
            1: int.from_bytes(shares[0], "big"),
            2: int.from_bytes(shares[1], "big"),
        }
        third = 0
        for i, y in points.items():
            weight = Fraction(1)
            for j in points:
                weight *= Fraction(3 - j, i - j) if j != i else 1
            third += y * int(weight)
        forged = {1: shares[0], 2: shares[1], 3: (third % shamir.PRIME).to_bytes(33, "big")}
        assert shamir.recover(forged, 3) == other
    with pytest.raises(ValueError, match="too few"):
        shamir.recover({1: shares[0], 2: shares[1]}, 3)


def test_shares_are_fresh_each_time() -> None:
    random = coins("fresh")
    assert not set(shamir.share(SECRET, 4, 3, random)) & set(shamir.share(SECRET, 4, 3, random))


def test_shares_of_two_secrets_do_not_give_either() -> None:
    first = shamir.share(SECRET, 4, 3, coins("first"))
    second = shamir.share(b"\x01" * 32, 4, 3, coins("second"))
    mixed = shamir.recover({1: first[0], 2: first[1], 3: second[2]}, 3)
    assert mixed not in {SECRET, b"\x01" * 32}


@pytest.mark.parametrize(
    "shares", [{0: b"\0" * 33, 1: b"\0" * 33}, {1: b"\0" * 32, 2: b"\0" * 33}, {1: b"\xff" * 33, 2: b"\0" * 33}]
)
def test_what_is_no_share_is_refused(shares: dict[int, bytes]) -> None:
    with pytest.raises(ValueError, match="not a share"):
        shamir.recover(shares, 2)


def test_shares_that_meet_outside_32_bytes_belong_to_no_secret() -> None:
    beyond = (2**256 + 5).to_bytes(33, "big")
    with pytest.raises(ValueError, match="belong"):
        shamir.recover({1: beyond}, 1)


@pytest.mark.parametrize(("secret", "holders", "threshold"), [(b"short", 3, 2), (SECRET, 3, 4), (SECRET, 3, 0)])
def test_impossible_orders_are_refused(secret: bytes, holders: int, threshold: int) -> None:
    with pytest.raises(ValueError, match="shared among"):
        shamir.share(secret, holders, threshold, coins(""))
    with pytest.raises(ValueError, match="too few"):
        shamir.recover({}, 0)
