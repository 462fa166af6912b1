"""Who asks the hub for something, and what each role may have. The one place that decides it, for every interface."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from huizhen.kit.errors import NotFound, Refused
from huizhen.kit.text import Text
from huizhen.model.study import Study

TokenRole = Literal["asker", "trustee", "auditor", "regulator", "reviewer"]
Role = Literal["owner", "node", "asker", "trustee", "auditor", "regulator", "reviewer"]
TOKEN_ROLES: tuple[TokenRole, ...] = get_args(TokenRole)
_SEE_ALL: frozenset[Role] = frozenset({"owner", "trustee", "auditor", "regulator"})
ROLE_WORDS: dict[Role, Text] = {
    "owner": Text("owner", "所有者"),
    "node": Text("node", "节点"),
    "asker": Text("asker", "申请方"),
    "trustee": Text("trustee", "受托方"),
    "auditor": Text("auditor", "审计方"),
    "regulator": Text("regulator", "监管方"),
    "reviewer": Text("reviewer", "审查人"),
}


@dataclass(frozen=True)
class Caller:
    """`owner` is whoever holds the region's folder; `node` one that showed its certificate; the rest come by token."""

    name: str
    role: Role

    @property
    def sees_all(self) -> bool:
        """Whether studies, documents and money of everyone are shown: to the region's own, auditors and regulators."""
        return self.role in _SEE_ALL

    def check_sees_all(self) -> None:
        """Raises Refused unless everything is shown to this caller."""
        if not self.sees_all:
            raise _wrong_role(self, Text("see how the hub runs", "查看中心的运行状况"))

    def sees(self, study: Study) -> bool:
        return self.sees_all or (self.role == "asker" and study.request.asker == self.name)

    def check_asks_as(self, asker: str) -> None:
        """Raises Refused unless this caller may ask in that name."""
        if self.role == "owner" or (self.role == "asker" and asker == self.name):
            return
        if self.role == "asker":
            raise Refused(
                "not-your-name",
                Text(f"You may ask as {self.name} only, not as {asker[:64]}.", f"您只能以 {self.name} 的名义申请。"),
                Text(f"Write asker: {self.name}", f"请写 asker: {self.name}"),
            )
        raise _wrong_role(self, Text("ask", "提出研究"))

    def check_is_trustee(self) -> None:
        """Raises Refused unless this is a trustee, or the region's owner."""
        if self.role not in {"owner", "trustee"}:
            raise _wrong_role(self, Text("do what the trustee does", "代行受托方职权"))

    def check_sees(self, study: Study) -> None:
        """Raises NotFound for a study of somebody else: not even that there is one is told."""
        if not self.sees(study):
            raise unknown_study(study.id)

    def check_sees_party(self, party: str) -> None:
        """Raises Refused unless the party's bookings are this caller's own, or all are shown to it."""
        own = {"asker": {self.name, f"asker:{self.name}"}}
        own["node"] = {self.name, f"hospital:{self.name}", f"patients@{self.name}"}
        if not self.sees_all and party not in own.get(self.role, set()):
            raise Refused(
                "not-your-account",
                Text("You may see your own account only.", "您只能查看自己的账目。"),
                Text(f"Give --party {self.name}", f"请使用 --party {self.name}"),
            )

    def check_is_node(self, name: str) -> None:
        """Raises Refused unless this is the node of that name, or the region's owner."""
        if self.role == "owner" or (self.role == "node" and self.name == name):
            return
        if self.role == "node":
            raise Refused(
                "another-nodes-word",
                Text(f"Node {self.name} cannot speak for another node.", f"节点 {self.name} 不能代表其他节点。"),
                Text("Send it from that node's own folder.", "请从该节点自己的文件夹发送。"),
            )
        raise _wrong_role(self, Text("speak for a node", "代表节点发言"))


def _wrong_role(caller: Caller, deed: Text) -> Refused:
    role = ROLE_WORDS[caller.role]
    return Refused(
        "wrong-role",
        Text(f"A caller with the role {role.en} may not {deed.en}.", f"角色“{role.zh}”无权{deed.zh}。"),
        Text("Ask the trustee for a token of the right role.", "请向受托方索取相应角色的令牌。"),
    )


def unknown_study(study: str) -> NotFound:
    return NotFound(
        "unknown-study",
        Text(f"There is no study '{study[:64]}'.", f"没有研究“{study[:64]}”。"),
        Text("`huizhen study list` shows those there are.", "可用 `huizhen study list` 查看已有研究。"),
    )


OWNER = Caller("", "owner")
