"""Consents as FHIR R4 `Consent` resources (https://hl7.org/fhir/R4/consent.html): NDJSON of a bulk export, a Bundle, or
one resource. All of them are taken, or none.

Taken is what a consent here can say: a person, purposes, a period, datasets or a category, kinds of recipient (`actor`
with the role IRCP), of method (`action`), and the least price or part of it (a `modifierExtension`), each by the code
systems `urn:huizhen:...`. A resource that narrows its permission in any other way (to named actors, other actions, by
nested provisions, by a modifier of somebody else's) is refused by name: a permission that is not understood must not be
read as a broader one. So is a yes that somebody other than the patient gave (`performer`).

What is active and permits is a yes; a denial, and what is inactive, rejected or entered in error, is a no from then on;
drafts say nothing. Purposes are codings of GA4GH DUO, of HL7 ActReason where the meaning is the same, or our own codes;
none, on a no, means every purpose.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
from pydantic import ValidationError

from huizhen.intake.consents import MOST_REPORTED, SCHEMA, Consents, refused
from huizhen.kit.clock import stamp
from huizhen.kit.text import Text
from huizhen.model.consent import Terms
from huizhen.model.purpose import PURPOSES

_ACT_REASON = {"HRESCH": "HMB", "BIORCH": "HMB", "PUBHLTH": "PUBHLTH", "HMARKT": "HMARKT"}
"""Codes of HL7 v3 ActReason that mean the same as one of ours."""
_BY_CODE = {p.term: p.code for p in PURPOSES.values() if p.term} | {c: c for c in PURPOSES} | _ACT_REASON
_NO = {"inactive", "rejected", "entered-in-error"}
_NOTHING = {"draft", "proposed"}
_NARROWER = ("securityLabel", "code", "dataPeriod", "provision")
SYSTEM = "urn:huizhen:"
"""Code systems of ours: recipient-kind, method-kind, category; and the urls of what modifies: min-percent,
min-price-fen."""
RECEIVES = "IRCP"
"""Information recipient, HL7 v3 ParticipationType."""
_LINE, _RESOURCE = Text("line", "行"), Text("resource", "个资源")


class _Fault(Exception):
    """What is wrong with one resource."""

    def __init__(self, en: str, zh: str) -> None:
        super().__init__(en)
        self.said = Text(en, zh)


Row = tuple[str, str, str | None, str | None, str | None, str | None, str | None, bool]
"""As in `consents.SCHEMA`."""


def read_fhir_consents(path: Path) -> Consents:
    """The consents of a file, in the order of their `dateTime`, then of the file.

    A date in a period is a whole day in UTC, as in CSV. Raises BadLines, which tells the number and the fault of
    the first twenty resources that are wrong and has all of them; no message holds a value.
    """
    rows: list[tuple[str, Row]] = []
    faults: dict[int, Text] = {}
    bad = read = 0
    unit = _LINE if path.suffix.lower() != ".json" else _RESOURCE
    for number, resource in _resources(path):
        read += 1
        try:
            rows += _rows(resource)
        except _Fault as fault:
            bad += 1
            if len(faults) < MOST_REPORTED:
                faults[number] = fault.said
    if bad:
        raise refused(path.name, unit, faults, bad)
    rows.sort(key=lambda row: row[0])
    words = list(dict.fromkeys(reversed([row for _, row in rows])))[::-1]
    columns = list(zip(*words, strict=True)) or [()] * len(SCHEMA)
    table = pa.table([pa.array(c, f.type) for c, f in zip(columns, SCHEMA, strict=True)], schema=SCHEMA)
    return Consents(table, read, len(rows) - len(words))


def _resources(path: Path) -> Iterator[tuple[int, Any]]:
    """(number, resource): of lines, or of the entries of a Bundle; what is no JSON comes as None."""
    decode = msgspec.json.Decoder().decode
    if path.suffix.lower() != ".json":
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield number, _decoded(decode, line)
        return
    whole = _decoded(decode, path.read_bytes())
    if isinstance(whole, dict) and whole.get("resourceType") == "Bundle":
        for number, entry in enumerate(_list(whole.get("entry")), 1):
            resource = entry.get("resource") if isinstance(entry, dict) else None
            if not isinstance(resource, dict) or resource.get("resourceType") == "Consent":
                yield number, resource
    else:
        yield 1, whole


def _decoded(decode: Any, data: bytes) -> Any:
    try:
        return decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _rows(resource: Any) -> list[tuple[str, Row]]:
    """(dateTime, row) of each purpose and dataset. Raises _Fault."""
    if not isinstance(resource, dict):
        raise _Fault("not a JSON object", "不是 JSON 对象")
    if resource.get("resourceType") != "Consent":
        raise _Fault("not a Consent resource", "不是 Consent 资源")
    _check_release(resource)
    status = resource.get("status")
    if status in _NOTHING:
        return []
    if status != "active" and status not in _NO:
        raise _Fault("'status' is not one of FHIR R4", "status 不是 FHIR R4 的取值")
    provision = resource.get("provision")
    if provision is None and status == "active":
        raise _Fault("no 'provision': what is permitted is not said", "缺少 provision：未说明允许什么")
    if not isinstance(provision, dict | None):
        raise _Fault("'provision' is not an object", "provision 不是对象")
    permit, subject, said = _permits(status, provision), _subject(resource), _moment(resource.get("dateTime"), False)
    rules: Mapping[str, Any] = provision or {}
    narrower = [name for name in _NARROWER if rules.get(name)]
    if narrower and permit:
        names = ", ".join(narrower)
        raise _Fault(f"narrowed by {names}, which cannot be kept here", f"受 {names} 限定，此处无法保存")
    _check_performer(resource, permit)
    terms, category = (_terms(resource, rules), _category(rules)) if permit else (None, _ours(rules))
    purposes = _purposes(rules) if rules.get("purpose") or permit else list(PURPOSES)
    period = rules.get("period") or {}
    if not isinstance(period, dict):
        raise _Fault("'period' is not an object", "period 不是对象")
    start, end = _moment(period.get("start"), False), _moment(period.get("end"), True)
    if start and end and start >= end:
        raise _Fault("the period ends before it begins", "period 结束早于开始")
    if not permit:
        start = end = None
    datasets = _datasets(rules)
    return [(said or "", (subject, p, d, start, end, category, terms, permit)) for p in purposes for d in datasets]


def _check_release(resource: Mapping[str, Any]) -> None:
    """STU3 and R5 have other elements under the same name of a resource."""
    if "decision" in resource or "controller" in resource or "subject" in resource:
        raise _Fault("FHIR R5; export it as R4", "为 FHIR R5；请导出为 R4")
    if "except" in resource or "consentingParty" in resource or "purpose" in resource:
        raise _Fault("FHIR STU3; export it as R4", "为 FHIR STU3；请导出为 R4")


def _permits(status: str, provision: Mapping[str, Any] | None) -> bool:
    kind = (provision or {}).get("type")
    if kind not in {None, "permit", "deny"}:
        raise _Fault("provision 'type' is neither permit nor deny", "provision.type 既非 permit 也非 deny")
    if status == "active" and kind is None:
        raise _Fault("provision 'type' is missing", "缺少 provision.type")
    return status == "active" and kind == "permit"


def _subject(resource: Mapping[str, Any]) -> str:
    """The person's number: `patient.identifier.value`, else the id in `patient.reference`."""
    patient = resource.get("patient")
    if isinstance(patient, dict):
        identifier = patient.get("identifier")
        value = identifier.get("value") if isinstance(identifier, dict) else None
        reference = patient.get("reference")
        if value is None and isinstance(reference, str):
            kind, _, value = reference.rpartition("/")
            if kind.rpartition("/")[2] != "Patient":
                value = None
        if isinstance(value, str) and value.strip():
            return value.strip()
    raise _Fault("no number of the patient", "缺少患者编号")


