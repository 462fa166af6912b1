"""Deeds, contracts, payments and commitments at the hub: who may take which step. Part of the desk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from huizhen.adapters import instruments as filed
from huizhen.adapters.database import migrate
from huizhen.kit.clock import day_of
from huizhen.kit.errors import BadInput, Conflict, HuizhenError, NotFound, Refused
from huizhen.kit.text import Text, did_you_mean
from huizhen.market.settle import check_shares
from huizhen.model.breach import governing
from huizhen.model.deed import Commitment, Contract, Deed, Instrument, Kind
from huizhen.model.grant import Grant
from huizhen.model.lifecycle import TRUSTEE, Event, Filed, end_of_notice
from huizhen.model.purpose import PURPOSES
from huizhen.path import record

if TYPE_CHECKING:
    from huizhen.hub.caller import Caller
    from huizhen.hub.hub import Hub
    from huizhen.hub.papers import PaperDesk
    from huizhen.model.settlement import Payment
    from huizhen.model.study import Study


class InstrumentDesk:
    """What the trustee files, what parties sign, and what anyone concerned may read of it."""

    def __init__(self, hub: Hub, papers: PaperDesk) -> None:
        self._hub = hub
        self._papers = papers

    def _today(self) -> str:
        return day_of(self._hub.clock(), self._hub.store.settings().jurisdiction)

    def _ready(self) -> None:
        """Before a change: the seal is off, and the tables are those of this program."""
        self._hub.touch()
        migrate(self._hub.engine)

    # -- reading

    def all(self, who: Caller, kind: Kind) -> list[dict[str, Any]]:
        """The last version of each that the caller may see, by name."""
        last = {f.instrument.name: f for f in self._hub.store.instruments.on_day(self._today(), kind)}
        return [_told(f) for f in last.values() if _sees(who, f)]

    def find(self, who: Caller, kind: Kind, name: str, version: int | None = None) -> dict[str, Any]:
        """One version, the last where none is said, with its events. Raises NotFound."""
        return _told(self._find(who, kind, name, version))

    def _find(self, who: Caller, kind: Kind, name: str, version: int | None = None) -> Filed:
        known = [f for f in self._hub.store.instruments.on_day(self._today(), kind) if _sees(who, f)]
        found = [f for f in known if f.instrument.name == name and version in (None, f.instrument.version)]
        if found:
            return found[-1]
        names = sorted({f.instrument.name for f in known})
        hint = did_you_mean(name, names)
        word = {"deed": Text("deed", "信托契约"), "contract": Text("contract", "合同")}[kind]
        raise NotFound(
            "unknown-instrument",
            Text(
                f"There is no {word.en} '{name[:64]}' in that version{hint.en}.",
                f"没有该版本的{word.zh}“{name[:64]}”{hint.zh}。",
            ),
            Text(f"There are: {', '.join(names) or 'none yet'}.", f"现有：{'、'.join(names) or '暂无'}。"),
        )

    # -- the trustee's steps, and the parties'

    def draft(self, who: Caller, kind: Kind, terms: dict[str, Any]) -> dict[str, Any]:
        """Put terms on file as the next version. Raises Refused, BadInput, Conflict."""
        who.check_is_trustee()
        self._check_terms(Deed.read(terms) if kind == "deed" else Contract.read(terms))
        self._ready()
        with self._hub.store.record() as r:
            before = filed.read(r.connection, kind, str(terms["name"]))
            last = before[-1].instrument if before else None
            if last is not None and last.terms.as_json() == terms:
                raise Conflict(
                    "drafted-already",
                    Text("These very terms are the last version on file.", "已备最后版本与此文本完全相同。"),
                    Text("Change the terms, or go on with that version.", "请修改条款，或继续使用该版本。"),
                )
            if last is not None and last.contract is not None and last.contract.asker != terms.get("asker"):
                raise Conflict(
                    "contract-of-another",
                    Text("A contract of that name is with another asker.", "同名合同属于另一申请方。"),
                    Text("Choose another name.", "请换一个名称。"),
                )
            instrument = Instrument.read({
                "region": self._hub.origin,
                "version": 1 if last is None else last.version + 1,
                "previous": None if last is None else last.digest(),
                kind: terms,
            })  # fmt: skip
            made = Filed(instrument=instrument)
            filed.put_draft(r, made)
        return _told(made)

    def _check_terms(self, terms: Deed | Contract) -> None:
        self._papers.check_not_listed(terms.parties)
        unknown = [p for p in terms.purposes if p not in PURPOSES]
        if unknown:
            raise unknown_purpose(unknown[0])
        if isinstance(terms, Deed):
            check_shares(terms.shares)
        keys = {p.name for p in self._hub.store.register.parties() if p.key}
        without = [party for party in terms.parties if party not in keys]
        if without:
            raise BadInput(
                "party-without-key",
                Text(f"The register has no key of: {', '.join(without)}.",
                     f"登记册中没有以下主体的公钥：{'、'.join(without)}。"),
                Text("Each makes one with `huizhen party key`; register it with `huizhen party add NAME --key KEY`.",
                     "各方用 `huizhen party key` 生成密钥，再用 `huizhen party add 名称 --key 公钥` 登记。"),
            )  # fmt: skip

    def move(self, who: Caller, kind: Kind, name: str, said: dict[str, Any]) -> dict[str, Any]:
        """Take one step of the last version: {step} by the trustee, {step, by, signature} by a party.

        `end` becomes a notice where the exit clause asks for one. Raises Refused where the table has no such step, the
        caller may not take it, or the signature is not the registered party's over these terms.
        """
        by = said.get("by", TRUSTEE)
        if by == TRUSTEE:
            who.check_is_trustee()
        if said["step"] in {"sign", "resume"}:
            self._papers.check_not_listed(self._find(who, kind, name).instrument.terms.parties)
        self._ready()
        self._find(who, kind, name)
        with self._hub.store.record() as r:
            filed.keep_time(r, self._today())
            before = filed.read(r.connection, kind, name)[-1]
            after = before.after(self._event(before, by, said))
            filed.put_events(r, before, after)
            filed.keep_time(r, self._today())
        return self.find(who, kind, name)

    def _event(self, filing: Filed, by: str, said: dict[str, Any]) -> Event:
        step, today = said["step"], self._today()
        last_day = None
        if step == "end" and filing.began and filing.instrument.terms.exit.notice_days:
            step, last_day = "notice", end_of_notice(filing.instrument, today)
        key = "" if by == TRUSTEE else self._key_of(by)
        return Event(step=step, by=by, day=today, last_day=last_day, key=key, signature=said.get("signature", ""))

    def _key_of(self, party: str) -> str:
        found = next((p.key for p in self._hub.store.register.parties() if p.name == party), None)
        if found is None:
            raise Refused(
                "not-registered-to-sign",
                Text(f"The register has no key of {party[:64]}.", f"登记册中没有 {party[:64]} 的公钥。"),
                Text("Have the trustee register it: `huizhen party add NAME --key KEY`.",
                     "请受托方登记：`huizhen party add 名称 --key 公钥`。"),
            )  # fmt: skip
        return found

    # -- what a contract waits for

    def to_commit(self, study: Study) -> dict[str, Any]:
        """What the asker of a study has to sign: {study, contract, text}. Raises Conflict where there is nothing."""
        journal = self._hub.store.journal(study.id)
        filing = governing(Grant.read(journal["grant"]).legal, study.request) if "grant" in journal else None
        terms = None if filing is None else filing.instrument.contract
        waiting = self._hub.store.status(study.id) == "awaiting" and "commitment" not in journal
        if filing is None or terms is None or terms.commitment is None or not waiting:
            raise Conflict(
                "nothing-to-commit",
                Text("No commitment is waited for in this study.", "该研究无需签署承诺。"),
                Text(f"`huizhen study show {study.id}` says where it stands.",
                     f"`huizhen study show {study.id}` 会说明当前状态。"),
            )  # fmt: skip
        return {"study": study.digest(), "contract": filing.instrument.digest(), "text": terms.commitment}

    def commit(self, study: Study, signature: str) -> None:
        """Record what the asker has signed of a study. Raises Refused unless it is the asker's, of this very study."""
        said = {**self.to_commit(study), "key": self._key_of(study.request.asker), "signature": signature}
        made = Commitment.read(said)
        if not made.holds():
            raise Refused(
                "commitment-not-signed",
                Text(
                    "The commitment is not signed with the asker's registered key.",
                    "承诺不是用申请方已登记的密钥签署的。",
                ),
                Text("Sign it with the asker's own key file.", "请用申请方自己的密钥文件签署。"),
            )
        self._ready()
        with self._hub.store.record() as r:
            r.journal(study.id, "commitment", made.as_json())
            record.committed(r, study, made)

    def receive(self, who: Caller, payment: Payment) -> dict[str, Any]:
        """Book money that came in. Raises Conflict where it is booked already."""
        who.check_is_trustee()
        self._hub.touch()
        with self._hub.store.record() as r:
            r.pay(payment)
        return {**payment.as_json(), "id": payment.id}


def _sees(who: Caller, filing: Filed) -> bool:
    """Deeds are for everyone to read; a contract is for its parties, and for who sees all."""
    return who.sees_all or filing.instrument.kind == "deed" or who.name in filing.instrument.terms.parties


def _told(filing: Filed) -> dict[str, Any]:
    return {
        "kind": filing.instrument.kind,
        "name": filing.instrument.name,
        "version": filing.instrument.version,
        "digest": filing.instrument.digest(),
        "state": filing.state,
        "signed_by": list(filing.signed_by()),
        "last_day": filing.last_day,
        **filing.as_json(),
    }


def unknown_purpose(code: str) -> HuizhenError:
    return BadInput(
        "unknown-purpose",
        Text(f"'{code[:64]}' is not a purpose.", f"“{code[:64]}”不是有效的用途代码。"),
        Text(f"The purposes are: {', '.join(PURPOSES)}.", f"可用用途：{'、'.join(PURPOSES)}。"),
    )
