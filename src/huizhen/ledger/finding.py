"""What the check of a ledger's story found, in words for someone who is woken at night and must decide at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from huizhen.kit.text import Language, Text

Severity = Literal["broken", "open"]
"""broken: bytes are not what they were, or never fitted. open: nothing is wrong yet, but something is not proven."""


@dataclass(frozen=True)
class Finding:
    """One way in which the story breaks. `index` is the entry (from 0) where it does; None: no single entry."""

    code: str
    severity: Severity
    index: int | None
    kind: str | None
    subject: str | None
    what: Text
    remedy: Text

    def say(self, language: Language = "en") -> str:
        return f"{self.what.say(language)} {self.remedy.say(language)}"

    def as_json(self) -> dict[str, str | int | None]:
        return {
            "code": self.code,
            "severity": self.severity,
            "entry": self.index,
            "kind": self.kind,
            "subject": self.subject,
            "message": self.what.en,
            "message_zh": self.what.zh,
            "remedy": self.remedy.en,
            "remedy_zh": self.remedy.zh,
        }


class _Wording(NamedTuple):
    severity: Severity
    what: Text
    remedy: Text


_COPY = Text(
    "Keep this copy untouched as evidence, rely on no result recorded from here on, and restore the hub from a backup "
    "that verifies; the hospitals hold their own checkpoints to compare with.",
    "请将此副本原样封存作为证据，自此处起的任何结果均不得采信；用可通过验证的备份恢复中心，并与各医院自存的检查点核对。",
)
_RESTORE = Text(
    "Restore this document from a backup of the hub; until then rely on nothing that rests on it.",
    "请从中心的备份恢复该文件；在此之前，凡以其为依据的内容均不得采信。",
)
_ASK_HUB = Text(
    "Stop the study it speaks of, ask the operator of the hub for the reason in writing, and keep this copy.",
    "请停止所涉研究，要求中心运营方书面说明原因，并保留此副本。",
)
_STOP_ALL = Text(
    "Stop all studies, keep both sides' files as evidence, and tell every hospital and the regulator: the hub has "
    "shown different histories, or lost part of one.",
    "请停止全部研究，保留双方文件作为证据，并通知每家医院与监管机构：中心出示过不同的历史，或丢失了部分历史。",
)

_AGAIN = Text(
    "Get the files again, from another copy if there is one. If it stays so, keep these and ask the hub's operator.",
    "请重新获取文件，如有其他副本则从该处获取。若仍如此，请保留这些文件并询问中心运营方。",
)
_FORK = Text(
    "Keep both as evidence and tell every hospital and the regulator. `huizhen witness evidence` makes the proof.",
    "请保留双方作为证据，并通知每家医院与监管机构。可用 `huizhen witness evidence` 生成证明。",
)

_WORDINGS: dict[str, _Wording] = {
    "bad-entry": _Wording(
        "broken",
        Text(
            "{where} cannot be read: its bytes are not those of a ledger entry in canonical form.",
            "{where_zh}无法读取：其字节不是规范形式的账本条目。",
        ),
        _COPY,
    ),
    "changed-entry": _Wording(
        "broken",
        Text(
            "{where} was changed after it was recorded: its bytes no longer have the hash kept beside them.",
            "{where_zh}在记录之后被更改：其字节与同存的哈希不符。",
        ),
        _COPY,
    ),
    "changed-hash": _Wording(
        "broken",
        Text(
            "{where} still fits the signed checkpoints, but the hash kept beside it was changed.",
            "{where_zh}仍与已签名的检查点相符，但同存的哈希被更改。",
        ),
        Text(
            "The entry itself is sound. Keep this copy as evidence, then restore the hub from a backup that verifies.",
            "条目本身完好。请保留此副本作为证据，再用可通过验证的备份恢复中心。",
        ),
    ),
    "time-backwards": _Wording(
        "broken",
        Text(
            "{where} bears a time that is not readable or lies before that of the entry before it.",
            "{where_zh}的时间无法读取，或早于前一条目。",
        ),
        Text(
            "Have the hub's clock checked; if it was right, entries were put in later than they say. Keep this copy.",
            "请检查中心的时钟；若时钟无误，则条目是事后补入的。请保留此副本。",
        ),
    ),
    "unknown-kind": _Wording(
        "broken",
        Text(
            "{where} is of a kind that this version does not know, so its story cannot be judged.",
            "{where_zh}的类型不为本版本所知，无法判断其来龙去脉。",
        ),
        Text(
            "Verify with the version of Huizhen that the hub runs; if that does not know it either, ask the operator.",
            "请用中心所用的版本验证；若仍不识别，请询问运营方。",
        ),
    ),
    "wrong-beginning": _Wording(
        "broken",
        Text(
            "{where} is out of place: a ledger begins with its region's creation, and has only one.",
            "{where_zh}位置有误：账本须以区域创建为首条，且仅有一条。",
        ),
        _COPY,
    ),
    "wrong-order": _Wording(
        "broken",
        Text(
            "{where} does not follow from what was recorded of this study before (last: {last}): a step is missing, "
            "doubled or forged.",
            "{where_zh}与该研究此前的记录不相衔接（上一步：{last_zh}）：有步骤缺失、重复或伪造。",
        ),
        _ASK_HUB,
    ),
    "round-order": _Wording(
        "broken",
        Text(
            "{where} counts a round that does not come after the one recorded before.",
            "{where_zh}的轮次未排在此前记录的轮次之后。",
        ),
        _ASK_HUB,
    ),
    "missing-document": _Wording(
        "broken",
        Text(
            "{where} refers to a document ({name}) that is not in the store.",
            "{where_zh}所引用的文件（{name}）不在存储中。",
        ),
        _RESTORE,
    ),
    "changed-document": _Wording(
        "broken",
        Text(
            "{where} refers to a document ({name}) that was changed since: its bytes or its salt no longer give the "
            "recorded hash.",
            "{where_zh}所引用的文件（{name}）此后被更改：其字节或盐值与所记录的哈希不符。",
        ),
        _RESTORE,
    ),
    "wrong-study": _Wording(
        "broken",
        Text(
            "{where} names a study other than the one that was proposed.",
            "{where_zh}所指的研究与所提交的研究不是同一项。",
        ),
        _ASK_HUB,
    ),
    "bad-settlement": _Wording(
        "broken",
        Text(
            "{where} settles wrongly: its lines do not sum to the price, are negative, or do not fit the study, its "
            "asker and the price it offered.",
            "{where_zh}结算有误：各行之和不等于价格、出现负数，或与该研究、其申请方及所报价格不符。",
        ),
        Text(
            "Pay nothing on this settlement. Have it computed again from the recorded contributions.",
            "请勿按此结算付款；应根据已记录的贡献重新计算。",
        ),
    ),
    "stray-document": _Wording(
        "open",
        Text(
            "{count} stored documents are referred to by no entry.",
            "有 {count} 份存储的文件未被任何条目引用。",
        ),
        Text(
            "After a crash this can be work not yet recorded: let the hub finish, verify again. If it stays, ask why.",
            "崩溃之后这可能是尚未记录的工作：请让中心完成后重新验证；若仍存在，请查明原因。",
        ),
    ),
    "bad-checkpoint": _Wording(
        "broken",
        Text(
            "Checkpoint {name}, which should vouch for the ledger from {where_inside} on, is not what was signed, or "
            "not signed by those known here ({reason}; {count} in all).",
            "检查点 {name} 应担保自{where_zh}起的账本，但已非签署内容，或签署者在此未知（{reason}；共 {count} 个）。",
        ),
        _COPY,
    ),
    "root-differs": _Wording(
        "broken",
        Text(
            "The first {count} entries do not give the root that the hub signed: something in entries {start} to {end} "
            "was changed, removed or put in.",
            "前 {count} 条条目得不出中心签署的根哈希：第 {start} 至第 {end} 条之间有内容被更改、删除或插入。",
        ),
        _COPY,
    ),
    "entries-missing": _Wording(
        "broken",
        Text(
            "The hub has signed a ledger of {count} entries; only {have} are here. Something from entry {start} on was "
            "removed.",
            "中心曾签署 {count} 条的账本；现仅有 {have} 条。自第 {start} 条起有内容被删除。",
        ),
        _COPY,
    ),
    "checkpoint-order": _Wording(
        "broken",
        Text(
            "Checkpoint {name} is for fewer entries than one before it: the hub signed a ledger that had shrunk.",
            "检查点 {name} 的条目数少于此前的检查点：中心签署了变短的账本。",
        ),
        _STOP_ALL,
    ),
    "unwitnessed": _Wording(
        "broken",
        Text(
            "No checkpoint bears the cosignatures of the required {count} hospitals: only the hub's own word stands.",
            "没有任何检查点具备所要求的 {count} 家医院联署：目前只有中心的一面之词。",
        ),
        Text(
            "Have the hospitals co-sign, then verify again. Without them a hub can rewrite its history unseen.",
            "请各医院联署后重新验证。没有联署，中心可以不留痕迹地改写历史。",
        ),
    ),
    "no-checkpoint": _Wording(
        "broken",
        Text("There is no checkpoint: nobody has vouched for any entry.", "没有任何检查点：没有人为任何条目作保。"),
        _COPY,
    ),
    "not-yet-witnessed": _Wording(
        "open",
        Text(
            "{count} entries, from {where_inside} on, are not yet under a checkpoint that enough hospitals co-signed.",
            "自{where_zh}起有 {count} 条条目尚未被足够医院联署的检查点覆盖。",
        ),
        Text(
            "Have the hub issue its next checkpoint and the hospitals co-sign it, then verify again; until then these "
            "entries rest on the hub's word alone.",
            "请中心签发下一个检查点并由各医院联署后重新验证；在此之前，这些条目仅凭中心一方之言。",
        ),
    ),
    "witness-differs": _Wording(
        "broken",
        Text(
            "Hospital {name} co-signed another history: its own copy of the checkpoint of {count} entries has another "
            "root. The difference lies in entries {start} to {end}.",
            "医院 {name} 联署的是另一段历史：其自存的 {count} 条检查点的根哈希不同。"
            "差异在第 {start} 至第 {end} 条之间。",
        ),
        _STOP_ALL,
    ),
    "witness-saw-more": _Wording(
        "broken",
        Text(
            "Hospital {name} co-signed a ledger of {count} entries; only {have} are here. Entries were removed.",
            "医院 {name} 曾联署 {count} 条的账本；现仅有 {have} 条。有条目被删除。",
        ),
        _STOP_ALL,
    ),
    "witness-copy-bad": _Wording(
        "broken",
        Text(
            "The checkpoint that hospital {name} keeps itself is not what was signed ({reason}).",
            "医院 {name} 自存的检查点已非签署时的内容（{reason}）。",
        ),
        Text(
            "Have that hospital restore its own file from its backup, then verify again.",
            "请该医院从备份恢复其文件后重新验证。",
        ),
    ),
    "file-lacking": _Wording(
        "broken",
        Text(
            "The file {name}, from {where_inside} on, cannot be had or is damaged ({reason}).",
            "文件 {name}（自{where_zh}起）无法获取或已损坏（{reason}）。",
        ),
        _AGAIN,
    ),
    "entries-withheld": _Wording(
        "broken",
        Text(
            "From {where_inside} on neither the entries nor their hashes can be had, although the hub signed {count} "
            "entries.",
            "自{where_zh}起，条目及其哈希均无法获取，而中心已签署 {count} 条。",
        ),
        _AGAIN,
    ),
    "bad-tile": _Wording(
        "broken",
        Text(
            "The file {name} does not hold the hashes that the entries give, at {where_inside}; the entries themselves "
            "are those that were signed.",
            "文件 {name} 中的哈希与条目不符（位于{where_zh}）；条目本身与签署时一致。",
        ),
        _AGAIN,
    ),
    "seen-differs": _Wording(
        "broken",
        Text(
            "The hub signed another history elsewhere: its checkpoint of {count} entries has another root than these "
            "entries give.",
            "中心在别处签署过另一段历史：其 {count} 条的检查点与这些条目得出的根哈希不同。",
        ),
        _FORK,
    ),
    "seen-more": _Wording(
        "broken",
        Text(
            "The hub signed {count} entries elsewhere; only {have} are shown here.",
            "中心在别处签署过 {count} 条；此处仅出示 {have} 条。",
        ),
        _FORK,
    ),
    "anchored-differs": _Wording(
        "broken",
        Text("Anchor {number} on the chain, of {count} entries, has another root.", "链上第 {number} 号锚点的根不同。"),
        _STOP_ALL,
    ),
    "anchored-more": _Wording(
        "broken",
        Text("{count} entries are anchored; only {have} are shown.", "链上已锚定 {count} 条；此处仅有 {have} 条。"),
        _STOP_ALL,
    ),
    "cosigned-ahead": _Wording(
        "open",
        Text(
            "Witness {name} signed with a clock that is {count} s ahead: its cosignature does not count.",
            "见证方 {name} 签署时的时钟超前 {count} 秒：该联署不计。",
        ),
        Text("Check the clock of this machine, then that of the witness.", "请先检查本机时钟，再检查见证方的时钟。"),
    ),
    "waiting-for-witnesses": _Wording(
        "open",
        Text(
            "Waiting for witnesses: {count} entries, from {where_inside} on, are under no checkpoint that {needed} of "
            "the witnesses whose keys were given have co-signed.",
            "等待见证：自{where_zh}起有 {count} 条尚无由所给公钥中 {needed} 个见证方联署的检查点。",
        ),
        Text(
            "Verify again in a minute. If it stays so, ask the witnesses (`huizhen witness show`) why.",
            "请一分钟后重新验证；若仍如此，请询问见证方（`huizhen witness show`）原因。",
        ),
    ),
    "witness-silent": _Wording(
        "open",
        Text("Hospital {name} has not co-signed anything yet.", "医院 {name} 尚未联署任何检查点。"),
        Text("Have its node run once, then verify again.", "请运行一次该节点后重新验证。"),
    ),
}


def finding(code: str, index: int | None, kind: str | None, subject: str | None, **facts: str | int) -> Finding:
    """A finding in words. `facts` fill the wording; `kind` and `subject` come from the entry, made safe to print."""
    wording = _WORDINGS[code]
    kind, subject = printable(kind), printable(subject)
    safe: dict[str, str | int | None] = {k: printable(v) if isinstance(v, str) else v for k, v in facts.items()}
    about = "" if kind is None else f" ({kind}, {subject})"
    about_zh = "" if kind is None else f"（{kind}，{subject}）"
    safe |= {
        "where": f"Entry {index}{about}",
        "where_inside": f"entry {index}{about}",
        "where_zh": f"第 {index} 条{about_zh}",
    }
    what = Text(wording.what.en.format(**safe), wording.what.zh.format(**safe))
    return Finding(code, wording.severity, index, kind, subject, what, wording.remedy)


def codes() -> tuple[str, ...]:
    """All codes a finding may have."""
    return tuple(_WORDINGS)


def printable(text: str | None) -> str | None:
    """A name from a file that may be forged, without control characters and not longer than a line."""
    if text is None:
        return None
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text[:64])
