"""What a hospital told a person, checked without it: keys that the reader trusts, the file, and at most the ledger's
public files. Pure."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from huizhen.kit.canonical import salted
from huizhen.kit.errors import HuizhenError, Tampered
from huizhen.kit.text import Text
from huizhen.ledger import inclusion, proof
from huizhen.ledger.checkpoint import Checkpoint
from huizhen.ledger.merkle import leaf_hash
from huizhen.ledger.my_data import ENDED, DeletedData, MyData, Proven, Share, StudyUse
from huizhen.ledger.note import COSIGNATURE, VerifierKey
from huizhen.ledger.story import read_leaf
from huizhen.ledger.tiles import Frontier
from huizhen.market.patients import owed
from huizhen.model.correction import NEXT, State
from huizhen.model.evidence import Evidence

Severity = Literal["broken", "open"]
CODES: dict[str, tuple[Severity, Text]] = {
    "hospital-unknown": ("broken", Text("the keys you trust have none of this hospital", "您信任的公钥中没有该医院")),
    "not-signed": ("broken", Text("the hospital has not signed this file as it stands", "文件未经医院签名或已被改动")),
    "bad-proof": ("broken", Text("a proof does not hold", "证明不成立")),
    "altered-study": ("broken", Text("the study is not the one on the ledger", "研究内容与账本不符")),
    "altered-outcome": ("broken", Text("the study ended another way on the ledger", "研究结局与账本不符")),
    "altered-part": ("broken", Text("it says another part than the commitment does", "所述参与情况与承诺不符")),
    "membership-lacking": ("broken", Text("it is not shown whether you were in it", "未证明您是否在其中")),
    "membership-wrong": ("broken", Text("the proof of your part is not yours", "参与证明不属于您")),
    "altered-fen": ("broken", Text("the fen are not what the settlement gives you", "金额与结算不符")),
    "share-lacking": ("broken", Text("the settlement's line is not opened", "未出示结算明细")),
    "use-hidden": ("broken", Text("a use of this hospital's data on the ledger is not in the file",
                                  "账本上有该医院的数据使用，但文件中没有")),
    "altered-deletion": ("broken", Text("the record of a deletion is not the hospital's, or not about you",
                                        "删除记录并非该医院所签，或与您无关")),
    "used-after-deletion": ("broken", Text("data were used after they were deleted", "数据在删除之后仍被使用")),
    "deletion-unrecorded": ("broken", Text("a deletion is not on the ledger", "删除未记入账本")),
    "altered-correction": ("broken", Text("the record of a correction is not the hospital's, or not about you",
                                          "更正记录并非该医院所签，或与您无关")),
    "correction-unrecorded": ("broken", Text("a correction is not on the ledger", "更正未记入账本")),
    "use-gone": ("broken", Text("an earlier file had it otherwise", "与先前文件不一致")),
    "another-person": ("broken", Text("an earlier file has you under another pseudonym", "先前文件中的假名不同")),
    "ledger-differs": ("broken", Text("the ledger there is not the one the proofs are of", "账本与证明所属账本不同")),
    "unproven": ("open", Text("nothing on the ledger proves it, or not yet", "账本尚无证明")),
    "not-compared": ("open", Text("the ledger was not read: a use that is left out would not be seen",
                                  "未读取账本：若有遗漏将无法发现")),
    "used-since": ("open", Text("the hospital's data were used again after this file was made",
                                "文件生成之后该医院数据又被使用")),
}  # fmt: skip
"""What a check may find. `broken`: somebody says what is not so; `open`: nothing is wrong, but it is not shown."""


@dataclass(frozen=True)
class Found:
    code: str
    study: str | None = None

    @property
    def severity(self) -> Severity:
        return CODES[self.code][0]

    @property
    def what(self) -> Text:
        return CODES[self.code][1]


@dataclass
class Checked:
    """`proven` of the uses hold in full; `newest` is the latest checkpoint that a proof in the file is under."""

    proven: int = 0
    newest: Checkpoint | None = None
    found: list[Found] = field(default_factory=list)
    listed: dict[str, int] = field(default_factory=dict)
    """Study -> number of the entry in which the hospital's use of it is proven."""

    @property
    def broken(self) -> bool:
        return any(each.severity == "broken" for each in self.found)


