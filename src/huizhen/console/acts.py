"""Acts in the browser: what a page offers to be said, and what comes back signed.

A party's key never reaches the hub: it lies in the person's own browser (`static/acts.js`), which signs exactly the
text that it has shown. The trustee's word is signed by the hub itself, as on the command line.
"""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass
from typing import Any, cast, get_args

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse, RedirectResponse

from huizhen.console.sign_in import Answer
from huizhen.console.visit import OwnForm, Visit, Visiting, another_site, check_same_site, way_back
from huizhen.hub.api.gate import bad_request
from huizhen.hub.api.shapes import Committed, Step
from huizhen.kit.errors import Conflict
from huizhen.model import deed
from huizhen.model.deed import Commitment, Instrument
from huizhen.model.paper import KINDS, TRUSTEE, Kind, Paper
from huizhen.model.review import reviewers
from huizhen.path.papers import MAY_SAY

router = APIRouter()
_PAPER = "huizhen/paper/v1\n"


@dataclass(frozen=True)
class Act:
    """A form by which something is said. `hidden`: its fixed fields; `by`: who says it. `sign`: as JSON what the
    browser signs it with; None where the hub does, for the trustee."""

    path: str
    by: str
    hidden: dict[str, str]
    sign: str | None = None


def paper(visit: Visit, kind: Kind, subject: str, **body: str) -> Act | None:
    """The form of a paper about `subject` ("": a field of the form), its fixed part being `body`; None where
    this person may not say it."""
    hidden = {"kind": kind, **({"subject": subject} if subject else {}), **{f"body.{k}": v for k, v in body.items()}}
    if "trustee" in MAY_SAY[kind] and visit.caller.role == "trustee":
        return Act("/acts/said", TRUSTEE, hidden)
    found = _signer(visit, kind)
    if found is None:
        return None
    by, key = found
    start = {"region": visit.desk.hub.origin, "kind": kind, "subject": subject, "by": by,
             "day": visit.desk.papers.today()}  # fmt: skip
    return Act("/acts/said", by, hidden, _sign(visit, "/acts/papers", key, _PAPER, start, {}))


def _signer(visit: Visit, kind: Kind) -> tuple[str, str] | None:
    """In whose name this person signs such a paper, and the public key on file ("" for none)."""
    desk, may, own = visit.desk, MAY_SAY[kind], visit.account
    if visit.caller.role == "reviewer" and "reviewer" in may:
        known = reviewers(desk.hub.store.papers.of("reviewer-enrolled", "reviewer-dismissed"))
        name = own.login if own.login in known else own.party
        return name, known[name].key if name in known else ""
    if visit.caller.role == "regulator" and "authority" in may:
        return own.party, key_on_file(visit, own.party)
    return None


def own_key(visit: Visit) -> str:
    """The public key on file by which this person signs; "" for none."""
    found = _signer(visit, "review-sealed")
    return key_on_file(visit, visit.account.party) if found is None else found[1]


def key_on_file(visit: Visit, party: str) -> str:
    """The public key of a party in the register; "" for none."""
    return next((p.key or "" for p in visit.desk.parties() if p.name == party), "")


def commitment(visit: Visit, study: str) -> tuple[Act, str] | None:
    """What the asker still has to promise of a study before its result is released, and its form."""
    if visit.caller.role != "asker":
        return None
    try:
        said = visit.desk.to_commit(visit.caller, study)
    except Conflict:
        return None
    key = key_on_file(visit, visit.account.party)
    made = _sign(visit, "/acts/commitment", key, Commitment.DOMAIN.decode(), said, {"study": study})
    return Act("/acts/said", visit.account.party, {}, made), said["text"]


def steps(visit: Visit, filed: dict[str, Any]) -> list[tuple[str, Act]]:
    """The steps that this person may take of a deed or contract now, by name."""
    instrument, state = Instrument.read(filed["instrument"]), filed["state"]
    plain = {"drafted": ["offer"], "active": ["suspend", "end"], "suspended": ["resume", "end"],
             "offered": ["end"], "signed": ["end"]}.get(state, [])  # fmt: skip
    party = visit.account.party
    found = []
    if party in instrument.terms.parties:
        signs = ["sign"] if state in ("offered", "signed") and party not in filed["signed_by"] else []
        ends = ["end"] if state in ("offered", "signed", "active", "suspended") else []
        found = [(step, _step(visit, filed, instrument, step)) for step in (*signs, *ends)]
    if visit.caller.role == "trustee":
        fixed = {"kind": instrument.kind, "name": instrument.name}
        words = [(step, Act("/acts/step", TRUSTEE, {**fixed, "step": step})) for step in plain]
        taken = {step for step, _ in found}
        found += [(step, act) for step, act in words if step not in taken]
    return found


