"""Cedar, with the policies that are exported, answers as the rules do: on every case of the casebook, and on facts that
nobody thought of; and whatever goes wrong is no leave."""

from __future__ import annotations

import importlib.util
import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commands import done, huizhen, in_both
from generative.test_law_facts import situations
from huizhen import rules
from huizhen.adapters import cedar, cedar_trace
from huizhen.adapters.cedar_facts import STOPS
from huizhen.adapters.cedar_trace import outside, request
from huizhen.model.casebook import (
    WORDING,
    assessed,
    breached,
    claim,
    contract,
    deed,
    delegated,
    leaving,
    listed,
    on_file,
    opening,
    reviewing,
    saying,
    upkeep,
)  # fmt: skip
from huizhen.model.consent import Terms
from huizhen.model.dataset import Column
from huizhen.model.giving import Giving, Opening
from huizhen.model.lifecycle import Filed
from huizhen.model.party import Taken
from huizhen.model.right import RIGHTS, Claim
from huizhen.model.rule import Facts, Rule
from huizhen.model.study import Recipient
from huizhen.model.upkeep import Upkeep
from huizhen.path.authorise import verdict

if TYPE_CHECKING:
    from huizhen.adapters.cedar import Engine

pytestmark = pytest.mark.skipif(importlib.util.find_spec("cedarpy") is None, reason="no cedarpy (extra `cedar`)")
CASES = [
    (rule, case) for name, rule in zip(rules.names(), rules.all_rules(), strict=True) for case in rules.cases(name)
]
maybe = st.sampled_from([None, "a"])
moments = st.sampled_from([None, "2026-11-28T08:30:00.000000Z", "2026-12-20T08:00:00.000000Z"])
LOOKED_AT = [f"{day}T09:00:00.000000Z" for day in ("2026-11-28", "2026-12-30", "2027-02-10", "2027-03-10")]


policies = cache(cedar.policies)


@cache
def engine() -> Engine:
    return cedar.Engine(policies(), cedar.schema())


def agree(facts: Any, about: Any) -> None:
    ours = rules.ask(about, facts)
    assert engine().answers(about, facts) == {r.rule: r.verdict for r in ours}
    assert engine().decide(about, facts) == verdict(ours)


RECIPIENT = Recipient(key="5a" * 32, sealing="5b" * 32, signature="5c" * 64)
ASSESSMENTS = (
    assessed(), assessed("refused"), assessed(until="2026-02-01"), on_file("impact-assessment"),
    on_file("impact-assessment", "refused"), on_file("impact-assessment", until="2026-02-01"),
)  # fmt: skip


@st.composite
def bound(draw: st.DrawFn) -> Filed:
    """A deed or a contract, signed by all or not, in force or not, about this or something else."""
    how = draw(st.sampled_from([{}, {}, {"unsigned": True}, {"suspended": True}]))
    terms = draw(st.sampled_from([{}, {}, {"until_day": "2026-06-30"}, {"datasets": ["heart"]}, {"purposes": ["GRU"]}]))
    if draw(st.booleans()):
        return deed(**how, **terms, contract_required=draw(st.booleans()))
    methods = st.sampled_from([{}, {"methods": ["count", "extract"]}, {"methods": ["cox"]}, {"studies": 3}])
    return contract(**how, name=draw(st.sampled_from(["a", "b"])), **terms, **draw(methods))


@st.composite
def upkeeps(draw: st.DrawFn) -> Upkeep:
    kinds = ("important-data", "important-data-report", "log-retention", "protection-level", "compliance-audit")
    acts = st.builds(
        on_file, st.sampled_from(kinds), st.sampled_from(["granted", "refused"]),
        st.sampled_from([None, "2026-02-01", "2029-01-01"]), party=st.sampled_from([None, "north", "south", "hub"]),
        from_day=st.sampled_from(["2023-01-01", "2024-11-21", "2024-11-22", "2025-11-21", "2026-01-01"]),
    )  # fmt: skip
    nodes = draw(st.sampled_from([(), ("north",), ("north", "south")]))
    return upkeep(*draw(st.lists(acts, max_size=6)), nodes=nodes, jurisdiction=draw(st.sampled_from(["CN", "DE"])))


@settings(max_examples=150, deadline=None)
@given(upkeeps())
def test_duties_that_nobody_thought_of_are_answered_alike(facts: Upkeep) -> None:
    agree(facts, "upkeep")


