"""Deeds and contracts as ODRL 2.2 agreements in JSON-LD, and back to the same terms.

ODRL Information Model 2.2 and ODRL Vocabulary & Expression 2.2 (W3C Recommendations, 15 February 2018). What a machine
decides by is in terms of the vocabulary: one permission to `use` the datasets, whose constraints are `purpose`
(`isAnyOf`), `dateTime` (`gteq`, `lteq`) and `count` (`lteq`), with the duty to `compensate` (`payAmount`). A
prohibition holds what no contract may allow: singling people out. What ODRL has no word for is in a profile of our own,
`hz`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text
from huizhen.model.deed import Contract, Deed, Instrument
from huizhen.model.purpose import PURPOSES

CONTEXT = "http://www.w3.org/ns/odrl.jsonld"
PROFILE = "urn:huizhen:odrl:1"
_OURS: dict[str, Any] = {
    "hz": f"{PROFILE}:",
    "odrl": "http://www.w3.org/ns/odrl/2/",
    "dcterms": "http://purl.org/dc/terms/",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "uid": {"@id": "odrl:uid", "@type": "@id"},
    "obligation": {"@id": "odrl:obligation", "@type": "@id"},
    "unit": {"@id": "odrl:unit", "@type": "@id"},
    "hz:members": {"@type": "@id"},
}
"""Terms of the information model that not every edition of the W3C context defines, and our own."""
_RENMINBI = "http://dbpedia.org/resource/Renminbi"
_OBO = "http://purl.obolibrary.org/obo/"


def to_odrl(instrument: Instrument) -> dict[str, Any]:
    """The agreement. `uid` carries the digest of the very version; whoever has both can tell whether they agree."""
    terms = instrument.terms
    made: dict[str, Any] = {
        "@context": [CONTEXT, _OURS],
        "@type": "Agreement",
        "@id": f"urn:sha256:{instrument.digest()}",
        "uid": f"urn:sha256:{instrument.digest()}",
        "profile": PROFILE,
        "dcterms:title": terms.title,
        "hz:name": terms.name,
        "hz:region": instrument.region,
        "hz:version": instrument.version,
    }
    if instrument.previous is not None:
        made["dcterms:replaces"] = {"@id": f"urn:sha256:{instrument.previous}"}
    made["hz:exitNoticeDays"], made["hz:exitThen"] = terms.exit.notice_days, terms.exit.then
    return made | (_of_deed(terms) if isinstance(terms, Deed) else _of_contract(terms))


def _of_deed(deed: Deed) -> dict[str, Any]:
    settlors = [_party(s) for s in deed.settlors]
    shares = deed.shares
    return {
        "assigner": {
            "@type": "odrl:PartyCollection",
            "@id": f"urn:huizhen:settlors:{deed.name}",
            "hz:members": settlors,
        },
        "assignee": _party(deed.trustee),
        "permission": [{"target": _target(deed), "action": "use", "constraint": _constraints(deed)}],
        "prohibition": [_reidentify(deed)],
        "obligation": [*_obligations(deed), _distribution(deed)],
        "hz:beneficiary": list(deed.beneficiaries),
        "hz:operatorPercent": shares.operator_percent,
        "hz:hospitalParts": shares.hospital_parts,
        "hz:patientParts": shares.patient_parts,
        "hz:costFenPerNode": shares.cost_fen_per_node,
        "hz:effect": shares.effect,
        "hz:accrual": deed.accrual,
        "hz:contractRequired": deed.contract_required,
    }


def _of_contract(contract: Contract) -> dict[str, Any]:
    constraints = _constraints(contract)
    if contract.methods != "all":
        methods = [{"@value": m} for m in contract.methods]
        constraints.append(_constraint("hz:method", "isAnyOf", methods))
    if contract.studies is not None:
        constraints.append(_constraint("count", "lteq", _typed(contract.studies, "integer")))
    yuan = f"{contract.price_fen // 100}.{contract.price_fen % 100:02d}"
    pay = {
        "action": "compensate",
        "compensatedParty": _party(contract.trustee),
        "constraint": [{**_constraint("payAmount", "gteq", _typed(yuan, "decimal")), "unit": _RENMINBI}],
        "hz:prepaid": contract.prepaid,
        "hz:withinDays": contract.pay_within_days,
    }
    duties: list[dict[str, Any]] = [pay]
    if contract.commitment is not None:
        duties.append({"action": "hz:commit", "dcterms:description": contract.commitment})
    return {
        "assigner": _party(contract.trustee),
        "assignee": _party(contract.asker),
        "permission": [{"target": _target(contract), "action": "use", "constraint": constraints, "duty": duties}],
        "prohibition": [_reidentify(contract)],
        "obligation": _obligations(contract),
    }


def _party(name: str) -> str:
    return f"urn:huizhen:party:{name}"


def _target(terms: Deed | Contract) -> list[str]:
    return [f"urn:huizhen:dataset:{d}" for d in terms.datasets]


def _reidentify(terms: Deed | Contract) -> dict[str, Any]:
    return {"target": _target(terms), "action": "hz:reidentify"}


def _obligations(terms: Deed | Contract) -> list[dict[str, Any]]:
    return [{"action": "hz:perform", "dcterms:description": duty} for duty in terms.duties]


def _distribution(deed: Deed) -> dict[str, Any]:
    return {"action": "hz:share", "dcterms:description": f"Prices are shared as said, frozen by the {deed.accrual}."}


def _constraints(terms: Deed | Contract) -> list[dict[str, Any]]:
    return [
        _constraint("purpose", "isAnyOf", [{"@id": _purpose(code)} for code in terms.purposes]),
        _constraint("dateTime", "gteq", _typed(terms.from_day, "date")),
        _constraint("dateTime", "lteq", _typed(terms.until_day, "date")),
    ]


def _purpose(code: str) -> str:
    known = PURPOSES.get(code)
    if known is None or known.term is None:
        return f"urn:huizhen:purpose:{code}"
    return _OBO + known.term.replace(":", "_")


def _constraint(left: str, operator: str, right: Any) -> dict[str, Any]:
    return {"leftOperand": left, "operator": operator, "rightOperand": right}


def _typed(value: Any, kind: str) -> dict[str, str]:
    return {"@value": str(value), "@type": f"xsd:{kind}"}


def from_odrl(agreement: Mapping[str, Any]) -> Instrument:
    """The version that `to_odrl` wrote. Raises BadInput for another agreement, or one that was changed: its digest is
    not that of its `uid`."""
    try:
        made = _read(agreement)
    except (KeyError, ValueError, TypeError, IndexError, AttributeError) as error:
        raise _not_ours() from error
    if agreement["uid"] != f"urn:sha256:{made.digest()}":
        raise _not_ours()
    return made


def _read(a: Mapping[str, Any]) -> Instrument:
    (permission,) = a["permission"]
    right = {(c["leftOperand"], c["operator"]): c["rightOperand"] for c in permission["constraint"]}
    codes = {_purpose(code): code for code in PURPOSES}
    common = {
        "name": a["hz:name"],
        "title": a["dcterms:title"],
        "datasets": [_last(d) for d in permission["target"]],
        "purposes": [codes[p["@id"]] for p in right["purpose", "isAnyOf"]],
        "from_day": right["dateTime", "gteq"]["@value"],
        "until_day": right["dateTime", "lteq"]["@value"],
        "exit": {"notice_days": a["hz:exitNoticeDays"], "then": a["hz:exitThen"]},
        "duties": [o["dcterms:description"] for o in a["obligation"] if o["action"] == "hz:perform"],
    }
    kind, own = ("deed", _deed(a)) if "hz:accrual" in a else ("contract", _contract(a, permission, right))
    before = a.get("dcterms:replaces", {}).get("@id")
    version = {"region": a["hz:region"], "version": a["hz:version"], "previous": before and _last(before)}
    return Instrument.read({**version, kind: common | own})


def _deed(a: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "settlors": [_last(s) for s in a["assigner"]["hz:members"]],
        "trustee": _last(a["assignee"]),
        "beneficiaries": a["hz:beneficiary"],
        "shares": {
            "operator_percent": a["hz:operatorPercent"],
            "hospital_parts": a["hz:hospitalParts"],
            "patient_parts": a["hz:patientParts"],
            "cost_fen_per_node": a["hz:costFenPerNode"],
            "effect": a["hz:effect"],
        },
        "accrual": a["hz:accrual"],
        "contract_required": a["hz:contractRequired"],
    }


def _contract(a: Mapping[str, Any], permission: Mapping[str, Any], right: Mapping[Any, Any]) -> dict[str, Any]:
    duties = {d["action"]: d for d in permission["duty"]}
    pay = duties["compensate"]
    count, methods = right.get(("count", "lteq")), right.get(("hz:method", "isAnyOf"))
    return {
        "asker": _last(a["assignee"]),
        "trustee": _last(a["assigner"]),
        "methods": "all" if methods is None else [m["@value"] for m in methods],
        "studies": None if count is None else int(count["@value"]),
        "price_fen": int(pay["constraint"][0]["rightOperand"]["@value"].replace(".", "")),
        "prepaid": pay["hz:prepaid"],
        "pay_within_days": pay["hz:withinDays"],
        "commitment": duties.get("hz:commit", {}).get("dcterms:description"),
    }


def _last(iri: str) -> str:
    return iri.rpartition(":")[2]


def _not_ours() -> BadInput:
    return BadInput(
        "bad-odrl",
        Text("This is not an agreement that Huizhen wrote, or it was changed.", "这不是会诊导出的协议，或已被改动。"),
        Text("Export it again with `huizhen deed show --odrl` or `huizhen contract show --odrl`.",
             "请用 `huizhen deed show --odrl` 或 `huizhen contract show --odrl` 重新导出。"),
    )  # fmt: skip
