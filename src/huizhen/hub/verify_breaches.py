"""Breaches on a ledger, replayed from its documents: no clock moved, no step out of turn, none closed too early."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from huizhen.adapters.incidents import KIND
from huizhen.hub.bundle import checked
from huizhen.kit.errors import Tampered
from huizhen.kit.text import Text
from huizhen.ledger.story import StoredDocument, read_leaf
from huizhen.model.incident import Event


def check_breaches(leaves: Sequence[bytes], documents: Mapping[str, StoredDocument]) -> list[Text]:
    """What is wrong. Breaches whose documents are not all here are passed over."""
    region = ""
    steps: dict[str, list[tuple[int, str, Event | None]]] = {}
    wrong: list[Text] = []
    for number, leaf in enumerate(leaves):
        entry = read_leaf(leaf)
        if entry is None:
            continue
        region = entry.subject if number == 0 else region
        if entry.kind != KIND:
            continue
        stored = documents.get(entry.refs.get("event", ""))
        try:
            event = None if stored is None else Event.model_validate_json(stored.content)
            if event is not None and (event.step, event.by) != (entry.facts.get("step"), entry.actor):
                raise ValueError("the entry says otherwise")
        except ValueError:
            event = None
            wrong.append(_wrong(number, entry.subject))
        steps.setdefault(entry.subject, []).append((number, entry.at_utc, event))
    for name, found in steps.items():
        events = [(at_utc, event) for _, at_utc, event in found if event is not None]
        if len(events) < len(found):
            continue
        for i, (number, _, _) in enumerate(found, 1):
            try:
                checked(region, name, events[:i])
            except Tampered:
                wrong.append(_wrong(number, name))
                break
    return wrong


def _wrong(number: int, name: str) -> Text:
    return Text(
        f"Entry {number} (breach-changed, {name}) does not hold: a step that cannot be.",
        f"第 {number} 条（breach-changed，{name}）不成立：步骤无效。",
    )
