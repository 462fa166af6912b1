"""A node takes in a dataset: read, checked, indexed by person, described on a card that holds no row."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pyroaring import BitMap

from huizhen.adapters.intake_table import write_table
from huizhen.intake import Source, open_source
from huizhen.intake.conform import Conformed, conform
from huizhen.intake.infer import infer
from huizhen.intake.schema import read_schema
from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text
from huizhen.model.agreement import agree, so_far
from huizhen.model.dataset import Dataset, Schema
from huizhen.node.agent import Agent

_NAME = re.compile(r"[^\s\"'/;]{1,63}")
Progress = Callable[[int], None]
"""Called with the number of rows read so far."""


@dataclass(frozen=True)
class Held:
    card: Dataset
    notes: tuple[Text, ...]


def hold(
    agent: Agent,
    name: str,
    path: Path,
    subject: str,
    schema_path: Path | None,
    others: Sequence[Dataset] = (),
    progress: Progress = lambda _: None,
) -> Held:
    """Take in a file as dataset `name`. With a schema the file must conform to it. Without one it is read as the
    `others`, the cards of those who hold the same dataset, have pinned it; and where none did, a schema is inferred.

    Raises BadInput for what does not fit, Conflict where it does not agree with the others; then nothing is kept.
    """
    check_name(name)
    source = open_source(path)
    schema, reading, notes = schema_of(source, subject, schema_path, others)
    rows = conform(source, reading, subject)
    card = begun(agent, name, schema, schema_path is not None)
    agree([*others, card])
    people, gone = BitMap(), 0

    def enrol(subjects: list[str]) -> list[int]:
        nonlocal gone
        indices = agent.book.enrol_for(name, subjects)
        there = [idx for idx in indices if idx >= 0]
        gone += len(indices) - len(there)
        people.update(there)
        progress(rows.rows)
        return indices

    with agent.runner.tables.own.writing() as connection:
        write_table(connection, name, reading, subject, rows, enrol)
    agent.runner.tables.moved_in(name)
    version = _version(path, (agent.folder / "pseudonym.key").read_bytes())
    held = finished(card, rows, len(people), version)
    if gone:
        held = held.model_copy(update={"rows": held.rows - gone})
        said = Text(f"{gone} rows of people whose data were deleted were not taken in.",
                    f"有 {gone} 行属于数据已被删除的人，未予读入。")  # fmt: skip
        notes = (*notes, said)
    return Held(held, (*notes, *rows.notes))


def check_name(name: str) -> None:
    """Raises BadInput for what cannot be the name of a dataset."""
    if not _NAME.fullmatch(name):
        raise BadInput(
            "bad-dataset-name",
            Text("This cannot be the name of a dataset.", "该名称不能用作数据集名称。"),
            Text(
                "Use up to 63 characters without spaces, quotes or slashes.",
                "请使用不超过 63 个字符，不含空格、引号和斜杠。",
            ),
        )


def begun(agent: Agent, name: str, schema: Schema, pinned: bool) -> Dataset:
    """The card before a row was read: enough to see whether it agrees with the others'."""
    return Dataset(
        name=name, holder=agent.name, table=schema, pinned=pinned, rows=0, subjects=0, quality=0.0, version=""
    )


def finished(card: Dataset, rows: Conformed, people: int, version: str) -> Dataset:
    """The card of rows that were read to the end."""
    usable = [c.name for c in card.table.columns if not c.identifier]
    cells = rows.rows * len(usable)
    quality = sum(rows.filled[c] for c in usable) / cells if cells else 0.0
    return card.model_copy(update={"rows": rows.rows, "subjects": people, "quality": quality, "version": version})


def schema_of(
    source: Source, subject: str, path: Path | None, others: Sequence[Dataset]
) -> tuple[Schema, Schema, tuple[Text, ...]]:
    """What goes onto the card, what the file is read by, and what there is to say about it."""
    if path is not None:
        pinned = read_schema(path)
        return pinned, pinned, ()
    agreed = so_far(others)
    inferred = infer(source, subject, agreed)
    pinning = [c.holder for c in others if c.pinned]
    if agreed is None or not pinning:
        return inferred.schema, inferred.reading, inferred.notes
    own = {c.name: c.missing_codes for c in inferred.schema.columns}
    columns = [
        c.model_copy(update={"missing_codes": tuple(dict.fromkeys([*c.missing_codes, *own.get(c.name, ())]))})
        for c in agreed.columns
    ]
    schema = agreed.model_copy(update={"columns": tuple(columns)})
    note = Text(
        f"Read by the schema that {' and '.join(pinning)} pinned.", f"按 {'、'.join(pinning)} 固定的 schema 读入。"
    )
    return schema, schema, (*source.notes, note)


def _version(path: Path, key: bytes) -> str:
    """A keyed digest of the file: tells versions apart and gives nothing away."""
    with path.open("rb") as file:
        content = hashlib.file_digest(file, "sha256").digest()
    return hmac.new(key, content, "sha256").hexdigest()
