"""Consent as people live it, against a reading of the rules that a person can check line by line."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from huizhen.adapters.node_book import NodeBook
from huizhen.model.purpose import consents_that_permit

MOMENTS = [f"2026-01-{day:02d}T00:00:00.000000Z" for day in range(1, 10)]
WORDS = st.tuples(
    st.sampled_from(["ann", "bo", "cy"]),
    st.sampled_from(["GRU", "HMB", "DS", "HGR"]),
    st.sampled_from([None, "lung", "heart"]),
    st.booleans(),
    st.sampled_from([None, *MOMENTS]),
    st.sampled_from([None, *MOMENTS]),
)
Said = tuple[str, str, str | None, bool, str | None, str | None]


def consents(said: list[tuple[Said, str]], who: str, purpose: str, dataset: str, now: str) -> bool:
    """The latest word that concerns the purpose and dataset decides; a yes outside its period is no word."""
    answer = False
    for (person, code, place, permit, start, end), at in said:
        concerns = person == who and code in consents_that_permit(purpose) and place in {None, dataset} and at <= now
        holds = (start is None or start <= now) and (end is None or now < end)
        if concerns and (not permit or holds):
            answer = permit
    return answer


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    said=st.lists(st.tuples(WORDS, st.sampled_from(MOMENTS)), max_size=12),
    asked=st.lists(st.tuples(st.sampled_from(["HMB", "DS", "HGR"]), st.sampled_from(MOMENTS)), min_size=1, max_size=6),
)
def test_the_latest_word_decides_and_the_kept_bitmap_never_outlives_its_time(
    said: list[tuple[Said, str]], asked: list[tuple[str, str]]
) -> None:
    said = sorted(said, key=lambda pair: pair[1])
    with tempfile.TemporaryDirectory() as folder:
        book = NodeBook(Path(folder) / "node.sqlite", b"k" * 32)
        index = dict(zip(("ann", "bo", "cy"), book.enrol(["ann", "bo", "cy"]), strict=True))
        for (who, *word), at in said:
            book.record_consents([(index[who], *word)], at)
        for purpose, now in [*asked, *asked]:
            expected = {i for who, i in index.items() if consents(said, who, purpose, "lung", now)}
            assert set(book.consenting(purpose, "lung", now)) == expected
            assert set(book.consenting_at(purpose, "lung", now)) == expected
        book.close()


def test_a_withdrawal_is_in_force_at_once_although_a_bitmap_was_kept(tmp_path: Path) -> None:
    book = NodeBook(tmp_path / "node.sqlite", b"k" * 32)
    ann, bo = book.enrol(["ann", "bo"])
    book.record_consents([(ann, "HMB", None, True, None, None), (bo, "HMB", None, True, None, None)], MOMENTS[0])
    assert set(book.consenting("HMB", "lung", MOMENTS[1])) == {ann, bo}
    before = book.epoch
    book.record_consents([(ann, "HMB", None, False, None, None)], MOMENTS[1])
    assert set(book.consenting("HMB", "lung", MOMENTS[1])) == {bo}
    assert book.epoch == before + 1
    book.close()


def test_the_same_person_has_one_index_and_no_name(tmp_path: Path) -> None:
    book = NodeBook(tmp_path / "node.sqlite", b"k" * 32)
    first = book.enrol(["440106199001011234", "b", "440106199001011234"])
    assert first[0] == first[2] != first[1]
    assert book.enrol(["b"]) == [first[1]]
    other = NodeBook(tmp_path / "other.sqlite", b"q" * 32)
    assert other.pseudonym("b") != book.pseudonym("b")
    book.close()
    other.close()
    assert b"440106199001011234" not in (tmp_path / "node.sqlite").read_bytes()
