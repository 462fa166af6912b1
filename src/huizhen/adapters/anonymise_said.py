"""What is to be done with a file, from a configuration or from options."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from huizhen.adapters.anonymise_meant import meant, written
from huizhen.adapters.anonymise_spool import met
from huizhen.intake.document import read_yaml
from huizhen.intake.format import check_file
from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text
from huizhen.model.anonymisation import Anonymisation, Attacks, Differential, Generalisation, Variety
from huizhen.privacy.risk import SMALLEST


def asked_by_file(config: Path, said: Mapping[str, Any]) -> Anonymisation:
    """What a configuration says. Raises NotFound, BadInput; options beside it are refused."""
    beside = [name for name, value in said.items() if value is not None]
    if beside:
        raise BadInput(
            "said-twice",
            Text(f"--{beside[0]} cannot be given with --config.", f"--{beside[0]} 不能与 --config 同时给出。"),
            Text("Put it into the configuration, or leave --config out.", "请写入配置文件，或不用 --config。"),
        )
    return read_yaml(config, Anonymisation)


def asked_by_options(file: Path, said: Mapping[str, Any]) -> Anonymisation:
    """What options say; how a quasi-identifier is made coarser follows from its values. Raises NotFound, BadInput."""
    names = {key: tuple(n.strip() for n in (said[key] or "").split(",") if n.strip()) for key in _LISTS}
    if not names["qi"]:
        raise BadInput(
            "no-quasi-identifiers",
            Text("Nothing is said about the columns.", "没有说明各列的用途。"),
            Text("Give --config, or --qi with the columns that may be known from elsewhere.",
                 "请给出 --config，或用 --qi 给出可能从别处得知的列。"),
        )  # fmt: skip
    if said["algorithm"] not in (None, "topdown", "lattice"):
        raise BadInput(
            "unknown-algorithm",
            Text("--algorithm is topdown or lattice.", "--algorithm 只能是 topdown 或 lattice。"),
            Text("Correct it.", "请更正。"),
        )
    if said["mode"] not in (None, *SMALLEST):
        raise BadInput(
            "unknown-mode",
            Text("--mode is public, controlled or enclave.", "--mode 只能是 public、controlled 或 enclave。"),
            Text("Choose who gets the file.", "请选择文件的接收范围。"),
        )
    check_file(file)
    drawn = written(names["qi"], said["hierarchies"]) if said["hierarchies"] else {}
    private = _private(said)
    values = {} if private else met(file, [n for n in names["qi"] if n not in drawn])
    how = {n: drawn.get(n) or (meant(values[n]) if n in values else _FLAT) for n in names["qi"]}
    how |= {n: how[n].model_copy(update={"weight": w}) for n, w in _weights(said["weight"], how).items()}
    return Anonymisation(
        quasi_identifiers=how,
        sensitive={n: Variety(distinct=said["l"], t=said["t"]) for n in names["sensitive"]},
        keep=names["keep"],
        drop=names["drop"],
        k=said["k"] or 10,
        suppress=said["suppress"] or 0.0,
        algorithm=said["algorithm"] or "topdown",
        mode=said["mode"],
        differential=private,
        population_size=said["population-size"],
        attacks=Attacks(
            run=not said["no-attacks"],
            outside=str(said["outside"].resolve()) if said["outside"] else None,
            unknown=names["unknown"],
        ),
    )


def _private(said: Mapping[str, Any]) -> Differential | None:
    """How columns are made coarser must not follow from rows then: by a file of `hierarchies`, or not at all."""
    if (said["epsilon"] is None) != (said["delta"] is None):
        raise BadInput(
            "epsilon-without-delta",
            Text("--epsilon and --delta go together.", "--epsilon 与 --delta 须同时给出。"),
            Text("Give both, as --epsilon 1 --delta 1e-6: less than one in the number of rows.",
                 "请同时给出，例如 --epsilon 1 --delta 1e-6：应小于行数的倒数。"),
        )  # fmt: skip
    return None if said["epsilon"] is None else Differential(epsilon=said["epsilon"], delta=said["delta"])


def _weights(said: str | None, how: Mapping[str, Generalisation]) -> dict[str, float]:
    """age=3,region=1 as weights. Raises BadInput for what is no such pair, or no quasi-identifier."""
    found = {}
    for pair in (said or "").split(",") if said else ():
        name, there, weight = pair.strip().rpartition("=")
        try:
            number = float(weight)
        except ValueError:
            number = 0.0
        if not there or name not in how or not 0 < number <= _HEAVIEST:
            raise BadInput(
                "bad-weight",
                Text(f"--weight '{pair}' names no quasi-identifier and number.",
                     f"--weight“{pair}”没有给出准标识列与数值。"),
                Text("Write it as age=3,region=1, with columns of --qi and numbers above 0, up to 1000.",
                     "请写成 age=3,region=1：列须在 --qi 中，数值大于 0 且不超过 1000。"),
            )  # fmt: skip
        found[name] = number
    return found


_HEAVIEST = 1000
_FLAT = Generalisation(by="flat")
_LISTS = ("qi", "sensitive", "keep", "drop", "unknown")
