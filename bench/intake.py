"""Claim: FHIR is taken in, every record checked and kept, in the time that fhir.resources needs to parse it or less, in
memory that does not grow with the file; and what a view costs beside DuckDB reading five paths written by hand.

Baselines in the same run, over the same NDJSON: `fhir.resources` (R4B) where it is installed; DuckDB's own JSON reader.
CPU seconds of one thread, not wall time.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb

PATHS = {"id": "$.id", "patient": "$.subject.reference", "code": "$.code.coding[0].code", "day": "$.effectiveDateTime"}
MEMORY = """
import resource, sys
from pathlib import Path
from huizhen.adapters.fhir_intake import take_in
from huizhen.adapters.resource_store import opened
with opened(Path(sys.argv[2]), create=True) as store:
    take_in(store, [Path(sys.argv[1])])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def observation(i: int) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": f"o{i}",
        "status": "final",
        "category": [{"coding": [{"system": "urn:c", "code": "vital-signs", "display": "vital-signs"}]}],
        "code": {
            "coding": [{"system": "http://loinc.org", "code": "8302-2", "display": "身高"}],
            "text": "Body Height",
        },
        "subject": {"reference": f"Patient/p{i % 1000}"},
        "encounter": {"reference": f"Encounter/e{i}"},
        "effectiveDateTime": f"2011-{i % 12 + 1:02}-14T17:39:34+00:00",
        "valueQuantity": {
            "value": 150 + i % 50 + 0.5,
            "unit": "cm",
            "system": "http://unitsofmeasure.org",
            "code": "cm",
        },
    }


def measured(what: Callable[[], Any]) -> tuple[float, Any]:
    began = time.process_time()
    found = what()
    return time.process_time() - began, found


def taken(path: Path, folder: Path) -> int:
    from huizhen.adapters.fhir_intake import take_in
    from huizhen.adapters.resource_store import opened

    with opened(folder, create=True) as store:
        take_in(store, [path])
        return sum(store.types().values())


def viewed(folder: Path, out: Path) -> int:
    from huizhen.adapters.fhir_view import find_view, write_view
    from huizhen.adapters.resource_store import opened

    with opened(folder) as store:
        return write_view(store, find_view("observations"), out).rows


def plain(path: Path, out: Path) -> int:
    columns = ", ".join(f"json->>'{p}' AS {n}" for n, p in PATHS.items())
    columns += ", TRY_CAST(json->>'$.valueQuantity.value' AS DOUBLE) AS value"
    with duckdb.connect(config={"threads": 1}) as engine:
        source = f"read_json_objects('{path}', format = 'newline_delimited')"
        engine.execute(f"COPY (SELECT {columns} FROM {source}) TO '{out}' (FORMAT parquet)")
        return int(engine.execute(f"SELECT count(*) FROM '{out}'").fetchall()[0][0])


def modelled(path: Path) -> int:
    from fhir.resources.R4B.observation import Observation

    with path.open("rb") as lines:
        return sum(1 for line in lines if Observation.model_validate_json(line).id)


def peak(path: Path, folder: Path) -> int:
    words = [sys.executable, "-c", MEMORY, str(path), str(folder)]
    return int(subprocess.run(words, check=True, capture_output=True, text=True).stdout)


def written(path: Path, count: int) -> Path:
    with path.open("w", encoding="utf-8") as out:
        out.writelines(json.dumps(observation(i), ensure_ascii=False) + "\n" for i in range(count))
    return path


def main(count: int) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        path = written(folder / "o.ndjson", count)
        size = path.stat().st_size / 1e6
        runs: list[tuple[str, Callable[[], int]]] = [
            ("take in", lambda: taken(path, folder / "store")),
            ("view 'observations' (15 columns)", lambda: viewed(folder / "store", folder / "v.parquet")),
            ("DuckDB, 5 paths written by hand", lambda: plain(path, folder / "d.parquet")),
        ]
        if importlib.util.find_spec("fhir.resources"):
            few = written(folder / "few.ndjson", min(count, 20_000))
            runs.append(("fhir.resources, parsing alone", lambda: modelled(few)))
        else:
            print("fhir.resources is not installed: left out")
        for name, run in runs:
            seconds, found = measured(run)
            expected = min(count, 20_000) if name.startswith("fhir") else count
            assert found == expected, f"{name}: {found} of {expected}"
            print(
                f"{name:<34} {found / seconds:>10,.0f} resources/s {size * found / count / seconds:>8.1f} MB/s of CPU"
            )
        small, large = written(folder / "s.ndjson", count), written(folder / "l.ndjson", 4 * count)
        at = [peak(p, folder / f"m{i}") for i, p in enumerate((small, large))]
        print(f"peak memory: {at[0]} MB for {size:.0f} MB, {at[1]} MB for {4 * size:.0f} MB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tiny", action="store_true", help="seconds, to see that it runs")
    parser.add_argument("--large", action="store_true", help="a million resources, and four for the memory")
    asked = parser.parse_args()
    main(2_000 if asked.tiny else 1_000_000 if asked.large else 100_000)
