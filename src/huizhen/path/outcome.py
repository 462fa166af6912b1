"""What is known of a study, as the one object that `study run --json` writes and everything else shows."""

from __future__ import annotations

from typing import Any

from huizhen.model.study import Study

UNFINISHED = ("running", "awaiting", "settling")
"""`awaiting`: the guarded result is kept back until the asker has done what its contract says; `settling`: the result
is released and recorded; money and the nodes' notice are still to come."""
GIVEN = ("settling", "released")
"""Only then is a result shown."""


def outcome(study: Study, status: str, journal: dict[str, Any], evidence: dict[str, Any]) -> dict[str, Any]:
    """`status` is released, denied, needs, failed, awaiting where the result is kept back by contract, or running where
    the study was cut off. `evidence`: its entries in the ledger, a checkpoint that covers them, and how it stands with
    outside witnesses."""
    grant, release = journal.get("grant"), journal.get("release")
    kept_back = status not in GIVEN
    effort = journal.get("effort", {})
    seconds = dict(effort.get("seconds", {}))
    whole = seconds.pop("", None)
    left_out = journal.get("left_out", [])
    gone = {each["node"] for each in left_out}
    asked = grant["limits"]["participants"] if grant and grant["limits"] else None
    taking_part = None if asked is None else [p["name"] for p in asked if p["name"] not in gone]
    return {
        "study": study.id,
        "request": study.request.as_json(),
        "submitted_utc": study.submitted_utc,
        "status": "running" if status in {"running", "settling"} else status,
        "grant": None
        if grant is None
        else {"verdict": grant["verdict"], "reasons": grant["reasons"], "limits": grant["limits"]},
        "hospitals": taking_part,
        "left_out": left_out,
        "result": release["result"] if release and not kept_back else None,
        "guard": release["guard"] if release else [],
        "epsilon_spent": release["epsilon_spent"] if release else None,
        "problem": journal.get("problem"),
        "evidence": evidence,
        "settlement": journal.get("settlement"),
        "timings": {"seconds": whole, "steps": seconds},
        "own": {t["node"]: None if kept_back else t.get("own") for t in journal.get("tallies", [])},
        "rounds": journal.get("rounds", 0),
        "bytes_up": effort.get("bytes_up", 0),
        "bytes_down": effort.get("bytes_down", 0),
    }
