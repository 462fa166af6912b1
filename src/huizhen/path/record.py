"""Record: the kinds of ledger entries a study makes, in the words that everyone later reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from huizhen.kit.errors import HuizhenError
from huizhen.ledger.my_data import Share
from huizhen.ledger.story import StoredDocument
from huizhen.model.deed import Commitment
from huizhen.model.evidence import Evidence
from huizhen.model.grant import Grant
from huizhen.model.left_out import LeftOut
from huizhen.model.release import Release
from huizhen.model.settlement import Hold, Settlement
from huizhen.model.study import Study
from huizhen.model.tally import Tally
from huizhen.path.ports import Record

HUB = "hub"


def proposed(record: Record, study: Study) -> int:
    return record.evidence("study-proposed", study.request.asker, study.id, {"study": study.as_json()})


def authorised(record: Record, study: Study, grant: Grant, hold: Hold | None = None) -> int:
    documents = {"grant": grant.as_json(), **_hold(hold)}
    return record.evidence("study-authorised", HUB, study.id, documents, verdict=grant.verdict)


def _hold(hold: Hold | None) -> dict[str, object]:
    """Money that moves into escrow or out of it belongs to the entry of the step that moves it."""
    return {} if hold is None else {"hold": hold.as_json()}


def opened(record: Record, study: Study, nodes: int) -> int:
    return record.evidence("study-opened", HUB, study.id, {}, nodes=nodes)


def summed(record: Record, study: Study, number: int, nodes: int) -> int:
    return record.evidence("round-summed", HUB, study.id, {}, round=number, nodes=nodes)


def guarded(record: Record, study: Study, release: Release, tallies: tuple[Tally, ...]) -> int:
    documents = {"release": release.as_json(), "tallies": [t.as_json() for t in tallies]}
    return record.evidence("study-guarded", HUB, study.id, documents, status=release.status)


def released(record: Record, study: Study) -> int:
    return record.evidence("study-released", HUB, study.id, {})


def committed(record: Record, study: Study, commitment: Commitment) -> int:
    return record.evidence("study-committed", study.request.asker, study.id, {"commitment": commitment.as_json()})


def settled(record: Record, study: Study, settlement: Settlement, hold: Hold | None = None) -> int:
    return record.evidence("study-settled", HUB, study.id, {"settlement": settlement.as_json(), **_hold(hold)})


def used(record: Record, study: Study, tallies: Sequence[Tally], settlement: Settlement | None) -> None:
    """Of each hospital whose people were in the sums, one entry that says so in its name: a commitment to who they
    were, and beside it, for them alone to see, what they are owed together. Whoever follows the ledger knows by these
    how often a hospital's data were used, so that none of it can be kept from a patient."""
    owed = {} if settlement is None else {line.party: line.fen for line in settlement.lines}
    for tally in tallies:
        share = Share(study=study.id, node=tally.node, fen=owed.get(f"patients@{tally.node}", 0))
        record.evidence("data-used", tally.node, study.id, {"share": share.as_json()}, inclusion=tally.inclusion)


def told(leaves: Sequence[tuple[int, bytes]], documents: Mapping[str, StoredDocument], node: str) -> dict[str, Any]:
    """What a node is told of a study's entries, so that it can prove them to its patients: the numbers of those that
    are of the study as a whole, or of the node alone, and the opening of its own share."""
    found: dict[str, Any] = {"entries": {}}
    for number, leaf in leaves:
        entry = Evidence.model_validate_json(leaf)
        if entry.actor not in (HUB, node) and entry.kind != "study-proposed":
            continue
        found["entries"][entry.kind] = number
        if entry.kind == "data-used" and (stored := documents.get(entry.refs["share"])):
            found["share"] = {"salt": stored.salt.hex(), "content": stored.content.decode()}
    return found


def ended(record: Record, study: Study, status: str, code: str, hold: Hold | None = None) -> int:
    """denied, needs or failed: why, as a code; the words are in the journal."""
    kind = "study-failed" if status == "failed" else "study-denied"
    return record.evidence(kind, HUB, study.id, _hold(hold), status=status, code=code)


def refused(record: Record, study: Study, node: str, problem: HuizhenError) -> int:
    return record.evidence("node-refused", node, study.id, {}, code=problem.code)


def rows_dropped(record: Record, study: str, pieces: int) -> int:
    return record.evidence("rows-dropped", HUB, study, {}, pieces=pieces)


def left_out(record: Record, study: Study, each: LeftOut) -> int:
    return record.evidence("node-left-out", HUB, study.id, {"left_out": each.as_json()}, node=each.node, code=each.code)
