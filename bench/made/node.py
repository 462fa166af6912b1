"""One node with made-up rows and consents, and its own runner asked as the road asks it, without hub and masks."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from huizhen import methods
from huizhen.adapters.node_book import NodeBook
from huizhen.adapters.tables import Tables
from huizhen.kit.clock import stamp, utc_now
from huizhen.model.consent import Use, Word
from huizhen.model.grant import Limits
from huizhen.model.method import Done, State
from huizhen.model.partial import Partial
from huizhen.model.result import Result
from huizhen.model.study import Request, Study
from huizhen.node.runner import Runner, Sitting
from made.patients import DATASET, PURPOSE, SCHEMA, write_table

KEY = bytes(32)
MOST_WORDS = 500_000


def write_node(folder: Path, rows: int, consents: Callable[[int], bool]) -> None:
    """A node's files: `rows` people with one row each, of whom those consent for whom `consents` is true."""
    folder.mkdir(parents=True)
    with duckdb.connect(str(folder / "node.duckdb")) as connection:
        write_table(connection, rows)
    book = NodeBook(folder / "node.sqlite", KEY)
    for first in range(0, rows, MOST_WORDS):
        among = range(first, min(first + MOST_WORDS, rows))
        book.consents.record([Word(i, PURPOSE, None, True) for i in among if consents(i)], stamp(utc_now()))
    book.close()


def nine_of_ten(person: int) -> bool:
    """Who consents: nine of ten, without any pattern."""
    return (person * 2654435761 >> 7) % 10 != 0


@dataclass
class Node:
    """An open node. Each call of `sitting` is another study."""

    runner: Runner
    studies: int = 0

    def sitting(self, method: str, params: dict[str, Any], cohort: str | None = None) -> Sitting:
        """A study that the node has agreed to."""
        self.studies += 1
        request = Request(
            title=f"{self.studies} {os.urandom(4).hex()}", asker="bench", purpose=PURPOSE, dataset=DATASET,
            cohort=cohort, method=method, params=params,
        )  # fmt: skip
        study = Study(request=request, number=1, submitted_utc=stamp(utc_now()))
        kind = methods.find(method)
        self.runner.book.open_study({
            "id": study.id, "asker": request.asker, "dataset": DATASET, "purpose": PURPOSE, "title": request.title,
            "method": method, "grant": "", "opened_utc": study.submitted_utc, "epsilon": None, "salt": bytes(16),
            "use": None, "request": None,
        })  # fmt: skip
        limits = Limits.model_construct(dataset_schema=SCHEMA)
        use = Use(purpose=PURPOSE, dataset=DATASET, category=SCHEMA.category, method=kind.yields)
        return Sitting(study, "", limits, kind(kind.read_params(params), SCHEMA), (), use)

    def rounds(self, sitting: Sitting) -> Iterator[tuple[State, Partial, Result | None]]:
        """The census and every round of the study: the state asked with, what the node sums, the result at the end."""
        self.runner.census(sitting)
        state = sitting.method.start()
        while True:
            partial = self.runner.partial(sitting, state)
            step = sitting.method.combine(partial, state)
            yield state, partial, step.result if isinstance(step, Done) else None
            if isinstance(step, Done):
                return
            state = step.state

    def round(self, sitting: Sitting, state: State) -> Partial:
        """A round as if it had not been asked before: the runner keeps its last answer for one that is asked again."""
        sitting.computed = None
        return self.runner.partial(sitting, state)

    def answer(self, method: str, params: dict[str, Any], cohort: str | None = None) -> Result:
        """The study from census to result."""
        *_, (_, _, result) = self.rounds(self.sitting(method, params, cohort))
        assert result is not None
        return result

    def close(self) -> None:
        self.runner.tables.close()
        self.runner.book.close()


def open_node(folder: Path) -> Node:
    book = NodeBook(folder / "node.sqlite", KEY)
    return Node(Runner(book, Tables(folder, book.indices), utc_now))
