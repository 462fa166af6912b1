"""What a released file says of its own promise where that is differential privacy, so that nobody marks or changes it
unawares: Parquet in the metadata of its schema; CSV, which has no place for it, in W3C's metadata beside it (CSV on the
Web: `out.csv-metadata.json`; Model for Tabular Data and Metadata on the Web, W3C Recommendation 2015, 5.3).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet

KEY = "huizhen.differential_privacy"
SUFFIX = "-metadata.json"


def with_statement(table: pa.Table, promise: Mapping[str, Any] | None) -> pa.Table:
    """The table with the promise in its schema, for Parquet; as it is where there is none."""
    if promise is None:
        return table
    return table.replace_schema_metadata({KEY: json.dumps(promise)})


def state(out: Path, sha256: str, promise: Mapping[str, Any] | None) -> None:
    """Write beside a file that is about to get the name `out` what it promises. Without a promise, a statement that an
    earlier file of that name left is deleted."""
    place = out.with_name(out.name + SUFFIX)
    if promise is None or out.suffix.lower() == ".parquet":
        if _of(place):
            place.unlink()
        return
    told = {
        "@context": "http://www.w3.org/ns/csvw",
        "url": out.name,
        "notes": [{KEY: dict(promise), "sha256": sha256}],
    }
    part = place.with_name(place.name + ".part")
    try:
        part.write_text(json.dumps(told, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        part.replace(place)
    finally:
        part.unlink(missing_ok=True)


def stated(path: Path) -> dict[str, Any] | None:
    """The differential privacy that a file says it has; None where it says nothing.

    Of a CSV file: by its own metadata, whatever was done to the file since, or by that of a file beside it with the
    same content, so that a copy under another name is known.
    """
    if path.suffix.lower() == ".parquet":
        said = (pa.parquet.read_schema(path).metadata or {}).get(KEY.encode())
        return dict(json.loads(said)) if said else None
    own = path.with_name(path.name + SUFFIX)
    if found := _of(own):
        return dict(found[0][KEY])
    others = [note for place in sorted(path.parent.glob("*" + SUFFIX)) if place != own for note in _of(place)]
    if not others:
        return None
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return next((dict(note[KEY]) for note in others if note.get("sha256") == sha256), None)


def _of(place: Path) -> list[dict[str, Any]]:
    """The notes of a metadata file that state differential privacy; none of what is not such a file."""
    try:
        notes = json.loads(place.read_text(encoding="utf-8")).get("notes", [])
    except (OSError, ValueError, AttributeError):
        return []
    return [n for n in notes if isinstance(n, dict) and isinstance(n.get(KEY), dict)] if isinstance(notes, list) else []
