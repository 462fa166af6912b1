"""A dataset that stays in a warehouse: where it is, as the node keeps it for itself, and what a warehouse can do."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

from huizhen.adapters.table import Table
from huizhen.adapters.warehouse_sql import Code, Kind
from huizhen.intake.format import Source
from huizhen.kit.errors import BadInput, Conflict, Lost, NotFound
from huizhen.kit.text import Text

_FOLDER = "warehouses"
SCHEMES = ("postgresql://", "postgres://", "spark:")
MEMORY_OF_A_BATCH = 8 << 20
"""Bytes of rows that come in one piece, about."""


@dataclass(frozen=True)
class Place:
    """Where a table is. `address` may hold a password: it is in one file of the node's, and in no message."""

    address: str
    table: str
    subject: str
    missing_codes: Mapping[str, tuple[Code, ...]]
    """This hospital's own, by column: what means 'missing' elsewhere may be a value here."""


class Warehouse(Table, Protocol):
    """A table in a warehouse. It is read where it is: cohort, consent and completeness are conditions of the query.

    The people who may be read are told to the engine by the subject column's own values, which stay within the
    hospital: the warehouse has them already, and the node forgets them with the session.
    """

    kinds: Mapping[str, Kind]
    """What each column is; those that hold no single value per row are not there."""

    def source(self) -> Source:
        """The table as a source of rows, to infer a schema from and to check one against."""
        ...

    def subjects(self) -> Iterator[list[str]]:
        """Everybody in the table, once each or more often, as they are written in the subject column."""
        ...


def is_warehouse(address: str) -> bool:
    """Whether this is the address of a warehouse, rather than a file."""
    return address.startswith(SCHEMES)


def _file(folder: Path, dataset: str) -> Path:
    return folder / _FOLDER / f"{dataset}.json"


def keep(folder: Path, dataset: str, place: Place) -> None:
    """Write down where the dataset is, in a file that only its owner can read."""
    path = _file(folder, dataset)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(asdict(place), file, ensure_ascii=False)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def kept(folder: Path, dataset: str) -> Place | None:
    """Where the dataset is; None: in the node's own file."""
    try:
        told = json.loads(_file(folder, dataset).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    codes = {name: tuple(values) for name, values in told["missing_codes"].items()}
    return Place(told["address"], told["table"], told["subject"], codes)


def forget(folder: Path, dataset: str) -> None:
    """The dataset is in no warehouse any more."""
    _file(folder, dataset).unlink(missing_ok=True)


def silent() -> Lost:
    """Nobody answers at the address, or lets us in. What the engine says is left out: it names hosts and users."""
    return Lost(
        "warehouse-silent",
        Text("The warehouse does not answer, or does not let this node in.", "数据仓库没有应答，或拒绝本节点登录。"),
        Text(
            "Check that it runs, and the address, user and password; then run the command again.",
            "请检查其是否在运行，以及地址、用户和密码；然后重新运行该命令。",
        ),
    )


def failed(code: str) -> Lost:
    """The engine gave up on a query. `code` is the engine's own for what went wrong; its words may quote a row."""
    return Lost(
        "warehouse-failed",
        Text(f"The warehouse could not finish a query ({code}).", f"数据仓库未能完成查询（{code}）。"),
        Text("Its own log says more; mend it and run the command again.", "详情见其自身日志；修复后请重试。"),
    )


def denied() -> BadInput:
    """The user may not read the table."""
    return BadInput(
        "warehouse-denied",
        Text("The warehouse does not allow this user to read the table.", "数据仓库不允许该用户读取此表。"),
        Text("Grant it SELECT on the table, and nothing more.", "请授予该用户对此表的 SELECT 权限，且仅此权限。"),
    )


def no_room() -> BadInput:
    """The user may not lay a temporary table, or the server is a replica, which has none."""
    return BadInput(
        "warehouse-no-temporary-table",
        Text(
            "The warehouse allows this user no temporary table, in which those who consent are laid beside the rows.",
            "数据仓库不允许该用户建立临时表，无法将同意者名单与数据行关联。",
        ),
        Text(
            "GRANT TEMPORARY ON DATABASE ... to it; a read-only replica has none, so name the primary or a copy.",
            "请执行 GRANT TEMPORARY ON DATABASE ...；只读副本不支持临时表，请改用主库或其拷贝。",
        ),
    )


def no_table(table: str) -> NotFound:
    """No table of that name is in reach of the user."""
    return NotFound(
        "warehouse-no-table",
        Text(f"The warehouse has no table '{table}'.", f"数据仓库中没有表“{table}”。"),
        Text(
            "Name a table or view, with its schema: --table public.visits.",
            "请给出表或视图及其模式：--table public.visits。",
        ),
    )


def changed(table: str) -> Conflict:
    """The table is there, but not as it was when it was added."""
    return Conflict(
        "warehouse-changed",
        Text(
            f"The table '{table}' no longer has the columns that it was added with.",
            f"表“{table}”的列与添加时不再一致。",
        ),
        Text("Add the dataset again with `huizhen dataset add`.", "请用 `huizhen dataset add` 重新添加该数据集。"),
    )


def not_installed(extra: str) -> BadInput:
    """The extra that reads such a warehouse is missing."""
    return BadInput(
        "warehouse-not-installed",
        Text(
            f"What reads this kind of warehouse is not installed: [{extra}].",
            f"未安装读取此类数据仓库的组件：[{extra}]。",
        ),
        Text(f"pip install 'huizhen[{extra}]', at the node.", f"请在节点运行 pip install 'huizhen[{extra}]'。"),
    )
