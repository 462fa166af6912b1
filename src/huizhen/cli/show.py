"""A study's outcome on a terminal: the same figures, names and reasons as in its HTML report."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from huizhen.cli.table import Head
from huizhen.cli.voice import VOICE
from huizhen.kit.money import yuan
from huizhen.kit.text import Text

if TYPE_CHECKING:
    from huizhen.client.block import Block, Cell, Table

STATUS = {
    "released": Text("released", "已发布"),
    "denied": Text("denied", "被拒绝"),
    "needs": Text("needs more", "尚缺条件"),
    "failed": Text("failed", "失败"),
    "running": Text("cut off", "中断"),
    "awaiting": Text("kept back until paid and committed", "待付款或承诺后发布"),
    "settling": Text("cut off", "中断"),
    "open": Text("cut off", "中断"),
}
ROLES = {
    "operator": Text("operator", "运营方"),
    "hospital": Text("hospital", "医院"),
    "patients": Text("patients", "患者"),
    "refund": Text("back to the asker", "退还申请方"),
}
VERDICTS = {"allow": Text("allow", "准许"), "deny": Text("deny", "拒绝"), "needs": Text("needs more", "尚缺条件")}
_MARK = {"allow": "+", "deny": "-", "needs": "?"}
_MOST_ROWS = 40
_TOLD = {"hidden", "changed", "refused"}


def show_grant(grant: dict[str, Any] | None) -> None:
    """The verdict and every reason with its source."""
    if grant is None:
        return
    verdict = VERDICTS[grant["verdict"]]
    VOICE.say(f"Verdict: {verdict.en}", f"结论：{verdict.zh}")
    show_reasons(grant["reasons"])


def show_reasons(reasons: Iterable[dict[str, Any]]) -> None:
    """Each rule's answer, in words and with its source."""
    for r in reasons:
        mark = _MARK[r["verdict"]]
        VOICE.say(f"  {mark} {r['rule']} {r['en']} [{r['source']}]", f"  {mark} {r['rule']} {r['zh']}［{r['source']}］")


def show_check(asked: dict[str, Any], method: str) -> None:
    """Verdict, price, budget, and what the hub would see."""
    from huizhen import methods

    show_grant(asked["grant"])
    VOICE.say(f"Price: {yuan(asked['price_fen'])} yuan.", f"价格：{yuan(asked['price_fen'])} 元。")
    budget = asked["budget"]
    if budget is None:
        VOICE.say("Privacy budget: none is spent.", "隐私预算：不消耗。")
    else:
        VOICE.say(
            f"Privacy budget: epsilon {asked['epsilon']:g}; spent so far {budget['before']:.4g}, with this study "
            f"{budget['after']:.4g} of {budget['cap']:g}.",
            f"隐私预算：epsilon {asked['epsilon']:g}；此前已用 {budget['before']:.4g}，含本研究 {budget['after']:.4g}，"
            f"上限 {budget['cap']:g}。",
        )
    if asked["grant"]["verdict"] == "allow":
        reveals = methods.find(method).reveals
        VOICE.say(f"The hub would see: {reveals.en}", f"中心将看到：{reveals.zh}")


def show_outcome(found: dict[str, Any]) -> None:
    """Status, result, what the guard did, where the evidence is, who is owed what."""
    status = STATUS[found["status"]]
    style = "green" if found["status"] == "released" else "red"
    VOICE.say(f"{found['study']}: {status.en}", f"{found['study']}：{status.zh}", style)
    if found["problem"]:
        p = found["problem"]
        VOICE.say(f"  {p['message']}", f"  {p['message_zh']}")
        VOICE.say(f"  {p['remedy']}", f"  {p['remedy_zh']}")
    for each in found["left_out"]:
        VOICE.say(f"Left out: {each['node']}. {each['en']}", f"未参与：{each['node']}。{each['zh']}")
    if found["left_out"] and found["hospitals"]:
        count = len(found["hospitals"])
        VOICE.say(f"{count} hospitals take part.", f"实际参与 {count} 家医院。")
    if found["result"] is not None:
        _show_result(found)
    if found["status"] != "denied":
        for c in found["guard"]:
            if c["outcome"] in _TOLD:
                VOICE.say(f"Guard, {c['check']}: {c['en']}", f"出口检查 {c['check']}：{c['zh']}")
    _show_settlement(found["settlement"])
    entries = found["evidence"]["entries"]
    if entries:
        VOICE.say(
            f"Evidence: ledger entries {entries[0]}-{entries[-1]}; {found['rounds']} rounds, "
            f"{_size(found['bytes_up'])} up, {_size(found['bytes_down'])} down.",
            f"存证：账本第 {entries[0]}–{entries[-1]} 条；{found['rounds']} 轮，上行 {_size(found['bytes_up'])}，"
            f"下行 {_size(found['bytes_down'])}。",
        )
    witnesses = found["evidence"]["witnesses"]
    if witnesses["waiting"]:
        VOICE.say(
            f"Waiting for witnesses: {witnesses['waiting']} of these entries are not yet co-signed by "
            f"{witnesses['needed']} outside witnesses.",
            f"等待见证：其中 {witnesses['waiting']} 条尚未由 {witnesses['needed']} 个外部见证方联署。",
        )
    elif entries and witnesses["needed"]:
        VOICE.say(
            f"Witnessed: co-signed by {witnesses['needed']} outside witnesses or more.",
            f"已见证：由至少 {witnesses['needed']} 个外部见证方联署。",
        )


