"""Impact assessments on a ledger: an act that rests on one says what it says, and the entry bears its digest."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from huizhen.kit.text import Text
from huizhen.ledger.story import StoredDocument, read_leaf
from huizhen.model.assessment import Assessment
from huizhen.model.evidence import Evidence
from huizhen.model.party import Act

Documents = Mapping[str, StoredDocument]


def check_assessed(leaves: Sequence[bytes], documents: Documents, on_file: Sequence[Act] | None = None) -> list[Text]:
    """What is wrong. `on_file`: the acts in the hub's table, which must be those of the ledger; what rests on documents
    that are not here is passed over."""
    wrong: list[Text] = []
    filed: list[Act] = []
    for number, leaf in enumerate(leaves):
        entry = read_leaf(leaf)
        if entry is None or entry.kind != "act-filed":
            continue
        try:
            stored = documents.get(entry.refs.get("act", ""))
            if stored is not None:
                act = Act.model_validate_json(stored.content)
                filed.append(act)
                _check(entry, act, documents.get(entry.refs.get("assessment", "")))
        except (ValueError, KeyError) as problem:
            reason = type(problem).__name__
            wrong.append(Text(f"Entry {number} ({entry.kind}, {entry.subject}) does not hold: {reason}.",
                              f"第 {number} 条（{entry.kind}，{entry.subject}）不成立：{reason}。"))  # fmt: skip
    if on_file is not None and [a.as_json() for a in on_file] != [a.as_json() for a in filed]:
        wrong.append(Text("The acts on file are not those of the ledger.", "所备事项与账本记录不一致。"))
    return wrong


def _check(entry: Evidence, act: Act, stored: StoredDocument | None) -> None:
    """Raises ValueError where act, entry and assessment do not say the same."""
    named = None if act.assessed is None else act.assessed.document
    if (entry.facts.get("act"), entry.facts.get("outcome")) != (act.kind, act.outcome):
        raise ValueError("the entry says otherwise")
    if entry.facts.get("document") != named or (named is None) != ("assessment" not in entry.refs):
        raise ValueError("an assessment that is not the one named")
    if stored is None or act.assessed is None:
        return
    made = Assessment.read(json.loads(stored.content))
    opinion = made.opinion
    said = (act.party, act.dataset, act.from_day)
    if made.scope() != act.assessed or said != (made.request.asker, made.request.dataset, made.day):
        raise ValueError("an assessment of something else")
    if opinion is None or (opinion.outcome, opinion.until_day) != (act.outcome, act.until_day):
        raise ValueError("another conclusion")
