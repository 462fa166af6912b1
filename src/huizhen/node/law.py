"""The node asks the law gate again: every rule, with the facts in the signed grant and those that it knows itself.

Pure. What only the register knows is taken on the hub's word, which is signed and on the ledger; the hospital's policy
may hold it against its own: domestic askers only, askers known to be foreign, the jurisdiction. What the node itself
knows is put in place of the hub's word: category, date, whom it refuses, and how many of its own people went to this
asker since 1 January.
"""

from __future__ import annotations

from typing import Protocol

from huizhen.kit.clock import day_of
from huizhen.kit.errors import Refused
from huizhen.kit.text import Text
from huizhen.model.consent import Use
from huizhen.model.dataset import Dataset
from huizhen.model.grant import Grant, verdict
from huizhen.model.method import Method
from huizhen.model.party import LegalFacts, Party
from huizhen.model.policy import Policy
from huizhen.model.settlement import Settlement
from huizhen.model.study import Study
from huizhen.node import papers
from huizhen.path.legal import reasons_again


class Known(papers.Known, Protocol):
    """See `node.check.Known`."""

    @property
    def card(self) -> Dataset | None: ...
    @property
    def given_this_year(self) -> int: ...


def check_law(study: Study, grant: Grant, method: Method, known: Known) -> None:
    """Raises Refused where facts are left out, contradict what this node knows, or do not allow the study."""
    legal = grant.legal
    if legal is None:
        raise Refused(
            "facts-missing",
            Text("The grant does not say on which facts of law it rests.", "授权未载明其所依据的法律事实。"),
            Text("Submit the study again.", "请重新提交该研究。"),
        )
    _check_party(study, legal, known.policy)
    _check_count(study, legal, known.given_this_year)
    assert known.card is not None
    own = {
        "legal": legal.model_copy(
            update={"today": day_of(known.now, legal.jurisdiction), "papers": papers.merged(grant, known)}
        ),
        "category": known.card.table.category,
        "blacklist": frozenset(known.policy.askers_refused),
    }
    reasons = reasons_again(study, grant, method, **own)
    if verdict(reasons) != "allow":
        against = [r for r in reasons if r.verdict != "allow"]
        raise Refused(
            "law-not-met",
            Text(" ".join(f"{r.rule}: {r.en}" for r in against), "".join(f"{r.rule}：{r.zh}" for r in against)),
            Text("Have what is missing registered at the hub, and submit the study again.",
                 "请在中心补充登记所缺内容后重新提交。"),
        )  # fmt: skip


def _check_party(study: Study, legal: LegalFacts, policy: Policy) -> None:
    asker, party = study.request.asker, legal.party
    remedy = Text("Ask the trustee what the register says of the asker.", "请向受托方核实登记册中关于申请方的记载。")
    if party is not None and party.name != asker:
        raise Refused(
            "facts-of-another",
            Text("The facts of the grant are those of another party.", "授权所载事实属于另一主体。"),
            remedy,
        )
    if policy.jurisdiction is not None and policy.jurisdiction != legal.jurisdiction:
        raise Refused(
            "jurisdiction-changed",
            Text(f"The grant is under the law of {legal.jurisdiction}; this hospital is under that of "
                 f"{policy.jurisdiction}.",
                 f"授权适用 {legal.jurisdiction} 法律；本医院适用 {policy.jurisdiction} 法律。"),
            Text("Set jurisdiction in settings.yaml or policy.yaml right.", "请更正 settings.yaml 或 policy.yaml。"),
        )  # fmt: skip
    home = policy.jurisdiction or legal.jurisdiction
    if policy.domestic_only and not _is_domestic(party, home):
        raise Refused(
            "domestic-only",
            Text("This hospital answers only askers that are registered as domestic and not under foreign control.",
                 "本医院仅受理已登记为境内且非外方控制的申请方。"),
            Text("Have the asker registered with jurisdiction and control, or leave this hospital out.",
                 "请登记申请方的法域与控制情况，或不邀请该医院。"),
        )  # fmt: skip
    known = policy.askers_known.get(asker)
    if known is not None and party is not None and party.kind != known:
        raise Refused(
            "asker-of-another-kind",
            Text("This hospital knows the asker to be of another kind than the facts of the grant say.",
                 "本医院已知申请方的类别与授权所载不符。"),
            remedy,
        )  # fmt: skip
    if asker in policy.askers_foreign and (party is None or _is_domestic(party, home)):
        raise Refused(
            "foreign-asker-hidden",
            Text("This hospital knows the asker to be foreign; the facts of the grant do not say so.",
                 "本医院已知申请方为境外或外方控制，而授权所载事实未予说明。"),
            remedy,
        )  # fmt: skip


def use_of(study: Study, grant: Grant, method: Method, known: Known) -> Use:
    """The study as each person's consent sees it: from the signed study and grant, and what the node knows itself, once
    `check_law` has held the one against the other. What is not known stays so: no consent that turns on it covers it.
    """
    request, policy, legal = study.request, known.policy, grant.legal
    assert legal is not None and grant.limits is not None and known.card is not None
    party, home = legal.party, policy.jurisdiction or legal.jurisdiction
    kind = policy.askers_known.get(request.asker) if party is None else party.kind
    foreign = None if party is None else not _is_domestic(party, home)
    return Use(
        purpose=request.purpose,
        dataset=request.dataset,
        category=known.card.table.category,
        recipient=kind,
        foreign=True if request.asker in policy.askers_foreign else foreign,
        method="extract" if request.release == "enclave" else method.yields,
        price_fen=request.price_fen,
        patient_percent=grant.limits.patient_percent,
    )


def _is_domestic(party: Party | None, home: str) -> bool:
    return party is not None and party.jurisdiction == home and party.foreign_controlled is False


def _check_count(study: Study, legal: LegalFacts, given: int) -> None:
    """Only where the asker is abroad are its persons counted at all."""
    party = legal.party
    if party is None or party.jurisdiction == legal.jurisdiction:
        return
    told = sum(e.people for e in legal.exported if e.recipient == study.request.asker)
    if told < given:
        raise Refused(
            "export-undercounted",
            Text("More people of this hospital alone were in results for this asker abroad than the grant counts.",
                 "仅本医院提供给该境外申请方的人数已超过授权所载人数。"),
            Text("Ask the trustee why the hub counts fewer.", "请询问受托方中心为何少计。"),
        )  # fmt: skip


def check_paid(settlement: Settlement, use: Use | None) -> None:
    """Raises Refused where patients get a smaller part of the price than the grant said: some of them were read for it.

    Shares are cut by largest remainder, so that none is below the whole fen of its percent.
    """
    patients = sum(line.fen for line in settlement.lines if line.role == "patients")
    if use is not None and patients < settlement.price_fen * use.patient_percent // 100:
        raise Refused(
            "patients-underpaid",
            Text("Patients are paid a smaller part of the price than the grant said.", "患者所得低于授权所载的分成。"),
            Text("Ask the trustee why; the grant and the settlement are on the ledger.",
                 "请询问受托方原因；授权与结算均在账本中。"),
        )  # fmt: skip
