"""What a node says of its part in a study once the rounds are over, and what it keeps when it hears how it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from huizhen.ledger.inclusion import Members
from huizhen.market.patients import share_out
from huizhen.market.settle import decimal_quality
from huizhen.model.settlement import Settlement
from huizhen.model.tally import Tally
from huizhen.node.extracts import prepare
from huizhen.node.law import check_paid

if TYPE_CHECKING:
    from huizhen.node.agent import Agent
    from huizhen.node.runner import Sitting


def tally(agent: Agent, sitting: Sitting, state: Any) -> Tally:
    """Rows, people, a commitment to who they were, and what the deed and the policy let the node tell of itself."""
    study = sitting.study.id
    kept, row = agent.book.inclusion(study), agent.book.study(study)
    card = agent.book.card(sitting.study.request.dataset)
    assert kept is not None and row is not None and card is not None
    agent.book.set_counted(study)
    rows = agent.runner.count(sitting, kept[1], complete=sitting.method.complete_cases)
    return Tally(
        node=agent.name,
        rows=rows,
        people=len(kept[1]),
        quality=decimal_quality(card.quality),
        inclusion=Members(agent.book.pseudonyms(kept[1]).values(), row["salt"]).commitment(),
        log=agent.log.write(),
        own=agent.runner.own_figures(sitting, agent.policy()),
        misfit=agent.runner.tell_misfit(sitting, agent.policy(), state),
        extract=prepare(agent, sitting),
    )


def closed(agent: Agent, body: dict[str, Any]) -> None:
    """Keep how a study ended, and where it stands in the ledger; what its patients are owed is shared out among those
    who were included. Raises Refused where they were paid less than was promised."""
    study, book = body["study"], agent.book
    kept, row = book.inclusion(study), book.study(study)
    if body.get("ledger"):
        book.uses.keep_told(study, body["ledger"])
    if row is None:
        return
    if body["settlement"] is not None and kept is not None:
        settlement = Settlement.read(body["settlement"])
        fen = sum(x.fen for x in settlement.lines if x.party == f"patients@{agent.name}")
        names = {name: i for i, name in book.pseudonyms(kept[1]).items()}
        parts = share_out(fen, sorted(names), row["salt"]) if names else {}
        book.pay(study, ((names[name], part) for name, part in parts.items()))
    book.set_status(study, body["status"])
    agent.extracts.forget(study)


def check_settled(agent: Agent, body: dict[str, Any]) -> None:
    """Raises Refused where a released study pays patients less than was promised."""
    if agent.book.study(body["study"]) is not None and body["status"] == "released":
        check_paid(Settlement.read(body["settlement"]), agent.book.use(body["study"]))
