"""The public test cases of SQL on FHIR v2, run against the views here, with the score by file.

    python tests/sql_on_fhir.py FOLDER

FOLDER holds the cases as the specification publishes them (`tests/*.json` of the repository FHIR/sql-on-fhir-v2). They
are not copied into this project; the package `fhir4ds-v2` carries a copy (`pip download --no-deps fhir4ds-v2==0.0.17`,
then unzip, `fhir4ds/viewdef/tests/spec_tests`).
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb

from huizhen.intake.view import read_view
from huizhen.intake.view_sql import UNREAD, compile_view
from huizhen.kit.errors import HuizhenError


def rows_of(view: dict[str, Any], resources: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of a view over resources. Raises HuizhenError or duckdb.Error where the case has to fail."""
    read = read_view(view)
    fitting = [(json.dumps(r, ensure_ascii=False),) for r in resources if r.get("resourceType") == read.resource]
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE r (resource JSON)")
        if fitting:
            connection.executemany("INSERT INTO r VALUES (?)", fitting)
        found = connection.execute(compile_view(read, "r"))
        names = [d[0] for d in found.description]
        return [{n: v for n, v in zip(names, row, strict=True) if not n.startswith(UNREAD)} for row in found.fetchall()]


def passes(case: dict[str, Any], resources: list[dict[str, Any]]) -> bool:
    """Rows as expected, in any order; for a case that has to fail, that it does."""
    try:
        found = rows_of(case["view"], resources)
    except (HuizhenError, duckdb.Error):
        return bool(case.get("expectError"))
    if case.get("expectError"):
        return False
    if "expectCount" in case:
        return len(found) == case["expectCount"]
    if "expectColumns" in case and found and list(found[0]) != case["expectColumns"]:
        return False
    return _counted(found) == _counted(case.get("expect", []))


def _counted(rows: list[dict[str, Any]]) -> Counter[str]:
    return Counter(json.dumps(row, sort_keys=True, default=str).replace(".0,", ",").replace(".0}", "}") for row in rows)


def main(folder: Path) -> None:
    passed = total = 0
    for path in sorted(folder.glob("*.json")):
        whole = json.loads(path.read_text(encoding="utf-8"))
        failed = [case["title"] for case in whole["tests"] if not passes(case, whole["resources"])]
        count = len(whole["tests"])
        sys.stdout.write(f"{path.stem:<20} {count - len(failed):>3} of {count:<3} {'; '.join(failed)}\n")
        passed, total = passed + count - len(failed), total + count
    sys.stdout.write(f"{'all':<20} {passed:>3} of {total}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
