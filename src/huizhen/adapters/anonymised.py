"""A file of the data holder's own: read, anonymised, checked and attacked as it was written, then given its name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from huizhen.adapters.anonymise_attacks import attacked, check_attacks
from huizhen.adapters.anonymise_release import Heard, Released, anonymised
from huizhen.adapters.anonymise_table import read_table, write_table
from huizhen.adapters.anonymise_use import use
from huizhen.adapters.release_check import Table, check_release
from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text
from huizhen.model.anonymisation import Anonymisation
from huizhen.privacy.anonymise.utility import utility


def anonymise(
    path: Path, out: Path, asked: Anonymisation, beside: Path, heard: Heard, seed: int = 0, *, measured: bool = True
) -> dict[str, Any]:
    """Anonymise one CSV or Parquet file into another of the same kind; gives `Released.told`, and the attacks on it.

    `beside` is the folder of hierarchy files; `heard` is told the step and how many rows; `seed` is of the attacks
    alone: rows come out in an order by a chance that nobody can repeat, which says nothing of the order they came in.
    Raises NotFound, BadInput, Unable, and Refused where the file that was written does not hold what was asked, or an
    attack on it gains more than is promised. Where anything is raised, `out` is as it was.
    """
    if out.suffix.lower() != path.suffix.lower() or out.resolve() == path.resolve():
        raise BadInput(
            "bad-out",
            Text("--out has to be another file of the same kind.", "--out 须是另一个同类型的文件。"),
            Text(f"Give it a name that ends in {path.suffix}.", f"请给出以 {path.suffix} 结尾的文件名。"),
        )
    table, delimiter = read_table(path)
    heard("read", len(table))
    people = read_table(beside / asked.population.file)[0] if asked.population else None
    released = anonymised(table, asked, beside, heard, people)
    part = out.with_name(f".{out.stem}.{os.getpid()}.part{out.suffix}")
    try:
        write_table(released.table, part, path, delimiter)
        heard("check", len(released.table))
        secrets = {n: s.hierarchy for n, s in released.coded.sensitive.items() if s.hierarchy is not None}
        check_release(Table(part, delimiter), Table(path, delimiter), asked, secrets, len(released.found.row))
        told = released.told(asked)
        if measured:
            heard("measure", len(table))
            told["utility"] = _utility(released, asked, seed)
        if asked.attacks.run:
            written = read_table(part)[0]
            attacks = attacked(table, written, released, asked, beside, heard, seed)
            check_attacks(attacks, table, asked, beside, people, heard, seed)
            told |= {"seed": seed, "attacks": [a.as_json() for a in attacks]}
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)
    return told


def _utility(released: Released, asked: Anonymisation, seed: int) -> dict[str, Any]:
    """What the release is still good for: `utility.utility`, and a model for each sensitive column."""
    given = released.coded
    rows = [c[: given.rows] for c in given.columns]
    secret = {name: (s.code, s.values) for name, s in given.sensitive.items()}
    told = utility(released.found, given.hierarchies, rows, secret, asked.k).as_json()
    models = [use(released, name, seed) for name in given.sensitive]
    return told | {"models": [m for m in models if m is not None]}
