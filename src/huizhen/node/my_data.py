"""All that became of one person's data at this hospital, with the proofs: what `patient data` shows and writes."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from pyroaring import BitMap

from huizhen.kit.clock import stamp
from huizhen.kit.errors import Conflict, NotFound
from huizhen.ledger.inclusion import Members
from huizhen.ledger.my_data import CareUse, CorrectedData, DeletedData, MyData, Opening, Part, Proven, StudyUse
from huizhen.ledger.note import COSIGNATURE, VerifierKey
from huizhen.model.study import Study
from huizhen.node import uses
from huizhen.node.agent import Agent

Prove = Callable[[int], bytes]
"""The tlog-proof of the ledger's entry with that number. Raises HuizhenError where it cannot be had."""


def gather(agent: Agent, subject: str, prove: Prove | None = None) -> MyData:
    """Every study that asked here, what part this person had in it and why; every opening for care. Signed.

    With `prove` it holds the proofs as well. Raises NotFound for a person that the node does not know.
    """
    person, proofs = agent.book.find(subject), _Proofs(prove)
    pseudonym = agent.book.pseudonym(subject).hex()
    earned = agent.book.earnings(person)
    found = [_study(agent, row, person, pseudonym, earned.get(row["id"], 0), proofs) for row in agent.book.studies()]
    found += [_refused(agent, each, proofs) for each in agent.book.uses.refused()]
    care = [CareUse(**{k: v for k, v in each.items() if k != "kind"}) for each in uses.openings(agent, subject)]
    return MyData(
        node=agent.name,
        subject=subject,
        pseudonym=pseudonym,
        made_utc=stamp(agent.clock()),
        uses=tuple(sorted(found, key=lambda use: use.opened_utc)),
        care=tuple(care),
        deleted=tuple(
            DeletedData(
                record=Opening(salt=case.salt.hex(), content=case.record.canonical().decode()),
                confirmed_utc=case.confirmed_utc,
                lifted_utc=agent.book.tombstones.lifted_utc(bytes.fromhex(pseudonym), case.record.dataset),
            )
            for case in agent.book.deletions.cases(person)
        ),
        corrected=tuple(
            CorrectedData(record=Opening(salt=step.salt.hex(), content=step.record.canonical().decode()))
            for step in agent.book.corrections.steps(person)
        ),
    ).signed(agent.key.sign)


def known_keys(agent: Agent) -> list[str]:
    """The keys that verify what this hospital says, as it knows them itself: the hub's, its own, its neighbours'."""
    nodes = {agent.name: agent.key.public.hex()} | agent.book.under("peer:")
    known = [VerifierKey(name, COSIGNATURE, bytes.fromhex(key)) for name, key in sorted(nodes.items())]
    return [agent.book.get("hub_vkey") or "", *(key.vkey for key in known)]


class _Proofs:
    """Each entry is asked for once; one that is not co-signed yet is left empty."""

    def __init__(self, prove: Prove | None) -> None:
        self._prove = prove
        self._found: dict[int, str] = {}

    def of(self, told: dict[str, Any]) -> tuple[Proven, ...]:
        return tuple(
            Proven(kind=kind, entry=number, proof=self._of(number))
            for kind, number in sorted(told.get("entries", {}).items(), key=lambda each: each[1])
        )

    def _of(self, number: int) -> str:
        if self._prove is not None and number not in self._found:
            try:
                self._found[number] = base64.b64encode(self._prove(number)).decode()
            except (Conflict, NotFound):
                self._found[number] = ""
        return self._found.get(number, "")

    @property
    def wanted(self) -> bool:
        return self._prove is not None


def _study(agent: Agent, row: dict[str, Any], person: int, pseudonym: str, fen: int, proofs: _Proofs) -> StudyUse:
    part, why = _part(agent, row, person)
    told = agent.book.uses.told(row["id"])
    members = None
    if proofs.wanted and "data-used" in told.get("entries", {}) and row["included"] is not None:
        people = agent.book.pseudonyms(BitMap.deserialize(row["included"]))
        members = Members(people.values(), row["salt"]).membership(pseudonym)
    return StudyUse(
        id=row["id"],
        asker=row["asker"],
        title=row["title"],
        purpose=row["purpose"],
        method=row["method"],
        dataset=row["dataset"],
        opened_utc=row["opened_utc"],
        status=row["status"],
        part=part,
        why=why,
        fen=fen,
        study=None if row["request"] is None else Study.model_validate_json(row["request"]),
        membership=members,
        share=Opening(**told["share"]) if "share" in told else None,
        entries=proofs.of(told),
    )


def _part(agent: Agent, row: dict[str, Any], person: int) -> tuple[Part, tuple[str, ...]]:
    """What part the person had, and why none."""
    if row["included"] is not None and person in BitMap.deserialize(row["included"]):
        return ("used" if row["counted"] else "begun"), ()
    if row["first"] is not None and person in BitMap.deserialize(row["first"]):
        return "begun", ()
    use = agent.book.use(row["id"])
    unmet = None if use is None else agent.book.consents.unmet(person, use, row["census_utc"] or row["opened_utc"])
    return ("not-asked", ()) if unmet is None else ("not-covered", unmet)


def _refused(agent: Agent, each: Any, proofs: _Proofs) -> StudyUse:
    request = each.study.request
    return StudyUse(
        id=each.study.id,
        asker=request.asker,
        title=request.title,
        purpose=request.purpose,
        method=request.method,
        dataset=request.dataset,
        opened_utc=each.at_utc,
        status="refused",
        part="refused",
        why=(each.code,),
        study=each.study,
        entries=proofs.of(agent.book.uses.told(each.study.id)),
    )