def check(data: MyData, keys: Sequence[VerifierKey], quorum: int, earlier: MyData | None = None) -> Checked:
    """Everything in the file against keys that the reader trusts: the hub's first, then those of who co-signs, `quorum`
    of which are enough. `earlier`: a file that the person got before, with which it has to agree."""
    done = Checked()
    named = [key for key in keys[1:] if key.name == data.node and key.algorithm == COSIGNATURE]
    if not named:
        done.found.append(Found("hospital-unknown"))
    elif not data.holds(named[0].public):
        done.found.append(Found("not-signed"))
    for use in data.uses:
        before = len(done.found)
        entries = dict(_entries(use, keys, quorum, done))
        done.found += [Found(code, use.id) for code in dict.fromkeys(_wrong(data, use, entries))]
        done.proven += len(done.found) == before
    key = named[0].public if named else b""
    done.found += [found for each in data.deleted for found in _deleted(data, each, key)]
    done.found += list(_corrected(data, key))
    if earlier is not None:
        done.found += _agrees(data, earlier)
    return done


def _deleted(data: MyData, each: DeletedData, key: bytes) -> Iterator[Found]:
    """Whether the hospital signed this record, and of this person; and that nothing was used since, until the person
    said yes again, if they did."""
    record = each.said()
    if record is None or not record.holds(key) or (record.node, record.pseudonym) != (data.node, data.pseudonym):
        yield Found("altered-deletion")
        return
    for use in data.uses:
        if (
            use.part == "used"
            and use.dataset == record.dataset
            and (record.at_utc < use.opened_utc < (each.lifted_utc or "~"))
        ):
            yield Found("used-after-deletion", use.id)


def _corrected(data: MyData, key: bytes) -> Iterator[Found]:
    """Whether the hospital signed each step, of this person, and each follows the one before."""
    last: dict[int, tuple[str, State]] = {}
    for each in data.corrected:
        record = each.said()
        if record is None or not record.holds(key) or (record.node, record.pseudonym) != (data.node, data.pseudonym):
            yield Found("altered-correction")
            continue
        before, state = last.get(record.number, (None, None))
        follows = record.state == "filed" if state is None else record.state in NEXT.get(state, ())
        if record.previous != before or not follows:
            yield Found("altered-correction")
        last[record.number] = each.commitment, record.state


def _entries(use: StudyUse, keys: Sequence[VerifierKey], quorum: int, done: Checked) -> Iterator[tuple[str, Evidence]]:
    for each in use.entries:
        if not each.proof:
            continue
        try:
            proven, entry = _proven(each, keys, quorum)
            if entry.kind != each.kind or proven.index != each.entry or entry.subject != use.id:
                raise ValueError("a proof of something else")
        except (HuizhenError, ValueError):
            done.found.append(Found("bad-proof", use.id))
            continue
        point = proven.signed.checkpoint
        if done.newest is None or point.size > done.newest.size:
            done.newest = point
        if each.kind == "data-used":
            done.listed[use.id] = proven.index
        yield each.kind, entry


def _proven(each: Proven, keys: Sequence[VerifierKey], quorum: int) -> tuple[proof.ProvenEntry, Evidence]:
    try:
        data = base64.b64decode(each.proof, validate=True)
    except binascii.Error as error:
        raise ValueError("no base64") from error
    proven = proof.verify(data, keys[0], keys[1:], quorum)
    entry = read_leaf(proven.leaf)
    if entry is None:
        raise ValueError("no entry")
    return proven, entry


def _wrong(data: MyData, use: StudyUse, entries: dict[str, Evidence]) -> Iterator[str]:
    """Codes of what does not hold of one study."""
    proposed, used = entries.get("study-proposed"), entries.get("data-used")
    asked = use.study
    if asked is None or proposed is None:
        yield "unproven"
    if asked is not None:
        request = asked.request
        said = (use.asker, use.title, use.purpose, use.method, use.dataset)
        if asked.id != use.id or said != (
            request.asker, request.title, request.purpose, request.method, request.dataset
        ):  # fmt: skip
            yield "altered-study"
    if proposed is not None and proposed.actor != use.asker:
        yield "altered-study"
    if use.part == "refused":
        refused = entries.get("node-refused")
        if refused is None:
            yield "unproven"
        elif refused.actor != data.node or (str(refused.facts.get("code")),) != use.why:
            yield "altered-part"
        return
    ended = [status for kind, status in ENDED.items() if kind in entries]
    if ended and use.status != ended[0] and (use.status, ended[0]) != ("needs", "denied"):
        yield "altered-outcome"
    if used is None:
        if use.fen or use.part == "used" or (use.status == "released" and not _left_out(data, entries)):
            yield "unproven"
        return
    if used.actor != data.node:
        yield "bad-proof"
        return
    yield from _part(data, use, used)


