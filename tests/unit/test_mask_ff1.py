"""FF1 against the samples that NIST published, and as a permutation; identity numbers that stay identity numbers."""

from __future__ import annotations

import numpy as np
import pytest

from huizhen.kit.errors import BadInput
from huizhen.privacy.masking import identity
from huizhen.privacy.masking.ff1 import encrypt, permute
from huizhen.privacy.masking.keyed import Key

ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
AES = "2B7E151628AED2A6ABF7158809CF4F3CEF4359D8D580AA4F7F036D6F04FC6A94"
LONG = "0123456789abcdefghi"
SAMPLES = [
    (16, 10, "", "0123456789", "2433477484"),
    (16, 10, "39383736353433323130", "0123456789", "6124200773"),
    (16, 36, "3737373770717273373737", LONG, "a9tv40mll9kdu509eum"),
    (24, 10, "", "0123456789", "2830668132"),
    (24, 10, "39383736353433323130", "0123456789", "2496655549"),
    (24, 36, "3737373770717273373737", LONG, "xbj3kv35jrawxv32ysr"),
    (32, 10, "", "0123456789", "6657667009"),
    (32, 10, "39383736353433323130", "0123456789", "1001623463"),
    (32, 36, "3737373770717273373737", LONG, "xs8a0azh2avyalyzuwd"),
]
KEY = Key(bytes(range(32)))
UNTIL = np.datetime64("2026-11-28")


def written(number: int, radix: int, length: int) -> str:
    out = ""
    for _ in range(length):
        number, digit = divmod(number, radix)
        out = ALPHABET[digit] + out
    return out


@pytest.mark.parametrize(("key", "radix", "tweak", "plain", "cipher"), SAMPLES)
def test_nists_samples(key: int, radix: int, tweak: str, plain: str, cipher: str) -> None:
    told = np.frombuffer(bytes.fromhex(tweak), np.uint8).reshape(1, -1)
    number = np.array([int(plain, radix)], object)
    found = encrypt(bytes.fromhex(AES)[:key], radix, len(plain), number, told)
    assert written(int(found[0]), radix, len(plain)) == cipher


def test_wide_and_narrow_arithmetic_agree_with_one_number_at_a_time() -> None:
    key, numbers = bytes(16), np.arange(0, 10**12, 10**10 + 7)
    none = np.zeros((len(numbers), 0), np.uint8)
    together = encrypt(key, 10, 12, numbers, none)
    assert [int(encrypt(key, 10, 12, numbers[i : i + 1], none[:1])[0]) for i in range(len(numbers))] == [*together]


def test_it_permutes() -> None:
    size = 1_000_003
    found = permute(bytes(32), size, np.arange(size), np.zeros((size, 16), np.uint8))
    assert np.array_equal(np.sort(found), np.arange(size, dtype=np.uint64))
    assert (found == np.arange(size, dtype=np.uint64)).sum() < 10
    other = permute(bytes(32), size, np.arange(9), np.ones((9, 16), np.uint8))
    assert (other != found[:9]).all()


def test_fewer_than_a_million_values_are_refused() -> None:
    with pytest.raises(BadInput, match="only 999,999 values"):
        permute(bytes(32), 999_999, np.arange(3), np.zeros((3, 16), np.uint8))
    with pytest.raises(BadInput, match="only 100,000 values"):
        encrypt(bytes(16), 10, 5, np.arange(3), np.zeros((3, 0), np.uint8))


def people(many: int, seed: int = 3) -> list[str]:
    chance = np.random.default_rng(seed)
    days = np.datetime64("1925-01-01") + chance.integers(0, 37_000, many)
    codes = chance.choice(["110101", "310104", "440103", "653101"], many)
    serial = chance.integers(0, 1000, many)
    written = [f"{c}{str(d).replace('-', '')}{s:03d}" for c, d, s in zip(codes, days, serial, strict=True)]
    return list(dict.fromkeys(identity.with_check(written)))


def test_a_number_is_right_by_every_part_of_it() -> None:
    right = "11010519491231002X"  # the example of GB 11643-1999
    wrong = ["110105194912310021", "11010519490231002X", "99010519491231002X", "1101051949123100", "", "一" * 18,
             "11010517491231002X", right + "1"]  # fmt: skip
    assert identity.valid([right, right.lower(), "440524188001010014"]).all()
    assert not identity.valid(wrong).any()


@pytest.mark.parametrize("regions", [(), ("110101", "310104", "110102", "500101")])
def test_masked_numbers_are_right_and_different_and_no_two_become_one(regions: tuple[str, ...]) -> None:
    before = people(20_000)
    after = identity.masked(before, KEY, UNTIL, regions=regions)
    assert identity.valid(after).all() and len(set(after)) == len(before)
    assert sum(a == b for a, b in zip(after, before, strict=True)) < 3
    assert all(int(a[16]) % 2 == int(b[16]) % 2 for a, b in zip(after, before, strict=True))
    assert all(abs(int(a[6:10]) - int(b[6:10])) <= 10 for a, b in zip(after, before, strict=True))
    assert max(a[6:14] for a in after) <= "20261128"
    for a, b in zip(after, before, strict=True):
        assert a[:6] in regions if b[:6] in regions else a[:6] == b[:6]
    if regions:
        assert sum(a[:6] != b[:6] for a, b in zip(after, before, strict=True)) > 5000


def test_the_same_key_gives_the_same_and_another_key_another() -> None:
    before = people(500)
    after = identity.masked(before, KEY, UNTIL)
    assert identity.masked(before[::-1], KEY, UNTIL)[::-1] == after
    other = identity.masked(before, Key(bytes(32)), UNTIL)
    assert sum(a == b for a, b in zip(after, other, strict=True)) < 3
    assert identity.births(["110105194912310021", "11010519491231002X"]) == ["", "1949-12-31"]