@st.composite
def studies(draw: st.DrawFn) -> Facts:
    facts = draw(situations())
    kinds = st.builds(
        Column, name=st.just("c"), type=st.sampled_from(["integer", "boolean", "category", "date", "text"]),
        grade=st.integers(1, 5), identifier=st.booleans(), levels=st.sampled_from([None, ("a",)]),
    )  # fmt: skip
    purposes = st.sampled_from(["HMB", "HGR", "PUBHLTH", "INSSUP", "HMARKT", "FUN"])
    how = {"epsilon": draw(st.sampled_from([None, 0.5])), "secure_sum": draw(st.booleans())}
    protection = facts.request.protection.model_copy(update=how)
    rows = draw(st.sampled_from([{}, {}, {"method": "extract"}, {"method": "extract", "recipient": RECIPIENT}]))
    asked = facts.request.model_copy(update={"purpose": draw(purposes), "protection": protection, **rows})
    known = draw(st.booleans())
    signed = draw(st.lists(bound(), max_size=3))
    legal = facts.legal.model_copy(update={
        "instruments": tuple(signed),
        "taken": tuple(Taken(contract=f.instrument.name, studies=draw(st.sampled_from([0, 3])))
                       for f in signed if f.instrument.contract),
        "acts": (*facts.legal.acts, *draw(st.lists(st.sampled_from(ASSESSMENTS), max_size=2))),
        "party": facts.party if known else None,
        "register_kept": draw(st.booleans()),
        "critical_holders": draw(st.sampled_from([(), ("north",)])),
        "papers": draw(st.sampled_from([(), reviewing("a"), reviewing("a", "b"), reviewing("acme-pharma", "b"),
                                        listed("acme-pharma"), listed("n", until="2026-11-01")])),
    })  # fmt: skip
    return replace(
        facts, request=asked, legal=legal, columns=tuple(draw(st.lists(kinds, max_size=2))),
        participants=("n", "s", "w", "e")[: draw(st.integers(0, 4))], plain_allowed=draw(st.booleans()),
        method_private=draw(st.booleans()), epsilon_total=draw(st.sampled_from([None, 0.5, 1.0, 1.5])),
        delta_total=draw(st.sampled_from([0.0, 2e-6])),
        reviews=draw(st.sampled_from([(), ("model",), ("extract", "own-figures")])),
        blacklist=frozenset(draw(st.sampled_from([(), ("acme-pharma",)]))),
    )  # fmt: skip


@st.composite
def words(draw: st.DrawFn) -> Giving:
    wording = draw(st.sampled_from([None, WORDING]))
    day = st.sampled_from([None, "2015-03-02", "2012-11-28", "1950-01-01"])
    by = draw(st.sampled_from(["person", "staff", "guardian", "family", "kin"]))
    named = st.sampled_from(
        [None, delegated(), delegated(after_death=True), delegated(until_day="2026-01-01"),
         delegated(revoked_utc="2026-11-01T00:00:00.000000Z")]
    )  # fmt: skip
    return replace(
        saying(draw(st.sampled_from(["ask", "grant", "refuse", "withdraw"])), by,
               draw(st.sampled_from(["GRU", "HMB", "DS", "NCU"]))),
        born=draw(day), died=draw(day), incapable=draw(maybe), ground=draw(maybe), reference=draw(maybe),
        witness=draw(st.sampled_from([None, "a", "b"])), speaker=draw(maybe), delegation=draw(named),
        own_word_since=draw(st.booleans()), refused_days=draw(st.sampled_from([None, 7, 180, 181])),
        unasked=draw(st.sampled_from([None, True, False])), wording=wording, wording_named=draw(st.booleans()),
        wording_newest=draw(st.sampled_from([None, 1, 2])),
        terms=draw(st.sampled_from([Terms(), WORDING.terms, Terms(methods=("model",))])),
    )  # fmt: skip


@st.composite
def openings(draw: st.DrawFn) -> Opening:
    return opening(
        staff=draw(st.sampled_from(["ann", "bo"])), role=draw(st.sampled_from(["physician", "officer", "clerk"])),
        reason=draw(st.sampled_from([None, "", "  ", "unconscious"])), minutes=draw(st.sampled_from([0, 1, 240, 241])),
        reviews=draw(st.sampled_from([None, ("ann", "physician"), ("bo", "officer")])),
    )  # fmt: skip


def test_every_case_of_every_casebook_is_answered_alike_by_its_rule_and_by_all() -> None:
    assert len(CASES) >= 250
    for rule, case in CASES:
        assert engine().answers(rule.about, case.facts).get(rule.id) == case.verdict, (rule.id, case.story)
        agree(case.facts, rule.about)


@settings(max_examples=150, deadline=None)
@given(studies())
def test_studies_that_nobody_thought_of_are_answered_alike(facts: Facts) -> None:
    agree(facts, "study")


@settings(max_examples=150, deadline=None)
@given(words())
def test_words_of_consent_that_nobody_thought_of_are_answered_alike(giving: Giving) -> None:
    agree(giving, "consent")


@settings(max_examples=60, deadline=None)
@given(openings())
def test_openings_of_records_that_nobody_thought_of_are_answered_alike(asked: Opening) -> None:
    agree(asked, "care")


