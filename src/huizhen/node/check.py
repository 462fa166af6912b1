"""The node checks last: everything the hub says about a study is checked again here, before a row is read.

Pure: what the node knows comes in, and the first thing that does not hold is raised as Refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from huizhen import methods
from huizhen.kit.clock import parse
from huizhen.kit.errors import HuizhenError, Refused
from huizhen.kit.text import Text
from huizhen.model.dataset import Dataset, Schema
from huizhen.model.grant import Grant, Limits
from huizhen.model.method import Method
from huizhen.model.paper import Paper
from huizhen.model.policy import Policy
from huizhen.model.study import Study
from huizhen.node.extracts import check_order
from huizhen.node.instruments import check_instruments
from huizhen.node.law import check_law
from huizhen.node.papers import check_papers
from huizhen.path.authorise import plan
from huizhen.rules.hz01_participants import FEWEST

_ASK_HUB = Text(
    "The hospital was not harmed: no row was read. Ask the trustee why the hub sent this.",
    "医院未受影响：没有读取任何数据。请询问受托方为何发出该请求。",
)


@dataclass(frozen=True)
class Known:
    """What a node knows by itself."""

    name: str
    key: str
    now: datetime
    card: Dataset | None
    policy: Policy
    epoch: int
    epsilon_spent: float
    """By this asker on this dataset at this node, in other studies."""
    today: tuple[int, float]
    """(studies, epsilon) that this asker began here today, without this study."""
    given_this_year: int
    """People of this node in released results of this asker since 1 January; who is in two results counts twice."""
    peers: Mapping[str, str]
    """Identity keys of other nodes, pinned when first seen."""
    origin: str = ""
    """Name of the region's ledger."""
    signers: Mapping[str, str] = field(default_factory=dict)
    """Keys that parties signed deeds and contracts with, as first seen."""
    filed: Mapping[str, str] = field(default_factory=dict)
    """What was seen on file: by kind and name, the version, its digest, and whom or what it binds."""
    hub: str = ""
    """The hub's public key, in hexadecimal."""
    papers: tuple[Paper, ...] = ()
    """Papers of the blacklist that this node keeps."""


def _refuse(code: str, en: str, zh: str, remedy: Text = _ASK_HUB) -> HuizhenError:
    return Refused(code, Text(en, zh), remedy)


def check_grant(study: Study, grant: Grant, known: Known) -> Method:
    """The method to run, once every limit of the grant holds against the study, the node's data and its policy."""
    if grant.study != study.digest():
        raise _refuse("grant-of-another-study", "The grant is for another study.", "授权对应另一项研究。")
    if grant.verdict != "allow" or grant.limits is None:
        raise _refuse("not-allowed", "The grant does not allow the study.", "授权未准许该研究。")
    if any(r.verdict != "allow" for r in grant.reasons) or not grant.reasons:
        raise _refuse("reasons-disagree", "The grant's reasons do not allow it.", "授权理由并未准许。")
    limits = grant.limits
    check_time(limits, known.now)
    _check_quorum(limits, study)
    _check_company(limits, study, known)
    schema = _check_schema(limits, study, known)
    _check_protection(limits, study, known)
    _check_policy(limits, study, known.policy)
    _check_day(limits, known)
    method = _check_method(limits, study, schema, known.policy)
    check_instruments(study, grant, known)
    check_papers(study, grant, method, known)
    check_order(study, grant, method)
    check_law(study, grant, method, known)
    return method


def check_time(limits: Limits, now: datetime) -> None:
    if now >= parse(limits.expires_utc):
        raise _refuse(
            "expired", "The grant has expired.", "授权已过期。",
            Text("Submit the study again, with a longer deadline_minutes if it needs more time.",
                 "请重新提交研究；如需更长时间，请加大 deadline_minutes。"),
        )  # fmt: skip


def _check_quorum(limits: Limits, study: Study) -> None:
    if limits.quorum < (study.request.quorum or 1) or limits.quorum > len(limits.participants):
        raise _refuse("quorum-changed", "The quorum is not the one asked for.", "法定数量与申请不符。")
    if parse(limits.expires_utc) > study.deadline():
        raise _refuse("deadline-moved", "The grant outlives the study's deadline.", "授权期限超过研究的截止时间。")


