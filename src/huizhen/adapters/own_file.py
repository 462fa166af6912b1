"""A table in a file of the data holder's own: read as it is, and written so that a half-written one is never seen."""

from __future__ import annotations

import csv
import hashlib
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from huizhen.adapters.own_folder import folder_for, own_folder
from huizhen.intake import encoding as encodings
from huizhen.intake.format import check_file
from huizhen.kit.errors import BadInput, Conflict, NotFound, Refused
from huizhen.kit.text import Text

DELIMITERS = ",;\t|"
KEY_BYTES = 32
Given = TypeVar("Given")
Read = Callable[[], tuple[pa.Table, str, str]]
"""Waits for what `reading` began: the table, how fields are separated, and the SHA-256 of the file."""


def read_table(path: Path, plain: Collection[str] = ()) -> tuple[pa.Table, str]:
    """A CSV file (UTF-8, UTF-16, GB18030) as columns of text in dictionaries, those named in `plain` as text alone, or
    a Parquet file as it is; and how CSV fields are separated: by the one of comma, semicolon, tab and | that the header
    has most of.

    Raises NotFound and BadInput("unreadable-table").
    """
    check_file(path)
    with unreadable(path):
        if path.suffix.lower() == ".parquet":
            return pa.parquet.read_table(path), ","
        try:
            return _read_csv(path, "utf-8-sig", plain)
        except (pa.ArrowInvalid, UnicodeDecodeError):
            return _read_csv(path, encodings.recognise(path), plain)


@contextmanager
def unreadable(path: Path) -> Iterator[None]:
    """Raises BadInput("unreadable-table") where the file is no table."""
    try:
        yield
    except (pa.ArrowInvalid, UnicodeError):
        raise BadInput(
            "unreadable-table",
            Text(f"{path.name} cannot be read as a table.", f"无法将 {path.name} 读作表格。"),
            Text("It has to be Parquet, or CSV with a header and equally many fields in each line.",
                 "须为 Parquet，或有表头且每行字段数一致的 CSV。"),
        ) from None  # fmt: skip


def ahead(work: Callable[[], Given]) -> Callable[[], Given]:
    """Begin a piece of work beside what comes next; what this gives waits for it, and gives or raises what it did."""
    future: Future[Given] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    Thread(target=run, daemon=True).start()
    return future.result


def reading(path: Path, plain: Collection[str] = ()) -> Read:
    """Begin `read_table` beside what comes next; gives it, and the SHA-256 of the file."""

    def both() -> tuple[pa.Table, str, str]:
        return (*read_table(path, plain), sha256(path))

    return ahead(both)


