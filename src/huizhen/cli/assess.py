"""study assess, act show: impact assessments, written from a study's facts, concluded by an officer, kept."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Protocol, cast

import typer

from huizhen.cli.at_desk import part
from huizhen.cli.common import HubOption, JsonFlag, Region_, TokenOption
from huizhen.cli.place import place
from huizhen.cli.program import Command
from huizhen.cli.register import act, check_word, made_of
from huizhen.cli.study import StudyFile
from huizhen.cli.study import app as study
from huizhen.cli.voice import VOICE
from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text

if TYPE_CHECKING:
    from huizhen.cli.place import Place
    from huizhen.model.assessment import Assessment, Opinion
    from huizhen.model.study import Request

OutOption = Annotated[
    list[Path] | None,
    typer.Option("--out", metavar="FILE", help="Paper to write: .md, .html or .pdf; may be repeated."),
]


class Assessments(Protocol):
    """See `hub.assessments.AssessmentDesk`."""

    def assess(self, request: Request) -> Assessment: ...
    def conclude(self, request: Request, opinion: Opinion) -> Assessment: ...
    def assessment(self, digest: str) -> Assessment: ...


def _desk(at: Place) -> Assessments:
    return cast(Assessments, part(at, "assessments"))


@study.command("assess", cls=Command)
def assess(
    file: StudyFile,
    region: Region_ = None,
    hub: HubOption = None,
    token: TokenOption = None,
    out: OutOption = None,
    conclude: Annotated[
        str | None,
        typer.Option("--conclude", metavar="WORD", help="granted or refused: conclude it and put it on file."),
    ] = None,
    by: Annotated[
        str | None, typer.Option("--by", metavar="NAME", help="With --conclude: who answers for the conclusion.")
    ] = None,
    note: Annotated[
        str | None, typer.Option("--note", metavar="TEXT", help="With --conclude: the grounds of the conclusion.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="DATE", help="With --conclude: last day on which it holds.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Write the impact assessment of a study: purpose, necessity, data, risks with the measures in force, rules. With
    --conclude the officer's conclusion is added, it is put on file, and its digest is on the ledger.

    Example: `huizhen study assess cox.yaml --out pia.pdf --region demo`
    """
    from huizhen.client.paper import check_format

    for path in out or ():
        check_format(path)
    opinion = _opinion(conclude, by, note, until)
    with place(region, hub, token) as at:
        from huizhen.client.request import read_study

        request = read_study(file, at)
        made = _desk(at).assess(request) if opinion is None else _desk(at).conclude(request, opinion)
        if opinion is not None:
            at.settle()
    _tell(made, out or [], as_json)


def _opinion(conclude: str | None, by: str | None, note: str | None, until: str | None) -> Opinion | None:
    """Raises BadInput for a conclusion that nobody answers for, or that has no ground."""
    from huizhen.model.assessment import Opinion

    given = [x for x in (conclude, by, note, until) if x is not None]
    if not given:
        return None
    if conclude is None or by is None or note is None:
        raise BadInput(
            "half-a-conclusion",
            Text("A conclusion has an outcome, a name and grounds.", "结论须有结果、负责人与理由。"),
            Text("Give --conclude, --by and --note together.", "请同时给出 --conclude、--by 与 --note。"),
        )
    check_word(conclude, ("granted", "refused"), "unknown-outcome", Text("outcome", "结果"))
    return made_of(Opinion.read, {"by": by, "outcome": conclude, "note": note, "until_day": until})


@act.command("show", cls=Command)
def act_show(
    digest: Annotated[str, typer.Argument(metavar="DIGEST", help="Digest of the assessment, or how it begins.")],
    region: Region_ = None,
    hub: HubOption = None,
    token: TokenOption = None,
    out: OutOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Show an impact assessment that is on file, or write it as a paper.

    Example: `huizhen act show 0123456789abcdef --out pia.pdf --region demo`
    """
    from huizhen.client.paper import check_format

    for path in out or ():
        check_format(path)
    with place(region, hub, token) as at:
        made = _desk(at).assessment(digest)
    _tell(made, out or [], as_json)


def _tell(made: Assessment, out: list[Path], as_json: bool) -> None:
    """The paper where one is asked for; else the risks and the digest in a few lines."""
    from huizhen.client.assessment import paper
    from huizhen.client.paper import markdown, write

    made_paper = paper(made, VOICE.language)
    for path in out:
        write(made_paper, path)
    if as_json:
        VOICE.json({**made.as_json(), "digest": made.digest()})
        return
    for path in out:
        VOICE.say(f"Written: {path}", f"已写出：{path}")
    if not out:
        VOICE.say(markdown(made_paper).rstrip(), markdown(made_paper).rstrip())
    if made.opinion is not None:
        VOICE.say(f"On file: {made.digest()}", f"已备案：{made.digest()}")