def _show_settlement(settlement: dict[str, Any] | None) -> None:
    if settlement is None:
        return
    if not settlement["lines"]:
        VOICE.say("No price was offered, so there is nothing to share.", "未出价，无需分配。")
        return
    VOICE.table(
        Text("Settlement", "结算"),
        [Head(Text("party", "参与方")), Head(Text("role", "角色")), Head(Text("yuan", "元"), "number")],
        [(x["party"], ROLES[x["role"]].say(VOICE.language), yuan(x["fen"])) for x in settlement["lines"]],
    )
    show_effects(settlement)


def show_effects(settlement: dict[str, Any] | None) -> None:
    """What the deed pays hospitals by beside rows and quality, where it does."""
    from huizhen.client import sections
    from huizhen.client.reading import Reading

    said = None if settlement is None else sections.effects(settlement, Reading({}, VOICE.language))
    if said is not None:
        VOICE.say(said[0], said[0])
        if said[1] is not None:
            _show_table(said[1])


def _show_result(found: dict[str, Any]) -> None:
    from huizhen.client.reading import Reading
    from huizhen.client.report import answer
    from huizhen.model.dataset import Column
    from huizhen.model.release import Check

    limits = (found["grant"] or {}).get("limits")
    columns = {c["name"]: Column.read(c) for c in limits["dataset_schema"]["columns"]} if limits else {}
    checks = tuple(Check.read(c) for c in found["guard"])
    rest = {k: v for k, v in found["result"].items() if k != "coefficients"}
    blocks = answer(Reading(rest, VOICE.language, checks, columns))
    _show_blocks([b for b in blocks if b.kind == "facts"])
    if "coefficients" in found["result"]:
        _show_coefficients(found["result"])
    _show_blocks([b for b in blocks if b.kind != "facts"])


def _show_blocks(blocks: Iterable[Block]) -> None:
    """Sentences, facts and tables; a figure is for the HTML report, and so is a long table that stands behind one."""
    from huizhen.client.block import Facts, Sentence, Table

    for block in blocks:
        if isinstance(block, Sentence):
            VOICE.say(block.text, block.text)
        elif isinstance(block, Facts):
            for fact in (f for f in block.facts if f.cell.style != "none"):
                VOICE.say(f"  {fact.label}: {_told(fact.cell)}", f"  {fact.label}：{_told(fact.cell)}")
        elif isinstance(block, Table):
            _show_table(block)


def _show_table(block: Table) -> None:
    shown = block.rows[:_MOST_ROWS]
    if block.folded and len(block.rows) > _MOST_ROWS:
        shown = ()
    if shown:
        heads = [Head(Text(h.text, h.text), "number" if h.number and i else "word") for i, h in enumerate(block.heads)]
        VOICE.table(Text(block.caption, block.caption), heads, [[_told(cell) for cell in row] for row in shown])
    more = len(block.rows) - len(shown)
    if more:
        VOICE.say(
            f"{block.caption}: {more} rows more; `huizhen study result ID --html FILE` shows all.",
            f"{block.caption}：另有 {more} 行；`huizhen study result ID --html 文件` 可查看全部。",
        )


_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def _told(cell: Cell) -> str:
    """A figure with seven digits, as statistics programs print it, and signs that can be copied; a date as it is."""
    if len(cell.parts) == 1 and cell.style == "number" and cell.parts[0].title and not _DATE.fullmatch(cell.text):
        try:
            return f"{float(cell.parts[0].title):.7g}"
        except ValueError:
            pass
    return cell.text.replace("−", "-")


_RATIOS = {"binomial": Text("odds ratio", "比值比"), "poisson": Text("rate ratio", "率比")}


def _show_coefficients(values: dict[str, Any]) -> None:
    """Coefficients as statistics programs print them, with the ratio that each stands for."""
    rows, level = values["coefficients"], f"{100 * values['confidence']:g} %"
    ratio = Text("hazard ratio", "风险比") if "hazard_ratio" in rows[0] else _RATIOS.get(values.get("family", ""))
    heads = [
        Head(Text("term", "项")),
        Head(Text("coefficient", "系数"), "number"),
        Head(Text("std error", "标准误"), "number"),
        Head(Text("z", "z"), "number"),
        Head(Text("p", "p"), "number"),
        Head(Text(f"{level} interval", f"{level} 置信区间"), "number")
        if ratio is None
        else Head(Text(f"{ratio.en} ({level})", f"{ratio.zh}（{level}）"), "number"),
    ]
    VOICE.table(
        Text("Coefficients", "系数"),
        heads,
        [
            (r["name"], *(_number(r[k], d) for k, d in (("estimate", 6), ("std_error", 5), ("z", 4), ("p", 3))),
             _interval(r, ratio is not None))
            for r in rows
        ],
    )  # fmt: skip


def _interval(row: dict[str, Any], ratio: bool) -> str:
    """'0.71 (0.55 to 0.91)'; without a ratio only the limits of the coefficient."""
    if any(row[k] is None for k in ("estimate", "ci_low", "ci_high")):
        return "-"
    middle, low, high = (math.exp(min(row[k], 700.0)) if ratio else row[k] for k in ("estimate", "ci_low", "ci_high"))
    limits = f"{_number(low, 4)} {Text('to', '至').say(VOICE.language)} {_number(high, 4)}"
    return f"{_number(middle, 4)} ({limits})" if ratio else limits


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}g}"


def _size(count: int) -> str:
    from huizhen.client import number

    return number.size(count)
