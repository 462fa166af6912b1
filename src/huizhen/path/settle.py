"""Settle: what each party is owed for a released study, from what the nodes tallied."""

from __future__ import annotations

from collections.abc import Sequence

from huizhen.market.settle import Contribution, settle
from huizhen.model.purpose import PURPOSES
from huizhen.model.settlement import Settlement, Shares
from huizhen.model.study import Study
from huizhen.model.tally import Tally


def settle_study(study: Study, tallies: Sequence[Tally], shares: Shares) -> Settlement:
    """Lines that sum to the price; see `market.settle` for the rule."""
    request = study.request
    return settle(
        study.id,
        request.asker,
        request.price_fen,
        shares,
        {t.node: Contribution(t.rows, t.quality, t.people) for t in tallies},
        for_profit=PURPOSES[request.purpose].for_profit,
    )
