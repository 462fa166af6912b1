"""The node's runner: the one place that turns rows into Partials. Consents are read anew for every round."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from pyroaring import BitMap

from huizhen.adapters.node_book import NodeBook
from huizhen.adapters.purge import purge
from huizhen.adapters.table import Selection, Streams, Work
from huizhen.adapters.tables import Tables
from huizhen.kit import wire
from huizhen.kit.clock import Clock, stamp
from huizhen.kit.errors import Refused
from huizhen.kit.text import Text
from huizhen.model.consent import Use
from huizhen.model.dataset import Dataset
from huizhen.model.grant import Limits
from huizhen.model.method import OWN_MODEL, Method, State
from huizhen.model.partial import Array, Partial
from huizhen.model.policy import Policy
from huizhen.model.study import Study
from huizhen.model.tally import Own
from huizhen.node import effect
from huizhen.path.compute import count_field
from huizhen.privacy.own import may_show, shown
from huizhen.privacy.shares import blurred


class Kept(NamedTuple):
    """What a method keeps in this node's memory: before and after the round of this question."""

    question: bytes
    before: State
    after: State


class Computed(NamedTuple):
    """The Partial of the last question and of the people then allowed: it may be asked again, under other keys."""

    question: bytes
    allowed: BitMap
    rows: int
    partial: Partial


@dataclass
class Sitting:
    """One study that this node has agreed to."""

    study: Study
    grant_digest: str
    limits: Limits
    method: Method
    earlier: tuple[str, ...]
    use: Use
    """The study as consent sees it."""
    missing: tuple[BitMap, int] | None = None
    """Rows left out for a missing value, and the people included when they were counted."""
    kept: Kept | None = None
    computed: Computed | None = None
    own: Own | None = None
    """Figures of this node's rows alone; they leave it only as `privacy.own` and the policy let them."""

    def finish(self, total: Partial, state: State, question: bytes) -> Partial:
        """The method's last word on the sum over this node's rows, with what it keeps here from round to round. A round
        that is asked again, after a lost attempt, begins where it began. `question`: a digest of the state."""
        if self.kept is None:
            before: State = {}
        else:
            before = self.kept.before if self.kept.question == question else self.kept.after
        closed, after = self.method.finish(total, state, before)
        self.kept = Kept(question, before, after)
        return closed

    def after(self, before: Sitting | None) -> Sitting:
        """The study is opened anew, after an attempt that got lost: what the method keeps here stays."""
        return self if before is None else replace(self, kept=before.kept)

    @property
    def own_model(self) -> State | None:
        """The hospital's own model, where the method has just left one here."""
        return None if self.kept is None else self.kept.after.get(OWN_MODEL)

    def as_found(self, model: State) -> State:
        """A model of this hospital's own as `path.outcome` tells a released one, as far as it takes to score with."""
        return {
            "study": self.study.id,
            "request": self.study.request.as_json(),
            "grant": {"limits": self.limits.as_json(), "reasons": []},
            "result": model,
        }

    @cached_property
    def selection(self) -> Selection:
        from huizhen.intake import cohort

        asked = self.study.request.cohort
        return Selection(
            dataset=self.study.request.dataset,
            schema=self.limits.dataset_schema,
            cohort_sql=cohort.parse(asked, self.limits.dataset_schema).sql if asked else None,
            columns=self.method.columns,
            complete=self.method.complete_cases,
            by_person=self.method.by_person,
        )


