"""What a person said as FHIR R4 `Consent` resources, in the form that `fhir_consents` reads back to the same decisions.

A word is one resource, in the order of time. A yes that takes the place of a broader one is written as a denial and a
permission of the same moment, since FHIR has several consents stand beside each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from huizhen.intake.fhir_consents import RECEIVES, SYSTEM
from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text
from huizhen.model.consent import BY, Word
from huizhen.model.purpose import PURPOSES

_HL7 = "http://terminology.hl7.org/CodeSystem/"
_DUO = "http://purl.obolibrary.org/obo"
_LOINC = "http://loinc.org"
_LARGEST = 2**31 - 1
"""Of FHIR's integer."""
_BY = {"person": "Patient", "staff": "Patient"}
"""Who gave it, as FHIR names them: staff write down the person's own word; all others are related to the person."""


class Said(NamedTuple):
    """A word and when it was said (RFC 3339, UTC)."""

    at_utc: str
    word: Word


def resources(subject: str, said: Sequence[Said]) -> list[dict[str, Any]]:
    """What one person said, oldest first, under the number that the hospital has for them.

    Raises BadInput for a price that FHIR has no number for.
    """
    found: list[dict[str, Any]] = []
    for number, (at_utc, word) in enumerate(said):
        if word.permit and word.anew and any(earlier.word.permit for earlier in said[:number]):
            ended = word._replace(permit=False)
            found.append(_resource(subject, f"{number}-no", at_utc, ended))
        found.append(_resource(subject, str(number), at_utc, word))
    return found


def _resource(subject: str, number: str, at_utc: str, word: Word) -> dict[str, Any]:
    provision: dict[str, Any] = {"type": "permit" if word.permit else "deny", "purpose": [_purpose(word.purpose)]}
    if word.permit and (word.from_utc or word.until_utc):
        span = {"start": word.from_utc, "end": word.until_utc}
        provision["period"] = {name: moment for name, moment in span.items() if moment is not None}
    if word.dataset is not None:
        named = {"identifier": {"system": f"{SYSTEM}dataset", "value": word.dataset}}
        provision["data"] = [{"meaning": "instance", "reference": named}]
    if word.category is not None:
        provision["class"] = [{"system": f"{SYSTEM}category", "code": word.category}]
    if word.permit:
        provision |= _terms(word)
    given = word.given
    return {
        "resourceType": "Consent",
        "status": "active",
        "scope": {"coding": [{"system": f"{_HL7}consentscope", "code": "research"}]},
        "category": [{"coding": [{"system": _LOINC, "code": "59284-0"}]}],
        "identifier": [{"system": f"{SYSTEM}word", "value": number}],
        "patient": {"type": "Patient", "identifier": {"system": f"{SYSTEM}subject", "value": subject}},
        "dateTime": at_utc,
        "performer": [{"type": _BY.get(given.by, "RelatedPerson"), "display": BY[given.by].en}],
        **({"sourceReference": _shown(given.wording)} if given.wording else {}),
        "policyRule": {"coding": [{"system": f"{_HL7}v3-ActCode", "code": "OPTIN" if word.permit else "OPTOUT"}]},
        "provision": provision,
    }


def _purpose(code: str) -> dict[str, str]:
    term = PURPOSES[code].term
    if term is None:
        return {"system": f"{SYSTEM}purpose", "code": code}
    return {"system": _DUO, "code": term.replace(":", "_")}


def _terms(word: Word) -> dict[str, Any]:
    terms, found = word.terms, dict[str, Any]()
    if terms.recipients is not None:
        role = {"coding": [{"system": f"{_HL7}v3-ParticipationType", "code": RECEIVES}]}
        kinds = [{"identifier": {"system": f"{SYSTEM}recipient-kind", "value": kind}} for kind in terms.recipients]
        found["actor"] = [{"role": role, "reference": kind} for kind in kinds]
    if terms.methods is not None:
        found["action"] = [{"coding": [{"system": f"{SYSTEM}method-kind", "code": kind}]} for kind in terms.methods]
    least = {"min-percent": terms.min_percent, "min-price-fen": terms.min_price_fen}
    narrowed = [{"url": SYSTEM + name, "valueInteger": value} for name, value in least.items() if value]
    if any(each["valueInteger"] > _LARGEST for each in narrowed):  # type: ignore[operator]
        raise BadInput(
            "price-beyond-fhir",
            Text(f"A least price is above {_LARGEST} fen, which FHIR has no integer for.",
                 f"最低价格超过 {_LARGEST} 分，超出 FHIR 整数范围。"),
            Text("Have the consent said anew with a lower one.", "请以较低价格重新登记该同意。"),
        )  # fmt: skip
    return found | ({"modifierExtension": narrowed} if narrowed else {})


def _shown(wording: str) -> dict[str, Any]:
    """What the person saw, by its digest."""
    return {"type": "DocumentReference", "identifier": {"system": f"{SYSTEM}wording", "value": wording}}