def _purposes(rules: Mapping[str, Any]) -> list[str]:
    found = []
    for coding in _list(rules.get("purpose")):
        code = coding.get("code") if isinstance(coding, dict) else None
        ours = _BY_CODE.get(code.replace("DUO_", "DUO:")) if isinstance(code, str) else None
        if ours is None:
            raise _Fault("unknown purpose", "未知的 purpose")
        found.append(ours)
    if not found:
        raise _Fault("no purpose", "缺少 purpose")
    return list(dict.fromkeys(found))


def _datasets(rules: Mapping[str, Any]) -> list[str | None]:
    """The datasets that `data` refers to by identifier; none means every one."""
    found: list[str | None] = []
    for data in _list(rules.get("data")):
        reference = data.get("reference") if isinstance(data, dict) else None
        identifier = reference.get("identifier") if isinstance(reference, dict) else None
        name = identifier.get("value") if isinstance(identifier, dict) else None
        if not isinstance(name, str) or not name or data.get("meaning") not in {None, "instance"}:
            raise _Fault("'data' does not name a dataset by its identifier", "data 未以标识符指明数据集")
        found.append(name)
    return found or [None]


def _check_performer(resource: Mapping[str, Any], permit: bool) -> None:
    """Who else may speak for a patient is decided at the desk, with their ground."""
    for performer in _list(resource.get("performer")):
        reference = performer.get("reference") if isinstance(performer, dict) else None
        kind = performer.get("type") if isinstance(performer, dict) else None
        if isinstance(reference, str):
            kind = reference.rpartition("/")[0].rpartition("/")[2]
        if permit and kind != "Patient":
            raise _Fault("given by somebody else than the patient", "由患者以外的人作出")


