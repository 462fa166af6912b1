"""The clauses of a contract that run by themselves: the price is held when a study begins and given back when it ends;
a result waits for payment and commitment; prices are split by the shares of the period."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from huizhen.kit.clock import day_of, parse
from huizhen.kit.errors import Conflict, HuizhenError, Refused
from huizhen.kit.money import yuan
from huizhen.kit.text import Text
from huizhen.market.accrual import shares_on
from huizhen.market.postings import owed
from huizhen.market.settle import patient_percent
from huizhen.model.breach import governing
from huizhen.model.deed import Contract
from huizhen.model.grant import Grant
from huizhen.model.lifecycle import Filed
from huizhen.model.purpose import PURPOSES
from huizhen.model.settlement import Hold, Shares
from huizhen.model.study import Study
from huizhen.path.ports import Record, Store


def bind(record: Record, study: Study, grant: Grant) -> Hold | None:
    """Note which contract an allowed study runs under, and put its price into escrow; with its grant or not at all."""
    filing = governing(grant.legal, study.request)
    if filing is None or grant.verdict != "allow":
        return None
    record.journal(study.id, "contract", filing.instrument.name)
    if study.request.price_fen == 0:
        return None
    hold = Hold(study=study.id, asker=study.request.asker, price_fen=study.request.price_fen, step="held")
    record.journal(study.id, "hold", hold.as_json())
    record.hold(hold)
    return hold


def give_back(record: Record, journal: Mapping[str, Any], study: Study) -> Hold | None:
    """Take the price out of escrow, in full, in the transaction that ends the study or settles it."""
    if "hold" not in journal:
        return None
    hold = Hold.read(journal["hold"]).model_copy(update={"step": "returned"})
    record.hold(hold)
    record.forget(study.id, ["hold"])
    return hold


def contract_of(study: Study, grant: Grant) -> Filed | None:
    """The contract that the study was granted under, as it was then."""
    return governing(grant.legal, study.request)


def waits(study: Study, grant: Grant) -> bool:
    """Whether a guarded result is kept back for something that the asker owes by contract."""
    filing = contract_of(study, grant)
    terms = None if filing is None else filing.instrument.contract
    return terms is not None and bool(terms.commitment or (terms.prepaid and study.request.price_fen))


def why_kept_back(
    store: Store, study: Study, grant: Grant, journal: Mapping[str, Any], now: datetime
) -> HuizhenError | None:
    """What the result of a study still waits for; None: nothing. Raises Refused where it has waited too long."""
    filing = contract_of(study, grant)
    terms = None if filing is None else filing.instrument.contract
    if filing is None or terms is None:
        return None
    missing = list(_missing(store, study, terms, journal))
    if missing and now > parse(journal["guarded_utc"]) + timedelta(days=terms.pay_within_days):
        raise Refused(
            "not-paid-in-time",
            Text(f"Payment or commitment did not come within {terms.pay_within_days} days (contract {terms.name}).",
                 f"未在 {terms.pay_within_days} 天内付款或签署承诺（合同 {terms.name}）。"),
            Text("Run the study again. What was held is returned.", "请重新运行该研究。托管款项已退回。"),
        )  # fmt: skip
    if _is_suspended(store, filing, now):
        missing.append(Text("the contract to be resumed", "合同恢复"))
    if not missing:
        return None
    en, zh = " and ".join(m.en for m in missing), "以及".join(m.zh for m in missing)
    return Conflict(
        "kept-back",
        Text(f"The result is there and waits for {en}: contract {terms.name}.",
             f"结果已就绪，等待{zh}：合同 {terms.name}。"),
        Text(f"The trustee books a payment with `huizhen money receive`; the asker signs with "
             f"`huizhen contract commit {study.id}`. It is then released by itself.",
             f"受托方用 `huizhen money receive` 登记付款；申请方用 `huizhen contract commit {study.id}` 签署承诺。"
             "随后自动发布。"),
    )  # fmt: skip


def _missing(store: Store, study: Study, terms: Contract, journal: Mapping[str, Any]) -> list[Text]:
    found = []
    if terms.prepaid and study.request.price_fen:
        fen = owed(study.request.asker, study.id, [p for p, _ in store.postings()])
        if fen:
            found.append(Text(f"the payment of {yuan(fen)} yuan", f"支付 {yuan(fen)} 元"))
    if terms.commitment and "commitment" not in journal:
        found.append(Text("the signed commitment", "签署承诺"))
    return found


def _is_suspended(store: Store, filing: Filed, now: datetime) -> bool:
    day = day_of(now, store.settings().jurisdiction)
    found = store.instruments.on_day(day, "contract", filing.instrument.name)
    return any(f.state == "suspended" for f in found)


def shares_at(store: Store, dataset: str, moment: datetime) -> Shares:
    """The shares that hold at this moment for studies of the dataset."""
    settings = store.settings()
    day = day_of(moment, settings.jurisdiction)
    return shares_on(store.instruments.on_day(day, "deed"), dataset, day, settings.deed)


def shares_for(store: Store, study: Study, grant: Grant, released_utc: str) -> Shares:
    """The shares of the period in which the study was released, whenever it is settled.

    Where a new period has come since the grant and patients would get less than the grant said, it is the shares of the
    day of the grant: some were read because of them (see `node.law.check_paid`). By effect is paid where the grant said
    so: hospitals told of it then.
    """
    dataset, for_profit = study.request.dataset, PURPOSES[study.request.purpose].for_profit
    granted, released = (shares_at(store, dataset, parse(utc)) for utc in (grant.issued_utc, released_utc))
    promised = 0 if grant.limits is None else grant.limits.patient_percent
    shares = granted if patient_percent(released, for_profit) < promised else released
    return shares.model_copy(update={"effect": granted.effect})
