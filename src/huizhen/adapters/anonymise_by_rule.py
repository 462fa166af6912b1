"""A hospital's own file, released by a rule that many hospitals agreed on, and checked as it was written."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from pydantic import ValidationError

from huizhen.adapters.own_file import new_file, read_table, write_table
from huizhen.adapters.rows import quote, to_batch
from huizhen.intake import open_source
from huizhen.intake.conform import conform_all
from huizhen.kit.errors import BadInput, Conflict, NotFound, Refused
from huizhen.kit.naming import check_named
from huizhen.kit.text import Text
from huizhen.model.agreed_rule import AgreedRule
from huizhen.model.dataset import Schema
from huizhen.privacy.anonymise.agreed import Applied, apply


@dataclass(frozen=True)
class Agreed:
    """A rule, the study that made it, how many hospitals it is of, and rows of all of them by class where these are
    exact."""

    rule: AgreedRule
    study: str
    hospitals: int
    sizes: tuple[int, ...] | None


def read_rule(path: Path) -> Agreed:
    """From the outcome of its study, as `study run --json` writes it. Raises NotFound and BadInput."""
    if not path.is_file():
        raise NotFound(
            "no-rule-file",
            Text(f"There is no file {path}.", f"没有文件 {path}。"),
            Text("Give the file that `huizhen study run --json FILE` wrote.",
                 "请给出 `huizhen study run --json 文件` 写出的文件。"),
        )  # fmt: skip
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        result, limits = found["result"], found["grant"]["limits"]
        rule = AgreedRule.read(result["rule"])
        if rule.sha256() != result["sha256"] or len(result["sizes"]) != len(rule.classes) + 1:
            raise ValueError("another rule")
        exact = limits["round_to"] is None and all(isinstance(n, int) for n in result["sizes"][:-1])
        sizes = tuple(result["sizes"][:-1]) if exact else None
        return Agreed(rule, str(found["study"]), len(found["hospitals"]), sizes)
    except (ValueError, KeyError, TypeError, ValidationError, UnicodeDecodeError):
        raise BadInput(
            "bad-rule-file",
            Text(f"{path.name} holds no rule, or one that was changed.", f"{path.name} 中没有规则，或规则已被改动。"),
            Text("Give the outcome of a released study of method generalise, as `study run --json` wrote it.",
                 "请给出方法 generalise 的已发布研究的结果文件，即 `study run --json` 所写出的文件。"),
        ) from None  # fmt: skip


def release(
    path: Path, out: Path, agreed: Agreed, keep: Sequence[str] = (), drop: Sequence[str] = ()
) -> dict[str, Any]:
    """Write the rows of the file at `path` (CSV or Parquet) that the rule releases to `out`, in an order by chance.

    Every column of the file is of the rule, or named under `keep` or `drop`. Raises NotFound; BadInput for columns and
    values that do not fit; Refused where the file cannot be the one that was counted. Then `out` is as it was.
    """
    rule, (table, delimiter) = agreed.rule, read_table(path)
    _check_columns(table.column_names, rule, keep, drop)
    applied = apply(rule, _columns(path, rule, len(table)))
    _check_share(applied, agreed)
    with new_file(out, path) as part:
        write_table(_released(table, applied, rule, keep), part, delimiter)
        _check(part, delimiter, rule, int(applied.share.sum()))
    share = applied.share[applied.share > 0]
    return {
        "rows": int(share.sum()),
        "suppressed": {"uncovered": applied.gone[0], "few_here": applied.gone[1]},
        "classes": len(share),
        "smallest_share": int(share.min(initial=int(share.max(initial=0)))),
        "alone_here": int((share == 1).sum()),
        "ncp": float(np.mean(list(applied.ncp.values()))),
        "ncp_by_column": applied.ncp,
        "k": rule.k,
        "sensitive": {name: variety.as_json() for name, variety in rule.sensitive.items()},
        "per_hospital_min": rule.per_hospital_min,
        "hospitals": agreed.hospitals,
        "study": agreed.study,
        "rule_sha256": rule.sha256(),
    }


def _columns(path: Path, rule: AgreedRule, rows: int) -> Mapping[str, Any]:
    """The rule's columns as plain arrays; a value that is no level is kept as such."""
    schema = Schema(columns=tuple(r.column for r in rule.columns))
    open_levels = Schema(columns=tuple(c.model_copy(update={"levels": None}) for c in schema.columns))
    batches = [to_batch(b, schema, rule.names) for b in conform_all(open_source(path), open_levels)]
    if sum(b.rows for b in batches) != rows:
        raise BadInput(
            "rows-unclear",
            Text(f"{path.name} has lines that are not rows.", f"{path.name} 中有不是数据行的行。"),
            Text("Take out empty lines.", "请删除空行。"),
        )
    return {name: np.concatenate([b[name] for b in batches]) if batches else np.empty(0) for name in rule.names}


