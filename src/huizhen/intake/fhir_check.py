"""Is this record an R4 resource that can be taken in? What is not is refused with a reason that holds no value of it.

STU3 and R5 use the same names for other things, so their resources are recognised by elements and types that R4 does
not have, and refused by name. Sources: https://hl7.org/fhir/R4/resourcelist.html, https://hl7.org/fhir/R5/diff.html,
https://hl7.org/fhir/STU3/resourcelist.html; dates: https://hl7.org/fhir/R4/datatypes.html#dateTime.
"""

from __future__ import annotations

import calendar
import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

import msgspec

from huizhen.intake.fhir_types import OF_R5, OF_STU3, R4, R5_ELEMENTS, STU3_ELEMENTS
from huizhen.kit.text import Text

_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_DATED = re.compile(
    rb'"([A-Za-z]*(?:Date|DateTime|Instant)|date|issued|authoredOn|created|started|recorded|start|end|lastUpdated)"'
    rb'\s*:\s*"([^"]*)"'
)
_MOMENT = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.\d+)?)?(Z|[+-](?:0\d|1[0-4]):[0-5]\d)?)?)?)?"
)
_URN = "urn:uuid:"
_LEAST_YEAR, _LAST_YEAR = 1800, 2200


class Fault(Exception):
    """Why a record is not taken in."""

    def __init__(self, en: str, zh: str) -> None:
        super().__init__(en)
        self.said = Text(en, zh)


class Resource(NamedTuple):
    """`text` is the record as it came. `updated` is meta.lastUpdated in UTC, or nothing."""

    type: str
    id: str
    updated: str
    text: str


_entry = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_plain = msgspec.json.Decoder().decode


def check_entry(raw: bytes) -> Resource:
    """The resource in an entry of a Bundle. One without an id gets that of its fullUrl, as a server would give it.

    Raises Fault.
    """
    found = _object(raw)
    resource, url = found.get("resource"), _text(found.get("fullUrl"))
    if resource is None:
        raise Fault("no resource in the entry", "条目中没有资源")
    inner = bytes(resource)
    urn = url.removeprefix(_URN) if url.startswith(_URN) else ""
    if urn:
        own = _text(_object(inner).get("id"))
        if not own:
            inner = b'{"id":"' + urn.encode() + b'",' + inner.strip()[1:]
        elif own != urn:
            raise Fault("its fullUrl is another urn:uuid than its id, so references to it lead nowhere",
                        "fullUrl 的 urn:uuid 与 id 不同，指向它的引用无法解析")  # fmt: skip
    return check_resource(inner)


def check_resource(raw: bytes) -> Resource:
    """A resource by itself. Raises Fault."""
    found = _object(raw)
    kind, key = _text(found.get("resourceType")), _text(found.get("id"))
    if not kind:
        raise Fault("no resourceType", "缺少 resourceType")
    _check_release(kind, found)
    if not key:
        raise Fault("no id", "缺少 id")
    if not _ID.fullmatch(key):
        raise Fault("its id is not one of FHIR", "id 不符合 FHIR 规定")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Fault("not UTF-8", "不是 UTF-8 编码") from None
    _check_dates(raw)
    return Resource(kind, key, _updated(found.get("meta")), text)


def type_of(raw: bytes) -> str:
    """Its resourceType, or nothing. Raises Fault for what is no JSON object."""
    return _text(_object(raw).get("resourceType"))


def _object(raw: bytes) -> dict[str, msgspec.Raw]:
    try:
        return _entry(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Fault("not a JSON object", "不是 JSON 对象") from None


def _text(raw: msgspec.Raw | None) -> str:
    try:
        value = _plain(raw) if raw is not None else ""
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    return value if isinstance(value, str) else ""


def _check_release(kind: str, found: dict[str, msgspec.Raw]) -> None:
    for name, types, elements in (("R5", OF_R5, R5_ELEMENTS), ("STU3", OF_STU3, STU3_ELEMENTS)):
        if kind in types or not elements.get(kind, frozenset()).isdisjoint(found):
            raise Fault(f"FHIR {name}; export it as R4", f"为 FHIR {name}；请导出为 R4")
    if kind == "Encounter" and bytes(found.get("class", b"{")).lstrip()[:1] == b"[":
        raise Fault("FHIR R5; export it as R4", "为 FHIR R5；请导出为 R4")
    if kind == "Bundle":
        raise Fault("a bundle inside a bundle or a line", "bundle 中或行内的 bundle")
    if kind not in R4:
        raise Fault("no resource type of FHIR R4", "不是 FHIR R4 的资源类型")


def _check_dates(raw: bytes) -> None:
    for name, value in _DATED.findall(raw):
        if not _is_moment(value):
            key = name.decode("ascii")
            raise Fault(f"'{key}' is no date that there is", f"“{key}”不是存在的日期")


@lru_cache(maxsize=65_536)
def _is_moment(value: bytes) -> bool:
    found = _MOMENT.fullmatch(value.decode("utf-8", "replace"))
    if found is None:
        return False
    year, month, day, hour, minute, second = (
        int(part or default) for part, default in zip(found.groups(), "111000", strict=False)
    )
    if not (_LEAST_YEAR <= year <= _LAST_YEAR and 1 <= month <= 12 and hour <= 23 and minute <= 59 and second <= 60):
        return False
    return 1 <= day <= calendar.monthrange(year, month)[1]


def _updated(meta: msgspec.Raw | None) -> str:
    try:
        said = _plain(meta) if meta is not None else {}
        value = said.get("lastUpdated", "") if isinstance(said, dict) else ""
        moment = datetime.fromisoformat(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError, TypeError):
        return ""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ") if moment.tzinfo else ""
