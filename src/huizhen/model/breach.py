"""Which clause a study is outside of: the one question that rules, road and nodes ask of deeds and contracts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from huizhen.kit.money import yuan
from huizhen.kit.text import Text
from huizhen.model.deed import Contract
from huizhen.model.lifecycle import STATES, Filed, on_day
from huizhen.model.party import LegalFacts
from huizhen.model.study import Request


class Breach(NamedTuple):
    clause: str
    text: Text


def standing(legal: LegalFacts) -> tuple[Filed, ...]:
    """The instruments in these facts as they stand on their day: what has ended by then has ended, whoever says
    otherwise."""
    return tuple(on_day([f], legal.today)[0] for f in legal.instruments)


def deeds(legal: LegalFacts, dataset: str) -> tuple[Filed, ...]:
    """Deeds about this dataset that came into force at some time."""
    return tuple(f for f in standing(legal) if f.instrument.deed and f.began and dataset in f.instrument.deed.datasets)


def contracts(legal: LegalFacts, request: Request) -> tuple[Filed, ...]:
    """Contracts with this asker that came into force at some time: those about the dataset, if any is."""
    bound = [f for f in standing(legal) if _asker(f) == request.asker and f.began]
    about = [f for f in bound if request.dataset in f.instrument.terms.datasets]
    return tuple(about or bound)


def _asker(filing: Filed) -> str | None:
    return filing.instrument.contract.asker if filing.instrument.contract else None


ROWS = "extract"
"""The method that gives out rows: it has to be named, and is none of `all`."""


def governing(legal: LegalFacts | None, request: Request) -> Filed | None:
    """The contract that a study runs under: the first, by name, within all clauses of which it is."""
    if legal is None:
        return None
    found = sorted(contracts(legal, request), key=lambda f: f.instrument.name)
    return next((f for f in found if not breaches(f, request, legal)), None)


def breaches(filing: Filed, request: Request, legal: LegalFacts) -> tuple[Breach, ...]:
    """Every clause of a deed or contract that the study is outside of, in the order of the clauses."""
    terms = filing.instrument.terms
    found = list(_not_in_force(filing))
    if request.dataset not in terms.datasets:
        found.append(_listed("datasets", terms.datasets, Text("dataset", "数据集")))
    if request.purpose not in terms.purposes:
        found.append(_listed("purposes", terms.purposes, Text("purpose", "用途")))
    if isinstance(terms, Contract):
        found += _of_contract(terms, request, legal)
    return tuple(found)


def _not_in_force(filing: Filed) -> list[Breach]:
    state = filing.state
    if state == "active":
        return []
    if state == "suspended":
        return [Breach("suspended", Text("it is suspended", "已中止"))]
    word, last = STATES[state], filing.last_day
    return [Breach("until_day", Text(f"it is {word.en}; its last day is {last}", f"状态为{word.zh}，末日为 {last}"))]


def _of_contract(terms: Contract, request: Request, legal: LegalFacts) -> list[Breach]:
    found = []
    if request.method == ROWS if terms.methods == "all" else request.method not in terms.methods:
        found.append(_listed("methods", terms.methods, Text("method", "方法")))
    if request.price_fen < terms.price_fen:
        least = yuan(terms.price_fen)
        found.append(Breach("price_fen", Text(f"a study costs {least} yuan at least", f"每项研究不低于 {least} 元")))
    taken = sum(t.studies for t in legal.taken if t.contract == terms.name)
    if terms.studies is not None and taken >= terms.studies:
        said = Text(f"all {terms.studies} studies are taken", f"约定的 {terms.studies} 项研究已用完")
        found.append(Breach("studies", said))
    return found


def _listed(clause: str, allowed: Sequence[str], what: Text) -> Breach:
    return Breach(
        clause, Text(f"its {what.en} is one of {', '.join(allowed)}", f"{what.zh}须为{'、'.join(allowed)}之一")
    )
