"""mask: the data holder's own file, for those who may see only some of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from huizhen.cli.common import JsonFlag, interruptible
from huizhen.cli.program import Command, new_group
from huizhen.cli.table import Head
from huizhen.cli.voice import VOICE
from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text

app = new_group("Masking: copies to test with, and what each role sees.")
File = Annotated[Path, typer.Argument(metavar="FILE", help="A .csv or .parquet file.", show_default=False)]
Policy = Annotated[
    Path | None, typer.Option("--policy", metavar="FILE", help="mask.yaml: what becomes of each column, who sees what.")
]


@app.command("key", cls=Command)
def key(
    out: Annotated[
        Path, typer.Argument(metavar="FILE", help="Key file to write; keep it to yourself.", show_default=False)
    ],
    as_json: JsonFlag = False,
) -> None:
    """Make the key that masks by. The same key gives the same masks in every table; it stays where it was made, since
    whoever has it can turn masked numbers back.

    Example: `huizhen mask key mask.key`
    """
    from huizhen.adapters.own_file import new_key

    new_key(out)
    if as_json:
        VOICE.json({"key": str(out)})
    else:
        VOICE.say(f"Key written to {out}, for its owner only.", f"密钥已写入 {out}，仅其所有者可读。")


@app.command("find", cls=Command)
def find(file: File, as_json: JsonFlag = False) -> None:
    """Find the columns that identify a person: by their names, by what stands in them and its check digits.

    No value is shown. What is not found may identify all the same.

    Example: `huizhen mask find patients.csv`
    """
    from huizhen.adapters.identified import find_in

    found = find_in(file)
    if as_json:
        VOICE.json(
            [{"column": n, "kind": f.kind, "by": f.by, "share": f.share} for n, f in found.items() if f is not None]
        )
        return
    VOICE.table(
        Text("Columns that identify a person", "可识别个人的列"),
        [
            Head(Text("column", "列"), "id"),
            Head(Text("kind", "类别")),
            Head(Text("told by", "依据"), "word"),
            Head(Text("of that form", "符合比例"), "number"),
        ],
        [
            (n, _label(f.kind).say(VOICE.language), _BY[f.by].say(VOICE.language), f"{f.share:.0%}" if f.share else "")
            for n, f in found.items()
            if f is not None
        ],
    )


@app.command("propose", cls=Command)
def propose(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="Files of .csv or .parquet that belong together.", show_default=False),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The policy to write, as YAML.")],
    as_json: JsonFlag = False,
) -> None:
    """Write one policy for masking files, from what their columns are found to be. Read it before you use it.

    Name all tables that will be joined: dates are shifted by a column that tells people apart in each of them.

    Example: `huizhen mask propose patients.csv --out mask.yaml`

    Example: `huizhen mask propose patients.csv visits.csv --out mask.yaml`
    """
    from huizhen.adapters.identified import proposed, write_policy

    found = proposed(files)
    write_policy(found, out)
    if as_json:
        VOICE.json({"out": str(out), "policy": found.as_json()})
        return
    VOICE.say(
        f"{out}: a proposal. Look at every column, above all those that are kept.",
        f"{out}：策略草案。请逐列核对，尤其是保持原样的列。",
    )
    if found.person is not None:
        VOICE.say(
            f"People are told apart by '{found.person}': dates are shifted by it.",
            f"以“{found.person}”区分个人：日期按其平移。",
        )
    VOICE.table(
        Text("Columns", "各列"),
        [Head(Text("column", "列"), "id"), Head(Text("becomes", "处理方式"), "id")],
        [(n, how.kind) for n, how in found.columns.items()],
    )


@app.command("copy", cls=Command)
def copy(
    file: File,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The masked copy to write.")],
    policy: Policy = None,
    as_json: JsonFlag = False,
) -> None:
    """Write a copy to test with: identity numbers that stay valid, numbers of the same form, names and addresses of
    nobody, dates shifted by person. The same key gives the same masks in every table, so that copies can be joined.

    It is no anonymisation: who knows a person's other columns finds them in it.

    Example: `huizhen mask copy patients.csv --policy mask.yaml --out test.csv`
    """
    from huizhen.adapters.identified import find_in
    from huizhen.adapters.masked_copy import mask_file
    from huizhen.intake.document import read_yaml
    from huizhen.model.masking import Masking

    if policy is None:
        names = [n for n, f in find_in(file).items() if f is not None]
        raise BadInput(
            "no-mask-policy",
            Text(f"It is not said what becomes of columns. These identify a person: {', '.join(names) or '-'}.",
                 f"没有说明各列如何处理。可识别个人的列：{'、'.join(names) or '-'}。"),
            Text("Write a policy with `huizhen mask propose`, read it, and give it as --policy.",
                 "请用 `huizhen mask propose` 生成策略，核对后以 --policy 给出。"),
        )  # fmt: skip
    with interruptible("Nothing was written.", "没有写出任何内容。"), VOICE.progress(as_json) as progress:
        asked = read_yaml(policy, Masking)
        told = mask_file(
            file, out, asked, policy.parent, lambda step, n: progress.step(step, Text(f"{n:,} rows", f"{n:,} 行"))
        )
    if as_json:
        VOICE.json({"out": str(out), **told})
    else:
        _show(out, told)


@app.command("query", cls=Command)
def query(
    file: File,
    sql: Annotated[str, typer.Argument(metavar="SQL", help="One SELECT over the file's name.", show_default=False)],
    policy: Annotated[Path, typer.Option("--policy", metavar="FILE", help="mask.yaml: who sees what.")],
    role: Annotated[str, typer.Option("--role", metavar="ROLE", help="Who looks: a role of the policy.")],
    purpose: Annotated[str, typer.Option("--purpose", metavar="CODE", help="What for: a purpose of that role.")],
    as_json: JsonFlag = False,
) -> None:
    """Ask a table as a role sees it for a purpose. What is masked is masked before the question is asked, so that no
    condition, join or order reaches behind it. Who has which role is for the caller to know.

    Example: `huizhen mask query patients.csv "SELECT ward, count(*) FROM patients GROUP BY ward" --policy mask.yaml
    --role nurse --purpose TREAT`
    """
    from huizhen.adapters.masked_view import ask
    from huizhen.intake.document import read_yaml
    from huizhen.model.masking import Masking

    found = ask(file, read_yaml(policy, Masking), policy.parent, (role, purpose), sql)
    rows = [[None if x is None else x for x in row.values()] for row in found.to_pylist()]
    if as_json:
        VOICE.json({"columns": found.column_names, "rows": [[_plain(x) for x in row] for row in rows]})
    else:
        heads = [Head(Text(n, n), "id") for n in found.column_names]
        VOICE.table(Text("Answer", "查询结果"), heads, rows)


_BY = {
    "name": Text("its name", "列名"),
    "content": Text("its content", "内容"),
    "both": Text("name and content", "列名与内容"),
}


def _label(kind: str) -> Text:
    from huizhen.privacy.identify.kinds import BY_NAME

    found = BY_NAME.get(kind)
    return found.label if found else Text("text with such things in it", "含此类信息的文本")


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _show(out: Path, told: dict[str, Any]) -> None:
    VOICE.say(f"{out}: {told['rows']:,} rows.", f"{out}：{told['rows']:,} 行。")
    VOICE.table(
        Text("Columns", "各列"),
        [
            Head(Text("column", "列"), "id"),
            Head(Text("becomes", "处理方式"), "id"),
            Head(Text("values", "值数"), "number"),
            Head(Text("changed", "已改变"), "number"),
            Head(Text("unreadable, left empty", "无法读取而留空"), "number"),
        ],
        [
            (n, c["kind"], f"{c['values']:,}", f"{c['changed']:,}", f"{c['unreadable']:,}" if c["unreadable"] else "")
            for n, c in told["columns"].items()
        ],
    )
