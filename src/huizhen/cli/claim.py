"""patient claim: a right is claimed at the hospital, answered by the law, and carried out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from huizhen.cli.common import HomeOption, HubOption, JsonFlag, NodeOption, Region_
from huizhen.cli.consent import ByOption, DiedOption, SubjectOption, speaker, tell
from huizhen.cli.correction import as_json_of as as_json_of_correction
from huizhen.cli.correction import told as told_of_correction
from huizhen.cli.deletion import as_json_of, told
from huizhen.cli.place import at_node
from huizhen.cli.voice import VOICE
from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text

if TYPE_CHECKING:
    from huizhen.node.correction import Wrong


def claim(
    right: Annotated[str, typer.Argument(metavar="RIGHT", help="view, copy, correct, port, delete or withdraw.")],
    node: NodeOption,
    subject: SubjectOption,
    region: Region_ = None,
    hub: HubOption = None,
    home: HomeOption = None,
    identified: Annotated[
        bool | None,
        typer.Option(
            "--identified/--not-identified", help="Whether it was verified who claims; not said is not known."
        ),
    ] = None,
    basis: Annotated[
        str | None,
        typer.Option("--basis", metavar="WORD", help="On what the data were collected: consent, contract or law."),
    ] = None,
    keep_until: Annotated[
        str | None,
        typer.Option("--keep-until", metavar="DATE", help="Last day on which a law asks to keep the data, or `none`."),
    ] = None,
    feasible: Annotated[
        bool | None,
        typer.Option("--feasible/--not-feasible", help="Whether the data can be sent to where they are wanted."),
    ] = None,
    harms_others: Annotated[
        bool | None,
        typer.Option("--harms-others/--harms-nobody", help="Whether others would be harmed; not said is not known."),
    ] = None,
    by: ByOption = "person",
    kin: Annotated[
        str | None,
        typer.Option("--kin", metavar="TEXT", help="Near kin claim it for a person who has died; how related."),
    ] = None,
    died: DiedOption = None,
    dataset: Annotated[
        str | None, typer.Option("--dataset", metavar="NAME", help="Of a correction: the dataset that is wrong.")
    ] = None,
    column: Annotated[
        str | None, typer.Option("--column", metavar="NAME", help="Of a correction: the column, if it is one.")
    ] = None,
    text: Annotated[
        str | None,
        typer.Option("--text", metavar="TEXT", help="Of a correction: what is wrong and what is right; stays here."),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Only say what the law answers; nothing is deleted or ended.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """What the law says where a person claims a right to their data, with the articles; a line in the node's log says
    that it was asked. What is granted is done: a deletion as by `patient delete`, a withdrawal of every consent with
    what it has deleted, a correction is filed for the hospital to decide; for other rights the command that serves them
    is named. Exit code 5 where it is not granted.

    Examples: `huizhen patient claim delete --node north --subject 1001 --keep-until none --region demo`,
    `huizhen patient claim correct --node north --subject 1001 --identified --dataset lung --column age
    --text "I am 68, not 86" --region demo`
    """
    from huizhen.cli.register import check_word
    from huizhen.cli.show import VERDICTS, show_reasons
    from huizhen.model.grant import verdict
    from huizhen.model.right import NO_DUTY, RIGHTS, Claim
    from huizhen.node import claims, correction
    from huizhen.node.saying import Saying, check_day

    check_word(right, RIGHTS, "unknown-right", Text("right", "权利"))
    if basis is not None:
        check_word(basis, ("consent", "contract", "law"), "unknown-basis", Text("basis", "依据"))
    wrong = _wrong(right, dataset, column, text, check)
    kind, who = speaker(by)
    if kin is not None and kind == "person":
        kind = "kin"
    asked = Claim(
        cast(Any, right), "", "CN", identified, cast(Any, basis),
        keep_until if keep_until == NO_DUTY else check_day("--keep-until", keep_until),
        feasible, harms_others, kind == "kin", check_day("--died", died), kin,
    )  # fmt: skip
    said = Saying(subject, "GRU", by=kind, speaker=who, ground=kin, died=asked.died)
    with at_node(node, region, home, hub) as (agent, at):
        reasons = claims.answer(agent, subject, asked)
        found = verdict(reasons)
        if not as_json:
            VOICE.say(f"Verdict: {VERDICTS[found].en}", f"结论：{VERDICTS[found].zh}")
            show_reasons(r.as_json() for r in reasons)
        granted = found == "allow"
        done = claims.carry_out(agent, said, asked) if granted and not check else None
        filed = None if wrong is None or done is None else correction.file(agent, said, wrong, reasons)
        tell(agent, at)
    if as_json:
        VOICE.json({"verdict": found, "reasons": [r.as_json() for r in reasons],
                    "deletions": [as_json_of(c) for c in done.cases] if done else [],
                    "correction": filed and as_json_of_correction(filed)})  # fmt: skip
    elif granted:
        if done is not None:
            told(*done)
        if filed is not None:
            told_of_correction(filed)
        next_step = NEXT[asked.right]
        VOICE.say(next_step.en, next_step.zh)
    if not granted:
        raise typer.Exit(5)


def _wrong(right: str, dataset: str | None, column: str | None, text: str | None, check: bool) -> Wrong | None:
    """What is to be corrected. Raises BadInput where that is not said, or said of another right."""
    from huizhen.node.correction import Wrong

    given = (dataset, column, text) != (None, None, None)
    if right != "correct" and not given:
        return None
    if right == "correct" and dataset is not None and text is not None:
        return Wrong(dataset, column, text)
    if right == "correct" and check and not given:
        return None
    raise BadInput(
        "what-to-correct",
        Text("A correction, and nothing else, takes --dataset and --text.",
             "仅更正（correct）需要且可使用 --dataset 与 --text。"),
        Text("Say which dataset, and what is wrong and right; --column where it is one.",
             "请指明数据集、错误与正确内容；若为某一列请加 --column。"),
    )  # fmt: skip


NEXT: dict[str, Text] = {
    "view": Text("Show it: `huizhen patient data` and `patient consents`; the rows are in the hospital's own system.",
                 "查阅：`huizhen patient data` 与 `patient consents`；原始记录在医院自有系统中。"),
    "copy": Text("Hand it out: `huizhen patient data --bundle FILE`, signed by the hospital.",
                 "复制：`huizhen patient data --bundle 文件`，由医院签名。"),
    "correct": Text("The hospital decides: `huizhen patient decide-correction`.",
                    "由医院决定：`huizhen patient decide-correction`。"),
    "port": Text("Send it there: `huizhen consent export` (FHIR R4) and `huizhen patient data --bundle FILE`.",
                 "转移：`huizhen consent export`（FHIR R4）与 `huizhen patient data --bundle 文件`。"),
    "delete": Text("The records of it: `huizhen patient deletions`.", "删除记录见 `huizhen patient deletions`。"),
    "withdraw": Text("Every consent has ended; `huizhen patient deletions` has what was deleted.",
                     "全部同意已终止；删除记录见 `huizhen patient deletions`。"),
}  # fmt: skip
