"""Consents written as FHIR R4 are valid resources, and read back they decide every study as before."""

from __future__ import annotations

import json
import tempfile
from itertools import product
from pathlib import Path

from fhir.resources.R4B.consent import Consent
from hypothesis import given, settings
from hypothesis import strategies as st

from huizhen.adapters.node_book import NodeBook
from huizhen.intake.consents import read_consents
from huizhen.intake.fhir_written import Said, resources
from huizhen.model.consent import ANY, METHOD_KINDS, Given, Terms, Use, Word
from huizhen.model.purpose import PURPOSES

START, NOW = "2026-02-01T00:00:00.000000Z", "2026-06-01T00:00:00.000000Z"
CODES = ["GRU", "HMB", "DS"]
USES = [
    Use(purpose=p, dataset=d, category="clinical", recipient=r, foreign=f, method=m, price_fen=500, patient_percent=c)
    for p, d, (r, f), m, c in product(
        CODES, ["d", "e"], [("academic", False), ("insurer", True)], METHOD_KINDS[:2], [51]
    )
]
TERMS = [ANY, Terms(recipients=("academic",)), Terms(methods=("statistics",)), Terms(min_percent=52),
         Terms(recipients=("insurer", "foreign"), min_price_fen=500), Terms(min_price_fen=2**31 - 1)]  # fmt: skip
terms = st.sampled_from(TERMS)


@st.composite
def words(draw: st.DrawFn) -> Word:
    permit = draw(st.sampled_from([True, True, False]))
    span = draw(st.sampled_from([(None, None), (START, None), (None, "2026-03-01T00:00:00.000000Z"), (NOW, None)]))
    return Word(
        0, draw(st.sampled_from(CODES)), draw(st.sampled_from([None, "d"])), permit,
        *(span if permit else (None, None)),
        draw(st.sampled_from([None, None, "clinical", "imaging"])), draw(terms) if permit else ANY,
        Given(by=draw(st.sampled_from(["person", "staff"]))), permit and draw(st.booleans()),
    )  # fmt: skip


def decided(book: NodeBook, person: int) -> list[bool]:
    return [book.consents.covers(person, use, NOW) for use in USES]


@settings(max_examples=80, deadline=None)
@given(st.lists(words(), min_size=1, max_size=5))
def test_what_is_read_back_decides_every_study_as_before(said: list[Word]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path, books = Path(folder), [NodeBook(Path(folder) / f"{n}.sqlite", bytes(32)) for n in "ab"]
        people = [book.enrol(["P1"])[0] for book in books]
        for i, word in enumerate(said):
            books[0].consents.record([word._replace(person=people[0])], f"2026-02-{1 + i // 2:02}T00:00:00.000000Z")
        written = resources("P1", [Said(x.at_utc, x.word) for x in books[0].consents.words(people[0])])
        lines = [Consent.model_validate(each).model_dump_json() for each in written]
        (path / "c.ndjson").write_text("".join(line + "\n" for line in lines))
        read = read_consents(path / "c.ndjson").table.to_pylist()
        again = [
            Word(people[1], x["purpose"], x["dataset"], x["permit"], x["from_utc"], x["until_utc"], x["category"],
                 ANY if x["terms"] is None else Terms.model_validate_json(x["terms"]))
            for x in read
        ]  # fmt: skip
        books[1].consents.record(again, NOW)
        assert decided(books[0], people[0]) == decided(books[1], people[1])
        for book in books:
            book.close()


def test_every_purpose_and_what_was_shown_goes_with_it() -> None:
    word = Word(0, "HMB", None, True, given=Given(wording="ab" * 32, by="guardian"))
    for code in PURPOSES:
        (made,) = resources("P1", [Said(START, word._replace(purpose=code))])
        found = Consent.model_validate(json.loads(json.dumps(made)))
        assert found.sourceReference.identifier.value == "ab" * 32 and found.performer[0].type == "RelatedPerson"
