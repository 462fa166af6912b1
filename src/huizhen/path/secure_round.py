"""One sum over the nodes: masked (Bonawitz et al. 2017, fresh keys each time), or plain where all allow it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from huizhen.kit import wire
from huizhen.kit.errors import HuizhenError, Lost, Refused, Unable
from huizhen.kit.text import Text
from huizhen.model.partial import Field, Partial
from huizhen.path.link import Ahead, Heard, Link, Silent, Unfit
from huizhen.secure import fixed, opening, ring


@dataclass(frozen=True)
class Summed:
    total: Partial
    company: tuple[str, ...]
    """The nodes whose Partials are in the total, in order of name."""
    parts: Mapping[str, Partial] = field(default_factory=dict)
    """What each of them said, where it lay open; of a sum under masks, nothing."""


def context(study: str, grant: str, attempt: str, members: Sequence[str], whole: bool = False) -> bytes:
    """What every key advert of a round is bound to; `whole`: of a sum that holds all of them. Hub and node build it
    alike."""
    protocol = "huizhen/whole/v1" if whole else "huizhen/round/v1"
    return "\n".join([protocol, study, grant, attempt, *sorted(members)]).encode()


def _new_attempt() -> str:
    return os.urandom(8).hex()


_AGAIN = Text(
    "Nothing was released. Start the node again, then run the study again.",
    "没有发布任何结果。请重新启动该节点，然后再次运行研究。",
)
FORGOTTEN = {"not-open", "no-such-round"}
"""Codes of a node that was started anew in the middle of a study: it is there, and can be asked anew."""
_VERSION = Text("Have its program and version checked.", "请检查该节点的程序和版本。")


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
    check: Callable[[Partial, int], None]
    """Raises Unable for the sum of so many nodes that no such nodes can have."""

    def _body(self, attempt: str, **more: Any) -> dict[str, Any]:
        return {"study": self.study, "round": self.number, "attempt": attempt, **more}

    def plain(self, link: Link) -> Summed:
        """The sum of Partials that travel in the clear; every member must answer, and what each says is looked at by
        itself. Raises Unfit for the first that cannot be."""
        state = wire.once(self.state)
        words = self._ask(link, "plain", {n: self._body("", state=state) for n in self.members}, complete=True)
        parts: dict[str, Partial] = {}
        for node in sorted(words):
            self._check_shape(node, words[node])
            parts[node] = own = fixed.decode(words[node], self.layout)
            try:
                fixed.check_bounds(own, len(self.members))
                self.check(own, 1)
            except Unable as problem:
                raise Unfit(node, problem) from None
        added = ring.total([words[node] for node in sorted(words)], fixed.wide(self.layout))
        return Summed(fixed.decode(added, self.layout), tuple(sorted(words)), parts)

    def masked(self, link: Link) -> Summed:
        """The sum under masks. Raises Silent when too few answer, or any is missing from a sum that must be whole;
        Unfit where a node says that it has no figures; Unable for a total that cannot be, whoever it was."""
        words, company = self._of_all(link) if self.whole else self._of_those_left(link)
        summed = Summed(fixed.decode(words, self.layout), company)
        try:
            fixed.check_bounds(summed.total)
        except Unable as beyond:
            raise _absurd() from beyond
        self.check(summed.total, len(company))
        return summed

    def _of_all(self, link: Link) -> tuple[ring.Words, tuple[str, ...]]:
        """Of a sum that holds everybody nothing need be recovered (`secure.whole`): one exchange, or two where the keys
        for it are not there yet."""
        ahead, link.ahead = link.ahead, None
        if ahead is None or (ahead.study, ahead.grant, ahead.members) != (self.study, self.grant, self.members):
            attempt = _new_attempt()
            ahead = Ahead(self.study, self.grant, self.members, attempt, self._adverts(link, attempt))
        bound = context(self.study, self.grant, ahead.attempt, self.members, whole=True)
        asked, following = self._acquainted(bound, ahead.attempt, ahead.adverts), _new_attempt()
        more = {"state": wire.once(self.state), "next": following}
        said = self._ask(link, "mask", {n: {**body, **more} for n, body in asked.items()}, complete=True)
        masked: dict[str, Any] = {n: each.get("words") if isinstance(each, dict) else None for n, each in said.items()}
        for node in sorted(masked):
            self._check_shape(node, masked[node])
        link.ahead = replace(ahead, attempt=following, adverts={n: each.get("advert") for n, each in said.items()})
        return opening.add_up(masked, fixed.wide(self.layout)), tuple(sorted(masked))

    def _adverts(self, link: Link, attempt: str) -> dict[str, Any]:
        members = wire.once(self.members)
        asked = {n: self._body(attempt, members=members, whole=self.whole) for n in self.members}
        return self._ask(link, "advert", asked, self.whole)

    def _of_those_left(self, link: Link) -> tuple[ring.Words, tuple[str, ...]]:
        """Of those who are left in the end, recovered from shares where some are not (`secure.session`)."""
        attempt, state = _new_attempt(), wire.once(self.state)
        adverts = self._adverts(link, attempt)
        bound = context(self.study, self.grant, attempt, self.members)
        shares = self._ask(link, "shares", self._acquainted(bound, attempt, adverts))
        incoming = opening.route(shares)
        masked = self._ask(link, "mask", {n: self._body(attempt, incoming=incoming[n], state=state) for n in shares})
        for node in sorted(masked):
            self._check_shape(node, masked[node])
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
        return total, tuple(company)

    def _check_shape(self, node: str, words: Any) -> None:
        """Whether these are words of the layout: as much of a masked vector as can be looked at."""
        right = isinstance(words, np.ndarray) and words.dtype == np.uint64
        if not right or words.shape != (fixed.width(self.layout),):
            raise Unfit(
                node,
                Unable(
                    "bad-figures",
                    Text("It sent figures of another form than the method's.", "其发送的数据形状与方法不符。"),
                    _VERSION,
                ),
            )

    def _acquainted(self, bound: bytes, attempt: str, adverts: Mapping[str, Any]) -> dict[str, Any]:
        """What each node is shown of the others' keys: those of its neighbours, and a digest of every one."""
        everyone, needed = opening.acquaint(bound, adverts, self.whole)
        digests, written = wire.once(everyone), {n: wire.once(advert) for n, advert in adverts.items()}
        return {
            n: self._body(attempt, everyone=digests, adverts={other: written[other] for other in needed[n]})
            for n in adverts
        }

    def _ask(self, link: Link, kind: str, bodies: dict[str, Any], complete: bool = False) -> dict[str, Any]:
        """The answers by node. Raises the first refusal, and Silent where all must answer and one does not."""
        heard = link.ask(kind, bodies)
        self._check_refusals(heard)
        missing = sorted(set(bodies) - set(heard.answers))
        if missing and (complete or not heard.answers):
            raise Silent("node-lost", missing, _AGAIN)
        return heard.answers

    def _check_refusals(self, heard: Heard) -> None:
        """Raises the first no, else Unfit for the first that can give no figures. Where several cannot, all are named:
        what they compute from comes from the sums before, and may be the fault of none of them."""
        said = {n: p for n, p in sorted(heard.refusals.items()) if p.code not in FORGOTTEN}
        for node, problem in said.items():
            if problem.code == "too-few-left":
                gone = set(self.members) - set(heard.answers) - set(heard.refusals)
                raise Silent(problem.code, sorted(gone), problem.remedy)
            if isinstance(problem, Refused):
                raise problem.at(node)
        if said:
            first = next(iter(said.values()))
            alike = [n for n, p in said.items() if p.code == first.code][: 1 if self.number == 0 else None]
            raise Unfit(alike[0], first) if len(alike) == 1 else first.at(Text(", ".join(alike), "、".join(alike)))


def _absurd() -> HuizhenError:
    return Unable(
        "absurd-sum",
        Text(
            "The sum is larger than any of nodes that keep to the protocol: one of them sent false figures, and under "
            "masks nobody can tell which.",
            "求和结果超出遵守协议的节点所能发送的范围：有节点发送了虚假数据，而在掩码之下无法得知是哪一个。",
        ),
        Text(
            "Nothing was released. Have every hospital check its program and its log (`huizhen node log`); where all "
            "allow plain sums, the hub names the node.",
            "没有发布任何结果。请各医院检查其程序和日志（`huizhen node log`）；若各方均允许明文求和，"
            "中心可指出该节点。",
        ),
    )
