"""Made-up resources of FHIR R4, and an intake of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from huizhen.adapters.fhir_intake import take_in
from huizhen.adapters.resource_store import opened


def pressure(person: str, systolic: float, diastolic: float, **more: Any) -> dict[str, Any]:
    """A blood pressure, as an observation with two components."""
    parts = [
        {
            "code": {"coding": [{"system": "http://loinc.org", "code": c}]},
            "valueQuantity": {"value": v, "code": "mm[Hg]"},
        }
        for c, v in (("8480-6", systolic), ("8462-4", diastolic))
    ]
    return {
        "resourceType": "Observation", "id": f"bp-{person}", "status": "final", "component": parts,
        "code": {"coding": [{"system": "http://loinc.org", "code": "85354-9"}]},
        "subject": {"reference": f"Patient/{person}"}, "effectiveDateTime": "2024-05-01T08:00:00+08:00", **more,
    }  # fmt: skip


def patient(key: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": key, "gender": "female", "birthDate": "1970-02-28", **more}


def pressures(people: int, seed: int) -> list[dict[str, Any]]:
    chance = np.random.default_rng(seed)
    low = chance.normal(80, 9, people).round(1)
    high = (45 + low + chance.normal(0, 8, people)).round(1)
    return [pressure(f"h{seed}-{i}", float(h), float(d)) for i, (h, d) in enumerate(zip(high, low, strict=True))]


def lines(path: Path, resources: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in resources), encoding="utf-8")
    return path


def bundle(path: Path, resources: list[dict[str, Any]], **more: Any) -> Path:
    entries = [{"fullUrl": f"urn:uuid:{r['id']}", "resource": r} for r in resources]
    whole = {"resourceType": "Bundle", "type": "transaction", "link": [{"url": "x"}], "entry": entries, **more}
    path.write_text(json.dumps(whole, ensure_ascii=False, indent=1), encoding="utf-8")
    return path


def taken(folder: Path, *paths: Path) -> dict[str, Any]:
    """Take files in; the totals, types and reasons afterwards."""
    with opened(folder, create=True) as store:
        take_in(store, paths)
        reasons = {said.en: n for said, n in store.reasons()}
        return {**store.totals(), "types": store.types(), "reasons": reasons}