@st.composite
def claims(draw: st.DrawFn) -> Claim:
    known = st.sampled_from([None, True, False])
    return claim(
        draw(st.sampled_from(RIGHTS)), jurisdiction=draw(st.sampled_from(["CN", "DE", "US"])), identified=draw(known),
        basis=draw(st.sampled_from([None, "consent", "law"])), feasible=draw(known), harms_others=draw(known),
        keep_until=draw(st.sampled_from([None, "none", "2020-12-31", "2040-12-31"])), for_kin=draw(st.booleans()),
        died=draw(st.sampled_from([None, "2026-10-01"])), ground=draw(maybe),
    )  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(claims())
def test_claims_that_nobody_thought_of_are_answered_alike(asked: Claim) -> None:
    agree(asked, "right")


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["CN", "DE", "US"]), st.fixed_dictionaries({f"{name}_utc": moments for name in STOPS}),
       st.fixed_dictionaries({name: st.booleans() for name in ("spared", "ordered", "critical", "media_spared")}),
       st.sampled_from([None, 499, 500, 501]), st.sampled_from(LOOKED_AT))  # fmt: skip
def test_breaches_that_nobody_thought_of_are_answered_alike(
    where: str, done: dict[str, Any], said: dict[str, Any], people: int | None, now: str
) -> None:
    agree(breached(jurisdiction=where, people=people, now_utc=now, **done, **said), "breach")


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([None, "CN", "DE"]), st.booleans(), st.booleans(), maybe, st.sampled_from([None, " ", "a"]))
def test_deletions_that_nobody_thought_of_are_answered_alike(
    where: Any, standing: bool, wished: bool, retained: Any, research: Any
) -> None:
    cause: Any = "request" if wished else "withdrawal"
    left = leaving(jurisdiction=where, standing=standing, cause=cause, retained=retained, research=research)
    agree(left, "deletion")


def test_every_rule_is_traced_and_every_verdict_that_a_casebook_knows_has_its_policy() -> None:
    named = set(re.findall(r'^@id\("([^"]+)"\)', policies(), re.MULTILINE))
    assert {f"{rule.id}.{case.verdict}" for rule, case in CASES if case.verdict} <= named
    assert outside() == (), "a rule cannot be traced: can it ask one fact by name?"
    assert {rule.id for rule in rules.all_rules()} == {name.split(".")[0] for name in named}


def test_a_rule_that_asks_what_cedar_cannot_answer_is_not_exported_in_part() -> None:
    for asks in (lambda f: f.legal.exported, lambda f: not f.exported, lambda f: hash(f.category)):
        rule: Rule[Facts] = Rule("X", "x", "2026-01-01", lambda f, asks=asks: asks(f))
        with pytest.raises(TypeError):
            cedar_trace.trace(rule)


# -- attacks: Cedar fails open


@pytest.mark.parametrize("lacking", ["request", "legal", "columns", "hospitals", "exported"])
def test_a_request_that_lacks_a_fact_is_denied_though_every_rule_would_allow(
    lacking: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = next(case.facts for rule, case in CASES if rule.id == "CN01" and case.verdict == "allow")
    assert engine().decide("study", facts) == "allow"

    def less(about: Any, asked: Any) -> dict[str, Any]:
        made = request(about, asked)
        del made["context"][lacking]
        return made

    monkeypatch.setattr(cedar, "request", less)
    assert engine().decide("study", facts) == "deny"


def test_an_error_in_a_policy_is_deny_and_policies_that_do_not_fit_are_refused() -> None:
    to_study = 'principal is Huizhen::Party, action == Huizhen::Action::"study", resource is Huizhen::Dataset'
    overflow = f"forbid ({to_study}) when {{ context.hospitals * 9223372036854775807 > 5 }};\n"
    facts = next(case.facts for rule, case in CASES if rule.id == "HZ01" and case.verdict == "allow")
    found = cedar.Engine(policies().replace("// CN01", f'@id("X.deny")\n{overflow}\n// CN01', 1), cedar.schema())
    assert found.decide("study", facts) == "deny", "Cedar skips a forbid that errs, and would permit"
    with pytest.raises(Exception, match="do not fit"):
        cedar.Engine(policies().replace("context.legal.register_kept", "context.legal.kept"), cedar.schema())


def test_a_folder_that_was_tampered_with_is_told(tmp_path: Path) -> None:
    en, zh = in_both("rules", "export", "--cedar", tmp_path / "p")
    assert "42 rules" in en or ("rules written" in en and "已写入" in zh)
    assert done("rules", "check", "--cedar", tmp_path / "p", "--json").json()["ok"]
    file = tmp_path / "p" / "rules.cedar"
    kept = file.read_text(encoding="utf-8")
    assert "context.legal.register_kept" in kept
    file.write_text(kept.replace("context.legal.register_kept", "!context.legal.register_kept"), encoding="utf-8")
    ran = huizhen("rules", "check", "--cedar", tmp_path / "p", "--json")
    assert ran.code == 8 and ran.json()["differ"] and ran.json()["stale"] == ["rules.cedar"]
    assert "[no-policies]" in huizhen("rules", "check", "--cedar", tmp_path / "none").err