def _terms(resource: Mapping[str, Any], rules: Mapping[str, Any]) -> str | None:
    """Recipients, methods, least price and part of it, as canonical JSON; None where nothing narrows."""
    said: dict[str, Any] = {}
    recipients = [_recipient(actor) for actor in _list(rules.get("actor"))]
    methods = [_coded(action, "method-kind", "action") for action in _list(rules.get("action"))]
    said |= {"recipients": recipients} if recipients else {}
    said |= {"methods": methods} if methods else {}
    for extension in [*_list(resource.get("modifierExtension")), *_list(rules.get("modifierExtension"))]:
        url, value = (
            (extension.get("url"), extension.get("valueInteger")) if isinstance(extension, dict) else ("", None)
        )
        if url not in (f"{SYSTEM}min-percent", f"{SYSTEM}min-price-fen") or not isinstance(value, int):
            raise _Fault("narrowed by a modifierExtension, which cannot be kept here",
                         "受 modifierExtension 限定，此处无法保存")  # fmt: skip
        said[url.removeprefix(SYSTEM).replace("-", "_")] = value
    try:
        return _canonical(msgspec.json.encode(said)) if said else None
    except ValidationError:
        raise _Fault("recipients, methods or price that there are not", "接收方、方法或价格无效") from None


@lru_cache(maxsize=4096)
def _canonical(said: bytes) -> str:
    """Of the same terms once, however many people narrow a yes by them. Raises ValidationError."""
    return Terms.model_validate_json(said).canonical().decode()


def _recipient(actor: Any) -> str:
    """The kind of recipient that an actor stands for; a named one cannot be kept."""
    if isinstance(actor, dict):
        role, reference = actor.get("role"), actor.get("reference")
        codings = _list(role.get("coding")) if isinstance(role, dict) else []
        receives = any(isinstance(c, dict) and c.get("code") == RECEIVES for c in codings)
        identifier = reference.get("identifier") if isinstance(reference, dict) else None
        if receives and isinstance(identifier, dict) and identifier.get("system") == f"{SYSTEM}recipient-kind":
            return str(identifier.get("value"))
    raise _Fault("narrowed by actor, which cannot be kept here", "受 actor 限定，此处无法保存")


def _category(rules: Mapping[str, Any]) -> str | None:
    found = _list(rules.get("class"))
    if len(found) > 1:
        raise _Fault("narrowed by several class, which cannot be kept here", "受多个 class 限定，此处无法保存")
    return _coded({"coding": found}, "category", "class") if found else None


def _ours(rules: Mapping[str, Any]) -> str | None:
    """The category of a denial; one that is not understood makes it a denial of all."""
    try:
        return _category(rules)
    except _Fault:
        return None


def _coded(concept: Any, system: str, element: str) -> str:
    """The code of ours in a CodeableConcept. Raises _Fault where there is none."""
    for coding in _list(concept.get("coding")) if isinstance(concept, dict) else []:
        if isinstance(coding, dict) and coding.get("system") == SYSTEM + system and coding.get("code"):
            return str(coding["code"])
    raise _Fault(f"narrowed by {element}, which cannot be kept here", f"受 {element} 限定，此处无法保存")


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise _Fault("an element that repeats is not a list", "可重复元素不是列表")
    return value


def _moment(text: Any, until: bool) -> str | None:
    """A FHIR dateTime as a UTC stamp: of a year, a month or a day its beginning, for `until` the end of it."""
    if text is None:
        return None
    if not isinstance(text, str):
        raise _Fault("a time that is not a FHIR dateTime", "时间不是 FHIR dateTime")
    return _stamped(text, until)


@lru_cache(maxsize=4096)
def _stamped(text: str, until: bool) -> str:
    try:
        if "T" in text:
            moment = datetime.fromisoformat(text)
            if moment.tzinfo is None:
                raise ValueError
            return stamp(moment.astimezone(UTC))
        parts = [int(p) for p in text.split("-")]
        year, month, day = [*parts, 1, 1][:3] if len(parts) <= 3 else parts
        first = datetime(year, month, day, tzinfo=UTC)
        return stamp(_after(first, len(parts)) if until else first)
    except (ValueError, TypeError, OverflowError):
        raise _Fault("a time that is not a FHIR dateTime", "时间不是 FHIR dateTime") from None


def _after(first: datetime, parts: int) -> datetime:
    """The first moment after the year (1 part), month (2) or day (3) that begins then."""
    if parts == 1:
        return first.replace(year=first.year + 1)
    if parts == 2:
        return (first + timedelta(days=32)).replace(day=1)
    return first + timedelta(days=1)