def sha256(path: Path) -> str:
    """Of the bytes of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def as_text(column: pa.ChunkedArray) -> tuple[pa.Array, pa.Array]:
    """Codes (int32, null where missing) and the different values as text, of any column of a table."""
    whole = column.combine_chunks()
    if not pa.types.is_dictionary(whole.type):
        whole = whole.cast(pa.string()).dictionary_encode()
    return whole.indices, whole.dictionary.cast(pa.string())


def write_table(table: pa.Table, path: Path, delimiter: str) -> None:
    """The table as Parquet, or as CSV in UTF-8 with that delimiter, by the suffix of the path."""
    with written(path, delimiter) as write:
        write(table)


@contextmanager
def written(path: Path, delimiter: str) -> Iterator[Callable[[pa.Table], None]]:
    """`write_table`, of tables that are put one after the other, by what this gives. At least one."""
    with ExitStack() as opened:
        writer: list[Any] = []

        def write(table: pa.Table) -> None:
            plain = pa.table(
                {n: c.cast(pa.string()) if pa.types.is_dictionary(c.type) else c
                 for n, c in zip(table.column_names, table.columns, strict=True)}
            ).replace_schema_metadata(table.schema.metadata)  # fmt: skip
            if not writer:
                if path.suffix.lower() == ".parquet":
                    made = pa.parquet.ParquetWriter(path, plain.schema)
                else:
                    how = pa.csv.WriteOptions(delimiter=delimiter, quoting_style="needed")
                    made = pa.csv.CSVWriter(path, plain.schema, write_options=how)
                writer.append(opened.enter_context(made))
            writer[0].write_table(plain)

        yield write


@contextmanager
def new_file(out: Path, like: Path) -> Iterator[Path]:
    """A path to write to, which becomes `out` when all went well, and nothing else. It is in an `own_folder`, where
    what lies between may be put as well. Raises BadInput where `out` is not another file of the same kind
    as `like`."""
    if out.suffix.lower() != like.suffix.lower() or out.resolve() == like.resolve():
        raise BadInput(
            "bad-out",
            Text("--out has to be another file of the same kind.", "--out 须是另一个同类型的文件。"),
            Text(f"Give it a name that ends in {like.suffix}.", f"请给出以 {like.suffix} 结尾的文件名。"),
        )
    with folder_for(out) as folder:
        part = folder / out.name
        yield part
        part.replace(out)


@contextmanager
def in_utf8(path: Path) -> Iterator[Path]:
    """The path of the same file in UTF-8: its own, or for a CSV file in another encoding that of a copy which is
    deleted afterwards."""
    encoding = "utf-8-sig" if path.suffix.lower() == ".parquet" else encodings.recognise(path)
    if encoding == "utf-8-sig":
        yield path
        return
    with own_folder(Path(tempfile.gettempdir())) as folder:
        copy = folder / path.name
        with path.open(encoding=encoding, newline="") as old, copy.open("w", encoding="utf-8", newline="") as new:
            shutil.copyfileobj(old, new, 1 << 20)
        yield copy


def delimited(path: Path, encoding: str) -> tuple[str, str]:
    """How fields of a CSV file are separated, and its first line."""
    with path.open(encoding=encoding, newline="") as file:
        first = file.readline()
    return max(DELIMITERS, key=first.count), first


def _read_csv(path: Path, encoding: str, plain: Collection[str]) -> tuple[pa.Table, str]:
    delimiter, first = delimited(path, encoding)
    names = next(csv.reader([first], delimiter=delimiter), [])
    return pa.csv.read_csv(
        path,
        read_options=pa.csv.ReadOptions(encoding="utf8" if encoding == "utf-8-sig" else encoding),
        parse_options=pa.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
        convert_options=pa.csv.ConvertOptions(
            column_types={n: pa.string() if n in plain else pa.dictionary(pa.int32(), pa.string()) for n in names}
        ),
    ), delimiter


def new_key(path: Path) -> bytes:
    """32 secret bytes in a new file that only its owner can read. Raises Conflict where there is a file."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise Conflict(
            "mask-key-exists",
            Text(f"There is a file {path} already; a key is never written over.",
                 f"文件 {path} 已存在；密钥不会被覆盖。"),
            Text("Name another file.", "请换一个文件名。"),
        ) from None  # fmt: skip
    secret = secrets.token_bytes(KEY_BYTES)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secret.hex() + "\n")
    return secret


def read_key(path: Path) -> bytes:
    """The 32 bytes in a key file. Raises NotFound, BadInput for what is no key, Refused where others may read it."""
    if not path.is_file():
        raise NotFound(
            "no-mask-key",
            Text(f"There is no key file {path}.", f"没有密钥文件 {path}。"),
            Text("Make one with `huizhen mask key FILE`, once, and keep it.",
                 "请用 `huizhen mask key 文件` 生成一次并妥善保管。"),
        )  # fmt: skip
    if os.name == "posix" and path.stat().st_mode & 0o077:
        raise Refused(
            "mask-key-open",
            Text(f"Others can read the key file {path}.", f"他人可以读取密钥文件 {path}。"),
            Text(f"Run: chmod 600 {path}", f"请运行：chmod 600 {path}"),
        )
    text = path.read_bytes().strip()
    if len(text) != 2 * KEY_BYTES or not re.fullmatch(rb"[0-9a-f]+", text):
        raise BadInput(
            "bad-mask-key",
            Text(f"{path} is no key file.", f"{path} 不是密钥文件。"),
            Text("It has 64 hexadecimal digits; take the one that `huizhen mask key` wrote.",
                 "应为 64 个十六进制数字；请使用 `huizhen mask key` 写出的文件。"),
        )  # fmt: skip
    return bytes.fromhex(text.decode("ascii"))
