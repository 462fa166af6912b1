"""node score."""

from __future__ import annotations

from typing import Annotated

import typer

from huizhen.cli.common import HomeOption, JsonFlag, Region_
from huizhen.cli.model import FromFile, KeptColumn, ModelId, ScoresFile, say_scored
from huizhen.cli.place import own
from huizhen.cli.program import Command
from huizhen.cli.voice import VOICE
from huizhen.kit.errors import NotFound
from huizhen.kit.text import Text


def register(node: typer.Typer) -> None:
    node.command("score", cls=Command)(node_score)


def node_score(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the hospital's node.")],
    model: ModelId,
    file: FromFile,
    out: ScoresFile,
    keep: KeptColumn = None,
    region: Region_ = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Score the rows of a file with the hospital's own model, which a study with `personal: head` has left at its node.
    Neither the model nor a row leaves the hospital; the node's log has a line of it.

    Example: `huizhen node score north st-0123456789abcdef --from rows.csv --out scores.csv --region demo`
    """
    from huizhen.client.score import score
    from huizhen.node.scored import record

    with own(name, region, home) as agent:
        study = agent.book.study(model)
        found = agent.book.own_model(model) if study is not None and study["status"] == "released" else None
        if found is None:
            raise _no_own_model(model, name)
        with VOICE.progress(as_json) as progress:
            done = score(found, file, out, keep, progress.rows, lambda told: record(agent, model, told))
    say_scored(done, found, out, as_json)


def _no_own_model(model: str, name: str) -> NotFound:
    return NotFound(
        "no-own-model",
        Text(
            f"Study {model} has left no model of its own at node {name}.",
            f"研究 {model} 未在节点 {name} 留下其自有模型。",
        ),
        Text(
            "Studies of nn with `personal: head` do, once released; others score by `huizhen model score`.",
            "方法 nn 且 `personal: head` 的研究在发布后会留下；其他模型请用 `huizhen model score`。",
        ),
    )
