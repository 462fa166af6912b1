"""watch scan, list, show, acknowledge, report, credibility: what stands out, and who is how credible."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Any

import typer

from huizhen.cli.common import HubOption, JsonFlag, Region_, TokenOption
from huizhen.cli.papers import As_, Key_, cabinet, filed, told
from huizhen.cli.program import Command, new_group
from huizhen.cli.table import Head
from huizhen.cli.voice import VOICE
from huizhen.kit.errors import BadInput, NotFound
from huizhen.kit.text import Text

app = new_group("Watching: access behaviour, alarms, departures from contracts, credibility.")
audit = new_group("Auditors' signed reports on parties.")
AlarmArgument = Annotated[str, typer.Argument(metavar="ALARM", help="The alarm's id, e.g. al-0123456789abcdef.")]
PartyArgument = Annotated[str, typer.Argument(metavar="PARTY", help="The party that it is about.")]
DaysOption = Annotated[int, typer.Option("--days", metavar="N", min=1, max=366, help="So many days back, with today.")]
AllFlag = Annotated[bool, typer.Option("--all", help="Those that were acknowledged, too.")]
OutcomeOption = Annotated[str, typer.Option("--outcome", metavar="WORD", help="explained or confirmed.")]
FoundOption = Annotated[str, typer.Option("--text", metavar="TEXT", help="What was found.")]
OUTCOMES = {"explained": Text("explained", "已说明"), "confirmed": Text("confirmed", "已证实")}
OPINIONS = {
    "clean": Text("clean", "无保留"),
    "qualified": Text("qualified", "保留"),
    "adverse": Text("adverse", "否定"),
}


@app.command("scan", cls=Command)
def scan(
    days: DaysOption = 1,
    region: Region_ = None,
    hub: HubOption = None,
    token: TokenOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Score who asked what, against its own history and its peers, and raise alarms for what stands out. A hub that
    serves does so after every study.

    Example: `huizhen watch scan --days 7 --region demo`
    """
    with cabinet(region, hub, token) as at:
        found = at.scan(days)
    _tell(found, as_json, Text("New alarms", "新警报"))


@app.command("list", cls=Command)
def list_(
    every: AllFlag = False,
    region: Region_ = None,
    hub: HubOption = None,
    token: TokenOption = None,
    as_json: JsonFlag = False,
) -> None:
    """List the alarms that nobody has looked into: the regulator's view.

    Example: `huizhen watch list --hub https://hub.example:8443 --token regulator.json`
    """
    with cabinet(region, hub, token) as at:
        found = at.alarms(every)
    _tell(found, as_json, Text("Alarms", "警报"))


def _tell(found: list[dict[str, Any]], as_json: bool, title: Text) -> None:
    from huizhen.model.alarm import BEHAVIOURS

    if as_json:
        VOICE.json(found)
        return
    behaviours = {str(code): word for code, word in BEHAVIOURS.items()}
    VOICE.table(
        title,
        [
            Head(Text("alarm", "警报"), "id"),
            Head(Text("day", "日期"), "id"),
            Head(Text("about", "对象")),
            Head(Text("behaviour", "行为")),
            Head(Text("outcome", "结论")),
            Head(Text("reason", "理由"), spare=True),
        ],
        [
            (
                a["alarm"], a["day"], a["about"], behaviours[a["behaviour"]].say(VOICE.language), _outcome(a),
                Text(a["en"], a["zh"]).say(VOICE.language),
            )
            for a in found
        ],
    )  # fmt: skip


def _outcome(found: dict[str, Any]) -> str:
    return OUTCOMES[found["outcome"]].say(VOICE.language) if found["outcome"] else ""


