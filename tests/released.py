"""A released model as its study's outcome holds it, without a road: fitted to the rows of a frame at five hospitals."""

from __future__ import annotations

from typing import Any

import pandas as pd

from drive import hospitals, run, schema_of


def outcome(method: str, frame: pd.DataFrame, **params: Any) -> dict[str, Any]:
    """As much of a study's outcome as a model is scored from; no row is in it."""
    schema = schema_of(frame)
    result = run(method, params, schema, hospitals(frame)).values
    limits = {"method": method, "method_version": "1", "dataset_schema": schema.as_json()}
    asked = {"method": method, "params": params}
    return {"study": "st-0", "request": asked, "grant": {"limits": limits}, "result": result}
