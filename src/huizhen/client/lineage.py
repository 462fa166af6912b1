"""Where a file of scores comes from and what it may be used for, beside it: W3C's metadata for tabular data (CSVW).

CSV has no place for it within; a file `scores.csv` has it in `scores.csv-metadata.json`, where the standard has readers
look (Model for Tabular Data and Metadata on the Web, W3C Recommendation 2015, 5.3). `notes` are ours.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from huizhen.client.licence import licence, one_line
from huizhen.kit.canonical import digest

SUFFIX = "-metadata.json"


def beside(out: Path) -> Path:
    """Where the lineage of a file lies."""
    return out.with_name(out.name + SUFFIX)


def lineage(
    found: Mapping[str, Any],
    at_utc: str,
    read: Path,
    written: Path,
    name: str,
    columns: Sequence[str],
    counts: Mapping[str, int],
) -> dict[str, Any]:
    """found: the outcome of the model's study; read, written: the file of rows and that of scores, which will be called
    `name`; counts: of rows, by what became of them. The model is named by its study and the digest of its result."""
    limits, scored = found["grant"]["limits"], _sha256(written)
    model = {
        "study": found["study"],
        "method": limits["method"],
        "version": limits["method_version"],
        "digest": digest(found["result"]),
        "entries": list(found.get("evidence", {}).get("entries", ())),
    }
    return {
        "@context": "http://www.w3.org/ns/csvw",
        "url": name,
        "dc:created": at_utc,
        "dc:license": one_line(found),
        "prov:wasDerivedFrom": [f"urn:huizhen:{found['study']}", f"urn:sha256:{_sha256(read)}"],
        "tableSchema": {"columns": [{"titles": column} for column in columns]},
        "notes": [{"model": model, "licence": licence(found), "rows": dict(counts), "sha256": scored}],
    }


def keep(told: Mapping[str, Any], out: Path) -> None:
    """Write it to its place beside `out`, whole or not at all."""
    place = beside(out)
    part = place.with_name(place.name + ".part")
    try:
        part.write_text(json.dumps(told, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        part.replace(place)
    finally:
        part.unlink(missing_ok=True)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
