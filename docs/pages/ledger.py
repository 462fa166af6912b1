"""What the ledger records, and in which order a study may appear in it, drawn from the table that the verifier uses."""

from __future__ import annotations

from huizhen.ledger.order import STUDY_ORDER, Order
from pages.markdown import code, table

HEAD = """\
# The ledger

An append-only Merkle tree (RFC 6962 hashing). A leaf is the canonical JSON (RFC 8785) of one entry: time, kind, actor,
what it is about, public facts, and salted hashes of the documents it speaks of. The documents themselves stay beside
the tree and may be disclosed one by one. After every change the hub signs how the tree stands (a C2SP checkpoint) and
each node co-signs it once it has checked that nothing it saw before was rewritten.

账本是只增不改的默克尔树（RFC 6962 哈希）。叶子是一条记录的规范 JSON（RFC 8785），只含时间、类型、行为方、对象、公开事实
以及所涉文件的加盐哈希。每次变更后由中心签署检查点，各节点确认未改写既往内容后联署。

"""


def page() -> str:
    order = Order()
    rows = [(code(order.first), "entry 0, and only it: the region begins")]
    rows += [(code(kind), "at any time") for kind in sorted(order.any_time)]
    rows += [(code(kind), _follows(kind)) for kind in STUDY_ORDER if kind is not None]
    return (
        HEAD
        + "## Kinds of entry\n\n"
        + table(("kind", "where it may stand"), rows)
        + "## The order of a study\n\n`huizhen ledger verify` refuses a ledger in which a study takes a step that is "
        "not drawn here.\n\n" + _diagram()
    )


def _follows(kind: str) -> str:
    before = [k for k, after in STUDY_ORDER.items() if kind in after]
    return "after " + ", ".join("nothing: a study begins" if k is None else code(k) for k in before)


def _diagram() -> str:
    lines = ["```mermaid", "stateDiagram-v2"]
    for last, following in STUDY_ORDER.items():
        lines += [f"    {_state(last)} --> {_state(kind)}" for kind in sorted(following)]
        if not following:
            lines.append(f"    {_state(last)} --> [*]")
    lines += [f"    {_state(kind)} : {kind}" for kind in STUDY_ORDER if kind is not None]
    return "\n".join([*lines, "```", ""])


def _state(kind: str | None) -> str:
    return "[*]" if kind is None else kind.replace("-", "_")
