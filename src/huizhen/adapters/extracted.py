"""The rows that a hospital gives out, as a file: anonymised, checked and attacked as any file is, marked, and kept
until they are fetched.

The engine makes its own partition here. A rule agreed among hospitals would take its place in `_anonymised`, and
nowhere else: what follows checks and attacks whatever was written.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet

from huizhen.adapters.anonymise_trail import Trail
from huizhen.kit.errors import Refused, Unable
from huizhen.kit.text import Text
from huizhen.model.anonymisation import Anonymisation
from huizhen.model.dataset import Column, Schema
from huizhen.model.tally import Extracted, Gain
from huizhen.statistics.columns import levels

PIECE = 4 << 20
"""Bytes of a piece that is sealed and sent at once."""
_ROWS, _TOLD = "rows.parquet", "told.json"


@dataclass(frozen=True)
class Order:
    """What is to be made of the rows of one study: `tolerances` by column to mark, for this `recipient`; `secret`, from
    which all chance follows, so that what is made again is the same."""

    study: str
    recipient: str
    asked: Anonymisation
    tolerances: dict[str, str]
    secret: bytes
    at_utc: str

    def drawn(self, what: str) -> bytes:
        return hmac.digest(self.secret, f"{what}\0{self.study}".encode(), "sha256")


class Extracts:
    """Kept under a node's folder, one folder for each study; only its owner can read them."""

    def __init__(self, node: Path) -> None:
        self._folder, self._register = node / "extracts", node / "watermark"

    def kept(self, study: str, whose: str) -> Extracted | None:
        """The rows of a study that were made of exactly these people (`whose`, a digest); None: there are none."""
        try:
            told = json.loads((self._folder / study / _TOLD).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return Extracted.read(told["extract"]) if told["whose"] == whose else None

    def make(self, order: Order, table: pa.Table, whose: str) -> Extracted:
        """Anonymise, check, attack and mark the table; kept once all of it is there. Raises Unable where this cannot be
        done with these rows, or an attack on them succeeds."""
        part, place = self._folder / f".{order.study}.part", self._folder / order.study
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True, mode=0o700)
        try:
            found = _made(part, order, table, self._register)
            (part / _TOLD).write_text(json.dumps({"whose": whose, "extract": found.as_json()}), encoding="utf-8")
            shutil.rmtree(place, ignore_errors=True)
            part.rename(place)
        except Refused as problem:
            raise Unable(problem.code, problem.what, problem.remedy) from problem
        finally:
            shutil.rmtree(part, ignore_errors=True)
        return found

    def piece(self, study: str, number: int) -> bytes:
        """One piece of the file, in the clear."""
        with (self._folder / study / _ROWS).open("rb") as file:
            file.seek(number * PIECE)
            return file.read(PIECE)

    def forget(self, study: str) -> None:
        """The rows are fetched, or never will be."""
        shutil.rmtree(self._folder / study, ignore_errors=True)


def _made(folder: Path, order: Order, table: pa.Table, register: Path) -> Extracted:
    from huizhen.adapters.watermarks import embed

    trail, plain, place = Trail(), folder / "plain.parquet", folder / _ROWS
    told, marked = _anonymised(folder, order, table, plain, trail), dict[str, float]()
    if order.tolerances:
        name = order.drawn("watermark").hex()[:16]
        said = embed(plain, place, order.recipient, order.tolerances, register, order.at_utc, order.asked, release=name)
        marked = {n: float(column["tolerance"]) for n, column in said["marked"].items()}
    else:
        plain.rename(place)
    plain.unlink(missing_ok=True)
    size = place.stat().st_size
    with place.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Extracted(
        sha256=digest,
        bytes=size,
        pieces=-(-size // PIECE),
        rows=told["rows"],
        suppressed=told["suppressed"],
        classes=told["classes"],
        promised=order.asked.k,
        smallest_class=told["smallest_class"],
        loss=told["ncp"],
        loss_by_column=told["ncp_by_column"],
        risk=told["risk"]["prosecutor"]["highest"],
        model_auc={m["column"]: (m["original"]["auc"], m["released"]["auc"]) for m in told["utility"]["models"]},
        attacks=tuple(
            Gain(attack=a["attack"], column=a["column"], gained=a["gain"]["share"], at_least=a["gain"]["low"],
                 limit=a["limit"])
            for a in told["attacks"]
        ),
        marked=marked,
        trail=tuple(json.dumps([step, _public(json.loads(what))], ensure_ascii=False) for step, what in trail.said),
    )  # fmt: skip


def _anonymised(folder: Path, order: Order, table: pa.Table, out: Path, trail: Trail) -> dict[str, Any]:
    """The release in `out`, and what is to be told of it. What it is made from is on the disk no longer than that."""
    from huizhen.adapters.anonymised import anonymise

    original = folder / "original.parquet"
    pa.parquet.write_table(table, original)
    attack, chance = (int.from_bytes(order.drawn(what)[:8], "big") for what in ("attack", "order"))
    try:
        return anonymise(original, out, order.asked, folder, lambda _step, _n: None, attack, trail=trail, order=chance)
    finally:
        original.unlink(missing_ok=True)


def _public(said: dict[str, Any]) -> dict[str, Any]:
    """A step without what is about the original: its digest, and who was attacked."""
    return {k: v for k, v in said.items() if k not in ("sha256", "file", "seed")}


def as_table(rows: npt.NDArray[Any], schema: Schema, names: Sequence[str]) -> pa.Table:
    """Rows as a Batch has them, (n, columns), as a table of values; missing ones are null."""
    return pa.table({name: _column(rows[:, i], schema.column(name)) for i, name in enumerate(names)})


def _column(values: npt.NDArray[np.float64], column: Column) -> pa.Array:
    missing = np.isnan(values) if column.type != "category" else values < 0
    whole = np.where(missing, 0, values)
    if column.type == "category":
        words = [str(level) for level in levels(column)]
        there = pa.array(whole.astype(np.int32), mask=missing)
        return pa.DictionaryArray.from_arrays(there, pa.array(words, pa.string())).cast(pa.string())
    if column.type == "number":
        return pa.array(whole, mask=missing)
    if column.type == "date":
        days = pa.array(whole.astype(np.int32), pa.int32(), mask=missing)
        return days.cast(pa.date32()).cast(pa.string())
    return pa.array(whole.astype(np.int64), mask=missing)


def check_people(people: npt.NDArray[Any], k: int) -> None:
    """Raises Unable where a person has several rows, which k would count as several people, or they are too few."""
    if len(np.unique(people)) < len(people):
        raise Unable(
            "several-rows-a-person",
            Text("A person has several rows here, so a class of k rows would not be k people.",
                 "此处有人对应多行，k 行的等价类并不等于 k 个人。"),
            Text("Narrow the cohort to one row for each person, as by visit number.",
                 "请用队列条件限定每人一行，例如按就诊序号。"),
        )  # fmt: skip
    if len(people) < k:
        raise Unable(
            "too-few-for-k",
            Text(f"There are fewer than {k} people here, and each has to be among so many.",
                 f"此处不足 {k} 人，而每人须与至少这么多人不可区分。"),
            Text("Widen the cohort, ask for a smaller k, or go on without this hospital.",
                 "请放宽队列、减小 k，或不含该医院继续。"),
        )  # fmt: skip
