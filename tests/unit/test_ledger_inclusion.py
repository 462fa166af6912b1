"""Of anybody it can be shown whether they are among the people of a commitment, and never the other way round."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from huizhen.kit.errors import Tampered
from huizhen.ledger.inclusion import Members, check
from huizhen.market.patients import owed, share_out

PEOPLE = st.sets(st.integers(0, 50), max_size=30)
SALT = b"0123456789abcdef"


def name(number: int) -> str:
    return f"{number:032x}"


@settings(max_examples=60)
@given(PEOPLE, st.integers(0, 50), st.integers(0, 10_000))
def test_whether_somebody_is_in_it_is_shown_and_what_they_are_owed(people: set[int], who: int, fen: int) -> None:
    names = [name(p) for p in people]
    members = Members(names, SALT)
    place = check(members.membership(name(who)), name(who), members.commitment())
    assert (place is not None) == (who in people)
    if place is not None:
        assert owed(fen, len(names), place) == share_out(fen, names, SALT)[name(who)]


@settings(max_examples=60)
@given(PEOPLE, PEOPLE, st.integers(0, 50))
def test_a_proof_of_other_people_or_of_another_person_is_refused(a: set[int], b: set[int], who: int) -> None:
    one, other = (Members([name(p) for p in group], SALT) for group in (a, b))
    assert (one.commitment() == other.commitment()) == (a == b)
    if a != b:
        with pytest.raises(Tampered):
            check(one.membership(name(who)), name(who), other.commitment())
    if who in a:
        with pytest.raises(Tampered):
            check(one.membership(name(who)), name(who + 1), one.commitment())


def test_the_commitment_hides_people_and_their_number() -> None:
    assert Members([], SALT).commitment() != Members([name(1)], SALT).commitment()
    assert Members([name(1)], SALT).commitment() != Members([name(1)], SALT[::-1]).commitment()
