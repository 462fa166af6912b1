"""Outcomes of studies to write reports of: real results on the NCCTG lung trial, through the real rules, guard, ledger
and settlement; only the road between them is missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from lifelines.datasets import load_lung

import drive
from huizhen.kit.errors import Refused, to_wire
from huizhen.kit.text import Text
from huizhen.market.settle import decimal_quality
from huizhen.model.casebook import ORDINARY, contract, on_file
from huizhen.model.census import Census
from huizhen.model.dataset import Column, Schema
from huizhen.model.grant import Participant
from huizhen.model.release import Release
from huizhen.model.settlement import Shares
from huizhen.model.study import Request, Study
from huizhen.model.tally import Extracted, Tally
from huizhen.path.authorise import authorise, columns_read, plan, privacy_of
from huizhen.path.delivery import with_rows
from huizhen.path.guard import guard_result
from huizhen.path.outcome import outcome
from huizhen.path.settle import settle_study
from huizhen.privacy.noise import OpenDpNoise
from ledger_region import Region

HOSPITALS = ("anhe", "beishan", "donghu", "nanyuan", "xicheng")
UNITS = {"time": "days", "age": "years", "wt_loss": "pounds", "meal_cal": "kcal"}
FIT = {"duration": "time", "event": "status_died"}
ARM: dict[str, Any] = {
    "study": "st-00",
    "method": "glm",
    "version": "1",
    "params": {"formula": "arm ~ ph_karno + sex", "offset": None},
    "table": {
        "category": "clinical",
        "columns": [
            {"name": "arm", "type": "category", "levels": ["older", "younger"]},
            {"name": "ph_karno", "type": "integer"},
            {"name": "sex", "type": "integer", "levels": [1, 2]},
        ],
    },
    "values": {
        "family": "binomial",
        "coefficients": [
            {"name": "Intercept", "estimate": -2.1},
            {"name": "ph_karno", "estimate": 0.02},
            {"name": "sex", "estimate": 0.1},
        ],
    },
}
"""A model that a study carries with it."""
LOSS = {
    **ARM,
    "params": {"formula": "wt_loss ~ ph_karno + sex", "offset": None},
    "values": {**ARM["values"], "family": "gaussian"},
}
_LUNG = {"category": "clinical", "columns": [{"name": n, "type": "integer"} for n in ("age", "ph_karno")]}
LIVES = {
    **ARM,
    "method": "cox",
    "params": {"duration": "time", "event": "status_died", "formula": "age", "strata": None, "ties": "efron"},
    "table": _LUNG,
    "values": {
        "coefficients": [{"name": "age", "estimate": 0.02}],
        "mean_linear_predictor": 1.24,
        "baseline_cumulative_hazard": [
            {"stratum": None, "steps": [{"time": 100.0, "hazard": 0.15}, {"time": 250.0, "hazard": 0.5}]}
        ],
    },
}
GROUPS = {
    **ARM,
    "method": "kmeans",
    "params": {"columns": ["age", "ph_karno"]},
    "table": _LUNG,
    "values": {
        "sizes": [80, 90],
        "centres": [{"age": 56.0, "ph_karno": 85.0}, {"age": 68.0, "ph_karno": 80.0}],
        "sd": {"age": 9.0, "ph_karno": 12.0},
    },
}
WAYS = {
    **GROUPS,
    "method": "pca",
    "params": {"columns": ["age", "ph_karno"], "standardize": True},
    "values": {
        "mean": {"age": 62.0, "ph_karno": 82.0},
        "sd": {"age": 9.0, "ph_karno": 12.0},
        "components": [{"name": "PC1", "loadings": {"age": 0.6, "ph_karno": -0.8}}],
    },
}
THEN = {
    "study": "st-01",
    "model": "st-00",
    "score": {"counts": [90, 100], "edges": [-0.4]},
    "inputs": {
        "sex": {"counts": [120, 70], "edges": [1.5]},
        "ph_karno": {"counts": [60, 70, 60], "edges": [75.0, 85.0]},
    },
}
ROWS: dict[str, Any] = {"quasi_identifiers": {"age": {"by": "interval", "widths": [5, 10]}}, "keep": ["ph_karno"]}
RECIPIENT = {"key": "5a" * 32, "sealing": "5b" * 32, "signature": "5c" * 64}


def rows_of(node: str, part: pd.DataFrame) -> Extracted:
    """What a hospital tells of the rows it gives out."""
    return Extracted.read(
        {"sha256": node.encode().hex().ljust(64, "0"), "bytes": 4_211, "pieces": 1, "rows": len(part), "suppressed": 0,
         "classes": 3, "promised": 10, "smallest_class": 12, "loss": 0.21, "loss_by_column": {"age": 0.21},
         "risk": 1 / 12, "model_auc": {"arm": [0.71, 0.66]}, "marked": {"ph_karno": 1.0}, "trail": ["[]"],
         "attacks": [{"attack": "linkage", "column": "",
                      "gained": 0.04, "at_least": 0.01, "limit": 0.1}]}
    )  # fmt: skip


STUDIES: dict[str, tuple[str, dict[str, Any]]] = {
    "count": ("count", {}),
    "count by": ("count", {"by": "ph_ecog"}),
    "describe": ("describe", {"columns": ["age", "ph_karno", "wt_loss", "seen", "sex", "arm"]}),
    "extract": ("extract", ROWS),
    "crosstab": ("crosstab", {"row": "sex", "col": "ph_ecog"}),
    "histogram": ("histogram", {"column": "age", "range": [40, 80], "bins": 8}),
    "histogram of levels": ("histogram", {"column": "arm"}),
    "kaplan_meier": ("kaplan_meier", {**FIT, "group": "sex"}),
    "kaplan_meier of all": ("kaplan_meier", FIT),
    "kmeans": ("kmeans", {"columns": ["age", "ph_karno"], "k": 3}),
    "pca": ("pca", {"columns": ["age", "ph_karno", "wt_loss"]}),
    "cox": ("cox", {**FIT, "formula": "age + sex + ph_ecog", "strata": "node"}),
    "cox with baseline": ("cox", {**FIT, "formula": "age + C(arm)"}),
    "logistic": ("glm", {"formula": "status_died ~ age + sex + ph_ecog", "family": "binomial"}),
    "linear": ("glm", {"formula": "wt_loss ~ age + sex", "family": "gaussian"}),
    "gbdt": ("gbdt", {"outcome": "arm", "columns": ["age", "ph_karno", "sex"], "trees": 4, "depth": 2}),
    "gbdt of a number": (
        "gbdt",
        {"outcome": "age", "objective": "squared_error", "columns": ["arm", "wt_loss"], "trees": 2},
    ),
    "generalise": (
        "generalise",
        {
            "quasi_identifiers": {"age": {"by": "quantile", "parts": [2, 4]}, "sex": {"by": "flat"}},
            "sensitive": {"arm": {"distinct": 2}},
            "per_hospital_min": 2,
        },
    ),
    "synthesize": (
        "synthesize",
        {
            "columns": {"age": {"range": [30, 90], "bins": 6}, "arm": {}, "seen": {"range": [2019, 2022], "bins": 4}},
            "judge": ["arm"],
        },
    ),
    "nn": ("nn", {"outcome": "arm", "columns": ["age", "ph_karno"], "hidden": [1], "rounds": 3}),
    "nn with heads": (
        "nn",
        {"outcome": "arm", "columns": ["age", "ph_karno"], "hidden": [1], "rounds": 2, "personal": "head"},
    ),
    "evaluate": ("evaluate", {"model": ARM, "outcome": "arm"}),
    "evaluate with drift": ("evaluate", {"model": ARM, "outcome": "arm", "reference": THEN}),
    "evaluate of a number": ("evaluate", {"model": LOSS, "outcome": "wt_loss"}),
    "evaluate of survival": ("evaluate", {"model": LIVES}),
    "evaluate of clusters": ("evaluate", {"model": GROUPS}),
    "evaluate of components": ("evaluate", {"model": WAYS}),
    "poisson": ("glm", {"formula": "ph_ecog ~ age + C(arm)", "family": "poisson"}),
}
"""A study or two of every method."""


@cache
def lung() -> tuple[pd.DataFrame, Schema]:
    """The trial with a category and a date of our own next to it."""
    frame = load_lung()
    frame.columns = [name.replace(".", "_") for name in frame.columns]
    frame = frame.rename(columns={"status": "status_died"})
    frame["arm"] = np.where(frame.age < 60, "younger", "older")
    frame["seen"] = 18_000 + frame.time
    schema = drive.schema_of(frame, types={"seen": "date"})
    named = {"sex": "Sex", "ph_ecog": "ECOG score"}
    columns = [
        Column.read({**c.as_json(), "unit": UNITS.get(c.name), "label": named.get(c.name)}) for c in schema.columns
    ]
    return frame, Schema(columns=tuple(columns))


def evidence(entries: list[int], checkpoint: str) -> dict[str, Any]:
    """What an outcome says of the ledger where no outside witness has to co-sign."""
    return {"entries": entries, "checkpoint": checkpoint, "witnesses": {"needed": 0, "waiting": 0}}


def found(
    method: str,
    params: Mapping[str, Any],
    *,
    frame: pd.DataFrame | None = None,
    schema: Schema | None = None,
    **asked: Any,
) -> dict[str, Any]:
    """What is known of a study of `method`, computed over five hospitals. asked: other parts of the request."""
    if frame is None or schema is None:
        frame, schema = lung()
    request = Request.read(
        {"title": "Does sex change survival?", "asker": "acme-pharma", "purpose": "HMB", "dataset": "lung",
         "method": method, "params": dict(params), "price_fen": 120_000, **asked,
         **({"recipient": RECIPIENT} if method == "extract" else {}),
         **({"protection": {"epsilon": 3.0}} if method == "synthesize" else {})}
    )  # fmt: skip
    study = Study(request=request, number=1, submitted_utc="2026-11-22T08:15:00.000000Z")
    built = plan(request, schema)
    columns = columns_read(request, schema, built)
    facts = replace(ORDINARY, request=request, columns=columns, participants=HOSPITALS, method_private=built.private)
    if built.delivers:
        legal = ORDINARY.legal.model_copy(
            update={"instruments": (contract(methods=[method]),), "acts": (on_file("impact-assessment"),)}
        )
        facts = replace(facts, legal=legal)
    keys = [Participant(name=name, key=f"{i:064x}", consent_epoch=7) for i, name in enumerate(HOSPITALS)]
    grant = authorise(study, facts, schema, built, keys, "2026-11-22T08:15:01Z", "2026-11-29T08:15:01Z")
    journal: dict[str, Any] = {"grant": grant.as_json()}
    region = _region(study)
    if grant.limits is None:
        no = Refused("not-authorised", Text("A rule says no.", "有规则不准许。"), Text("Change it.", "请修改研究。"))
        return outcome(study, "denied", {**journal, "problem": to_wire(no)}, evidence([3, 4, 5], region))
    parts = [frame.iloc[i :: len(HOSPITALS)] for i in range(len(HOSPITALS))]
    trace = drive.trace(method, params, schema, parts, privacy=privacy_of(request))
    census = _census(parts)
    tallies = [
        Tally(
            node=n, rows=len(p), people=len(p), quality=decimal_quality(0.97 - i / 50), inclusion="00" * 32, log="",
            extract=rows_of(n, p) if built.delivers else None,
        )
        for i, (n, p) in enumerate(zip(HOSPITALS, parts, strict=True))
    ]  # fmt: skip
    result = with_rows(trace.result, tallies) if built.delivers else trace.result
    guarded = guard_result(result, census, grant.limits, OpenDpNoise())
    release = Release(
        study=study.digest(), grant=grant.digest(), status=guarded.status,
        result=guarded.values and {**guarded.values, **({} if grant.limits.epsilon else {"n_missing": 1})},
        guard=guarded.checks, epsilon_spent=guarded.epsilon_spent,
    )  # fmt: skip
    journal |= {"release": release.as_json(), "rounds": trace.rounds}
    journal["effort"] = {"seconds": {"": 0.8431, "compute": 0.6}, "bytes_up": 48_211, "bytes_down": 12_904}
    if release.status == "released":
        journal["settlement"] = settle_study(study, release, tallies, Shares()).as_json()
    return outcome(study, release.status, journal, evidence([3, 4, 5, 6, 9], region))


def _census(parts: list[pd.DataFrame]) -> Census:
    sizes = [len(p) for p in parts]
    return Census(
        consented=sum(sizes), people=sum(sizes), people_squared=sum(s * s for s in sizes), rows=sum(sizes), missing=1,
        contributors=len(parts), repeated=0, differences={},
    )  # fmt: skip


def _region(study: Study) -> str:
    """The newest checkpoint of a ledger with ten entries, co-signed by three hospitals."""
    region = Region()
    for i in range(10):
        region.record("round-summed", study.id, round=i)
    region.checkpoint("east", "north", "west")
    return region.checkpoints[-1].decode()
