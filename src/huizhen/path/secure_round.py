"""One sum over the nodes: masked (Bonawitz et al. 2017, fresh keys each time), or plain where all allow it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from huizhen.kit import wire
from huizhen.kit.errors import Lost
from huizhen.kit.text import Text
from huizhen.model.partial import Field, Partial
from huizhen.path.link import Link, Silent
from huizhen.secure import fixed, opening, ring


@dataclass(frozen=True)
class Summed:
    total: Partial
    company: tuple[str, ...]
    """The nodes whose Partials are in the total, in order of name."""


def context(study: str, grant: str, attempt: str, members: Sequence[str]) -> bytes:
    """What every key advert of a round is bound to. Hub and node build it alike."""
    return "\n".join(["huizhen/round/v1", study, grant, attempt, *sorted(members)]).encode()


_AGAIN = Text(
    "Nothing was released. Start the node again, then run the study again.",
    "没有发布任何结果。请重新启动该节点，然后再次运行研究。",
)
FORGOTTEN = {"not-open", "no-such-round"}
"""Codes of a node that was started anew in the middle of a study: it is there, and can be asked anew."""


@dataclass(frozen=True)
class Round:
    """One question to the members: `state` (None: the census). `whole`: every member must be in the sum."""

    study: str
    grant: str
    number: int
    members: tuple[str, ...]
    state: dict[str, Any] | None
    layout: tuple[Field, ...]
    whole: bool

    def _body(self, attempt: str, **more: Any) -> dict[str, Any]:
        return {"study": self.study, "round": self.number, "attempt": attempt, **more}

    def plain(self, link: Link) -> Summed:
        """The sum of Partials that travel in the clear; every member must answer."""
        state = wire.once(self.state)
        words = self._ask(link, "plain", {n: self._body("", state=state) for n in self.members}, complete=True)
        added = ring.total([words[node] for node in sorted(words)], fixed.wide(self.layout))
        return Summed(fixed.decode(added, self.layout), tuple(sorted(words)))

    def masked(self, link: Link) -> Summed:
        """The sum under masks. Raises Silent when too few answer, or any is missing from a sum that must be whole."""
        attempt, whole, state = os.urandom(8).hex(), self.whole, wire.once(self.state)
        members = wire.once(self.members)
        adverts = self._ask(link, "advert", {n: self._body(attempt, members=members) for n in self.members}, whole)
        bound = context(self.study, self.grant, attempt, self.members)
        shares = self._ask(link, "shares", self._acquainted(bound, attempt, adverts), whole)
        incoming = opening.route(shares)
        masked = self._ask(
            link, "mask", {n: self._body(attempt, incoming=incoming[n], state=state) for n in shares}, whole
        )
        company = sorted(masked)
        left = wire.once(company)
        told = self._ask(link, "confirm", {n: self._body(attempt, survivors=left) for n in company})
        confirmed = opening.route(told)
        replies = self._ask(
            link,
            "unmask",
            {n: self._body(attempt, survivors=left, confirmations=confirmed[n]) for n in told},
        )
        try:
            total = opening.open_sum(bound, adverts, shares, masked, replies, wide=fixed.wide(self.layout))
        except Lost as few:
            raise Silent(few.code, sorted(set(self.members) - set(replies)), few.remedy) from few
        return Summed(fixed.decode(total, self.layout), tuple(company))

    def _acquainted(self, bound: bytes, attempt: str, adverts: dict[str, Any]) -> dict[str, Any]:
        """What each node is shown of the others' keys: those of its neighbours, and a digest of every one."""
        everyone, needed = opening.acquaint(bound, adverts)
        digests, written = wire.once(everyone), {n: wire.once(advert) for n, advert in adverts.items()}
        return {
            n: self._body(attempt, everyone=digests, adverts={other: written[other] for other in needed[n]})
            for n in adverts
        }

    def _ask(self, link: Link, kind: str, bodies: dict[str, Any], complete: bool = False) -> dict[str, Any]:
        """The answers by node. Raises the first refusal, and Silent where all must answer and one does not."""
        heard = link.ask(kind, bodies)
        for node in sorted(heard.refusals):
            problem = heard.refusals[node]
            if problem.code == "too-few-left":
                gone = set(self.members) - set(heard.answers) - set(heard.refusals)
                raise Silent(problem.code, sorted(gone), problem.remedy)
            if problem.code not in FORGOTTEN:
                raise problem.at(node)
        missing = sorted(set(bodies) - set(heard.answers))
        if missing and (complete or not heard.answers):
            raise Silent("node-lost", missing, _AGAIN)
        return heard.answers
