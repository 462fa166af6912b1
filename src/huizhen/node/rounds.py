"""The rounds of the studies that are open at this node: fresh keys, its figures under masks, and who is in the sum."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from huizhen.adapters.node_book import NodeBook
from huizhen.kit.errors import Refused
from huizhen.kit.keys import SigningKey
from huizhen.kit.text import Text
from huizhen.model.partial import Partial
from huizhen.node.log import NodeLog
from huizhen.node.runner import Runner, Sitting
from huizhen.path.compute import RESTARTS
from huizhen.path.secure_round import context
from huizhen.secure import fixed
from huizhen.secure.ring import Words
from huizhen.secure.session import Member
from huizhen.secure.whole import Whole

M = TypeVar("M", Member, Whole)


@dataclass
class Rounds:
    """`sitting` answers a study that is open and whose time is not over; it raises Refused for any other."""

    name: str
    key: SigningKey
    book: NodeBook
    runner: Runner
    log: NodeLog
    sitting: Callable[[str], Sitting]
    prepare: Callable[[Sitting], object]
    """Makes what goes out beside the sum; raises what is wrong with that."""
    left: str = ""
    """Digest of the figures that go out with the answer at hand."""
    _members: dict[tuple[str, str], Member | Whole] = field(default_factory=dict)
    """By study and attempt: one attempt for each study, the last that was begun."""

    def handlers(self) -> dict[str, Callable[[dict[str, Any]], Any]]:
        """One for each message of a round."""
        return {
            "advert": self._advert,
            "shares": self._shares,
            "mask": self._mask,
            "confirm": self._confirm,
            "unmask": self._unmask,
            "plain": self._plain,
        }

    def forget(self, study: str) -> None:
        """No attempt of this study goes on."""
        self._members = {k: m for k, m in self._members.items() if k[0] != study}

    def _advert(self, body: dict[str, Any]) -> Any:
        return self._begin(body["study"], body["attempt"], list(body["members"]), body["whole"])

    def _begin(self, study: str, attempt: str, members: Iterable[str], whole: bool) -> dict[str, bytes]:
        """Fresh keys for an attempt at a sum of these nodes; with them every earlier attempt in this study is over."""
        sitting, names = self.sitting(study), list(members)
        keys = {p.name: bytes.fromhex(p.key) for p in sitting.limits.participants}
        if not set(names) <= set(keys) or len(names) < sitting.limits.min_contributors:
            raise Refused(
                "wrong-company",
                Text("The round names nodes outside the grant, or too few.", "本轮参与方超出授权或数量不足。"),
                Text("Ask the trustee why the hub sent this.", "请询问受托方原因。"),
            )
        bound = context(study, sitting.grant_digest, attempt, names, whole)
        among = {n: keys[n] for n in names}
        member = (Whole if whole else Member)(bound, self.name, self.key.sign, among)
        self.forget(study)
        self._members[study, attempt] = member
        return member.advert()

    def _member(self, body: dict[str, Any], kind: type[M]) -> M:
        member = self._members.get((body["study"], body["attempt"]))
        if not isinstance(member, kind):
            raise Refused(
                "no-such-round",
                Text("This round was not begun at this node.", "本轮未在本节点开始。"),
                Text("Run the study again.", "请重新运行该研究。"),
            )
        return member

    def _shares(self, body: dict[str, Any]) -> Any:
        return self._member(body, Member).shares(body["adverts"], body["everyone"])

    def _words(self, body: dict[str, Any]) -> tuple[Words, int]:
        """What this node contributes, as words to be added, and how many wide numbers are in it (`secure.fixed`). What
        cannot be added is refused, before it is masked. In the census the method's first round is computed, too: from
        what the study alone says, so that a node with no figures for it says so before a sum is opened with it."""
        sitting, partial = self.sitting(body["study"]), self._partial(body)
        among = len(sitting.limits.participants)
        words = fixed.encode(partial, among)
        if body["state"] is None:
            fixed.encode(self.runner.first(sitting), among)
            self.prepare(sitting)
        self.left = self.log.digest(words)
        return words, fixed.wide(partial.layout())

    def _partial(self, body: dict[str, Any]) -> Partial:
        """Its counts in the census, its Partial of the method in a round."""
        sitting, state = self.sitting(body["study"]), body["state"]
        if not 0 <= body["round"] <= sitting.limits.max_rounds * (1 + RESTARTS):
            raise Refused(
                "too-many-rounds",
                Text("The hub asks for more rounds than the grant allows.", "轮数超过授权上限。"),
                Text("Ask the trustee why.", "请询问受托方原因。"),
            )
        return self.runner.census(sitting) if state is None else self.runner.partial(sitting, state)

    def _mask(self, body: dict[str, Any]) -> Any:
        if "adverts" in body:
            return self._mask_whole(body)
        member, (words, wide) = self._member(body, Member), self._words(body)
        return member.mask(words, body["incoming"], wide)

    def _mask_whole(self, body: dict[str, Any]) -> dict[str, Any]:
        """The vector of a sum that holds everybody. It helps to open that sum by itself, so for whom is kept before it
        is made. With it, fresh keys for the same company's next attempt: that saves an exchange."""
        study, member = body["study"], self._member(body, Whole)
        self._check_company(study, member.names)
        self._keep_company(study, member.names)
        words, wide = self._words(body)
        masked = member.mask(words, body["adverts"], body["everyone"], wide)
        return {"words": masked, "advert": self._begin(study, body["next"], member.names, whole=True)}

    def _confirm(self, body: dict[str, Any]) -> Any:
        member = self._member(body, Member)
        self._check_company(body["study"], body["survivors"])
        return member.confirm(body["survivors"])

    def _unmask(self, body: dict[str, Any]) -> Any:
        """Shares that open the sum of the survivors; for whom, is kept before it is done."""
        replies = self._member(body, Member).unmask(body["survivors"], body["confirmations"])
        self._keep_company(body["study"], body["survivors"])
        return replies

    def _check_company(self, study: str, names: Iterable[str]) -> None:
        """Agree to who is in the sum: in one study always the same, and never fewer than its quorum."""
        company, before = sorted(names), self.book.company(study)
        if len(company) < self.sitting(study).limits.quorum:
            raise Refused(
                "too-few-left",
                Text("Fewer nodes are left than the quorum of the study.", "剩余节点少于研究的法定数量。"),
                Text("Start the nodes that fell silent.", "请启动失联的节点。"),
            )
        if before is not None and before.split("\n") != company:
            raise Refused(
                "company-changed",
                Text(
                    "Sums of this study were opened with other nodes in them; the difference would show what one node "
                    "sent.",
                    "本研究的求和曾以不同的参与方打开；两者之差会暴露单个节点的数据。",
                ),
                Text("Run the study again with all its participants.", "请在全部参与方在线时重新运行该研究。"),
            )

    def _keep_company(self, study: str, names: Iterable[str]) -> None:
        if self.book.company(study) is None:
            self.book.keep_company(study, "\n".join(sorted(names)))

    def _plain(self, body: dict[str, Any]) -> Any:
        sitting = self.sitting(body["study"])
        if sitting.limits.secure_sum:
            raise Refused(
                "masks-required",
                Text("This study runs under secure sums.", "该研究要求安全求和。"),
                Text("Ask the trustee why the hub asked for plain figures.", "请询问受托方为何索取明文。"),
            )
        return self._words(body)[0]
