"""A released model as its study's outcome holds it, without a road: fitted to the rows of a frame at five hospitals."""

from __future__ import annotations

from typing import Any

import pandas as pd

from drive import hospitals, run, schema_of
from huizhen import methods
from huizhen.statistics.applied import NEEDED


def outcome(method: str, frame: pd.DataFrame, **params: Any) -> dict[str, Any]:
    """As much of a study's outcome as a model is scored from; no row is in it."""
    schema = schema_of(frame)
    result = run(method, params, schema, hospitals(frame)).values
    limits = {"method": method, "method_version": "1", "dataset_schema": schema.as_json()}
    asked = {"title": "a model", "purpose": "HMB", "method": method, "params": params}
    return {"study": "st-0", "request": asked, "grant": {"limits": limits, "reasons": []}, "result": result}


def fitted(found: dict[str, Any]) -> dict[str, Any]:
    """The model as the hub puts it into a study that evaluates it."""
    limits, name = found["grant"]["limits"], found["request"]["method"]
    values = {k: found["result"][k] for k in NEEDED[name] if k in found["result"]}
    params = methods.find(name).read_params(found["request"]["params"]).as_json()
    table = limits["dataset_schema"]
    return {"study": found["study"], "method": name, "version": "1", "params": params, "table": table, "values": values}


def profile(values: dict[str, Any], study: str = "st-1") -> dict[str, Any]:
    """The distributions of an evaluation as the hub puts them into the next."""
    return {"study": study, "model": values["model"], **values["profile"]}
