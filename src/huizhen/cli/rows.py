"""study sign: the asker signs for rows that are sealed to it; they are opened by `study result --out`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from huizhen.cli.program import Command
from huizhen.cli.study import StudyFile
from huizhen.cli.study import app as study
from huizhen.cli.voice import VOICE

if TYPE_CHECKING:
    from huizhen.cli.place import Place


@study.command("sign", cls=Command)
def sign(
    file: StudyFile,
    key: Annotated[
        Path,
        typer.Option("--key", metavar="FILE", help="The asker's own key file, with which its contract is signed."),
    ],
) -> None:
    """Sign a study that gives out rows: they are sealed to this key, and no hospital reads anything for a study that
    is not, word for word, what was signed. The key stays here; sign again after every change.

    Example: `huizhen study sign rows.yaml --key acme.pem`
    """
    from huizhen.client.rows import sign as signed

    signed(file, key)
    VOICE.say(f"Signed: {file}.", f"已签署：{file}。")


def write(
    at: Place, found: dict[str, Any], out: Path, key: Path | None, many: int | None = None, seed: int | None = None
) -> None:
    """What `study result --out` does."""
    from huizhen.client import rows, synthetic_rows
    from huizhen.kit.errors import BadInput
    from huizhen.kit.text import Text

    if synthetic_rows.is_synthetic(found):
        drawn = len(synthetic_rows.write(found["result"], out, many, seed))
        promise = found["result"]["privacy"]
        VOICE.say(
            f"{drawn:,} rows that are nobody's written to {out}; epsilon {promise['epsilon']:g}, "
            f"delta {promise['delta']:g}. Drawing again costs no privacy.",
            f"{drawn:,} 行合成数据（不属于任何人）已写入 {out}；epsilon 为 {promise['epsilon']:g}，"
            f"delta 为 {promise['delta']:g}。再次抽取不消耗隐私预算。",
        )
        return
    if key is None:
        raise BadInput(
            "no-key-for-rows",
            Text("It is not said with which key the rows are opened.", "未指明用哪个密钥打开数据行。"),
            Text("Give --key, the file that the study was signed with.", "请用 --key 给出签署该研究的密钥文件。"),
        )
    with VOICE.progress(quiet=False) as progress:
        table = rows.write(at, found, key, out, lambda node: progress.step("rows", Text(node, node)))
    count = len(found["result"]["hospitals"])
    VOICE.say(
        f"{len(table):,} rows of {count} hospitals written to {out}. They are this recipient's copy; pass none on.",
        f"{count} 家医院的 {len(table):,} 行已写入 {out}。这是本接收方的副本，请勿转交。",
    )