def _check_company(limits: Limits, study: Study, known: Known) -> None:
    names = [p.name for p in limits.participants]
    mine = [p for p in limits.participants if p.name == known.name]
    if len(set(names)) != len(names) or len({p.key for p in limits.participants}) != len(names):
        raise _refuse("duplicate-participants", "A participant is listed twice.", "参与方重复。")
    if len(mine) != 1 or mine[0].key != known.key:
        raise _refuse("not-a-participant", "This node is not among the participants.", "本节点不在参与方名单中。")
    if mine[0].own_figures and not known.policy.own_figures:
        raise _refuse("own-figures", "This hospital does not give figures of its own.", "本医院不提供本院单独的数值。")
    if known.policy.own_figures and not mine[0].own_figures:
        raise _refuse(
            "own-figures-denied", "The grant says that this hospital withholds its own figures; it does not.",
            "授权称本医院不提供本院单独的数值，而实际并非如此。",
            Text("Run the study again: the policy has changed, or the hub misleads the others.",
                 "请重新运行研究：策略已变更，或中心误导了其他医院。"),
        )  # fmt: skip
    if mine[0].consent_epoch > known.epoch:
        raise _refuse(
            "stale-consents", "This node's consents are older than the grant expects.", "本节点的同意记录过旧。",
            Text("Restore the node's consents from the newest backup.", "请从最新备份恢复节点的同意记录。"),
        )  # fmt: skip
    asked = study.request.participants
    if asked != "all" and not set(names) <= set(asked):
        raise _refuse("participants-widened", "Participants the study did not name were added.", "参与方被扩大。")
    for p in limits.participants:
        if known.peers.get(p.name, p.key) != p.key:
            raise _refuse("peer-key-changed", f"The key of {p.name} is not the one known.", f"{p.name} 的公钥已改变。")
    if limits.secure_sum and (len(names) < FEWEST or limits.min_contributors < FEWEST):
        raise _refuse("too-few", "A secure sum needs three nodes.", "安全求和至少需要三个节点。")


def _check_schema(limits: Limits, study: Study, known: Known) -> Schema:
    """The joint schema must be this node's own, at most widened: no column turned usable that is not so here."""
    if known.card is None:
        raise _refuse("no-such-dataset", f"This node holds no '{study.request.dataset}'.", "本节点没有该数据集。")
    schema = limits.dataset_schema
    if set(schema.names()) != set(known.card.table.names()):
        raise _refuse("schema-changed", "The columns are not those of this node.", "列与本节点不一致。")
    for own in known.card.table.columns:
        joint = schema.column(own.name)
        hidden = (own.identifier and not joint.identifier) or joint.grade < own.grade
        if hidden or (own.sensitive and not joint.sensitive):
            raise _refuse(
                "schema-widened", f"Column {own.name} is less protected there.", f"列 {own.name} 的保护被放宽。"
            )
        if own.type == "text" and joint.type != "text":
            raise _refuse(
                "text-made-usable", f"Column {own.name} is free text here.", f"列 {own.name} 在本节点为自由文本。"
            )
        if own.levels and not set(own.levels) <= set(joint.levels or own.levels):
            raise _refuse("levels-lost", f"Levels of column {own.name} are missing.", f"列 {own.name} 缺少取值。")
    for name in limits.columns:
        if schema.column(name).identifier or schema.column(name).type == "text":
            raise _refuse(
                "identifier", f"Column {name} is an identifier or free text.", f"列 {name} 为标识符或自由文本。"
            )
    return schema


def _check_protection(limits: Limits, study: Study, known: Known) -> None:
    asked = study.request.protection
    if limits.purpose != study.request.purpose:
        raise _refuse("purpose-changed", "The purpose is not the one asked for.", "用途与申请不符。")
    if limits.min_cell < asked.min_cell or limits.min_cell < known.policy.min_cell:
        raise _refuse(
            "cell-too-small",
            f"The smallest cell, {limits.min_cell}, is below what study or hospital ask for.",
            f"最小单元 {limits.min_cell} 低于研究或医院的要求。",
            Text(f"Set protection.min_cell to at least {known.policy.min_cell}.",
                 f"请将 protection.min_cell 设为不小于 {known.policy.min_cell}。"),
        )  # fmt: skip
    if asked.secure_sum and not limits.secure_sum:
        raise _refuse("sum-unmasked", "The study asks for secure sums; the grant drops them.", "授权取消了安全求和。")
    if not limits.secure_sum and not known.policy.allow_plain:
        raise _refuse(
            "plain-not-allowed", "This hospital does not send sums without masks.", "本医院不发送未加掩码的求和结果。",
            Text("Set secure_sum to true.", "请将 secure_sum 设为 true。"),
        )  # fmt: skip
    if asked.epsilon is not None and (limits.epsilon is None or limits.epsilon > asked.epsilon):
        raise _refuse("noise-lowered", "The grant lowers the noise that was asked for.", "授权降低了所要求的噪声。")
    if limits.epsilon is not None and known.epsilon_spent + limits.epsilon > known.policy.epsilon_cap:
        raise _refuse(
            "budget-exceeded", "The asker's privacy budget at this hospital is used up.", "该申请方的隐私预算已用尽。",
            Text("Ask for less, or ask the hospital to raise epsilon_cap.", "请减少 epsilon，或请医院放宽上限。"),
        )  # fmt: skip


def _check_policy(limits: Limits, study: Study, policy: Policy) -> None:
    remedy = Text("Ask the hospital, or leave it out of the participants.", "请联系该医院，或将其从参与方中去掉。")
    asker = study.request.asker
    if asker in policy.askers_refused or (policy.askers != "all" and asker not in policy.askers):
        raise _refuse("asker-refused", "This hospital refuses the asker.", "本医院拒绝该申请方。", remedy)
    if policy.purposes != "all" and limits.purpose not in policy.purposes:
        raise _refuse("purpose-refused", "This hospital refuses the purpose.", "本医院拒绝该用途。", remedy)
    if policy.methods != "all" and limits.method not in policy.methods:
        raise _refuse("method-refused", "This hospital refuses the method.", "本医院拒绝该方法。", remedy)


