"""Authorise: every rule is asked, every answer is kept, and one verdict follows. Deny wins; nothing at all is deny."""

from __future__ import annotations

from collections.abc import Sequence

from huizhen import methods, rules
from huizhen.kit.errors import BadInput, HuizhenError, Refused
from huizhen.kit.text import Text
from huizhen.model.dataset import Column, Schema
from huizhen.model.grant import Grant, Limits, Participant, verdict
from huizhen.model.method import Method, Privacy
from huizhen.model.rule import Facts
from huizhen.model.settlement import Rule
from huizhen.model.study import DELTA, Request, Study
from huizhen.secure.graph import two_thirds


def privacy_of(request: Request) -> Privacy | None:
    """What is promised of the sums themselves; None for exact sums, also where the guard adds noise to their result."""
    asked = request.protection
    if asked.epsilon is None or methods.find(request.method).private != "sums":
        return None
    return Privacy(asked.epsilon, DELTA if asked.delta is None else asked.delta)


def plan(request: Request, schema: Schema) -> Method:
    """The method bound to the study's parameters; BadInput for whatever is wrong with them."""
    kind, privacy = methods.find(request.method), privacy_of(request)
    if privacy is None:
        method = kind(kind.read_params(request.params), schema)
        method.check_releasable()
        return method
    if not request.protection.secure_sum:
        raise BadInput(
            "noise-needs-masks",
            Text(
                "Noise in every sum is added in shares; without masks each hospital would show its figures with a "
                "share of it only.",
                "求和中的噪声由各医院分份添加；若无掩码，每家医院的数据只带其中一份噪声。",
            ),
            Text("Set protection.secure_sum to true.", "请将 protection.secure_sum 设为 true。"),
        )
    return kind(kind.read_params(request.params), schema, privacy)


def columns_read(request: Request, schema: Schema, method: Method) -> tuple[Column, ...]:
    """The columns of method and cohort together, in the order of the schema."""
    wanted = set(method.columns)
    if request.cohort:
        from huizhen.intake import cohort

        wanted |= set(cohort.parse(request.cohort, schema).columns)
    return tuple(c for c in schema.columns if c.name in wanted)


def authorise(
    study: Study,
    facts: Facts,
    schema: Schema,
    method: Method,
    participants: Sequence[Participant],
    issued_utc: str,
    expires_utc: str,
    effect: Rule = "none",
) -> Grant:
    """The grant for this study. Pure: all it rests on is in its arguments. `effect`: what the deed pays by."""
    request = study.request
    reasons = rules.ask("study", facts)
    decided = verdict(reasons)
    limits = None
    if decided == "allow":
        from huizhen.intake import cohort

        limits = Limits(
            columns=tuple(c.name for c in facts.columns),
            cohort=cohort.parse(request.cohort, schema).text if request.cohort else None,
            participants=tuple(participants),
            dataset_schema=schema,
            purpose=request.purpose,
            method=request.method,
            method_version=method.version,
            method_code=methods.code(request.method),
            min_cell=request.protection.min_cell,
            quorum=_quorum(request, len(participants)),
            min_contributors=3 if request.protection.secure_sum else 1,
            secure_sum=request.protection.secure_sum,
            round_to=request.protection.round_to,
            epsilon=request.protection.epsilon,
            max_rounds=method.max_rounds,
            patient_percent=facts.patient_percent,
            expires_utc=expires_utc,
            effect=effect if method.is_fitted() else "none",
            reviews=facts.reviews,
        )
    return Grant(
        study=study.digest(),
        verdict=decided,
        reasons=reasons,
        limits=limits,
        legal=facts.legal,
        issued_utc=issued_utc,
    )


def _quorum(request: Request, participants: int) -> int:
    if request.quorum is not None:
        return request.quorum
    return two_thirds(participants) if request.protection.secure_sum else participants


def why_not_allowed(grant: Grant) -> HuizhenError:
    against = [r for r in grant.reasons if r.verdict != "allow"]
    en = " ".join(f"{r.rule}: {r.en}" for r in against) or "No rule allows it."
    zh = "".join(f"{r.rule}：{r.zh}" for r in against) or "没有任何规则准许。"
    return Refused(
        "not-authorised",
        Text(en, zh),
        Text("Change the study as the reasons say, and ask again.", "请按理由修改研究后重新申请。"),
    )
