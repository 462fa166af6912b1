"""Who asks, as the trustee's register knows them; and the acts on file that the law asks for before data are used."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import ClassVar, Literal, get_args

from pydantic import Field

from huizhen.kit.text import Text
from huizhen.model.document import Document, GrownDocument
from huizhen.model.lifecycle import Filed
from huizhen.model.paper import Paper
from huizhen.model.study import Protection, Request

PartyKind = Literal["academic", "commercial", "insurer", "hospital", "public", "processor", "authority", "auditor"]
PARTY_KINDS: tuple[PartyKind, ...] = get_args(PartyKind)
ActKind = Literal[
    "recipient-notice", "use-agreement", "guardian-consent", "refusal-route", "impact-assessment", "processor-contract",
    "security-assessment", "standard-contract", "certification", "export-consent", "emergency", "foreign-transit",
    "contract-necessity", "authority-approval", "risk-assessment", "ethics-review", "hgr-approval", "chinese-partner",
    "hgr-screening", "hgr-security-review", "legal-basis", "safeguards", "pseudonym-justification",
    "no-actual-knowledge", "expert-determination", "children-included", "automated-decision", "important-data",
    "important-data-report", "log-retention", "protection-level", "compliance-audit",
]  # fmt: skip
ACTS: dict[str, Text] = {
    "recipient-notice": Text("notice of the recipient, with separate consent", "接收方告知及单独同意"),
    "use-agreement": Text("agreement of use", "数据使用协议"),
    "guardian-consent": Text("guardians' consent", "监护人同意"),
    "refusal-route": Text("explanation and a way to refuse automated decisions", "自动化决策的说明与拒绝途径"),
    "impact-assessment": Text("impact assessment", "个人信息保护影响评估"),
    "processor-contract": Text("contract with the processor", "委托处理合同"),
    "security-assessment": Text("security assessment of the export", "数据出境安全评估"),
    "standard-contract": Text("filed standard contract", "已备案的标准合同"),
    "certification": Text("certification of the export", "个人信息保护认证"),
    "export-consent": Text("separate consent to the export", "出境单独同意"),
    "emergency": Text("declared emergency", "已宣布的紧急情况"),
    "foreign-transit": Text("foreign data in transit", "境外数据过境"),
    "contract-necessity": Text("contract with the person that needs the export", "为履行个人合同所必需"),
    "authority-approval": Text("approval of the competent authority", "主管机关批准"),
    "risk-assessment": Text("risk assessment of important data", "重要数据风险评估"),
    "ethics-review": Text("ethics review", "伦理审查"),
    "hgr-approval": Text("approval of the use of human genetic resources", "人类遗传资源行政许可"),
    "chinese-partner": Text("Chinese partner", "中方合作单位"),
    "hgr-screening": Text("screening for risk to public health or security", "公共健康与安全风险筛查"),
    "hgr-security-review": Text("security review of genetic information", "人类遗传资源信息安全审查"),
    "legal-basis": Text("legal basis (GDPR)", "处理的合法性基础（GDPR）"),
    "safeguards": Text("safeguards of the transfer", "跨境传输保障措施"),
    "pseudonym-justification": Text("reasons for pseudonymised instead of anonymous data", "采用假名化数据的理由"),
    "no-actual-knowledge": Text("statement of no actual knowledge", "不知悉可再识别的声明"),
    "expert-determination": Text("expert's determination", "专家判定"),
    "children-included": Text("mark: people under 14 are in the data", "标记：含未满 14 周岁者"),
    "automated-decision": Text("mark: decides about persons automatically", "标记：用于对个人的自动化决策"),
    "important-data": Text("mark: notified as important data", "标记：已被告知为重要数据"),
    "important-data-report": Text("yearly report on important data", "重要数据年度报告"),
    "log-retention": Text("network logs kept for six months", "网络日志留存六个月"),
    "protection-level": Text("filed level of protection", "网络安全等级保护备案"),
    "compliance-audit": Text("compliance audit", "个人信息保护合规审计"),
}
MARKS = ("children-included", "automated-decision", "important-data")
"""Not acts of leave but facts, which hold once they are on file: of a dataset, or of what a party does."""
_CODE = r"^[A-Z]{2}$"
_DAY = r"^\d{4}-\d{2}-\d{2}$"


class Party(Document):
    """One who asks, or holds, as registered. None: not known, and what depends on it is then `needs`."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")
    kind: PartyKind
    jurisdiction: str | None = Field(default=None, pattern=_CODE)
    """ISO 3166 code of where it is and receives; HK, MO and TW are other than CN to the rules on export."""
    foreign_controlled: bool | None = None
    """Whether a foreign organisation or person controls it in fact (HGR Rules 2023)."""
    critical_operator: bool = False
    """Told by its authority that it operates critical infrastructure; who was not told is none (CII Regulations 10)."""
    contact: str | None = Field(default=None, min_length=1)
    key: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    """Public key (Ed25519, hexadecimal) that it signs deeds and contracts with."""


