"""Impact assessments at the hub: written from a study's facts, concluded by an officer, kept with the ledger."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from huizhen.adapters.register import TRUSTEE, put_act
from huizhen.kit.errors import BadInput, NotFound
from huizhen.kit.text import Text
from huizhen.model.assessment import KIND, Assessment, Opinion
from huizhen.model.party import Act, Filing

if TYPE_CHECKING:
    from huizhen.hub.caller import Caller
    from huizhen.hub.hub import Hub
    from huizhen.model.study import Request
    from huizhen.path.run import Progress, Road


def _silent(_step: str, _text: Text) -> None:
    """Nothing of it is watched."""


class AssessmentDesk:
    """`road` gives the main road over the nodes there are: the facts are theirs, too."""

    def __init__(self, hub: Hub, road: Callable[[Progress], Road]) -> None:
        self._hub = hub
        self._road = road

    def assess(self, who: Caller, request: Request) -> Assessment:
        """The assessment of a request, without a conclusion and on no record. By the asker or the trustee."""
        if who.role != "trustee":
            who.check_asks_as(request.asker)
        return self._road(_silent).assess(request)

    def conclude(self, who: Caller, request: Request, opinion: Opinion) -> Assessment:
        """Write it anew with the officer's conclusion, and file it: rule CN10 reads it from here. By the trustee.

        Raises BadInput for a conclusion that would be over before it begins.
        """
        who.check_is_trustee()
        made = self._road(_silent).assess(request, opinion)
        filing = {
            "kind": KIND,
            "party": made.request.asker,
            "dataset": made.request.dataset,
            "outcome": opinion.outcome,
            "until_day": opinion.until_day,
            "purposes": [made.request.purpose],
            "reference": f"sha256:{made.digest()}",
        }
        try:
            filed = Act.of(Filing.read(filing), made.day)
        except ValueError:
            raise BadInput(
                "assessment-over",
                Text("The assessment would be over before it begins.", "该评估尚未开始即已截止。"),
                Text("Give --until a day that is yet to come.", "请将 --until 设为今日或以后的日期。"),
            ) from None
        self._hub.touch()
        with self._hub.store.record() as record:
            act = filed.model_copy(update={"assessed": made.scope()})
            put_act(record, act, who.name or TRUSTEE, made)
        return made

    def assessment(self, who: Caller, digest: str) -> Assessment:
        """The one whose digest alone is this or begins so. Raises NotFound, also for that of another's study."""
        acts = [a for a in self._hub.store.register.acts() if a.assessed and a.assessed.document.startswith(digest)]
        found = [a for a in acts if who.sees_all or a.party == who.name]
        if len({a.assessed.document for a in found if a.assessed}) == 1:
            act = found[-1]
            assert act.assessed is not None
            kept = self._document(act.party or "", act.assessed.document)
            if kept is not None:
                return kept
        raise NotFound(
            "unknown-assessment",
            Text(f"There is no assessment {digest[:16]}, or more than one.", f"没有评估 {digest[:16]}，或不止一份。"),
            Text("`huizhen act list` shows those on file, each with its number.",
                 "可用 `huizhen act list` 查看已备评估及其编号。"),
        )  # fmt: skip

    def _document(self, subject: str, digest: str) -> Assessment | None:
        """From the ledger: the document whose digest an entry about this asker names."""
        store = self._hub.store
        for number in store.numbers(subject):
            (_, leaf), *_ = store.leaves_from(number, 1)
            entry = json.loads(leaf)
            if entry["facts"].get("document") == digest:
                ref = entry["refs"]["assessment"]
                stored = store.documents_of([ref]).get(ref)
                return None if stored is None else Assessment.model_validate_json(stored.content)
        return None