def _check_day(limits: Limits, known: Known) -> None:
    policy, (studies, spent) = known.policy, known.today
    if policy.hours is not None and not _is_within(known.now, policy.hours):
        raise _refuse(
            "outside-hours", f"This hospital begins studies at {policy.hours} only.",
            f"本医院仅在 {policy.hours} 受理研究。",
            Text("Run the study again at that time.", "请在该时段重新运行。"),
        )  # fmt: skip
    tomorrow = Text("Run the study again tomorrow, or ask the hospital.", "请明日再运行，或联系该医院。")
    if policy.studies_per_day is not None and studies >= policy.studies_per_day:
        raise _refuse("day-full", "The asker has begun as many studies today as this hospital allows.",
                      "该申请方今日在本医院的研究数量已达上限。", tomorrow)  # fmt: skip
    asked = limits.epsilon or 0.0
    if asked and policy.epsilon_per_day is not None and spent + asked > policy.epsilon_per_day:
        raise _refuse("day-budget-exceeded", "The asker's privacy budget for today at this hospital is used up.",
                      "该申请方今日在本医院的隐私预算已用尽。", tomorrow)  # fmt: skip


def midnight(now: datetime) -> datetime:
    """When the day began, by the clock on the hospital's wall."""
    return now.astimezone().replace(hour=0, minute=0, second=0, microsecond=0)


def _is_within(now: datetime, hours: str) -> bool:
    """Whether the wall clock is in a span such as 20:00-06:00, which may go past midnight."""
    first, _, last = hours.partition("-")
    at = now.astimezone().strftime("%H:%M")
    return first <= at < last if first <= last else at >= first or at < last


def _check_method(limits: Limits, study: Study, schema: Schema, policy: Policy) -> Method:
    if limits.method != study.request.method or limits.method not in methods.names():
        raise _refuse("method-changed", "The method is not the one asked for.", "方法与申请不符。")
    from huizhen.intake import cohort

    method = plan(study.request, schema)
    if method.version != limits.method_version or methods.code(limits.method) != limits.method_code:
        raise _refuse(
            "method-code", "The method's code here is not the code the grant names.", "本节点的方法代码与授权不一致。",
            Text("Install the same version of Huizhen at hub and node.", "请在中心与节点安装同一版本。"),
        )  # fmt: skip
    _check_approved(limits, policy)
    _check_noise(limits, method, policy)
    if limits.max_rounds > method.max_rounds:
        raise _refuse("too-many-rounds", "The grant allows more rounds than the method.", "授权轮数超过方法上限。")
    asked = cohort.parse(study.request.cohort, schema) if study.request.cohort else None
    if limits.cohort != (asked.text if asked else None):
        raise _refuse("cohort-changed", "The cohort is not the one asked for.", "人群条件与申请不符。")
    read = set(method.columns) | (set(asked.columns) if asked else set())
    if not read <= set(limits.columns):
        raise _refuse("columns-widened", "The method reads columns beyond the grant.", "方法读取的列超出授权。")
    if set(limits.columns) != read:
        raise _refuse(
            "columns-widened", "The grant names columns that the study does not need.", "授权列超出研究所需。"
        )
    return method


def _check_noise(limits: Limits, method: Method, policy: Policy) -> None:
    """A method that is private in its sums has the noise that the study's own request promises, and no other."""
    asked = None if method.privacy is None else method.privacy.epsilon
    if method.private == "sums" and limits.epsilon != asked:
        raise _refuse("noise-changed", "The grant promises other noise than the study.", "授权与研究承诺的噪声不一致。")
    if method.privacy is not None and method.privacy.delta > policy.delta_cap:
        raise _refuse(
            "delta-too-large",
            f"A delta of {method.privacy.delta:g} is more than this hospital allows.",
            f"delta 为 {method.privacy.delta:g}，超过本医院的上限。",
            Text(f"Set protection.delta to at most {policy.delta_cap:g}.",
                 f"请将 protection.delta 设为不超过 {policy.delta_cap:g}。"),
        )  # fmt: skip


def _check_approved(limits: Limits, policy: Policy) -> None:
    """Where the hospital has approved certain code: the code installed here must be it, whoever installed it."""
    if policy.approved is None or policy.approved.get(limits.method) == limits.method_code:
        return
    line = f"{limits.method}: {limits.method_code}"
    raise _refuse(
        "method-not-approved",
        f"This hospital has not approved the code of {limits.method} that is installed here.",
        f"本医院尚未批准此处安装的 {limits.method} 方法代码。",
        Text(f"Have it reviewed; then write '{line}' under approved in the node's policy.yaml.",
             f"请先审核代码，再在该节点 policy.yaml 的 approved 下写入“{line}”。"),
    )  # fmt: skip