def _released(table: pa.Table, applied: Applied, rule: AgreedRule, keep: Sequence[str]) -> pa.Table:
    there = np.flatnonzero(applied.of >= 0)
    chance = np.random.default_rng().permutation(len(there))
    columns = {}
    for name in rule.names:
        place, label = applied.labels(name)
        columns[name] = pa.DictionaryArray.from_arrays(
            pa.array(place[chance], pa.int32()), pa.array(label, pa.string())
        )
    return pa.table(columns | {name: table[name].take(pa.array(there[chance])) for name in (*rule.sensitive, *keep)})


def _check_columns(names: Sequence[str], rule: AgreedRule, keep: Sequence[str], drop: Sequence[str]) -> None:
    ours = [*rule.names, *rule.sensitive]
    check_named(
        [*ours, *keep, *drop],
        names,
        "columns-beside-rule",
        Text(f"The rule has: {', '.join(ours)}. Name each other column once.",
             f"规则包含：{'、'.join(ours)}。其余各列须恰好说明一次。"),
        unsaid=Text("is neither of the rule nor under --keep or --drop", "既不属于规则，也未列于 --keep 或 --drop"),
    )  # fmt: skip


def _check_share(applied: Applied, agreed: Agreed) -> None:
    """A class cannot have more rows here than at all hospitals together."""
    if agreed.sizes is not None and (applied.share > np.array(agreed.sizes)).any():
        raise Refused(
            "share-above-union",
            Text("A class has more rows in this file than the rule says of all hospitals together.",
                 "本文件某等价类的行数超过规则所述各医院的合计。"),
            Text("Either the file has grown since, or a hospital sent false figures: have the rule made again.",
                 "或者文件在此之后有所增加，或者有医院发送了虚假数据：请重新生成规则。"),
        )  # fmt: skip
    if not applied.share.any():
        raise Conflict(
            "nothing-to-release",
            Text("No row of this file is in a class that may be released.", "本文件没有可发布的记录。"),
            Text("Check that it is the dataset the rule was made for.", "请确认该文件就是生成规则时所用的数据集。"),
        )


def _check(part: Path, delimiter: str, rule: AgreedRule, rows: int) -> None:
    """The written file by SQL: as many rows, and of each combination none or per_hospital_min."""
    where = str(part).replace("'", "''")
    source = f"read_parquet('{where}')"
    if part.suffix.lower() != ".parquet":
        source = f"read_csv('{where}', delim = '{delimiter}', header = true, all_varchar = true, nullstr = '\x01')"
    with duckdb.connect() as connection:
        few = f"count(*) FILTER (c < {rule.per_hospital_min})"
        found = connection.execute(
            f"SELECT coalesce(sum(c), 0)::BIGINT, {few} FROM "
            f"(SELECT count(*) AS c FROM {source} GROUP BY {', '.join(map(quote, rule.names))})"
        ).fetchone()
    if found != (rows, 0):
        raise Refused(
            "rule-not-held",
            Text("The file that was written does not hold the rule.", "写出的文件不符合规则。"),
            Text("Nothing was written. This is a fault of ours; please report it.",
                 "没有写出任何内容。这是程序的错误，请报告。"),
        )  # fmt: skip
