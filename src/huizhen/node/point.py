"""A node points at a dataset that stays in a warehouse of its hospital: read twice and described, and nothing kept."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from pyroaring import BitMap

from huizhen.adapters.warehouse import Place, Warehouse, is_warehouse
from huizhen.adapters.warehouse_sql import READS
from huizhen.intake.conform import conform
from huizhen.intake.infer import check_subject
from huizhen.kit.canonical import canonical
from huizhen.kit.clock import stamp
from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text
from huizhen.model.agreement import agree
from huizhen.model.dataset import Column, Dataset, Schema
from huizhen.node.agent import Agent
from huizhen.node.hold import Held, Progress, begun, check_name, finished, hold, schema_of


class Origin(NamedTuple):
    """Where a dataset comes from: a file, or the address of a warehouse with a table in it; and who is who there."""

    source: str
    table: str
    subject: str


def take_in(
    agent: Agent,
    name: str,
    origin: Origin,
    schema_path: Path | None,
    others: Sequence[Dataset] = (),
    progress: Progress = lambda _: None,
) -> Held:
    """Take in a dataset from wherever it is. Raises what `hold` and `point` raise, BadInput for what makes no place."""
    source, table, subject = origin
    there = is_warehouse(source)
    needs_table = there and (not source.startswith("spark:") or source == "spark:")
    if needs_table and not table:
        raise BadInput(
            "table-missing",
            Text("A warehouse has many tables, and none was named.", "数据仓库中有多张表，但未指定。"),
            Text("Name one: --table public.visits.", "请指定一张表：--table public.visits。"),
        )
    if table and not needs_table:
        raise BadInput(
            "table-of-a-file",
            Text(
                "A file or folder holds one table, so --table says nothing.",
                "文件或文件夹只含一张表，--table 没有意义。",
            ),
            Text("Leave --table out.", "请去掉 --table。"),
        )
    if there:
        return point(agent, name, source, table, subject, schema_path, others, progress)
    return hold(agent, name, Path(source), subject, schema_path, others, progress)


def point(
    agent: Agent,
    name: str,
    address: str,
    table: str,
    subject: str,
    schema_path: Path | None,
    others: Sequence[Dataset] = (),
    progress: Progress = lambda _: None,
) -> Held:
    """Take in a table of a warehouse as dataset `name`, under the same conditions as `hold` takes in a file.

    The rows are streamed once to infer a schema, where none is pinned, and once to check that they fit it; the node
    keeps the address, the people's pseudonyms, and the card. Raises what `hold` raises, and what the warehouse says.
    """
    check_name(name)
    found = agent.runner.tables.reach(Place(address, table, subject, {}))
    try:
        source = found.source()
        check_subject(source, subject)
        schema, reading, notes = schema_of(source, subject, schema_path, others)
        _check_kinds(found, reading, subject)
        rows = conform(source, reading, subject)
        card = begun(agent, name, schema, schema_path is not None)
        agree([*others, card])
        for _ in rows:
            progress(rows.rows)
        codes = {c.name: c.missing_codes for c in reading.columns if c.missing_codes}
        people = BitMap()
        for subjects in found.subjects():
            people.update(agent.book.enrol(subjects))
    finally:
        found.close()
    key = (agent.folder / "pseudonym.key").read_bytes()
    seen = {"table": table, "rows": rows.rows, "filled": dict(rows.filled), "at_utc": stamp(agent.clock())}
    version = hmac.new(key, canonical(seen), "sha256").hexdigest()
    agent.runner.tables.move_out(name, Place(address, table, subject, codes))
    return Held(finished(card, rows, len(people), version), (*notes, *rows.notes))


def _check_kinds(found: Warehouse, schema: Schema, subject: str) -> None:
    """A warehouse is taken at its word: what is text there is not read as a number, whatever it looks like. A subject
    is text or a whole number, which are written in one way only, here and in consents."""
    if found.kinds[subject] not in ("text", "integer"):
        raise BadInput(
            "warehouse-subject",
            Text(
                f"The subject column '{subject}' is {found.kinds[subject]}, neither text nor a whole number.",
                f"受试者列“{subject}”的类型为 {found.kinds[subject]}，既非文本也非整数。",
            ),
            Text(
                "Cast it to text or bigint in a view, and name the view.", "请在视图中转换为文本或整数，并改用该视图。"
            ),
        )
    wrong = [c for c in schema.columns if _misfit(found, c)]
    if wrong:
        en = ", ".join(f"'{c.name}' is {found.kinds[c.name]} there, {c.type} in the schema" for c in wrong)
        zh = "，".join(f"“{c.name}”在仓库中为 {found.kinds[c.name]}，在 schema 中为 {c.type}" for c in wrong)
        raise BadInput(
            "warehouse-type",
            Text(f"Columns of another type: {en}.", f"列类型不符：{zh}。"),
            Text("Cast them in a view, and name the view.", "请在视图中转换类型，并改用该视图。"),
        )


def _misfit(found: Warehouse, column: Column) -> bool:
    """An inferred column without any value is a category whose list of levels is empty: it fits every kind."""
    if column.identifier or column.name not in found.kinds or (column.type == "category" and column.levels == ()):
        return False
    return column.type not in READS[found.kinds[column.name]]
