"""Consent at the node: what people say is recorded. In force from the next round on, of running studies, too."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from huizhen.intake.fhir_written import Said, resources
from huizhen.kit.canonical import canonical
from huizhen.kit.clock import stamp
from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text, did_you_mean
from huizhen.model.consent import Word
from huizhen.model.purpose import PURPOSES
from huizhen.node.agent import Agent
from huizhen.node.statements import state


@dataclass(frozen=True)
class Changed:
    """What the hub will be told: how many words were recorded, the node's epoch, and a commitment to them."""

    changes: int
    epoch: int
    commitment: str


def check_purpose(code: str) -> None:
    """Raises BadInput, with what there is, for a code that is no purpose."""
    if code not in PURPOSES:
        hint = did_you_mean(code, list(PURPOSES))
        raise BadInput(
            "unknown-purpose",
            Text(f"'{code}' is not a purpose{hint.en}.", f"“{code}”不是有效的用途代码{hint.zh}。"),
            Text(
                "The purposes are: " + ", ".join(f"{p.code} ({p.label.en})" for p in PURPOSES.values()) + ".",
                "可用用途：" + "、".join(f"{p.code}（{p.label.zh}）" for p in PURPOSES.values()) + "。",
            ),
        )


def check_dataset(agent: Agent, dataset: str | None) -> None:
    """Raises BadInput for a dataset that the node does not know: a typing error must not pass for a withdrawal."""
    known = [card.name for card in agent.book.cards()]
    if dataset is not None and dataset not in known:
        hint = did_you_mean(dataset, known)
        raise BadInput(
            "dataset-not-here",
            Text(f"There is no dataset '{dataset}' at this node{hint.en}.", f"本节点没有数据集“{dataset}”{hint.zh}。"),
            Text(
                f"Its datasets are: {', '.join(known) or 'none'}. Without --dataset the withdrawal holds for all.",
                f"本节点的数据集：{'、'.join(known) or '无'}。不写 --dataset 则对全部数据集撤回。",
            ),
        )


def exported(agent: Agent, subjects: Iterable[str]) -> Iterator[dict[str, Any]]:
    """All that these people said, as FHIR R4 `Consent` resources, person by person. The node knows them by pseudonym
    only, so their numbers are brought. Raises NotFound for one whom it does not know."""
    for subject in subjects:
        said = agent.book.consents.words(agent.book.find(subject))
        yield from resources(subject, [Said(x.at_utc, x.word) for x in said])


def record(agent: Agent, words: Sequence[Word | tuple[str, str, str | None, bool, str | None, str | None]]) -> Changed:
    """Record what people said, by their numbers, in this order, in one transaction; the hub will be told that they did.

    No rule is asked: a file of consents is the hospital's own word that each was given as it says. One person's word at
    the desk goes through `node.saying`, which asks them.
    """
    said = [Word(*word) for word in words]
    people = agent.book.enrol(str(word.person) for word in said)
    rows = [word._replace(person=idx) for idx, word in zip(people, said, strict=True)]
    epoch = agent.book.consents.record(rows, stamp(agent.clock()))
    key = (agent.folder / "pseudonym.key").read_bytes()
    committed = [[*row[:7], row.terms.digest(), row.given.digest(), row.anew] for row in rows]
    changed = Changed(len(rows), epoch, hmac.new(key, canonical(committed), "sha256").hexdigest())
    state(agent, "consent-changed", {**vars(changed)})
    return changed
