"""Breaches at the hub: declared and followed by the trustee, counted by the nodes, proven to whoever asks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from huizhen import rules
from huizhen.adapters import incidents
from huizhen.adapters.register import TRUSTEE
from huizhen.kit.clock import stamp
from huizhen.kit.errors import BadInput, Conflict, NotFound, Refused
from huizhen.kit.text import Text, did_you_mean
from huizhen.model.grant import Reason, verdict
from huizhen.model.incident import HUB, Declaration, Event, Incident, Noted, clocks, declared, facts_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from huizhen.hub.caller import Caller
    from huizhen.hub.hub import Hub


class IncidentDesk:
    """`prove` gives the proof of one entry of the ledger."""

    def __init__(self, hub: Hub, prove: Callable[[int], bytes]) -> None:
        self._hub = hub
        self._prove = prove

    # -- reading

    def breaches(self, who: Caller) -> list[dict[str, Any]]:
        """Every breach that the caller may see, oldest first, with its clocks and what the rules answer now."""
        return [self._told(f) for f in self._hub.store.incidents.all(self._hub.origin) if self._sees(who, f)]

    def breach(self, who: Caller, name: str) -> dict[str, Any]:
        """One of them. Raises NotFound."""
        return self._told(self._find(who, name))

    def _find(self, who: Caller, name: str) -> Incident:
        known = {f.id: f for f in self._hub.store.incidents.all(self._hub.origin) if self._sees(who, f)}
        if name not in known:
            hint = did_you_mean(name, list(known))
            raise NotFound(
                "unknown-breach",
                Text(f"There is no breach '{name[:40]}'{hint.en}.", f"没有泄露事件“{name[:40]}”{hint.zh}。"),
                Text("`huizhen breach status` shows those there are.", "可用 `huizhen breach status` 查看全部。"),
            )
        return known[name]

    def _sees(self, who: Caller, found: Incident) -> bool:
        """Who sees all; and a hospital that it concerns, by its systems, its datasets or a study that it was in."""
        said = found.declaration
        if who.sees_all or (who.role == "node" and who.name == said.holder):
            return True
        if who.role != "node":
            return False
        datasets = set(said.datasets) | {self._hub.store.study(s).request.dataset for s in said.studies}
        return any(card.holder == who.name and card.name in datasets for card in self._hub.store.cards())

    def _told(self, found: Incident) -> dict[str, Any]:
        now = stamp(self._hub.clock())
        facts = facts_of(found, now)
        return {
            "breach": found.id,
            "state": found.state,
            "declared_utc": found.declared_utc,
            "jurisdiction": found.jurisdiction,
            "critical": found.critical,
            "declaration": found.declaration.as_json(),
            "people": dict(found.people),
            "affected": found.affected,
            "clocks": [{**vars(due), "late": due.late(now)} for due in clocks(facts)],
            "reasons": [r.as_json() for r in self._reasons(found)],
            "events": [{"at_utc": at, "step": e.step, "by": e.by, "note": e.note} for at, e in found.events],
        }

    def _reasons(self, found: Incident, now_utc: str | None = None) -> tuple[Reason, ...]:
        return rules.ask("breach", facts_of(found, now_utc or stamp(self._hub.clock())))

    # -- the trustee's steps

    def declare(self, who: Caller, said: Declaration) -> dict[str, Any]:
        """Put a breach on the ledger: from now on the clocks of the law are seen to run. Raises Refused, BadInput."""
        who.check_is_trustee()
        self._check_named(said)
        store = self._hub.store
        critical = any(p.name == said.holder and p.critical_operator for p in store.register.parties())
        event = Event(
            step="declared", by=who.name or TRUSTEE, declaration=said, jurisdiction=store.settings().jurisdiction,
            critical=critical,
        )  # fmt: skip
        self._hub.touch()
        with store.record() as record:
            made = declared(self._hub.origin, record.at_utc, event)
            if made.id in {f.id for f in incidents.read(record.connection, self._hub.origin)}:
                raise Conflict(
                    "breach-declared",
                    Text("This very breach was declared at this very moment.", "同一事件已在同一时刻申报。"),
                    Text("`huizhen breach status` shows it.", "可用 `huizhen breach status` 查看。"),
                )
            incidents.put(record, made.id, event)
        return self._told(made)

    def step(self, who: Caller, name: str, said: Noted) -> dict[str, Any]:
        """One step of a breach. When it happened is when it is recorded.

        Raises Refused for a step that may not follow, and for `closed` as long as a rule about breaches is not met.
        """
        who.check_is_trustee()
        self._find(who, name)
        event = said.by(who.name or TRUSTEE)
        if event.declaration is not None:
            self._check_named(event.declaration)
        self._hub.touch()
        with self._hub.store.record() as record:
            before = {f.id: f for f in incidents.read(record.connection, self._hub.origin)}[name]
            after = before.after(record.at_utc, event)
            if event.step == "closed":
                check_met(self._reasons(before, record.at_utc))
            incidents.put(record, name, event)
        return self._told(after)

    def _check_named(self, said: Declaration) -> None:
        """Raises BadInput for a holder, dataset or study that there is not: nobody could be found affected by it."""
        store = self._hub.store
        datasets, nodes = {c.name for c in store.cards()}, set(store.all_nodes())
        studies = {s.id for s, _ in store.studies()}
        wrong = [f"holder {said.holder}"] if said.holder not in {HUB, *nodes} else []
        wrong += [f"dataset {d}" for d in said.datasets if d not in datasets]
        wrong += [f"study {s}" for s in said.studies if s not in studies]
        if wrong:
            raise BadInput(
                "breach-of-nothing",
                Text(f"There is no {', no '.join(wrong)}.", f"不存在：{'、'.join(wrong)}。"),
                Text("The holder is a node or hub; see `huizhen study list` and `huizhen doctor`.",
                     "holder 为节点名或 hub；可用 `huizhen study list` 与 `huizhen doctor` 查看。"),
            )  # fmt: skip

    # -- evidence

    def bundle(self, who: Caller, name: str) -> dict[str, Any]:
        """Every entry of the ledger about this breach, with its proof and documents. See `hub.bundle`."""
        from huizhen.hub.bundle import Bundle, Content

        found = self._find(who, name)
        store = self._hub.store
        numbers = list(store.numbers(name))
        for node in found.people:
            for number in store.numbers(node):
                (_, leaf), *_ = store.leaves_from(number, 1)
                entry = json.loads(leaf)
                if entry["kind"] == incidents.COUNTED and entry["facts"]["breach"] == name:
                    numbers.append(number)
        proofs = {str(number): self._prove(number).decode() for number in sorted(numbers)}
        refs = [ref for n in proofs for ref in json.loads(store.leaves_from(int(n), 1)[0][1])["refs"].values()]
        documents = {
            ref: Content(salt=d.salt.hex(), content=d.content.decode())
            for ref, d in sorted(store.documents_of(refs).items())
        }
        return Bundle(region=self._hub.origin, breach=name, proofs=proofs, documents=documents).as_json()


def check_met(reasons: tuple[Reason, ...]) -> None:
    """Raises Refused unless every rule about breaches is met."""
    if verdict(reasons) != "allow":
        against = [r for r in reasons if r.verdict != "allow"]
        raise Refused(
            "breach-duties-open",
            Text(" ".join(f"{r.rule}: {r.en}" for r in against) or "No rule says that it may be closed.",
                 "".join(f"{r.rule}：{r.zh}" for r in against) or "没有规则准许结案。"),
            Text("Do what is open, and note it with `huizhen breach note`.",
                 "请完成所列事项，并用 `huizhen breach note` 记录。"),
        )  # fmt: skip
