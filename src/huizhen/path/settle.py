"""Settle: what each party is owed for a released study, from what the nodes tallied."""

from __future__ import annotations

from collections.abc import Sequence

from huizhen.market.effect import Part, effects, worth_of
from huizhen.market.settle import Contribution, settle
from huizhen.model.purpose import PURPOSES
from huizhen.model.release import Release
from huizhen.model.settlement import Settlement, Shares
from huizhen.model.study import Study
from huizhen.model.tally import Tally


def settle_study(study: Study, release: Release, tallies: Sequence[Tally], shares: Shares) -> Settlement:
    """Lines that sum to the price; see `market.settle` for the rule, and `market.effect` where the deed pays by it.

    Nothing but what was released and tallied goes into it, so that whoever has both can work it out again.
    """
    request = study.request
    for_profit = PURPOSES[request.purpose].for_profit
    measured = None
    if shares.effect != "none":
        parts = {t.node: Part(t.rows, t.misfit) for t in tallies}
        worth = worth_of(release.result or {})
        measured = effects(study.id, shares.effect, parts, worth, for_profit=for_profit)
    factor = {} if measured is None else {h.node: h.effect for h in measured.hospitals}
    return settle(
        study.id,
        request.asker,
        request.price_fen,
        shares,
        {t.node: Contribution(t.rows, t.quality, t.people, factor.get(t.node, "1")) for t in tallies},
        for_profit=for_profit,
        effects=measured,
    )
