"""A file of the data holder's own: read, anonymised, checked and attacked as it was written, then given its name."""

from __future__ import annotations

from pathlib import Path
from threading import Thread
from typing import Any

from huizhen.adapters.anonymise_release import Heard, Released, anonymised
from huizhen.adapters.anonymise_trail import Trail
from huizhen.adapters.own_file import Read, ahead, new_file, read_table, reading, sha256, write_table
from huizhen.adapters.release_check import Table, check_release
from huizhen.adapters.release_check_kinds import Kinds
from huizhen.adapters.release_statement import state, with_statement
from huizhen.kit.errors import HuizhenError
from huizhen.model.anonymisation import Anonymisation
from huizhen.privacy.anonymise.partition import ready


def anonymise(
    path: Path,
    out: Path,
    asked: Anonymisation,
    beside: Path,
    heard: Heard,
    seed: int = 0,
    *,
    measured: bool = True,
    trail: Trail | None = None,
    order: int | None = None,
    memory: int | None = None,
    read: Read | None = None,
) -> dict[str, Any]:
    """Anonymise one CSV or Parquet file into another of the same kind; gives `Released.told`, and the attacks on it.

    `beside` is the folder of hierarchy files; `heard` is told the step and how many rows; `seed` is of the attacks
    alone: rows come out in an order by a chance that nobody can repeat, which says nothing of the order they came in.
    `order`, a secret number, makes it an order that can be made again.
    `read` gives what `reading` began for this path, where it was begun before.
    `trail` keeps what was done, also where it was stopped. With `memory` (bytes) rows lie on the disk; neither measures
    of use nor attacks are made then, and `asked` may not ask for them. Raises NotFound, BadInput, Unable, and Refused
    where the file that was written does not hold what was asked, or an attack on it gains more than is promised. Where
    anything is raised, `out` is as it was.
    """
    trail = Trail() if trail is None else trail
    Thread(target=ready).start()
    try:
        if asked.differential is not None:
            from huizhen.adapters.anonymise_sampled import with_its_k

            asked = with_its_k(asked, beside)
        with new_file(out, path) as part:
            if memory is None:
                read = reading(path, asked.keep) if read is None else read
                told = _made(path, part, asked, beside, heard, seed, measured, trail, order, read)
            else:
                told = _made_on_disk(path, part, asked, beside, heard, memory, trail)
            state(out, told["output_sha256"], told.get("differential"))
        trail.add("release", file=out.name, sha256=told["output_sha256"])
    except HuizhenError as error:
        trail.add("stopped", code=error.code)
        raise
    return told


def _made(
    path: Path, part: Path, asked: Anonymisation, beside: Path, heard: Heard, seed: int, measured: bool, trail: Trail,
    order: int | None, read: Read,
) -> dict[str, Any]:  # fmt: skip
    """Everything but the file's name."""
    table, delimiter, source = read()
    heard("read", len(table))
    trail.add("read", file=path.name, sha256=source, rows=len(table), asked=asked.digest())
    people, around = None, None
    if asked.population:
        place = beside / asked.population.file
        people, by = read_table(place)
        around = Table(place, by)
    released = anonymised(table, asked, beside, heard, people, order)
    told = {"k": asked.k, **released.told(asked)}
    trail.add("partition", **{key: told[key] for key in ("rows", "suppressed", "classes", "smallest_class")})
    if "differential" in told:
        trail.add("differential", **told["differential"])
    write_table(with_statement(released.table, told.get("differential")), part, delimiter)
    hashed = ahead(lambda: sha256(part))
    heard("check", len(released.table))
    secrets = {n: s.hierarchy for n, s in released.coded.sensitive.items() if s.hierarchy is not None}
    witness = released.witness(people)
    population = (around, witness) if around is not None and witness is not None else None
    special = Kinds(told.get("differential"), released.coded.hierarchies) if asked.special else None
    check_release(
        Table(part, delimiter),
        Table(path, delimiter),
        asked,
        secrets,
        len(released.found.row),
        population,
        kinds=special,
    )
    trail.add("check", held=True)
    if measured:
        heard("measure", len(table))
        told |= {"before": released.before(), "utility": _utility(released, asked, seed)}
        trail.add("measure", arx_loss=told["utility"]["arx_loss"])
    if asked.attacks.run:
        from huizhen.adapters.anonymise_attacks import attacked, check_attacks

        written = read_table(part)[0]
        attacks = attacked(table, written, released, asked, beside, heard, seed)
        trail.add("attack", seed=seed, gains=[[a.name, a.column, a.gain.share, a.limit, a.held] for a in attacks])
        check_attacks(attacks, table, asked, beside, people, heard, seed)
        told |= {"seed": seed, "attacks": [a.as_json() for a in attacks]}
    return told | {"input_sha256": source, "output_sha256": hashed()}


def _made_on_disk(
    path: Path, part: Path, asked: Anonymisation, beside: Path, heard: Heard, memory: int, trail: Trail
) -> dict[str, Any]:
    """Everything but the file's name, of a file that need not fit in memory."""
    from huizhen.adapters.anonymise_large import anonymised_on_disk, check_in_parts

    check_in_parts(asked, memory)
    source = sha256(path)
    trail.add("read", file=path.name, sha256=source, asked=asked.digest())
    made = anonymised_on_disk(path, part, asked, beside, memory, heard)
    told = {"k": asked.k, **made.figures}
    trail.add("partition", **{key: told[key] for key in ("rows", "suppressed", "classes", "smallest_class")})
    heard("check", made.rows)
    was, now = (Table(place, made.delimiter) for place in (path, part))
    check_release(now, was, asked, made.secrets, made.rows, memory=memory)
    trail.add("check", held=True)
    return told | {"input_sha256": source, "output_sha256": sha256(part)}


def _utility(released: Released, asked: Anonymisation, seed: int) -> dict[str, Any]:
    """What the release is still good for: `utility.utility`, and a model for each sensitive column."""
    from huizhen.adapters.anonymise_use import use
    from huizhen.privacy.anonymise.utility import utility

    given = released.coded
    rows = [c[: given.rows] for c in given.columns]
    secret = {name: (s.code, s.values) for name, s in given.sensitive.items()}
    told = utility(released.found, given.hierarchies, rows, secret, asked.k).as_json()
    models = [use(released, name, seed) for name in given.sensitive]
    return told | {"models": [m for m in models if m is not None]}
