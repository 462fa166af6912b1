"""An answer as text, in the shape that statsmodels made familiar: a head in two columns, then the coefficients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

WIDTH = 86
_HEAD = {
    "n": "No. Records", "rows": "No. Records", "n_events": "No. Events", "formula": "Formula", "family": "Family",
    "outcome": "Outcome", "ties": "Ties", "strata": "Strata", "loglik": "Log-Likelihood", "loglik_null": "LL-Null",
    "aic": "AIC", "bic": "BIC", "deviance": "Deviance", "null_deviance": "Null Deviance", "r2": "R-squared",
    "r2_adjusted": "Adj. R-squared", "df_resid": "Df Residuals", "dispersion": "Scale", "auc": "AUC",
    "concordance": "Concordance", "iterations": "Iterations", "n_missing": "Left Out, Missing", "chi2": "Chi-square",
    "dof": "Df", "p": "Prob", "cramers_v": "Cramer's V", "inertia": "Inertia", "explained": "Explained",
}  # fmt: skip
_MOST_ROWS = 20


def summary(title: str, facts: Mapping[str, Any], values: Mapping[str, Any], tables: Mapping[str, pd.DataFrame]) -> str:
    """`facts` of the study are the left column of the head, the single figures of the result the right one."""
    right = [(_HEAD[key], _figure(value)) for key, value in values.items() if key in _HEAD and _single(value)]
    lines = [title.center(WIDTH).rstrip(), "=" * WIDTH, *_columns([(k, str(v)) for k, v in facts.items()], right)]
    level = values.get("confidence")
    for name, table in tables.items():
        if name == "coefficients":
            lines += ["=" * WIDTH, *_coefficients(table, float(level) if isinstance(level, float) else 0.95)]
        else:
            lines += ["-" * WIDTH, f"{name}:", *_table(table)]
    return "\n".join([*lines, "=" * WIDTH])


def _columns(left: Sequence[tuple[str, str]], right: Sequence[tuple[str, str]]) -> list[str]:
    half = (WIDTH - 4) // 2
    return [
        (_pair(a, half) + "    " + _pair(b, half)).rstrip() for a, b in zip_longest(left, right, fillvalue=("", ""))
    ]


def _pair(pair: tuple[str, str], width: int) -> str:
    name, value = pair
    if not name:
        return " " * width
    room = width - len(name) - 2
    return f"{name}:" + (" " + (value if len(value) <= room else value[: room - 1] + "…")).rjust(width - len(name) - 1)


def _coefficients(table: pd.DataFrame, level: float) -> list[str]:
    tail = (1 - level) / 2
    heads = ["coef", "std err", "z", "P>|z|", f"[{tail:.3g}", f"{1 - tail:.3g}]"]
    keys = ["estimate", "std_error", "z", "p", "ci_low", "ci_high"]
    if "hazard_ratio" in table:
        heads, keys = ["coef", "exp(coef)", *heads[1:]], ["estimate", "hazard_ratio", *keys[1:]]
    cell = 10
    room = WIDTH - cell * len(heads)
    lines = [" " * room + "".join(head.rjust(cell) for head in heads), "-" * WIDTH]
    for name, row in table.iterrows():
        told = str(name) if len(str(name)) < room else str(name)[: room - 2] + "…"
        figures = (
            _exactly(row.get(key), 3 if key in {"std_error", "z", "p", "ci_low", "ci_high"} else 4) for key in keys
        )
        lines.append(told.ljust(room) + "".join(figure.rjust(cell) for figure in figures))
    return lines


def _exactly(value: Any, decimals: int) -> str:
    if not isinstance(value, int | float) or value != value:  # noqa: PLR0124
        return "-"
    small = 0 < abs(value) < 10 ** -(decimals - 1) and decimals == 4
    return f"{value:.2e}" if small or abs(value) >= 1e5 else f"{value:.{decimals}f}"


def _table(table: pd.DataFrame) -> list[str]:
    text = table.head(_MOST_ROWS).to_string(float_format=lambda x: f"{x:.6g}", na_rep="-", max_cols=10)
    more = [f"… {len(table) - _MOST_ROWS} more"] if len(table) > _MOST_ROWS else []
    return [*text.splitlines(), *more]


def _single(value: Any) -> bool:
    return value is not None and not isinstance(value, list | Mapping)


def _figure(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.5g}" if abs(value) < 1e-3 or abs(value) >= 1e6 else f"{value:.4f}".rstrip("0").rstrip(".")
    return str(value)