class Filing(GrownDocument):
    """What is handed in of an approval, filing, contract or mark, for a party, a dataset, or one with the other."""

    kind: ActKind
    party: str | None = None
    dataset: str | None = None
    outcome: Literal["granted", "refused"] = "granted"
    from_day: str | None = Field(default=None, pattern=_DAY)
    """The first day on which it holds; None: the day on which it is filed."""
    until_day: str | None = Field(default=None, pattern=_DAY)
    """The last day on which it holds; None: not stated."""
    people: int | None = Field(default=None, ge=1)
    """The most persons it covers; None: not stated."""
    purposes: tuple[str, ...] = ()
    """Purpose codes it covers; none: not stated."""
    detail: str | None = None
    """E.g. the basis under GDPR 6 and 9, such as 9(2)(j)."""
    reference: str | None = None
    """Number of the file, where it can be looked up."""

    def model_post_init(self, _context: object) -> None:
        days = [date.fromisoformat(d) for d in (self.from_day, self.until_day) if d is not None]
        if days != sorted(days):
            raise ValueError("an act cannot end before it begins")


class Assessed(Document):
    """What an impact assessment that was written here is about: another purpose, method, column or way out, or weaker
    protection, is not assessed by it. `document` is its digest, which the ledger holds."""

    document: str = Field(pattern=r"^[0-9a-f]{64}$")
    purpose: str
    method: str
    release: str | None
    columns: tuple[str, ...]
    protection: Protection

    def covers(self, request: Request, columns: Collection[str]) -> bool:
        same = (request.purpose, request.method, request.release) == (self.purpose, self.method, self.release)
        return same and set(columns) <= set(self.columns) and self.protection.allows(request.protection)


class Act(Filing):
    """A filing that is on file."""

    LATER: ClassVar[frozenset[str]] = frozenset({"assessed"})
    from_day: str = Field(pattern=_DAY)
    assessed: Assessed | None = None
    """Of an impact assessment: what was assessed, where it was written here; None: elsewhere, on the filer's word."""

    @classmethod
    def of(cls, filing: Filing, today: str) -> Act:
        """As it is filed today. Raises ValueError where it would end before it begins."""
        return cls.read({**filing.as_json(), "from_day": filing.from_day or today})

    def is_for(self, party: str, dataset: str) -> bool:
        return self.party in (None, party) and self.dataset in (None, dataset)

    def holds(self, today: str) -> bool:
        return self.from_day <= today and (self.until_day is None or today <= self.until_day)


class Exported(Document):
    """Persons in results that went to one recipient abroad since 1 January; who is in two results counts twice."""

    recipient: str
    people: int = Field(ge=0)


class Taken(Document):
    """Studies begun under a contract before this one, those denied or failed not counted."""

    contract: str
    studies: int = Field(ge=0)


class LegalFacts(GrownDocument):
    """What the law turns on and no table tells; the grant carries it, signed, so that each node decides by it again."""

    LATER: ClassVar[frozenset[str]] = frozenset({"papers"})

    jurisdiction: str = Field(default="CN", pattern=_CODE)
    """Whose law the region is under."""
    today: str = Field(pattern=_DAY)
    register_kept: bool = False
    """Whether the trustee keeps a register of parties: whoever asks must then be in it."""
    party: Party | None = None
    """The asker, as registered."""
    acts: tuple[Act, ...] = ()
    """On file for this asker or dataset, in the order in which they were recorded."""
    critical_holders: tuple[str, ...] = ()
    """Participants registered as critical operators."""
    exported: tuple[Exported, ...] = ()
    """Every recipient abroad: the thresholds are those of the exporter, so splitting among recipients helps nobody."""
    instruments: tuple[Filed, ...] = ()
    """Deeds about the dataset and contracts with the asker that came into force: of each the last version that did."""
    taken: tuple[Taken, ...] = ()
    papers: tuple[Paper, ...] = ()
    """Papers of the blacklist about the asker and the participants, and, where something has to be reviewed, those that
    enrol reviewers; in the order in which they were filed."""
