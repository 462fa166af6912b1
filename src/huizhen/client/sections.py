"""The parts of a report that come after the answer: how it was protected, allowed, paid for, and how to check it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from huizhen import methods
from huizhen.client import number
from huizhen.client.block import Cell, Fact, Figure, Head, Part, Table, words
from huizhen.client.figures import bars
from huizhen.client.figures.bars import Segment
from huizhen.client.paper import fact
from huizhen.client.reading import Reading, row_head
from huizhen.client.words import OUTCOME, PAGE, ROLE, SOURCES, VERDICT
from huizhen.kit.errors import HuizhenError
from huizhen.kit.money import yuan
from huizhen.market.effect import explained
from huizhen.model.settlement import Effects
from huizhen.path.guard import CHECKS

_ASKS = {check.name: check.asks for check in CHECKS}
_PATIENTS = "patients@"
_PLACES = 200
"""Places of hidden figures that the list behind a check names; the cells themselves are all marked where they stand."""


def limits_of(found: dict[str, Any]) -> dict[str, Any] | None:
    """The limits of the grant, None where nothing was granted."""
    limits: dict[str, Any] | None = (found["grant"] or {}).get("limits")
    return limits


@dataclass(frozen=True)
class CheckLine:
    outcome: str
    outcome_word: str
    asks: str
    words: str
    places: tuple[str, ...]
    """Where in the result, at most a few hundred."""
    more: int
    """Places beyond these."""


@dataclass(frozen=True)
class Protected:
    intro: tuple[str, ...]
    checks: tuple[CheckLine, ...]
    places: str
    """The heading of the places: 'where'."""
    more: str


def protected(found: dict[str, Any], reading: Reading) -> Protected:
    """How the figures were kept from showing anyone, and every check of the guard in words."""
    lines = [
        CheckLine(
            check.outcome,
            OUTCOME[check.outcome].say(reading.language),
            _ASKS[check.check].say(reading.language) if check.check in _ASKS else check.check,
            reading.words(check),
            check.paths[:_PLACES],
            max(len(check.paths) - _PLACES, 0),
        )
        for check in reading.checks
    ]
    where = reading.say("Which figures", "涉及的数值")
    return Protected(tuple(_safeguards(found, reading)), tuple(lines), where, reading.say("more", "更多"))


def _safeguards(found: dict[str, Any], reading: Reading) -> list[str]:
    say, limits = reading.say, limits_of(found)
    if limits is None:
        return [say("Nothing was computed: no row was read.", "未进行任何计算，也未读取任何记录。")]
    said = [
        say(
            "Every hospital computed on its own records, inside its own walls, and only for patients whose consent "
            "covers this purpose. What left it were sums.",
            "每家医院都在院内用自己的记录计算，且只使用同意范围涵盖本用途的患者数据；离开医院的只有求和结果。",
        )
    ]
    if limits["secure_sum"]:
        said.append(
            say(
                "The sums were masked: the hub could read only the total of all hospitals, never one hospital’s own.",
                "这些求和结果经过掩码处理：中心只能读到所有医院的合计，读不到任何一家医院的数据。",
            )
        )
    else:
        said.append(
            say(
                "The sums were not masked, so the hub could read each hospital’s own: the study asked for that, and "
                "every hospital’s policy allowed it.",
                "求和结果未加掩码，中心可以读到每家医院各自的求和结果：研究提出了此要求，且各医院的策略均允许。",
            )
        )
    if found["result"] is None and not found["rounds"]:
        said.append(say("People were counted; the method itself never ran.", "只统计了人数，方法本身从未运行。"))
        return said
    try:
        reveals = methods.find(limits["method"]).reveals.say(reading.language)
        said.append(say(f"What the hub could read of the totals: {reveals}", f"中心可读到的合计内容：{reveals}"))
    except HuizhenError:
        pass
    if limits["epsilon"] is not None:
        said.append(
            say(
                f"Random noise was added (differential privacy, epsilon {limits['epsilon']:g}): each figure may be "
                "a little off, so that nobody’s presence can be told from it.",
                f"结果加入了随机噪声（差分隐私，epsilon {limits['epsilon']:g}）：每个数值可能略有偏差，"
                "因而无法据此判断某人是否在内。",
            )
        )
    return said


@dataclass(frozen=True)
class RuleLine:
    verdict: str
    verdict_word: str
    rule: str
    words: str
    source: str


@dataclass(frozen=True)
class Allowed:
    heading: str
    intro: str
    rules: tuple[RuleLine, ...]
    sources: str
    """What the names of the sources stand for."""


def allowed(found: dict[str, Any], reading: Reading) -> Allowed | None:
    """Every rule that was asked, with its answer and its source; None where none was asked."""
    grant = found["grant"]
    if grant is None:
        return None
    rules = tuple(
        RuleLine(
            r["verdict"],
            VERDICT[r["verdict"]].say(reading.language),
            r["rule"],
            r["zh"] if reading.language == "zh" else r["en"],
            r["source"],
        )
        for r in grant["reasons"]
    )
    yes = grant["verdict"] == "allow"
    intro = reading.say(
        "Before any row was read, each of these rules was asked, and each hospital checked the grant again for itself.",
        "在读取任何记录之前，系统逐条询问了以下规则；每家医院又自行复核了授权。",
    )
    if not yes:
        intro = reading.say("No row was read.", "未读取任何记录。")
    heading = PAGE["allowed" if yes else "not allowed"].say(reading.language)
    return Allowed(heading, intro, rules, _sources(reading, rules))


def _sources(reading: Reading, rules: Sequence[RuleLine]) -> str:
    named = [
        f"{name}{reading.say(': ', '：')}{text.say(reading.language)}"
        for name, text in SOURCES.items()
        if any(name in line.source for line in rules)
    ]
    if not named:
        return ""
    return reading.say("; ", "；").join(named) + reading.say(". The numbers are those of articles.", "。数字为条款。")


@dataclass(frozen=True)
class Paid:
    sentence: str
    figure: Figure | None
    table: Table | None
    effects: tuple[str, Table | None] | None = None
    """Where the deed pays by effect: what that is, and the effect of each hospital."""


def effects(settlement: dict[str, Any], reading: Reading) -> tuple[str, Table | None] | None:
    """What the deed pays by beside rows and quality; None where nothing."""
    if "effects" not in settlement:
        return None
    found, say = Effects.read(settlement["effects"]), reading.say
    sentence = explained(found).say(reading.language)
    if found.outcome != "measured":
        return sentence, None
    heads = (
        Head(say("hospital", "医院"), number=False), Head(say("strays, in times of chance", "偏离（随机水平的倍数）")),
        Head(say("effect", "贡献系数")),
    )  # fmt: skip
    strays = {None: say("not told", "未报告"), 1: say("within chance", "在随机范围内")}
    rows = [
        (row_head(h.node), words(strays.get(h.misfit, say(f"{h.misfit} or more", f"{h.misfit} 以上"))), words(h.effect))
        for h in found.hospitals
    ]
    return sentence, Table(say("Effect of each hospital", "各医院的贡献系数"), heads, tuple(rows))


def paid(found: dict[str, Any], reading: Reading) -> Paid | None:
    """The settlement in yuan; None where nothing was settled."""
    settlement = found["settlement"]
    if settlement is None:
        return None
    lines, price = settlement["lines"], settlement["price_fen"]
    if not lines:
        return Paid(reading.say("The study was free of charge.", "本研究不收费。"), None, None)
    sums = {role: sum(x["fen"] for x in lines if x["role"] == role) for role in dict.fromkeys(x["role"] for x in lines)}
    sentence = reading.say(
        f"{settlement['asker']} paid {yuan(price)} yuan; the lines below add up to it exactly.",
        f"{settlement['asker']} 支付 {yuan(price)} 元；以下各项之和与之分文不差。",
    )
    return Paid(
        sentence, _paid_figure(reading, sums, price), _paid_table(reading, lines, price), effects(settlement, reading)
    )


def _role(reading: Reading, role: str) -> str:
    return ROLE[role].say(reading.language) if role in ROLE else role


def _paid_figure(reading: Reading, sums: dict[str, int], price: int) -> Figure:
    title = reading.say("How the price was shared", "价款的分配")
    segments = [Segment(_role(reading, role), fen, yuan(fen)) for role, fen in sums.items()]
    names = [f"{s.label} {s.text} ({number.percent((s.value or 0) / price)})" for s in segments]
    hidden = PAGE["hidden"].say(reading.language)
    drawn = bars.stacked("paid", [("", segments, price)], bars.Words(title, "; ".join(names), hidden), names)
    return Figure(title, drawn, reading.say("In yuan.", "单位：元。"))


def _paid_table(reading: Reading, lines: Sequence[dict[str, Any]], price: int) -> Table:
    """A line for each hospital with its own share and that of its patients; a line for everyone else."""
    shares: dict[str, dict[str, int]] = {}
    for x in lines:
        who = x["party"].removeprefix(_PATIENTS) if x["role"] == "patients" else x["party"]
        own = x["role"] in {"hospital", "patients"}
        role = _role(reading, x["role"])
        row = shares.setdefault(who if own else role if who == x["role"] else f"{who} · {role}", {})
        row[x["role"]] = row.get(x["role"], 0) + x["fen"]
    say = reading.say
    heads = (
        Head(say("who", "对象"), number=False), Head(say("itself (yuan)", "自身（元）")),
        Head(say("its patients, in equal shares (yuan)", "其患者，人均等额（元）")),
        Head(say("together (yuan)", "合计（元）")),
    )  # fmt: skip
    rows = [
        (
            row_head(who),
            _money(sum(fen for role, fen in row.items() if role != "patients")),
            _money(row["patients"]) if "patients" in row else words(""),
            _money(sum(row.values()), strong=True),
        )
        for who, row in shares.items()
    ]
    total = words(PAGE["total"].say(reading.language), head=True, strong=True)
    rows.append((total, words(""), words(""), _money(price, strong=True)))
    return Table(say("Settlement", "结算"), heads, tuple(rows))


def _money(fen: int, *, strong: bool = False) -> Cell:
    return Cell((Part(yuan(fen), f"{fen} fen / 分"),), "number", strong=strong)


@dataclass(frozen=True)
class Evidence:
    intro: str
    entries: str
    cosigned: str
    checkpoint: str
    commands: tuple[tuple[str, str], ...]
    """What a command does, and the command."""


def evidence(found: dict[str, Any], reading: Reading) -> Evidence:
    """Which entries of the ledger speak of this study, how the ledger stood, and the commands that check it."""
    say, entries, checkpoint = reading.say, found["evidence"]["entries"], found["evidence"]["checkpoint"]
    names = [line.split()[1] for line in checkpoint.splitlines() if line.startswith("— ") and len(line.split()) > 2]
    cosigned = ""
    if names:
        cosigned = say(f"Signed by: {', '.join(names)}.", f"签名方：{'、'.join(names)}。")
    which = str(entries[-1]) if entries else "ENTRY"
    prove = f"huizhen ledger prove {which} --out entry{which}.proof --keys keys.txt --region DIR"
    return Evidence(
        say(
            "Every step was written to a ledger that cannot be changed unseen. The hospitals co-sign how it stands; "
            "whoever has their public keys can check it without trusting the operator, also without a network.",
            "每一步都写入了无法悄然篡改的账本，各医院对其状态联署。任何持有医院公钥的人都可以离线核验，无需信任运营方。",
        ),
        say(f"Ledger entries: {ranges(entries)}", f"账本条目：{ranges(entries)}") if entries else "",
        cosigned,
        checkpoint,
        (
            (say("Compute the whole ledger again; name the first entry that fails", "重新计算整个账本，指出首处错误"),
             "huizhen ledger verify --region DIR"),
            (say("Write a proof that stands alone: this study is in the ledger", "导出可独立验证的入账证明"), prove),
            (say("Check that proof anywhere", "在任何地方验证该证明"),
             f"huizhen ledger verify --proof entry{which}.proof --keys keys.txt"),
        ),
    )  # fmt: skip


def ranges(numbers: Sequence[int]) -> str:
    """[3, 4, 5, 9] -> '3–5, 9'."""
    runs: list[list[int]] = []
    for n in numbers:
        if runs and n == runs[-1][-1] + 1:
            runs[-1].append(n)
        else:
            runs.append([n])
    return ", ".join(str(r[0]) if len(r) == 1 else f"{r[0]}–{r[-1]}" for r in runs)


def technical(found: dict[str, Any], reading: Reading) -> tuple[Fact, ...]:
    """What someone needs who wants to repeat the study."""
    say, request, limits = reading.say, found["request"], limits_of(found)
    facts = [fact(say("study", "研究编号"), found["study"]), fact(say("method", "方法"), _method(request, limits))]
    facts += [fact(f"{say('parameter', '参数')} {k}", _value(v)) for k, v in request["params"].items()]
    if limits:
        facts += [
            fact(say("SHA-256 of the method’s code", "方法代码的 SHA-256"), limits["method_code"]),
            fact(say("columns read", "读取的列"), ", ".join(limits["columns"]) or say("none", "无")),
            fact(say("cohort", "队列"), limits["cohort"] or say("everyone", "全体")),
            fact(say("hospitals", "参与医院"), ", ".join(found["hospitals"])),
            fact(say("smallest cell", "最小单元"), number.short(limits["min_cell"])),
            fact(say("secure sum", "安全求和"), PAGE["yes" if limits["secure_sum"] else "no"].say(reading.language)),
            fact(
                say("counts rounded to", "计数取整"),
                _value(limits["round_to"]) if limits["round_to"] else say("not rounded", "未取整"),
            ),
        ]
    spent, seconds = found["epsilon_spent"], found["timings"]["seconds"]
    if spent is not None:
        facts.append(Fact(say("privacy budget spent (epsilon)", "消耗的隐私预算（epsilon）"), _number(spent)))
    facts.append(Fact(say("rounds", "轮次"), _number(found["rounds"])))
    facts += [
        Fact(label, Cell((Part(number.size(found[key]), f"{found[key]:,} B"),)))
        for label, key in (
            (say("sent by the hospitals", "医院上行"), "bytes_up"),
            (say("sent to the hospitals", "下行至医院"), "bytes_down"),
        )
    ]
    if seconds is not None:
        facts.append(Fact(say("seconds", "耗时（秒）"), _number(seconds)))
    return tuple(facts)


def _method(request: dict[str, Any], limits: dict[str, Any] | None) -> str:
    return str(request["method"]) + (f" {limits['method_version']}" if limits else "")


def _number(value: float) -> Cell:
    return Cell((Part(number.short(value), number.exact(value)),))


def _value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
