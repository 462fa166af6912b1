"""Impact assessments: written from the facts, concluded by an officer, read by the gate; and attacks on that."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
from pypdf import PdfReader
from sqlalchemy import update

from huizhen.adapters import database as db
from huizhen.adapters.register import put_act, put_party
from huizhen.cli.place import verify_folder
from huizhen.cli.region import Region
from huizhen.client.assessment import paper
from huizhen.client.paper import html, markdown, rendered
from huizhen.hub.caller import OWNER, Caller
from huizhen.hub.verify_assessed import check_assessed
from huizhen.kit.canonical import canonical
from huizhen.kit.errors import BadInput, NotFound, Refused
from huizhen.ledger.story import StoredDocument
from huizhen.model.assessment import Assessment, Opinion
from huizhen.model.party import Act, Party
from page_reader import read
from regions import make_region, patients, request

YES = Opinion(by="Li Wei, officer", outcome="granted", note="Masked totals only.")
NO = Opinion(by="Li Wei, officer", outcome="refused", note="Not proportionate.")
MEAN: dict[str, Any] = {"method": "describe", "params": {"columns": ["age"]}}


@pytest.fixture(scope="module")
def region(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Region]:
    made = make_region(tmp_path_factory.mktemp("assess") / "r", patients(120, 3))
    made.hub.touch()
    with made.hub.store.record() as record:
        for name in ("acme", "other"):
            said = {"name": name, "kind": "academic", "jurisdiction": "SG", "foreign_controlled": True, "contact": "x"}
            put_party(record, Party.read(said))
            for kind in ("standard-contract", "export-consent"):
                put_act(record, Act.read({"kind": kind, "party": name, "from_day": "2020-01-01"}))
    yield made
    made.close()


def cn10(region: Region, **changes: Any) -> str:
    grant = region.desk.check(OWNER, request(**{**MEAN, **changes}))["grant"]
    return str({r["rule"]: r["verdict"] for r in grant["reasons"]}["CN10"])


def conclude(region: Region, opinion: Opinion = YES, **changes: Any) -> Assessment:
    made = region.desk.assessments.conclude(OWNER, request(**{**MEAN, **changes}), opinion)
    region.witness()
    return made


def test_the_gate_reads_what_was_concluded_and_nothing_wider(region: Region) -> None:
    assert cn10(region) == "needs"
    made = conclude(region, title="the assessed one")
    assert [r.verdict for r in made.reasons if r.rule == "CN10"] == ["needs"], "written without itself"
    assert cn10(region) == cn10(region, protection={"min_cell": 30}) == "allow"
    assert cn10(region, protection={"min_cell": 3}) == "needs", "weaker protection was not assessed"
    assert cn10(region, purpose="DS") == "needs"
    assert cn10(region, method="count", params={}) == "needs"
    assert cn10(region, params={"columns": ["age", "score"]}) == "needs", "nor one column more"
    assert cn10(region, asker="other") == "needs"
    conclude(region, NO)
    assert cn10(region) == "deny"
    with region.hub.store.record() as record:
        put_act(record, Act.read({"kind": "impact-assessment", "party": "acme", "from_day": "2020-01-01"}))
    assert cn10(region) == "deny", "a claim of one made elsewhere does not go before it"
    conclude(region)
    assert cn10(region) == "allow"


def test_it_says_what_the_law_asks_in_both_languages_and_three_formats(region: Region) -> None:
    draft = region.desk.assessments.assess(OWNER, request(**MEAN, cohort="age > 40"))
    assert draft.opinion is None and draft.keep_until[:4] == str(int(draft.day[:4]) + 3)
    assert {m.key for m in draft.measures if not m.in_force} >= {"noise", "rounding", "guardians"}
    assert {"person", "abroad"} <= {r.key for r in draft.risks}
    assert all(r.left <= r.chance and r.after <= r.before for r in draft.risks)
    said = {
        "en": ("Purpose and necessity", "age > 40", "CN17", "measures in force"),
        "zh": ("目的与必要性", "剩余风险"),
    }
    for language, words in said.items():
        made = paper(draft, language)  # type: ignore[arg-type]
        told = markdown(made).replace("\\", "")
        page = read(html(made)).text
        pdf = "".join("".join(p.extract_text() for p in PdfReader(BytesIO(rendered(made, ".pdf"))).pages).split())
        for word in words:
            assert word in told and word in page and "".join(word.split()) in pdf, (language, word)


def test_its_hash_is_on_the_ledger_and_the_paper_says_it(region: Region) -> None:
    made = conclude(region)
    (found,) = [e for e in entries(region) if e["facts"].get("document") == made.digest()]
    assert (found["kind"], found["facts"]["outcome"]) == ("act-filed", "granted")
    assert made.digest() in markdown(paper(made, "en"))
    assert region.desk.assessments.assessment(OWNER, made.digest()[:16]) == made
    assert verify_folder(region.folder)[1] == []


def entries(region: Region) -> list[dict[str, Any]]:
    return [json.loads(leaf) for leaf in region.hub.store.leaves()]


def test_another_asker_sees_nothing_of_it(region: Region) -> None:
    made, other = conclude(region), Caller("other", "asker")
    with pytest.raises(NotFound):
        region.desk.assessments.assessment(other, made.digest())
    assert not [a for a in region.desk.acts(other) if a.assessed]
    shown = region.desk.entries(other)
    assert not [e for e in shown if made.request.title in json.dumps(e["documents"])]
    assert region.desk.assessments.assessment(Caller("acme", "asker"), made.digest()) == made
    with pytest.raises(Refused):
        region.desk.assessments.assess(other, request(**MEAN))
    with pytest.raises(Refused):
        region.desk.assessments.conclude(Caller("acme", "asker"), request(**MEAN), YES)


def test_one_that_would_be_over_is_not_filed(region: Region) -> None:
    with pytest.raises(BadInput, match="over before"):
        conclude(region, YES.model_copy(update={"until_day": "2001-01-01"}))


def attacked(region: Region, table: Any, where: Any, **values: Any) -> list[str]:
    """What verify finds once a hand in the database has changed that row; everything is put back."""
    with region.hub.engine.begin() as c:
        before = c.execute(table.select().where(where)).mappings().one()
        c.execute(update(table).where(where).values(**values))
    try:
        return [t.en for t in verify_folder(region.folder)[1]]
    finally:
        with region.hub.engine.begin() as c:
            c.execute(update(table).where(where).values(**{k: before[k] for k in values}))


def test_a_hand_in_the_database_is_found(region: Region) -> None:
    made = conclude(region, NO)
    row = max(r.id for r in region.hub.store._all(db.act.select()))
    act = json.loads(region.hub.store._all(db.act.select().where(db.act.c.id == row))[0].body)
    forged = {**act, "outcome": "granted"}
    assert any("acts on file" in x for x in attacked(region, db.act, db.act.c.id == row, body=json.dumps(forged)))
    (entry,) = [e for e in entries(region) if e["facts"].get("document") == made.digest()]
    better = {**made.as_json(), "opinion": YES.as_json()}
    ref = entry["refs"]["assessment"]
    found = attacked(region, db.document, db.document.c.ref == ref, body=canonical(better))
    assert any("act-filed" in x for x in found)
    assert verify_folder(region.folder)[1] == []


def test_a_hub_that_files_a_leave_over_a_refusal_is_found_by_who_verifies(region: Region) -> None:
    """With its own key, from the start: the act says granted, the assessment that it names advised against it."""
    made = region.desk.assessments._road(lambda *_: None).assess(request(**MEAN), NO)
    said = {"kind": "impact-assessment", "party": "acme", "dataset": "d", "from_day": made.day, "outcome": "granted"}
    act = Act.read(said).model_copy(update={"assessed": made.scope()})

    with pytest.raises(KeyboardInterrupt), region.hub.store.record() as record:
        put_act(record, act, "hub", made)
        store = region.hub.store
        leaves = [bytes(r.leaf) for r in record.connection.execute(db.entry.select().order_by(db.entry.c.number))]
        documents = {
            r.ref: StoredDocument(bytes(r.salt), bytes(r.body)) for r in record.connection.execute(db.document.select())
        }
        assert check_assessed(store.leaves(), store.documents()) == []
        assert len(check_assessed(leaves, documents)) == 1
        raise KeyboardInterrupt
