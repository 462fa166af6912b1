"""The registry of models: a view of released studies and of the ledger, so that nothing is kept twice.

A model is a released study whose method fits one. Its card is derived anew each time: where it comes from, what it may
be used for, how good it is, what the guard found, and the ledger entries that prove it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from huizhen.client.licence import licence
from huizhen.kit.errors import BadInput, NotFound
from huizhen.kit.text import Text
from huizhen.model.purpose import PURPOSES

Found = dict[str, Any]
"""The outcome of a study (`path.outcome.outcome`)."""
Figures = dict[str, float | int | None]

_ATTACK = (("membership", "advantage"), ("membership", "auc"))
_METRICS: Mapping[str, tuple[tuple[str | int, ...], ...]] = {
    "glm": (
        ("auc",), ("accuracy",), ("r_squared",), ("deviance",), ("null_deviance",), ("aic",), ("bic",), *_ATTACK,
    ),
    "cox": (("concordance",), ("loglik",), ("loglik_null",), ("likelihood_ratio", "chi2"),
            ("likelihood_ratio", "p"), *_ATTACK),
    "gbdt": (
        *((rows, key) for rows in ("holdout", "train") for key in ("auc", "log_loss", "r_squared", "mse")),
        ("iterations",), *_ATTACK,
    ),
    "nn": (
        *((rows, key) for rows in ("holdout", "train") for key in ("auc", "auc_noise", "log_loss")),
        ("privacy", "epsilon"), ("privacy", "delta"), *_ATTACK,
    ),
    "kmeans": (("explained",), ("inertia",), *_ATTACK),
    "pca": (*(("components", i, "ratio") for i in range(3)), *_ATTACK),
}  # fmt: skip
"""By method, where its result says how good the model is; the first one that is there is told in the list."""
MODELS = tuple(_METRICS)


def check_model(found: Found) -> None:
    """Raises BadInput('not-a-model') for a method that fits none, NotFound('no-model') where nothing was released."""
    study, method = found["study"], found["request"]["method"]
    if method not in MODELS:
        raise BadInput(
            "not-a-model",
            Text(
                f"Study {study} asks for {method}, which fits no model.",
                f"研究 {study} 的方法为 {method}，不产生模型。",
            ),
            Text(f"Methods that fit one are: {', '.join(MODELS)}.", f"产生模型的方法：{'、'.join(MODELS)}。"),
        )
    if found["result"] is None:
        raise NotFound(
            "no-model",
            Text(f"Study {study} has released no model.", f"研究 {study} 没有发布模型。"),
            Text(f"`huizhen study show {study}` says why.", f"`huizhen study show {study}` 会说明原因。"),
        )


def listed(studies: Iterable[Found]) -> list[str]:
    """Of lines of `study list`, the ids of those that are models."""
    return [s["study"] for s in studies if s["status"] == "released" and s["method"] in MODELS]


def metrics(found: Found) -> Figures:
    """How good the model is, by dotted name, as its result says; None where the guard has hidden a figure."""
    figures: Figures = {}
    for path in _METRICS[found["request"]["method"]]:
        value: Any = found["result"]
        for step in path:
            inside = isinstance(value, list) and isinstance(step, int) and step < len(value)
            value = value[step] if inside or (isinstance(value, dict) and step in value) else ""
        if value != "":
            figures[".".join(str(s + 1) if isinstance(s, int) else s for s in path)] = value
    return figures


def evaluations(model: str, studies: Iterable[Found]) -> list[Found]:
    """Of outcomes of studies, the released evaluations of this model, in the order given."""
    return [
        s
        for s in studies
        if s["request"]["method"] == "evaluate" and s["result"] is not None and s["result"]["model"] == model
    ]


def drifted(model: str, studies: Iterable[Found]) -> dict[str, Any]:
    """The last evaluation of the model that was measured against a reference, as `evaluation` tells of it.

    Raises NotFound('no-drift')."""
    told = [evaluation(s) for s in evaluations(model, studies) if s["result"].get("drift") is not None]
    if not told:
        raise NotFound(
            "no-drift",
            Text(
                f"No evaluation of {model} names a reference to compare with.",
                f"{model} 没有以 reference 指明参照的评估。",
            ),
            Text(
                "Run a study of method `evaluate` with it on the data it was fitted to; then another whose params name "
                "that one as `reference`.",
                "请先在拟合所用的数据上运行方法为 `evaluate` 的研究，再运行一项在 params 中以其为 `reference` 的研究。",
            ),
        )
    return told[-1]


def evaluation(found: Found) -> dict[str, Any]:
    """What a card says of an evaluation: where it was, how good the model is there, drift, and each hospital's own
    figures, None where the hospital withholds them."""
    result = found["result"]
    names = (
        "n", "horizon", "concordance", "auc", "brier", "rmse", "r_squared", "observed", "predicted", "calibration",
        "explained", "inertia_per_row", "silhouette", "reconstruction_error",
    )  # fmt: skip
    return {
        "study": found["study"],
        "title": found["request"]["title"],
        "dataset": found["request"]["dataset"],
        "cohort": found["grant"]["limits"]["cohort"],
        "submitted_utc": found["submitted_utc"],
        "metrics": {name: result[name] for name in names if name in result},
        "drift": result.get("drift"),
        "hospitals": found["own"],
    }


def card(found: Found, entries: Sequence[Mapping[str, Any]], studies: Iterable[Found] = ()) -> dict[str, Any]:
    """All that is to be known of a model before it is used. entries: of the ledger, as `ledger list --json` gives them.
    studies: outcomes, among which those that evaluate the model are looked for.

    Raises as `check_model` does. `restrictions` are what its people consented to and what the grant was given for;
    `release` and `grant` are the salted hashes under which the ledger holds them.
    """
    check_model(found)
    request, limits = found["request"], found["grant"]["limits"]
    own = [e for e in entries if e["subject"] == found["study"]]
    refs = {name: ref for e in own for name, ref in e["refs"].items()}
    released = next((e["at_utc"] for e in own if e["kind"] == "study-released"), None)
    used = set(limits["columns"])
    return {
        "study": found["study"],
        "title": request["title"],
        "asker": request["asker"],
        "method": {"name": limits["method"], "version": limits["method_version"], "code": limits["method_code"]},
        "params": request["params"],
        "restrictions": _restrictions(request, found),
        "licence": licence(found),
        "lineage": {
            "dataset": request["dataset"],
            "cohort": limits["cohort"],
            "columns": [c for c in limits["dataset_schema"]["columns"] if c["name"] in used],
            "hospitals": found["hospitals"],
            "left_out": found["left_out"],
            "rows": found["result"]["n"],
            "rows_left_out": found["result"].get("n_missing", found["result"].get("without_outcome")),
            "rounds": found["rounds"],
            "secure_sum": limits["secure_sum"],
            "submitted_utc": found["submitted_utc"],
            "released_utc": released,
        },
        "metrics": metrics(found),
        "evaluations": [evaluation(s) for s in evaluations(found["study"], studies)],
        "guard": found["guard"],
        "evidence": {
            "entries": found["evidence"]["entries"],
            "checkpoint": found["evidence"]["checkpoint"],
            "grant": refs.get("grant"),
            "release": refs.get("release"),
        },
    }


def _restrictions(request: Found, found: Found) -> dict[str, Any]:
    purpose = PURPOSES[request["purpose"]]
    return {
        "purpose": purpose.code,
        "term": purpose.term,
        "en": purpose.label.en,
        "zh": purpose.label.zh,
        "for_profit": purpose.for_profit,
        "rules": [{k: r[k] for k in ("rule", "source", "en", "zh")} for r in found["grant"]["reasons"]],
    }
