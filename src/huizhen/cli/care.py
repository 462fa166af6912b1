"""care access, care check, care review list, care review decide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, cast

import typer

from huizhen.cli.common import HomeOption, HubOption, JsonFlag, NodeOption, Region_
from huizhen.cli.consent import SubjectOption, tell
from huizhen.cli.place import at_node, own
from huizhen.cli.program import Command, new_group
from huizhen.cli.table import Head
from huizhen.cli.voice import VOICE
from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text

if TYPE_CHECKING:
    from huizhen.adapters.care_book import Case
    from huizhen.model.care import CareVerdict

app = new_group("Break-glass: records opened for care in an emergency, and their review.")
review = new_group("The review of records that were opened.")
StaffOption = Annotated[str, typer.Option("--staff", metavar="NAME", help="Name of the member of staff.")]
RoleOption = Annotated[str, typer.Option("--role", metavar="ROLE", help="Their role; policy.yaml says which may.")]
NumberOption = Annotated[int, typer.Option("--number", metavar="N", help="Number of the opening.")]
VERDICTS = {"proper": Text("proper", "正当"), "misuse": Text("misuse", "滥用")}


@app.command("access", cls=Command)
def access(
    node: NodeOption,
    subject: SubjectOption,
    staff: StaffOption,
    role: RoleOption,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why it cannot wait.")],
    region: Region_ = None,
    hub: HubOption = None,
    home: HomeOption = None,
    minutes: Annotated[int, typer.Option("--minutes", metavar="N", min=1, help="For how long.")] = 60,
    as_json: JsonFlag = False,
) -> None:
    """Open a person's record for care in an emergency. The person sees it, the ledger has it, and it is reviewed.

    Example: `huizhen care access --node n --subject 7 --staff li --role physician --reason "unconscious" --region demo`
    """
    from huizhen.node import care

    with at_node(node, region, home, hub) as (agent, at):
        before = care.misuses(agent, staff)
        case = care.access(agent, subject, staff, role, reason, minutes)
        tell(agent, at)
    opened = case.opened
    if as_json:
        VOICE.json({"number": opened.number, "until_utc": opened.until_utc, "commitment": case.commitment})
        return
    VOICE.say(
        f"Opened under number {opened.number} until {opened.until_utc[:19]}Z; to be reviewed by {opened.due_utc[:10]}.",
        f"已以第 {opened.number} 号开放至 {opened.until_utc[:19]}Z；须于 {opened.due_utc[:10]} 前复核。",
    )
    if before:
        VOICE.aside(f"Note: {before} earlier openings of theirs were found to be misuse.",
                    f"注意：此人此前有 {before} 次访问被认定为滥用。")  # fmt: skip


@app.command("check", cls=Command)
def check(
    node: NodeOption,
    subject: SubjectOption,
    staff: StaffOption,
    number: NumberOption,
    region: Region_ = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Whether the record is open to this member of staff now: what the hospital's own system asks before it shows it.

    Example: `huizhen care check --node north --subject 1001 --staff li --number 1 --region demo`
    """
    from huizhen.node import care

    with own(node, region, home) as agent:
        opened = care.holds(agent, number, subject, staff).opened
    if as_json:
        VOICE.json({"number": number, "until_utc": opened.until_utc})
    else:
        VOICE.say(f"Open until {opened.until_utc[:19]}Z.", f"开放至 {opened.until_utc[:19]}Z。")


@review.command("list", cls=Command)
def review_list(
    node: NodeOption,
    region: Region_ = None,
    home: HomeOption = None,
    all_: Annotated[bool, typer.Option("--all", help="Those that were reviewed, too.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """List what waits to be reviewed, the oldest first.

    Example: `huizhen care review list --node north --region demo`
    """
    from huizhen.node import care

    with own(node, region, home) as agent:
        found = [c for c in agent.book.care.cases() if all_ or c.review is None]
        late = {c.opened.number for c in care.overdue(agent)}
    if as_json:
        VOICE.json([_as_json(c, c.opened.number in late) for c in found])
        return
    VOICE.table(
        Text("Records opened in an emergency", "紧急访问"),
        [
            Head(Text("number", "编号"), "number"),
            Head(Text("opened (UTC)", "时间（UTC）"), "id"),
            Head(Text("staff", "人员")),
            Head(Text("role", "角色")),
            Head(Text("reason", "原因"), spare=True),
            Head(Text("review by", "复核期限"), "id"),
            Head(Text("found", "结论")),
        ],
        [
            (c.opened.number, c.opened.at_utc[:16], c.opened.staff, c.opened.role, c.opened.reason,
             c.opened.due_utc[:10], found_text(c, c.opened.number in late).say(VOICE.language))
            for c in found
        ],
    )  # fmt: skip


def found_text(case: Case, late: bool) -> Text:
    """What a review found, or that it is due."""
    if case.review is not None:
        return VERDICTS[case.review.verdict]
    return Text("overdue", "已逾期") if late else Text("to be reviewed", "待复核")


def _as_json(case: Case, late: bool) -> dict[str, object]:
    return {
        **case.opened.as_json(),
        "commitment": case.commitment,
        "overdue": late,
        "review": None if case.review is None else case.review.as_json(),
    }


@review.command("decide", cls=Command)
def review_decide(
    node: NodeOption,
    number: NumberOption,
    staff: StaffOption,
    role: RoleOption,
    verdict: Annotated[str, typer.Option("--verdict", metavar="proper|misuse", help="What the review found.")],
    note: Annotated[str, typer.Option("--note", metavar="TEXT", help="What it rests on.")],
    region: Region_ = None,
    hub: HubOption = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Say whether it was proper to open a record: somebody else than who did, of another role. It stands.

    Example:
    `huizhen care review decide --node n --number 1 --staff wu --role privacy-officer --verdict proper --note "stroke"`
    """
    from huizhen.node import care

    if verdict not in VERDICTS:
        raise BadInput(
            "no-such-finding",
            Text("A review finds proper or misuse.", "复核结论为 proper 或 misuse。"),
            Text("Give --verdict proper or --verdict misuse.", "请给出 --verdict proper 或 --verdict misuse。"),
        )
    with at_node(node, region, home, hub) as (agent, at):
        case = care.review(agent, number, staff, role, cast("CareVerdict", verdict), note)
        tell(agent, at)
    if as_json:
        VOICE.json(_as_json(case, False))
    else:
        found = VERDICTS[verdict]
        VOICE.say(f"Opening {number} was found {found.en}.", f"第 {number} 号紧急访问认定为{found.zh}。")


app.add_typer(review, name="review")
