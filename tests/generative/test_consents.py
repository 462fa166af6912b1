"""Consent as people live it, against a reading of the rules that a person can check line by line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from huizhen.adapters.node_book import NodeBook
from huizhen.model.consent import ANY, METHOD_KINDS, SAID, Terms, Use, Word
from huizhen.model.purpose import consents_that_permit

MOMENTS = [f"2026-01-{day:02d}T00:00:00.000000Z" for day in range(1, 10)]
PEOPLE = ("ann", "bo")
Said = tuple[Word, str]
"""A word and when it was said."""


def some(of: Sequence[str]) -> st.SearchStrategy[tuple[str, ...] | None]:
    return st.none() | st.lists(st.sampled_from(of), min_size=1, unique=True).map(tuple)


TERMS = st.builds(
    Terms,
    recipients=some(("academic", "commercial", "foreign")).filter(lambda x: x != ("foreign",)),
    methods=some(METHOD_KINDS),
    min_percent=st.sampled_from([0, 0, 50]),
    min_price_fen=st.sampled_from([0, 0, 100]),
)
WORDS = st.builds(
    Word,
    person=st.sampled_from(PEOPLE),
    purpose=st.sampled_from(["HMB", "GRU", "DS"]),
    dataset=st.sampled_from([None, None, "lung", "heart"]),
    permit=st.sampled_from([True, True, False]),
    from_utc=st.none() | st.sampled_from(MOMENTS),
    until_utc=st.none() | st.sampled_from(MOMENTS),
    category=st.sampled_from([None, None, None, "clinical", "imaging"]),
    terms=st.just(ANY) | TERMS,
    given=st.just(SAID),
    anew=st.booleans(),
)
USES = st.builds(
    Use,
    purpose=st.sampled_from(["HMB", "DS"]),
    dataset=st.just("lung"),
    category=st.sampled_from(["clinical", "imaging"]),
    recipient=st.sampled_from(["academic", "commercial", None]),
    foreign=st.sampled_from([None, True, False]),
    method=st.sampled_from(METHOD_KINDS),
    price_fen=st.sampled_from([0, 100]),
    patient_percent=st.sampled_from([0, 50]),
)
SAYINGS = st.lists(st.tuples(WORDS, st.sampled_from(MOMENTS)), max_size=12).map(
    lambda said: sorted(said, key=lambda x: x[1])
)


def met(terms: Terms, use: Use) -> bool:
    """Written out once more, from the page that people read."""
    to = terms.recipients
    fits = to is None or (
        use.recipient is not None and use.recipient in to and ("foreign" in to or use.foreign is False)
    )
    method = terms.methods is None or use.method in terms.methods
    return fits and method and terms.min_percent <= use.patient_percent and terms.min_price_fen <= use.price_fen


def consents(said: Sequence[Said], who: str, use: Use, now: str) -> bool:
    """A no ends every yes before it, and so does a yes said anew. Of those that stand one that covers is enough."""
    stand: list[Word] = []
    for word, at in said:
        about = word.dataset in {None, use.dataset} and word.category in {None, use.category} and at <= now
        if word.person != who or word.purpose not in consents_that_permit(use.purpose) or not about:
            continue
        if not word.permit or word.anew:
            stand = []
        if word.permit:
            stand.append(word)
    holds = [
        w for w in stand if (w.from_utc is None or w.from_utc <= now) and (w.until_utc is None or now < w.until_utc)
    ]
    return any(met(w.terms, use) for w in holds)


@contextmanager
def book_of(said: Sequence[Said]) -> Iterator[NodeBook]:
    book = NodeBook(Path(":memory:"), b"k" * 32)
    book.enrol(PEOPLE)
    tell(book, said)
    yield book
    book.close()


def tell(book: NodeBook, said: Sequence[Said]) -> None:
    for word, at in said:
        book.consents.record([word._replace(person=PEOPLE.index(str(word.person)))], at)


@settings(max_examples=250, deadline=None, derandomize=True)
@given(
    said=SAYINGS, asked=st.lists(st.tuples(USES, st.sampled_from(MOMENTS)), min_size=1, max_size=5), cut=st.integers(0)
)
def test_what_is_kept_up_word_by_word_is_what_was_said(
    said: list[Said], asked: list[tuple[Use, str]], cut: int
) -> None:
    """Asked in between, in any order of moments: the bitmaps that are kept never say anything else than the words."""
    first = said[: cut % (len(said) + 1)]
    with book_of(first) as book:
        for so_far in (first, said):
            if so_far is said:
                tell(book, said[len(first) :])
            for use, now in [*asked, *asked]:
                expected = {i for i, who in enumerate(PEOPLE) if consents(so_far, who, use, now)}
                assert set(book.consents.people(use, now)) == expected
                assert set(book.consents.people_at(use, now)) == expected
                assert {i for i in range(len(PEOPLE)) if book.consents.covers(i, use, now)} == expected


@settings(max_examples=100, deadline=None, derandomize=True)
@given(said=SAYINGS, use=USES, now=st.sampled_from(MOMENTS), narrower=TERMS, data=st.data())
def test_adding_a_restriction_never_adds_a_person(
    said: list[Said], use: Use, now: str, narrower: Terms, data: st.DataObject
) -> None:
    """Neither terms nor a period; nor, for a yes that stands beside others, a dataset or a category."""
    which = data.draw(st.integers(0, max(len(said) - 1, 0)))
    changed = list(said)
    for i, (word, at) in enumerate(said):
        if i == which and word.permit:
            both = _both(word.terms, narrower)
            more = word._replace(terms=word.terms if both is None else both)
            kind = data.draw(st.sampled_from(["terms", "ends", "begins", "dataset", "category"]))
            if kind == "ends":
                more = word._replace(until_utc=min(filter(None, [word.until_utc, MOMENTS[3]])))
            elif kind == "begins":
                more = word._replace(from_utc=max(filter(None, [word.from_utc, MOMENTS[3]])))
            elif kind in ("dataset", "category") and not word.anew and getattr(word, kind) is None:
                more = word._replace(**{kind: "heart"})
            changed[i] = (more, at)
    before = {who for who in PEOPLE if consents(said, who, use, now)}
    with book_of(changed) as book:
        assert {PEOPLE[i] for i in book.consents.people(use, now)} <= before


def _both(a: Terms, b: Terms) -> Terms | None:
    """Terms that meet both, or None where none can be written down."""
    said = {}
    for name in ("recipients", "methods"):
        x, y = getattr(a, name), getattr(b, name)
        said[name] = y if x is None else x if y is None else tuple(z for z in x if z in y)
    if said["methods"] == () or (said["recipients"] is not None and not set(said["recipients"]) - {"foreign"}):
        return None
    return Terms(
        **said,
        min_percent=max(a.min_percent, b.min_percent),
        min_price_fen=max(a.min_price_fen, b.min_price_fen),
    )


@settings(max_examples=100, deadline=None, derandomize=True)
@given(said=SAYINGS, use=USES, who=st.sampled_from(PEOPLE))
def test_a_withdrawal_wins_over_all_that_was_said_before(said: list[Said], use: Use, who: str) -> None:
    purpose = consents_that_permit(use.purpose)[0]
    with book_of([*said, (Word(who, purpose, None, False), MOMENTS[8])]) as book:
        assert PEOPLE.index(who) not in book.consents.people(use, MOMENTS[8])


@settings(max_examples=100, deadline=None, derandomize=True)
@given(said=SAYINGS, use=USES, now=st.sampled_from(MOMENTS), data=st.data())
def test_in_which_order_several_yeses_are_said_changes_nothing(
    said: list[Said], use: Use, now: str, data: st.DataObject
) -> None:
    """Of those that were said at one time, as in one file, and not in place of others."""
    yes = [(w._replace(permit=True, anew=False), MOMENTS[0]) for w, _ in said]
    with book_of(yes) as one, book_of(data.draw(st.permutations(yes))) as other:
        assert set(one.consents.people(use, now)) == set(other.consents.people(use, now))


@given(a=TERMS, b=TERMS, use=USES)
def test_terms_within_others_meet_whatever_meets_them(a: Terms, b: Terms, use: Use) -> None:
    assert (not a.unmet(use)) == met(a, use)
    if a.within(b) and not a.unmet(use):
        assert not b.unmet(use)


@given(terms=TERMS, use=USES, unknown=st.sampled_from(["recipient", "foreign"]))
def test_less_known_of_a_recipient_never_adds_a_person(terms: Terms, use: Use, unknown: str) -> None:
    if terms.unmet(use):
        assert terms.unmet(use.model_copy(update={unknown: None}))


def test_a_withdrawal_is_in_force_at_once_although_a_bitmap_was_kept(tmp_path: Path) -> None:
    book = NodeBook(tmp_path / "node.sqlite", b"k" * 32)
    ann, bo = book.enrol(["ann", "bo"])
    use = Use(purpose="HMB", dataset="lung", category="clinical")
    book.consents.record([Word(ann, "HMB", None, True), Word(bo, "HMB", None, True)], MOMENTS[0])
    assert set(book.consents.people(use, MOMENTS[1])) == {ann, bo}
    before = book.consents.epoch
    other = NodeBook(tmp_path / "node.sqlite", b"k" * 32)  # another program of the node
    other.consents.record([Word(ann, "HMB", None, False)], MOMENTS[1])
    assert set(book.consents.people(use, MOMENTS[1])) == {bo} == set(other.consents.people(use, MOMENTS[1]))
    assert book.consents.epoch == before + 1
    book.close()
    other.close()


def test_a_book_of_before_is_read_as_it_was_meant(tmp_path: Path) -> None:
    """A file that an older version wrote: words without terms, with its own bitmaps beside them."""
    import sqlite3

    path = tmp_path / "node.sqlite"
    with sqlite3.connect(path) as old:
        old.executescript(
            "CREATE TABLE consent (seq INTEGER PRIMARY KEY, idx INTEGER NOT NULL, purpose TEXT NOT NULL, dataset TEXT, "
            "permit INTEGER NOT NULL, from_utc TEXT, until_utc TEXT, at_utc TEXT NOT NULL);"
            "CREATE TABLE bitmap (purpose TEXT NOT NULL, dataset TEXT NOT NULL, epoch INTEGER NOT NULL);"
            f"INSERT INTO consent VALUES (1, 0, 'HMB', NULL, TRUE, NULL, NULL, '{MOMENTS[0]}');"
            f"INSERT INTO consent VALUES (2, 1, 'HMB', NULL, FALSE, NULL, NULL, '{MOMENTS[0]}');"
        )
    old.close()
    use = Use(purpose="HMB", dataset="lung", category="clinical")
    for _ in range(2):
        book = NodeBook(path, b"k" * 32)
        assert set(book.consents.people(use, MOMENTS[1])) == {0}
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
