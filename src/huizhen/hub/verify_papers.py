"""Papers on a ledger, replayed from its documents alone: whose word each is, that it could follow what was filed
before, and that nothing which had to be reviewed went out without two approvals."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from huizhen.kit.canonical import digest
from huizhen.kit.errors import HuizhenError, Refused
from huizhen.kit.text import Text
from huizhen.ledger.story import StoredDocument, read_leaf
from huizhen.model.evidence import Evidence
from huizhen.model.paper import BODIES, Paper
from huizhen.model.review import replay
from huizhen.path.papers import Known, Signer, check_paper, entry_of
from huizhen.path.review import check_approved

Documents = Mapping[str, StoredDocument]


class _Read:
    """What the ledger has said so far."""

    def __init__(self, documents: Documents) -> None:
        self.documents = documents
        self.region = self.hub = ""
        self.parties: dict[str, Signer] = {}
        self.filed: list[Paper] = []
        self.hidden = False
        """Whether a paper was passed over, since its document is not here."""
        self.studies: dict[str, dict[str, Any]] = {}
        self.stopped: set[str] = set()

    def said(self, entry: Evidence, name: str) -> Any:
        stored = self.documents.get(entry.refs.get(name, ""))
        return None if stored is None else json.loads(stored.content)

    def step(self, entry: Evidence) -> None:
        """Raises HuizhenError or ValueError where an entry cannot be."""
        if entry.kind == "region-created":
            self.region, self.hub = entry.subject, str(entry.facts.get("key", ""))
        elif entry.kind == "party-registered" and (party := self.said(entry, "party")):
            self.parties[entry.subject] = Signer(party["kind"], party.get("key"))
        elif entry.kind in BODIES:
            self._paper(entry)
        elif entry.kind.startswith("study-"):
            self._study(entry)

    def _paper(self, entry: Evidence) -> None:
        if entry.kind == "study-stopped":
            self.stopped.add(entry.subject)
        said = self.said(entry, "paper")
        if said is None:
            self.hidden = True
            return
        paper = Paper.read(said)
        if (entry.kind, entry.actor, (entry.subject, entry.facts)) != (paper.kind, paper.by, entry_of(paper)):
            raise ValueError("the entry says otherwise")
        if not self.hidden:
            check_paper(paper, self.filed, Known(self.region, self.hub, self.parties))
        self.filed.append(paper)
        if paper.kind in ("review-sealed", "review-opened") and not self.hidden:
            self._review(paper.subject)

    def _study(self, entry: Evidence) -> None:
        known = self.studies.setdefault(entry.subject, {})
        for name in ("study", "grant", "release", "tallies"):
            if (said := self.said(entry, name)) is not None:
                known[name] = said
        if entry.kind == "study-released" and entry.subject in self.stopped:
            what = Text("It was released after it was stopped.", "叫停之后仍被发布。")
            raise Refused("released-though-stopped", what, Text("Tell the regulator.", "请告知监管方。"))
        limits = (known.get("grant") or {}).get("limits") or {}
        if entry.kind == "study-guarded" and "own-figures" in limits.get("reviews", ()):
            _check_own(known)
        if entry.kind == "study-released" and limits.get("reviews") and "release" in known and not self.hidden:
            check_approved(self._review(entry.subject))

    def _review(self, study: str) -> Any:
        """Where the review of a study stands. Raises Refused for a paper of it that may not be."""
        known = self.studies.get(study, {})
        if not {"study", "release"} <= known.keys():
            raise ValueError("a review of what is not there")
        return replay(study, known["study"]["request"]["asker"], digest(known["release"]), self.filed)


def _check_own(known: Mapping[str, Any]) -> None:
    """Raises ValueError where what is reviewed does not have the figures of single hospitals that their tallies have:
    those are shown once it is released."""
    release, tallies = known.get("release"), known.get("tallies")
    if release is None or tallies is None or release["status"] != "released":
        return
    if (release.get("own") or {}) != {t["node"]: t["own"] for t in tallies if t.get("own")}:
        raise ValueError("figures of one hospital that no reviewer saw")


def check_papers(leaves: Sequence[bytes], documents: Documents, on_file: Sequence[Paper] | None = None) -> list[Text]:
    """What is wrong. `on_file`: what the hub's table says, which must be what the ledger says. Entries whose documents
    are not here are passed over, with what would follow from them."""
    read, wrong = _Read(documents), list[Text]()
    for number, leaf in enumerate(leaves):
        entry = read_leaf(leaf)
        if entry is None:
            continue
        try:
            read.step(entry)
        except (HuizhenError, ValueError, KeyError, TypeError) as problem:
            code = problem.code if isinstance(problem, HuizhenError) else type(problem).__name__
            wrong.append(Text(f"Entry {number} ({entry.kind}, {entry.subject}) does not hold: {code}.",
                              f"第 {number} 条（{entry.kind}，{entry.subject}）不成立：{code}。"))  # fmt: skip
    if on_file is not None and list(on_file) != read.filed:
        wrong.append(Text("The papers on file (reviews, blacklist, alarms, reports) are not those of the ledger.",
                          "所存文件（审查、黑名单、警报、报告）与账本记录不一致。"))  # fmt: skip
    return wrong