def _left_out(data: MyData, entries: dict[str, Evidence]) -> bool:
    """Whether the ledger says that the study went on without this hospital."""
    left = entries.get("node-left-out")
    return left is not None and left.facts.get("node") == data.node


def _part(data: MyData, use: StudyUse, used: Evidence) -> Iterator[str]:
    """Whether the person was in it, by the hospital's own commitment; and what that makes of the settlement's line."""
    if use.membership is None:
        yield "membership-lacking"
        return
    try:
        place = inclusion.check(use.membership, data.pseudonym, str(used.facts.get("inclusion")))
    except Tampered:
        yield "membership-wrong"
        return
    if (place is not None) != (use.part == "used"):
        yield "altered-part"
    share = _share(use, used)
    if share is None or (share.study, share.node) != (use.id, data.node):
        yield "share-lacking"
    elif use.fen != (0 if place is None else owed(share.fen, use.membership.people, place)):
        yield "altered-fen"


def _share(use: StudyUse, used: Evidence) -> Share | None:
    """The document behind the entry, where the file opens it."""
    if use.share is None or salted(bytes.fromhex(use.share.salt), use.share.content.encode()) != used.refs.get("share"):
        return None
    try:
        return Share.model_validate_json(use.share.content)
    except ValueError:
        return None


def _agrees(data: MyData, earlier: MyData) -> Iterator[Found]:
    """What was used once stays used."""
    if (data.node, data.subject, data.pseudonym) != (earlier.node, earlier.subject, earlier.pseudonym):
        yield Found("another-person")
    now = {use.id: use for use in data.uses}
    for use in earlier.uses:
        after = now.get(use.id)
        lost = after is None or (use.part in ("used", "begun") and after.part not in ("used", "begun"))
        if lost or (after is not None and after.fen < use.fen):
            yield Found("use-gone", use.id)


def compare(data: MyData, done: Checked, leaves: Iterable[bytes], root: bytes) -> list[Found]:
    """Whether the ledger has uses of this hospital that the file does not show. `leaves` are all entries of the ledger,
    and `root` what its newest checkpoint, of which the hub's signature holds, says of them."""
    found: list[Found] = []
    whole, point, listed = Frontier(), done.newest, {use.id for use in data.uses}
    size = 0 if point is None else point.size
    later = same = False
    noted: set[tuple[str, str]] = set()
    for number, leaf in enumerate(leaves):
        if number == size and point is not None:
            same = whole.root() == point.root
        whole.add(leaf_hash(leaf))
        entry = read_leaf(leaf)
        if entry is None or entry.actor != data.node:
            continue
        if entry.kind in ("data-deleted", "data-correction"):
            more = "tombstone" if entry.kind == "data-deleted" else "state"
            noted.add((str(entry.facts.get("commitment")), str(entry.facts.get(more))))
        if entry.kind == "data-used" and number >= size:
            later = True
        elif entry.kind == "data-used" and done.listed.get(entry.subject) != number:
            found.append(Found("membership-lacking" if entry.subject in listed else "use-hidden", entry.subject))
        elif entry.kind == "node-refused" and number < size and entry.subject not in listed:
            found.append(Found("use-hidden", entry.subject))
    if point is not None and len(whole) == size:
        same = whole.root() == point.root
    if whole.root() != root or (point is not None and not same):
        return [Found("ledger-differs")]
    found += _unrecorded(data, noted)
    if point is None and later:  # nothing in the file says up to when it speaks
        return [Found("use-hidden")]
    return found + [Found("used-since")] * later


def _unrecorded(data: MyData, noted: set[tuple[str, str]]) -> Iterator[Found]:
    """Deletions and corrections of which the ledger has no entry."""
    for each in data.deleted:
        record = each.said()
        if record is not None and (each.commitment, record.tombstone) not in noted:
            yield Found("deletion-unrecorded")
    for step in data.corrected:
        said = step.said()
        if said is not None and (step.commitment, said.state) not in noted:
            yield Found("correction-unrecorded")
