"""A party that works on its own credibility: cheap acts, many names, a new name, appeals, friends who pass for
auditors, a ledger from which the bad is missing. Without hub and hospitals: the score is a function of the ledger."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest

from huizhen.kit.canonical import salted
from huizhen.kit.errors import Refused
from huizhen.ledger.credibility import BASE, Credibility, credibility
from huizhen.model.casebook import key_of, listed, paper, reviewing
from huizhen.model.evidence import Evidence
from huizhen.model.paper import Paper
from huizhen.path.papers import Known, Signer, check_paper, entry_of

TODAY = "2026-11-28"
KINDS = {"acme": "commercial", "friend": "commercial", "agency": "authority", "kpi": "auditor"}
PARTIES = {name: Signer(kind, key_of(name).public.hex()) for name, kind in KINDS.items()}
KNOWN = Known("casebook", key_of("hub").public.hex(), PARTIES)
REPORT = {"from_day": "2026-01-01", "until_day": "2026-06-30", "text": "As I found it.", "report": None}


class Ledger:
    """Entries with their documents, as one has them who sees everything."""

    def __init__(self) -> None:
        self.entries: list[Evidence] = []
        self.documents: dict[str, Any] = {}

    def put(self, kind: str, actor: str, subject: str, day: str = TODAY, **documents: Any) -> None:
        refs = {}
        for name, content in documents.items():
            refs[name] = salted(bytes(16), json.dumps([len(self.entries), content]).encode())
            self.documents[refs[name]] = content
        facts = {"status": "denied"} if kind == "study-denied" else {}
        at = f"{day}T10:00:00.000000Z"
        self.entries.append(Evidence(at_utc=at, kind=kind, actor=actor, subject=subject, refs=refs, facts=facts))

    def study(self, asker: str, name: str, end: str = "study-released", day: str = TODAY) -> None:
        self.put("study-proposed", asker, name, day)
        self.put("study-guarded", "hub", name, day, tallies=[{"node": "north"}])
        self.put(end, "hub", name, day)

    def file(self, papers: Iterable[Paper]) -> None:
        for each in papers:
            subject, facts = entry_of(each)
            self.put(each.kind, each.by, subject, paper=each.as_json())
            self.entries[-1] = self.entries[-1].model_copy(update={"facts": facts})

    def scores(self) -> dict[str, Credibility]:
        return credibility(self.entries, lambda e, name: self.documents.get(e.refs.get(name, "")), TODAY)

    def score(self, party: str) -> int:
        found = self.scores().get(party)
        return BASE if found is None else found.score


def raised(subject: str) -> tuple[Paper, Paper]:
    """An alarm, confirmed by the authority."""
    body = {"behaviour": "bulk", "window": "2026-11-28", "score": 90, "facts": {}, "en": "Much.", "zh": "大量。"}
    alarm = paper("alarm-raised", subject, "hub", body)
    said = {"alarm": alarm.digest(), "outcome": "confirmed", "text": "So it was."}
    return alarm, paper("alarm-acknowledged", subject, "agency", said)


def report(opinion: str, by: str = "kpi", about: str = "acme") -> Paper:
    return paper("audit-reported", about, by, {**REPORT, "opinion": opinion})


def test_a_thousand_cheap_acts_in_one_month_are_worth_as_much_as_one_of_each() -> None:
    busy, modest = Ledger(), Ledger()
    for i in range(1000):
        busy.study("acme", f"st-{i}")
        busy.put("study-committed", "acme", f"st-{i}")
    modest.study("acme", "st-1")
    modest.put("study-committed", "acme", "st-1")
    assert busy.score("acme") == modest.score("acme") <= BASE + 3
    busy.file([*raised("acme")])
    assert busy.score("acme") < BASE, "they do not make up for one alarm that was confirmed"


def test_who_splits_itself_into_many_has_many_beginners() -> None:
    one, many = Ledger(), Ledger()
    months = [f"2026-{m:02d}-03" for m in range(1, 11)]
    for i, day in enumerate(months):
        one.study("acme", f"st-{i}", day=day)
        many.study(f"acme-{i}", f"st-{i}", day=day)
    best = max(many.score(f"acme-{i}") for i in range(10))
    assert one.score("acme") == BASE + 20 and best == BASE + 2


def test_a_new_name_is_worth_less_than_a_good_one_with_a_stain() -> None:
    ledger = Ledger()
    for m in range(1, 13):
        ledger.study("acme", f"st-{m}", day=f"2025-{m:02d}-03")
    clean = ledger.score("acme")
    ledger.file(raised("acme"))
    assert clean - 8 == ledger.score("acme") > ledger.score("acme-reborn") == BASE


def test_an_appeal_changes_nothing_and_nobody_lifts_their_own_listing() -> None:
    ledger = Ledger()
    first, appeal = listed("acme", then="appeal")
    ledger.file([first])
    before = ledger.score("acme")
    ledger.file([appeal, *(appeal.model_copy(update={"body": {**appeal.body, "text": f"{i}"}}) for i in range(9))])
    assert ledger.score("acme") == before == 0
    with pytest.raises(Refused, match="not signed"):
        check_paper(listed("acme", then="lifted", by="acme")[1], [first], KNOWN)


def test_only_an_auditor_of_the_register_reports_and_nobody_on_itself() -> None:
    """Neither a friend's praise nor a rival's blame; and not with a key that is not the register's."""
    check_paper(report("clean"), [], KNOWN)
    for bad in (
        report("clean", by="friend"),
        report("adverse", by="friend"),
        report("clean").model_copy(update={"key": key_of("acme").public.hex()}).signed(key_of("acme").sign),
        report("clean", by="nobody"),
        report("clean", by="acme"),
    ):
        with pytest.raises(Refused):
            check_paper(bad, [], KNOWN)
    with pytest.raises(Refused, match="on themselves"):
        check_paper(report("clean", about="kpi"), [], KNOWN)


def test_one_auditor_counts_once_and_praise_does_not_outweigh_blame() -> None:
    ledger = Ledger()
    ledger.file([report("clean")] * 5)
    assert ledger.score("acme") == BASE + 10
    ledger.file([report("adverse", by="agency")])
    assert ledger.score("acme") == BASE - 10


def test_a_bad_report_counts_though_its_text_is_kept_from_the_reader() -> None:
    """Who asks, about whom and with what opinion is in the entry itself: a hub that hides the paper hides nothing."""
    ledger = Ledger()
    ledger.study("acme", "st-1")
    ledger.file([report("adverse"), *listed("acme")])
    known = ledger.score("acme")
    ledger.documents.clear()
    assert ledger.score("acme") <= known


def test_verdicts_of_many_reviews_in_a_month_count_once_and_those_never_opened_each() -> None:
    ledger = Ledger()
    ledger.file(reviewing("med"))
    for i in range(6):
        ledger.study("other", f"st-{i}")
        body = {"release": "0" * 64, "commitment": "0" * 64}
        ledger.file([paper("review-sealed", f"st-{i}", "r0", body)])
        if i < 4:
            opened = {"release": "0" * 64, "verdict": "approve", "note": "x", "salt": "0" * 64}
            ledger.file([paper("review-opened", f"st-{i}", "r0", opened)])
        else:
            ledger.put("study-denied", "hub", f"st-{i}")
    found = {a.fact: a.count for a in ledger.scores()["med"].addends}
    assert found == {"active": 1, "reviewed": 1, "unopened": 2}
