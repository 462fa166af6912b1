"""The asker's end of rows that are given out: a study is signed for, and what was sealed to its asker is opened."""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.parquet

from huizhen.adapters.own_file import write_table
from huizhen.client import party_key
from huizhen.intake.document import as_document
from huizhen.intake.yaml_tree import Tree, load
from huizhen.kit.errors import BadInput, NotFound, Tampered
from huizhen.kit.text import Text
from huizhen.model.study import Request
from huizhen.path.delivery import about
from huizhen.secure.sealing import opened, opener

HOSPITAL = "hospital"
"""The column that says whose row it is; `_` is put behind it where the rows have one of that name."""
_BLOCK = re.compile(r"^recipient:[^\n]*\n(?:[ \t]+[^\n]*\n?)*", re.MULTILINE)


class Asked(Protocol):
    """See `hub.desk.Desk`."""

    def piece(self, study: str, node: str, number: int) -> bytes: ...


def sign(path: Path, key: Path) -> Request:
    """Sign the request in a STUDY.yaml with the asker's own key; the file then ends with `recipient`. Whatever is
    changed in it afterwards has to be signed again. Raises NotFound, BadInput."""
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    tree = load(path)
    bare = Tree(tree.name, {k: v for k, v in tree.value.items() if k != "recipient"}, tree.lines)
    request = signed(as_document(bare, Request), key)
    said = request.recipient
    assert said is not None
    kept = _BLOCK.sub("", text).rstrip("\n")
    lines = ["recipient:", f"  key: '{said.key}'", f"  sealing: '{said.sealing}'", f"  signature: '{said.signature}'"]
    part = path.with_name(path.name + ".part")
    part.write_text("\n".join([kept, *lines, ""]), encoding="utf-8")
    part.replace(path)
    return request


def signed(request: Request, key: Path) -> Request:
    """The request, signed with the asker's own key, and naming the one that rows are sealed to. Raises NotFound,
    BadInput for a file that holds none."""
    own = party_key.read(key)
    sealing = opener(own.private.private_bytes_raw()).public_key().public_bytes_raw()
    return request.signed(own.public.hex(), sealing.hex(), own.sign)


def write(
    at: Asked, outcome: Mapping[str, Any], key: Path, out: Path, heard: Callable[[str], None] = lambda _: None
) -> pa.Table:
    """`fetch`, written to a .csv or .parquet file; answers them. Raises BadInput for another kind of file."""
    if out.suffix.lower() not in (".csv", ".parquet"):
        raise BadInput(
            "bad-rows-file",
            Text("Rows are written as .csv or .parquet.", "数据行只能写为 .csv 或 .parquet。"),
            Text("Give --out a name that ends so.", "请为 --out 给出以此结尾的文件名。"),
        )
    whole = fetch(at, outcome, key, heard)
    part = out.with_name(f".{out.stem}.part{out.suffix}")
    write_table(whole, part, ",")
    part.replace(out)
    return whole


def fetch(at: Asked, outcome: Mapping[str, Any], key: Path, heard: Callable[[str], None] = lambda _: None) -> pa.Table:
    """Fetch, open and check the rows of a released study.

    Each row says which hospital it is from. `heard` is told the hospital that is next. Raises NotFound where the study
    gives out no rows, Refused for another key, Tampered where a hospital's rows are not those that were reviewed.
    """
    study = outcome["study"]
    told = (outcome["result"] or {}).get("hospitals") if outcome["request"]["method"] == "extract" else None
    if not told:
        raise NotFound(
            "no-rows-to-give",
            Text(f"Study {study} has no rows to give.", f"研究 {study} 没有可提供的数据行。"),
            Text(f"`huizhen study show {study}` says what it is, and what it waits for.",
                 f"`huizhen study show {study}` 会说明其类型以及在等待什么。"),
        )  # fmt: skip
    private = opener(party_key.read(key).private.private_bytes_raw())
    tables = []
    with tempfile.TemporaryDirectory(prefix="huizhen-") as folder:
        for each in told:
            heard(each["node"])
            place, digest = Path(folder, "rows.parquet"), hashlib.sha256()
            bound = about(study, each["node"], each["sha256"])
            with place.open("wb") as file:
                for number in range(each["pieces"]):
                    sealed = at.piece(study, each["node"], number)
                    piece = opened(private, sealed, bound, number, each["pieces"])
                    digest.update(piece)
                    file.write(piece)
            if digest.hexdigest() != each["sha256"]:
                raise Tampered(
                    "rows-not-reviewed",
                    Text(f"The rows of {each['node']} are not those that were reviewed.",
                         f"{each['node']} 的数据行与所审查的不符。"),
                    Text("Nothing was written. Ask the hospital.", "没有写出任何内容。请联系该医院。"),
                )  # fmt: skip
            tables.append(_named(pa.parquet.read_table(place), each["node"]))
    return pa.concat_tables(tables)


def _named(table: pa.Table, node: str) -> pa.Table:
    name = HOSPITAL
    while name in table.column_names:
        name += "_"
    return table.add_column(0, name, pa.array([node] * len(table)))