@dataclass(frozen=True)
class Runner:
    """Reads one node's rows, as far as consent, cohort and grant go."""

    book: NodeBook
    tables: Tables
    clock: Clock

    def consenting(self, sitting: Sitting) -> BitMap:
        """Who consents at this moment. Whatever goes wrong in looking it up, the answer is a refusal, never a yes."""
        return self.consenting_to(sitting.use)

    def consenting_to(self, use: Use) -> BitMap:
        """The same of a use."""
        try:
            yes = self.book.consents.people(use, stamp(self.clock()))
            gone = self.book.tombstones.people(use.dataset)
            return yes - gone if gone else yes
        except Exception as error:
            raise Refused(
                "consent-unavailable",
                Text("The consents could not be looked up; nothing was read.", "无法查询同意记录；未读取任何数据。"),
                Text(
                    "Run `huizhen doctor` at the node and mend its book.", "请在节点运行 `huizhen doctor` 并修复记录。"
                ),
            ) from error

    def holding(self, card: Dataset) -> BitMap:
        """Everybody with a row in the dataset, whatever they consented to: for what nobody asked them, a breach. No
        value is read."""
        every = Selection(card.name, card.table, None, (), complete=False)
        return self.tables.of(card.name).census(every, self.book.everybody()).cohort

    def census(self, sitting: Sitting) -> Partial:
        """Counts of people and rows, and how far this cohort is from each earlier one; keeps who is included."""
        moment, consenting = stamp(self.clock()), self.consenting(sitting)
        selection = sitting.selection
        found = self.tables.of(selection.dataset).census(selection, consenting)
        self.book.keep_inclusion(sitting.study.id, moment, found.cohort, found.included)
        sitting.missing = found.included, found.missing
        own = {"consented": len(consenting), "repeated": found.repeated}
        counts = {**own, **_counts(len(found.included), found.rows, found.missing)}
        differences = [self._difference(sitting, e, found.cohort) for e in sitting.earlier]
        return Partial(
            {n: _number(c) for n, c in counts.items()} | {"differences": np.array(differences, dtype=np.int64)}
        )

    def _difference(self, sitting: Sitting, earlier: str, now: BitMap) -> int:
        """People in one of the two cohorts only, without those whose own consent changed in between, or whose data were
        deleted; all of them where this node's figures were not in the earlier result."""
        before = self.book.study(earlier)
        if before is None or not before["counted"]:
            return len(now)
        consents, then, moment = self.book.consents, before["census_utc"], stamp(self.clock())
        changed = self.book.tombstones.people(sitting.use.dataset, ever=True)
        if consents.moved(then, moment):
            older = sitting.use.model_copy(update={"purpose": before["purpose"]})
            for use in {self.book.use(earlier) or older, sitting.use}:
                changed |= consents.people_at(use, then) ^ consents.people_at(use, moment)
        return len((BitMap.deserialize(before["cohort"]) ^ now) - changed)

    def partial(self, sitting: Sitting, state: State) -> Partial:
        """What this node contributes to one round."""
        kept = self.book.inclusion(sitting.study.id)
        if kept is None:
            raise Refused(
                "no-census",
                Text("The census of this study was not taken here.", "本节点尚未完成该研究的人数统计。"),
                Text("Run the study again.", "请重新运行该研究。"),
            )
        standing, allowed = self._standing(sitting, *kept)
        if sitting.method.privacy is not None:
            return self._blurred(sitting, state, standing, allowed)
        if sitting.limits.effect != "none":
            self.book.put(f"asked:{sitting.study.id}", effect.question_of(state).hex())
        return self._with_counts(sitting, self._exact(sitting, state, allowed), standing)

    def first(self, sitting: Sitting) -> Partial:
        """What the first round would take of this node's rows, without any noise: to be looked at here, never sent."""
        kept = self.book.inclusion(sitting.study.id)
        assert kept is not None
        method = sitting.method
        return self._exact(sitting, method.told(method.start()), self._standing(sitting, *kept)[1]).partial

    def gathered(self, sitting: Sitting) -> tuple[Partial, BitMap]:
        """The rows of a method that delivers, before its last word makes a sum of them, and whose they are. They are to
        be made into what is delivered, here."""
        kept, method, selection = self.book.inclusion(sitting.study.id), sitting.method, sitting.selection
        assert kept is not None
        allowed = self._standing(sitting, *kept)[1]
        state = method.told(method.start())
        return self.tables.of(selection.dataset).total(selection, allowed, Work(method, state)).partial, allowed

    def _exact(self, sitting: Sitting, state: State, allowed: BitMap) -> Computed:
        question, before = effect.question_of(state), sitting.computed
        if before is None or before.question != question or before.allowed != allowed:
            method, selection = sitting.method, sitting.selection
            total, rows = self.tables.of(selection.dataset).total(selection, allowed, Work(method, state))
            closed = sitting.finish(total, state, question)
            before = sitting.computed = Computed(question, allowed, rows, closed)
            if sitting.own_model is not None:
                self.book.keep_own_model(sitting.study.id, sitting.as_found(sitting.own_model))
            sitting.own = None if method.privacy else method.own(closed, state)
        return before

    def _with_counts(self, sitting: Sitting, found: Computed, standing: BitMap) -> Partial:
        _, allowed, rows, closed = found
        missing = self._missing(sitting, allowed, standing, rows)
        counts = {count_field(name): _number(n) for name, n in _counts(len(allowed), rows, missing).items()}
        return Partial({**closed.fields, **counts})

    def own_figures(self, sitting: Sitting, policy: Policy) -> dict[str, float] | None:
        """What this hospital gives away of its own figures; None: nothing. Under masks only once the others have
        confirmed, under this very grant, whose sums are in the total."""
        participants = sitting.limits.participants
        opened = self.book.company(sitting.study.id)
        if sitting.own is None or not policy.own_figures or (opened is None and sitting.limits.secure_sum):
            return None
        company = [p.name for p in participants] if opened is None else opened.splitlines()
        told = shown(sitting.own, sitting.limits.min_cell) if may_show(participants, company) else None
        return None if told is None else dict(told)

    def tell_misfit(self, sitting: Sitting, policy: Policy, state: State | None) -> int | None:
        """How far the rows here stray from the model of `state`; None where it is not to be told, as where differential
        privacy is promised, which this figure has not. Raises Refused."""
        if sitting.limits.effect == "none" or not policy.tell_misfit or sitting.limits.epsilon is not None:
            return None
        return effect.tell(self.book, sitting.study.id, state, lambda last: self._misfit(sitting, last))

    def _misfit(self, sitting: Sitting, state: State) -> int:
        kept, method = self.book.inclusion(sitting.study.id), sitting.method
        assert kept is not None
        allowed, alone = self._standing(sitting, *kept)[1], method.alone(state)
        total = self.tables.of(sitting.selection.dataset).total(sitting.selection, allowed, Work(method, alone)).partial
        return method.misfit(method.close(total, alone), alone)

    def _blurred(self, sitting: Sitting, state: State, standing: BitMap, allowed: BitMap) -> Partial:
        """With this node's share of the noise. Each step is answered once: asked again, it is the same answer, noise
        and all, and none where somebody has withdrawn since, for that would be another sum of the same step."""
        study, company = sitting.study.id, self.book.company(sitting.study.id)
        noise = sitting.method.blur(state)
        if noise is None or company is None:
            raise Refused(
                "no-noise",
                Text("This round has no noise, and the study promises some.", "本轮没有噪声，而研究承诺了噪声。"),
                Text("Ask the trustee why the hub sent this.", "请询问受托方原因。"),
            )
        question = effect.question_of(state)
        before = self.book.noised(study)
        if before is not None and before[:2] == (noise.step, question) and before[2]:
            said: Partial = Partial(wire.decode(before[2]))
            if int(said[count_field("people")]) == len(allowed):
                return said
        if before is not None and before[0] >= noise.step:
            raise Refused(
                "noise-drawn",
                Text(
                    "A sum of this step, with its noise, has left this node before; another would be paid for twice.",
                    "该步骤的含噪求和已离开本节点；再次给出将使隐私损失加倍。",
                ),
                Text("Run the study again.", "请重新运行该研究。"),
            )
        nodes = len(company.split("\n"))
        exact = self._exact(sitting, state, allowed)
        said = self._with_counts(sitting, exact._replace(partial=blurred(exact.partial, noise.sd, nodes)), standing)
        self.book.keep_noised(study, noise.step, question, wire.encode(dict(said.fields)))
        return said

    def count(self, sitting: Sitting, people: BitMap, complete: bool) -> int:
        """Rows of these people in the cohort; with `complete` those only that have every value."""
        return self.tables.of(sitting.selection.dataset).count(sitting.selection, people, complete)

    def rows_of(self, card: Dataset, person: int) -> int:
        """How many rows of one person the dataset has, wherever it is."""
        selection = Selection(card.name, card.table, None, (), False)
        return self.tables.of(card.name).count(selection, BitMap([person]), complete=False)

    def values_of(self, card: Dataset, column: str, person: int) -> list[str] | None:
        """One person's values in one column, sorted, as words; they are only compared, at the node. None where it is a
        column that is never read, or the warehouse gives out no rows."""
        known, table = card.table.column(column), self.tables.of(card.name)
        if known.identifier or known.type == "text" or not isinstance(table, Streams):
            return None
        selection = Selection(card.name, card.table, None, (column,), False)
        levels = known.levels or ()
        values = (v for batch in table.batches(selection, BitMap([person])) for v in batch.columns[column].tolist())
        return sorted(str(levels[int(v)] if known.type == "category" and 0 <= v < len(levels) else v) for v in values)

    def is_elsewhere(self, dataset: str) -> bool:
        """Whether its rows are in a warehouse of the hospital."""
        return self.tables.of(dataset) is not self.tables.own

    def purge(self, datasets: Sequence[str], person: int) -> dict[str, int]:
        """Take one person's rows out of these datasets in the node's own file; how many there were."""
        self.tables.own.close()
        return purge(self.tables.own.path, datasets, BitMap([person]))

    def _standing(self, sitting: Sitting, cohort: BitMap, included: BitMap) -> tuple[BitMap, BitMap]:
        """Those of the cohort, and of the included, who still consent. Nobody comes back: so the same number of people
        in two rounds means the same people."""
        consenting = self.consenting(sitting)
        if not cohort <= consenting:
            cohort, included = cohort & consenting, included & consenting
            self.book.narrow_inclusion(sitting.study.id, cohort, included)
        return cohort, included

    def _missing(self, sitting: Sitting, allowed: BitMap, standing: BitMap, used: int) -> int:
        """Rows left out for a missing value, of those of the cohort whose consent stands; looked up once per change."""
        if not sitting.selection.complete:
            return 0
        if sitting.missing is None or sitting.missing[0] != allowed:
            sitting.missing = allowed, self.count(sitting, standing, complete=False) - used
        return sitting.missing[1]


def _counts(people: int, rows: int, missing: int) -> dict[str, int]:
    """`path.compute.COUNTS` of one node."""
    return {
        "people": people,
        "people_squared": people * people,
        "rows": rows,
        "missing": missing,
        "contributors": int(people > 0),
    }


def _number(value: int) -> Array:
    return np.array(value, dtype=np.int64)


def check_earlier(book: NodeBook, study: Study, earlier: Sequence[str]) -> None:
    """The hub must name every earlier study of this asker on this dataset whose release the node knows of."""
    if book.released_studies(study.request.asker, study.request.dataset) - set(earlier):
        raise Refused(
            "earlier-study-left-out",
            Text(
                "The hub leaves out an earlier study of the same asker, so differencing could not be checked.",
                "中心遗漏了同一申请方的既往研究，无法检查差分攻击。",
            ),
            Text("Ask the trustee why.", "请询问受托方原因。"),
        )
