"""The files that people write: keys, what each may hold, defaults."""

from __future__ import annotations

from huizhen.model.anonymisation import Anonymisation
from huizhen.model.connection import Connection
from huizhen.model.dataset import Schema
from huizhen.model.deed import Contract, Deed
from huizhen.model.document import Document
from huizhen.model.masking import Masking
from huizhen.model.policy import Policy
from huizhen.model.series import Series
from huizhen.model.settings import RegionSettings
from huizhen.model.study import Request
from huizhen.model.synthesis import Synthesis
from huizhen.model.wording import Wording
from pages.documents import inner, keys
from pages.markdown import paragraphs

HEAD = """\
# Files that people write

All are YAML. An unknown key, a wrong type or a missing key is refused, with its line and what is allowed there.

均为 YAML。未知的键、错误的类型或缺少的键都会被拒绝，并指出行号及可用内容。

"""
FILES: tuple[tuple[str, str, type[Document]], ...] = (
    ("STUDY.yaml", "What an asker submits with `huizhen study check` and `huizhen study run`.", Request),
    ("schema.yaml", "What a hospital pins about its columns, with `huizhen dataset add --schema`.", Schema),
    ("policy.yaml", "In the node's folder; read anew at every study.", Policy),
    (
        "wording/SCENE.yaml",
        "In the node's folder: a scene of the hospital's own, every version that there ever was.",
        Wording,
    ),
    ("hub.yaml", "In the folder of a node that was enrolled; read when the node starts.", Connection),
    ("anonymize.yaml", "What a data holder decides about a file, for `huizhen anonymize`.", Anonymisation),
    ("series.yaml", "What a data holder decides about releases day by day, with `huizhen series start`.", Series),
    ("synthesize.yaml", "What is known beforehand of a table, for `huizhen synthesize`.", Synthesis),
    ("mask.yaml", "What becomes of each column in a copy, and who sees what, for `huizhen mask`.", Masking),
    ("deed.yaml", "A data-trust deed, for `huizhen deed draft` and `sign`.", Deed),
    ("contract.yaml", "A contract with an asker, for `huizhen contract draft` and `sign`.", Contract),
    ("settings.yaml", "What the trustee decides once, with `huizhen init --settings`.", RegionSettings),
)
CONSENTS = """\
## Consent files

CSV with a header, for `huizhen consent import` and `huizhen dataset add --consent`. All lines are recorded or none.

| column | may be | needed |
| --- | --- | --- |
| `subject` | the person's number, as in the dataset's subject column | yes |
| `purpose` | a code from [purposes](purposes.md) | yes |
| `from` | a date or moment before which it does not hold | no |
| `until` | a date or moment from which it no longer holds | no |
| `dataset` | the one dataset it is for; empty: all | no |
| `category` | the one category of datasets it is for; empty: all | no |
| `recipients` | kinds of party, with blanks or `;` between; `foreign` beside one: abroad, too; empty: any | no |
| `methods` | `statistics`, `model`, `extract`; empty: any | no |
| `min_percent` | the least part of a price, in percent, for the patients | no |
| `min_price_fen` | the least price of a study | no |

Or [FHIR R4 `Consent`](https://hl7.org/fhir/R4/consent.html) resources: `.ndjson` with one a line, as a bulk export has
them, or `.json` with a Bundle or one resource. The later `dateTime` holds.

| element | is read as |
| --- | --- |
| `status` | `active` and permit: yes; deny, `inactive`, `rejected`, `entered-in-error`: no; a draft: nothing |
| `patient` | the person's number: `identifier.value`, else the id in `reference` |
| `provision.purpose` | DUO (`DUO_0000006`), ActReason (`HRESCH`), or one of [ours](purposes.md); none on a no: all |
| `provision.period` | from when until when; a day, month or year counts whole; a no has no end |
| `provision.data` | datasets, by `reference.identifier.value`; none: all |
| `provision.class` | the category, a code of `urn:huizhen:category`; none: all |
| `provision.actor` | role `IRCP`, `reference.identifier` of `urn:huizhen:recipient-kind`: kinds of recipient |
| `provision.action` | kinds of method, codes of `urn:huizhen:method-kind` |
| `modifierExtension` | `urn:huizhen:min-percent`, `urn:huizhen:min-price-fen`, as `valueInteger` |

A permission that is narrowed by anything else (a named `actor`, `code`, nested provisions, another modifier ...) or
given by somebody else than the patient (`performer`) is refused by name, and so are STU3 and R5: what is not understood
is never read as broader than it was meant.
"""


def page() -> str:
    return HEAD + "".join(_file(*each) for each in FILES) + CONSENTS


def _file(name: str, use: str, kind: type[Document]) -> str:
    return f"## {name}\n\n{use}\n\n{_keys(kind, '')}"


def _keys(kind: type[Document], path: str) -> str:
    """Keys of the file itself, then of each document inside, under its dotted path."""
    text = (f"### `{path}`\n\n{paragraphs(kind.__doc__) if kind.__doc__ else ''}" if path else "") + keys(kind)
    for name, member in inner(kind):
        text += _keys(member, f"{path}.{name}" if path else name)
    return text