@app.command("show", cls=Command)
def show(
    alarm: AlarmArgument,
    region: Region_ = None,
    hub: HubOption = None,
    token: TokenOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Show one alarm with its reasons, and what was found.

    Example: `huizhen watch show al-0123456789abcdef --region demo`
    """
    with cabinet(region, hub, token) as at:
        found = _alarm(at.alarms(True), alarm)
    if as_json:
        VOICE.json(found)
        return
    VOICE.say(f"{found['day']} {found['about']}: {found['en']}", f"{found['day']} {found['about']}：{found['zh']}")
    if found["outcome"]:
        word = OUTCOMES[found["outcome"]]
        VOICE.say(f"{word.en} by {found['acknowledged_by']}: {found['acknowledged']}",
                  f"由 {found['acknowledged_by']} 认定{word.zh}：{found['acknowledged']}")  # fmt: skip


def _alarm(known: list[dict[str, Any]], name: str) -> dict[str, Any]:
    from huizhen.model.alarm import unknown_alarm

    found = next((a for a in known if a["alarm"] == name), None)
    if found is None:
        raise unknown_alarm()
    return found


@app.command("acknowledge", cls=Command)
def acknowledge(
    alarm: AlarmArgument,
    outcome: OutcomeOption,
    text: FoundOption,
    by: As_ = None,
    key: Key_ = None,
    region: Region_ = None,
    hub: HubOption = None,
    token: TokenOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Say what an alarm was: explained, or confirmed. By an authority with its own key, or by the trustee; it stands.

    Example: `huizhen watch acknowledge al-0123456789abcdef --outcome explained --text "a yearly report" --region demo`
    """
    check_word(outcome, OUTCOMES)
    with cabinet(region, hub, token) as at:
        found = _alarm(at.alarms(True), alarm)
        body = {"alarm": found["digest"], "outcome": outcome, "text": text}
        made = filed(at, "alarm-acknowledged", found["about"], body, by, key)
    told(made, as_json, f"{alarm}: {OUTCOMES[outcome].en}.", f"{alarm}：{OUTCOMES[outcome].zh}。")


def check_word(word: str, words: dict[str, Text]) -> None:
    """Raises BadInput for a word that is none of these."""
    if word not in words:
        raise BadInput(
            "no-such-word",
            Text(f"'{word[:32]}' is none of the words for this.", f"“{word[:32]}”不是可用的取值。"),
            Text(f"Say one of: {', '.join(words)}.", f"可用：{'、'.join(words)}。"),
        )


@app.command("report", cls=Command)
def report(
    party: PartyArgument,
    contract: Annotated[str, typer.Option("--contract", metavar="NAME", help="The contract that was departed from.")],
    text: Annotated[str, typer.Option("--text", metavar="TEXT", help="What was seen.")],
    study: Annotated[
        str | None, typer.Option("--study", metavar="ID", help="The study whose result it is about.")
    ] = None,
    by: As_ = None,
    key: Key_ = None,
    region: Region_ = None,
    hub: HubOption = None,
    token: TokenOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Report that a party uses results for something else than its contract says: an alarm. Once it is confirmed it
    counts towards the suspension that the contract provides for.

    Example: `huizhen watch report acme --contract acme-2026 --text "sold on" --as north --key north.pem --region demo`
    """
    with cabinet(region, hub, token) as at:
        body = {"contract": contract, "study": study, "text": text}
        made = filed(at, "departure-reported", party, body, by, key)
    told(made, as_json, f"Reported: {party}, contract {contract}.", f"已举报：{party}，合同 {contract}。")


@app.command("credibility", cls=Command)
def credibility(
    party: Annotated[str | None, typer.Argument(metavar="PARTY", help="One party; else all.")] = None,
    region: Region_ = None,
    hub: HubOption = None,
    token: TokenOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Show how credible each party is, from the ledger alone, with every addend; and auditors' reports on it.

    Example: `huizhen watch credibility acme --region demo`
    """
    with cabinet(region, hub, token) as at:
        found = [c for c in at.credibility() if party in (None, c["party"])]
    if not found and party is not None:
        raise NotFound(
            "party-without-record",
            Text(f"The ledger says nothing of '{party[:64]}' yet.", f"账本中尚无“{party[:64]}”的记录。"),
            Text("`huizhen watch credibility` shows every party.", "可用 `huizhen watch credibility` 查看所有主体。"),
        )
    if as_json:
        VOICE.json(found)
    elif party is None:
        heads = [Head(Text("party", "主体"), "id"), Head(Text("score", "得分"), "number")]
        VOICE.table(Text("Credibility", "信誉"), heads, [(c["party"], c["score"]) for c in found])
    else:
        _explain(found[0])


def _explain(found: dict[str, Any]) -> None:
    VOICE.say(f"{found['party']}: {found['score']} of 100", f"{found['party']}：{found['score']} 分（满分 100）")
    rows = [(Text("everyone begins with", "起始分").say(VOICE.language), "", found["base"])]
    rows += [(Text(a["en"], a["zh"]).say(VOICE.language), a["count"], a["points"]) for a in found["addends"]]
    heads = [
        Head(Text("what", "事项")),
        Head(Text("times", "次数"), "number"),
        Head(Text("points", "分值"), "number"),
    ]
    VOICE.table(Text("Why", "构成"), heads, rows)
    for paper in found["reports"]:
        body, word = paper["body"], OPINIONS[paper["body"]["opinion"]]
        VOICE.say(f"{paper['by']} {body['from_day']} to {body['until_day']}, {word.en}: {body['text']}",
                  f"{paper['by']} {body['from_day']} 至 {body['until_day']}，{word.zh}：{body['text']}")  # fmt: skip


ReportFile = Annotated[
    Path | None, typer.Option("--report", metavar="FILE", help="The full report: its SHA-256 is signed.")
]


@audit.command("file", cls=Command)
def audit_file(
    party: PartyArgument,
    opinion: Annotated[str, typer.Option("--opinion", metavar="WORD", help="clean, qualified or adverse.")],
    from_day: Annotated[str, typer.Option("--from", metavar="DATE", help="First day of the period.")],
    until_day: Annotated[str, typer.Option("--until", metavar="DATE", help="Last day of the period.")],
    text: FoundOption,
    by: Annotated[str, typer.Option("--as", metavar="PARTY", help="The auditor, as in the register.")],
    key: Annotated[Path, typer.Option("--key", metavar="FILE", help="The auditor's own key file; it is only read.")],
    report: ReportFile = None,
    region: Region_ = None,
    hub: HubOption = None,
    token: TokenOption = None,
    as_json: JsonFlag = False,
) -> None:
    """File an auditor's signed report on a party. The ledger has its hash; the report itself stays with whoever has it.

    Example: `huizhen audit file acme --opinion clean --from 2026-01-01 --until 2026-06-30 --text "No finding."
    --report acme.pdf --as kpi --key kpi.pem --region demo`
    """
    check_word(opinion, OPINIONS)
    body = {
        "from_day": from_day, "until_day": until_day, "opinion": opinion, "text": text,
        "report": None if report is None else _sha256(report),
    }  # fmt: skip
    with cabinet(region, hub, token) as at:
        made = filed(at, "audit-reported", party, body, by, key)
    told(made, as_json, f"Filed: {party}, {OPINIONS[opinion].en}.", f"已备案：{party}，{OPINIONS[opinion].zh}意见。")


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        raise NotFound(
            "no-report-file",
            Text(f"There is no file {path}.", f"没有文件 {path}。"),
            Text("Name the report as it was signed.", "请指定所签署的报告文件。"),
        ) from None


@audit.command("list", cls=Command)
def audit_list(
    party: Annotated[str | None, typer.Argument(metavar="PARTY", help="One party; else all.")] = None,
    report: Annotated[
        Path | None, typer.Option("--report", metavar="FILE", help="Only those that this very file belongs to.")
    ] = None,
    region: Region_ = None,
    hub: HubOption = None,
    token: TokenOption = None,
    as_json: JsonFlag = False,
) -> None:
    """List auditors' reports; with --report, those that were signed over this very file.

    Example: `huizhen audit list acme --report acme.pdf --region demo`
    """
    digest = None if report is None else _sha256(report)
    with cabinet(region, hub, token) as at:
        found = [p for p in at.papers("audit-reported", subject=party) if digest in (None, p["body"]["report"])]
    if as_json:
        VOICE.json(found)
        return
    VOICE.table(
        Text("Auditors' reports", "审计报告"),
        [
            Head(Text("party", "主体"), "id"),
            Head(Text("auditor", "审计方")),
            Head(Text("from", "自"), "id"),
            Head(Text("until", "至"), "id"),
            Head(Text("opinion", "意见")),
            Head(Text("SHA-256", "摘要 SHA-256"), "id", spare=True),
        ],
        [
            (
                p["subject"], p["by"], p["body"]["from_day"], p["body"]["until_day"],
                OPINIONS[p["body"]["opinion"]].say(VOICE.language), (p["body"]["report"] or "")[:16],
            )
            for p in found
        ],
    )  # fmt: skip
