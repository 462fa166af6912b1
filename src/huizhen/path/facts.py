"""Facts: what authorise must know of a request, gathered from the catalogue, the budget and the nodes' own policies."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any, Protocol

from huizhen.kit.clock import day_of
from huizhen.kit.errors import BadInput, Conflict, Refused
from huizhen.kit.text import Text
from huizhen.market.settle import patient_percent
from huizhen.model.agreement import agree
from huizhen.model.dataset import Dataset, Schema
from huizhen.model.grant import Participant
from huizhen.model.method import Method
from huizhen.model.policy import Policy
from huizhen.model.purpose import PURPOSES
from huizhen.model.rule import Facts
from huizhen.model.study import Request, Study
from huizhen.path.authorise import columns_read, plan, privacy_of
from huizhen.path.clauses import shares_at
from huizhen.path.legal import legal_facts
from huizhen.path.link import Link, Silent
from huizhen.path.papers import TOLD, to_tell
from huizhen.path.ports import Store
from huizhen.path.review import to_review, unreviewed
from huizhen.privacy.budget import BudgetDecision, check_budget


class Catalogue(Protocol):
    """Whatever has the cards that hospitals publish."""

    def cards(self, dataset: str | None = None) -> tuple[Dataset, ...]: ...


def asked(request: Request, holder: str) -> bool:
    """Whether the request wants this holder to take part."""
    return request.participants == "all" or holder in request.participants


def cards_of(store: Catalogue, request: Request) -> list[Dataset]:
    """The cards of all that the request wants to take part. Raises BadInput for a dataset or participant unknown."""
    cards = [c for c in store.cards(request.dataset) if asked(request, c.holder)]
    known = sorted({c.name for c in store.cards()})
    if not cards:
        raise BadInput(
            "unknown-dataset",
            Text(
                f"No participating hospital holds a dataset '{request.dataset}'.",
                f"没有参与医院持有数据集“{request.dataset}”。",
            ),
            Text(f"The datasets are: {', '.join(known) or 'none yet'}.", f"现有数据集：{'、'.join(known) or '暂无'}。"),
        )
    absent = set(request.participants) - {c.holder for c in cards} if request.participants != "all" else set()
    if absent:
        raise BadInput(
            "unknown-participant",
            Text(
                f"These participants hold no '{request.dataset}': {', '.join(sorted(absent))}.",
                f"以下参与方不持有“{request.dataset}”：{'、'.join(sorted(absent))}。",
            ),
            Text(
                f"Its holders are: {', '.join(c.holder for c in store.cards(request.dataset))}.",
                f"持有方：{'、'.join(c.holder for c in store.cards(request.dataset))}。",
            ),
        )
    if request.quorum is not None and request.quorum > len(cards):
        raise BadInput(
            "quorum-too-large",
            Text(
                f"The quorum is {request.quorum}, and {len(cards)} hospitals are asked.",
                f"quorum 为 {request.quorum}，而受邀医院仅 {len(cards)} 家。",
            ),
            Text(f"Set quorum to at most {len(cards)}.", f"请将 quorum 设为不超过 {len(cards)}。"),
        )
    return cards


def schema_of(store: Catalogue, request: Request) -> Schema:
    """The schema that the participants agree on. Raises Conflict where they do not."""
    return agree(cards_of(store, request))


def budget(store: Store, request: Request) -> BudgetDecision | None:
    """What the request would make of the asker's budget on the dataset; None when it asks for no noise."""
    if request.protection.epsilon is None:
        return None
    settings = store.settings()
    history = store.budget_history(request.asker, request.dataset)
    asked = request.protection.epsilon
    return check_budget(history, asked, settings.epsilon_cap, settings.delta, deltas(store, request))


def deltas(store: Store, request: Request) -> float:
    """The deltas of the asker's studies on the dataset that hold a budget, and of this one, added up."""
    held = store.budget_studies(request.asker, request.dataset)
    asked = [privacy_of(r) for r in (request, *(study.request for study in held))]
    return math.fsum(p.delta for p in asked if p is not None)


