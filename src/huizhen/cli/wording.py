"""consent wording list, consent wording show."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from huizhen.cli.common import HomeOption, JsonFlag, Region_
from huizhen.cli.place import own
from huizhen.cli.program import Command, new_group
from huizhen.cli.table import Head
from huizhen.cli.voice import VOICE
from huizhen.kit.errors import NotFound
from huizhen.kit.text import Text

if TYPE_CHECKING:
    from huizhen.model.wording import Wording

app = new_group("What people are shown before a yes: scenes, each in numbered versions.")
OwnNode = Annotated[
    str | None, typer.Option("--node", metavar="NODE", help="With the hospital's own, and all that was ever shown.")
]
_LAYERS = (
    ("choice", Text("In one sentence", "一句话")),
    ("scene", Text("What happens", "情景")),
    ("full", Text("In full", "全文")),
)


def _wordings(node: str | None, region: Path | None, home: Path | None) -> tuple[dict[str, Wording], dict[str, Any]]:
    """(by scene, by digest what was shown at the node)."""
    from huizhen.intake.wording import read_wordings

    if node is None:
        return read_wordings(), {}
    with own(node, region, home) as agent:
        return read_wordings(agent.folder / "wording"), agent.book.consents.wordings()


@app.command("list", cls=Command)
def list_(node: OwnNode = None, region: Region_ = None, home: HomeOption = None, as_json: JsonFlag = False) -> None:
    """List every version of every wording, with its one sentence.

    Example: `huizhen consent wording list`
    """
    from huizhen.kit.canonical import digest
    from huizhen.model.wording import shown

    wordings, _ = _wordings(node, region, home)
    found = [(scene, edition) for scene, wording in wordings.items() for edition in wording.editions]
    if as_json:
        VOICE.json(
            [
                {
                    "wording": f"{scene}@{edition.version}",
                    "since": edition.since,
                    "purposes": list(edition.purposes),
                    "terms": edition.terms.as_json(),
                    "choice": {"en": edition.en.choice, "zh": edition.zh.choice},
                    "digest": {"en": digest(shown(scene, edition, "en")), "zh": digest(shown(scene, edition, "zh"))},
                }
                for scene, edition in found
            ]
        )
        return
    VOICE.table(
        Text("Wordings", "告知文本"),
        [
            Head(Text("wording", "文本"), "id"),
            Head(Text("since", "自"), "id"),
            Head(Text("purposes", "用途")),
            Head(Text("in one sentence", "一句话"), spare=True),
        ],
        [
            (f"{scene}@{e.version}", e.since, ", ".join(e.purposes),
             (e.zh if VOICE.language == "zh" else e.en).choice)
            for scene, e in found
        ],
    )  # fmt: skip


@app.command("show", cls=Command)
def show(
    wording: Annotated[
        str, typer.Argument(metavar="SCENE[@N]|DIGEST", help="The scene, with its version; or the digest in a consent.")
    ],
    node: OwnNode = None,
    region: Region_ = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Show a wording in all its layers; by its digest, exactly what a person saw.

    Examples: `huizhen consent wording show diabetes-research`,
    `huizhen consent wording show diabetes-research@1 --lang zh`
    """
    from datetime import date

    from huizhen.intake.wording import find_edition
    from huizhen.kit.canonical import digest
    from huizhen.model.wording import shown

    wordings, seen = _wordings(node, region, home)
    if len(wording) >= 16 and set(wording) <= set("0123456789abcdef"):
        matching = [name for name in seen if name.startswith(wording)]
        if len(matching) != 1:
            raise NotFound(
                "wording-never-shown",
                Text("Nothing of this digest was ever shown there.", "该处从未展示过此摘要的文本。"),
                Text("Give --node, and the digest of `huizhen patient consents`.",
                     "请给出 --node 及 `huizhen patient consents` 中的摘要。"),
            )  # fmt: skip
        show_text(seen[matching[0]], matching[0], as_json)
        return
    scene, edition = find_edition(wordings, wording, date.today().isoformat())
    text = shown(scene, edition, VOICE.language)
    show_text(text, digest(text), as_json)


def show_text(text: dict[str, Any], digest: str, as_json: bool) -> None:
    """All that a person sees, and its digest."""
    if as_json:
        VOICE.json({**text, "digest": digest})
        return
    for name, head in _LAYERS:
        VOICE.text(head)
        VOICE.text(Text(text["layers"][name].strip(), text["layers"][name].strip()))
        VOICE.text(Text("", ""))
    name = f"{text['scene']}@{text['version']}"
    VOICE.say(f"{name}, {text['language']}; digest {digest}", f"{name}，{text['language']}；摘要 {digest}")