def _step(visit: Visit, filed: dict[str, Any], instrument: Instrument, step: str) -> Act:
    began = filed["state"] in ("active", "suspended")
    act = "notice" if step == "end" and began and instrument.terms.exit.notice_days else step
    domain = f"huizhen/instrument/{act}/v1\n"
    send = {"kind": instrument.kind, "name": instrument.name, "step": step}
    terms, party = json.loads(instrument.canonical()), visit.account.party
    return Act("/acts/step", party, {}, _sign(visit, "/acts/steps", key_on_file(visit, party), domain, terms, send))


def _sign(visit: Visit, to: str, key: str, domain: str, document: dict[str, Any], send: dict[str, Any]) -> str:
    """For the browser: whose key, what is signed, after which words, and where it goes with what else."""
    told = {"login": visit.account.login, "to": to, "registered": key, "domain": domain, "document": document,
            "send": send}  # fmt: skip
    return json.dumps(told, ensure_ascii=False, sort_keys=True)


# -- what comes back


def _own(visit: Visit, answer: dict[str, Any]) -> dict[str, Any]:
    """What a script sends bears the key of the session's forms. Raises Refused where it does not."""
    check_same_site(visit.request)
    if not hmac.compare_digest(str(answer.pop("key", "")), visit.form_key):
        raise another_site()
    return answer


@router.post("/acts/said")
def say(visit: Visiting, form: OwnForm) -> Response:
    """A paper in the trustee's own name, which the hub signs."""
    body = {k.removeprefix("body."): v for k, v in form.items() if k.startswith("body.") and v != ""}
    kind = form.get("kind", "")
    visit.caller.check_is_trustee()
    if kind not in KINDS:
        raise bad_request("kind")
    visit.studies.say(visit.caller, kind, form.get("subject", ""), body)
    return RedirectResponse(way_back(form.get("to", "")), 303)


@router.post("/acts/papers")
def file(visit: Visiting, answer: Answer) -> Response:
    """A paper that was signed in the browser."""
    said = _own(visit, answer)
    try:
        made = Paper.read({**said.get("document", {}), "signature": said.get("signature")})
    except (TypeError, ValueError):
        raise bad_request("document") from None
    return JSONResponse(visit.studies.file(visit.caller, made))


@router.post("/acts/step")
def step(visit: Visiting, form: OwnForm) -> Response:
    """A step of a deed or contract by the trustee's word."""
    visit.caller.check_is_trustee()
    _move(visit, form.get("kind"), form.get("name"), {"step": form.get("step")})
    return RedirectResponse(way_back(form.get("to", "")), 303)


@router.post("/acts/steps")
def signed_step(visit: Visiting, answer: Answer) -> Response:
    """One that was signed in the browser, in the name of the account's party."""
    said = _own(visit, answer)
    signed = {"step": said.get("step"), "by": visit.account.party, "signature": str(said.get("signature"))}
    return JSONResponse(_move(visit, said.get("kind"), said.get("name"), signed))


def _move(visit: Visit, kind: object, name: object, said: dict[str, Any]) -> dict[str, Any]:
    try:
        Step.model_validate(said)
        if kind not in get_args(deed.Kind):
            raise ValueError("kind")
    except ValueError:
        raise bad_request("step") from None
    found = visit.desk.instruments.move(visit.caller, cast(deed.Kind, kind), str(name), said)
    visit.studies.witness_soon()
    return {"state": found["state"]}


@router.post("/acts/commitment")
def commit(visit: Visiting, answer: Answer) -> Response:
    """The asker's promise of one study, signed in the browser. Its result is then released by itself."""
    said = _own(visit, answer)
    try:
        made = Committed.model_validate({"signature": said.get("signature")})
    except ValueError:
        raise bad_request("signature") from None
    visit.desk.commit(visit.caller, str(said.get("study")), made.signature)
    visit.studies.go_on()
    return JSONResponse({"study": str(said.get("study"))})