def check_budget_left(store: Store, request: Request) -> None:
    """Raises Refused where another study has taken the budget since the rules were asked."""
    decision = budget(store, request)
    if decision is not None and not decision.allowed:
        raise Refused(
            "budget-taken",
            Text("Another study has just taken what was left of the budget.", "剩余预算刚被另一项研究占用。"),
            Text("Ask for a smaller epsilon.", "请使用更小的 epsilon。"),
        )


def check_not_overtaken(store: Store, study: Study) -> None:
    """Differencing was checked against the releases known at the census; raises Conflict for one that came since and
    could undo it."""
    if set(store.earlier(study)) - set(store.journal(study.id)["earlier"]):
        raise Conflict(
            "overtaken",
            Text(
                "Another study of the same asker on this dataset was released meanwhile.",
                "同一申请方在该数据集上的另一项研究已在此期间发布。",
            ),
            Text("Run the study again.", "请重新运行该研究。"),
        )


def gather(
    store: Store, request: Request, link: Link, now: datetime
) -> tuple[Facts, Schema, Method, tuple[Participant, ...]]:
    """Facts, agreed schema, bound method, and participants with their keys and consent epochs."""
    settings, schema = store.settings(), schema_of(store, request)
    method = plan(request, schema)
    policies, epochs = _introductions(
        store,
        [c.holder for c in cards_of(store, request)],
        request.quorum,
        link,
        to_tell(store.papers.of(*TOLD), day_of(now, settings.jurisdiction)),
    )
    names = list(policies)
    keys, spent = store.node_keys(), budget(store, request)
    demanded = {*settings.review, *(what for p in policies.values() for what in p.review)}
    own, legal = [p.own_figures for p in policies.values()], legal_facts(store, request, names, now)
    reviews = to_review(request, method, own, demanded, legal.papers)
    facts = Facts(
        request=request,
        columns=columns_read(request, schema, method),
        category=schema.category,
        participants=tuple(names),
        plain_allowed=all(p.allow_plain for p in policies.values()),
        method_private=method.private is not None,
        epsilon_total=None if spent is None else spent.after,
        epsilon_cap=settings.epsilon_cap,
        delta_total=deltas(store, request),
        delta_cap=settings.delta,
        legal=legal,
        reviews=reviews,
        unreviewed=unreviewed(request, method, own, reviews, legal.papers),
        blacklist=frozenset(settings.blacklist),
        patient_percent=patient_percent(shares_at(store, request.dataset, now), _for_profit(request)),
    )
    participants = tuple(
        Participant(name=n, key=keys[n].hex(), consent_epoch=epochs[n], own_figures=policies[n].own_figures)
        for n in names
    )
    return facts, schema, method, participants


def _for_profit(request: Request) -> bool:
    return request.purpose in PURPOSES and PURPOSES[request.purpose].for_profit


def _introductions(
    store: Store, names: list[str], quorum: int | None, link: Link, papers: list[dict[str, Any]]
) -> tuple[dict[str, Policy], dict[str, int]]:
    """Policy and consent epoch of each node that is there, as it says itself at this moment; each is told what the
    ledger has of data deleted there, and who is on the blacklist. Raises Silent where one is not there, unless a quorum
    is asked for and reached."""
    law = store.settings().jurisdiction
    told = {"jurisdiction": law, "papers": papers}
    heard = link.ask("hello", {name: {"deleted": store.deleted(name), **told} for name in names})
    for node, problem in heard.refusals.items():
        raise problem.at(node)
    silent = sorted(set(names) - set(heard.answers))
    if silent and (quorum is None or len(heard.answers) < quorum):
        raise Silent(
            "node-absent",
            silent,
            Text(
                "Start the node, leave it out of the participants, or set a quorum.",
                "请启动该节点、将其从参与方中去掉，或设置 quorum。",
            ),
        )
    there = [n for n in names if n in heard.answers]
    policies = {n: Policy.read(heard.answers[n]["policy"]) for n in there}
    return policies, {n: int(heard.answers[n]["epoch"]) for n in there}
