"""A hub as a researcher asks it in Python."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from huizhen import methods
from huizhen.client.answer import Answer
from huizhen.client.question import Question
from huizhen.kit.errors import BadInput, Conflict, HuizhenError, Lost, NotFound, Refused, Unable
from huizhen.kit.text import Text, did_you_mean

if TYPE_CHECKING:
    import pandas as pd

    from huizhen.model.dataset import Dataset
    from huizhen.model.study import Request

Progress = Callable[[str, Text], None]
_ENDED = {kind.__name__: kind for kind in (BadInput, NotFound, Conflict, Refused, Unable, Lost)}


class Asked(Protocol):
    """What a hub is asked; see `hub.desk.Desk` for what each of these answers and raises."""

    def cards(self, dataset: str | None = None) -> tuple[Dataset, ...]: ...
    def check(self, request: Request) -> dict[str, Any]: ...
    def run(self, request: Request, progress: Progress) -> dict[str, Any]: ...
    def delivered(self, study: str) -> None: ...
    def outcome(self, study: str) -> dict[str, Any]: ...
    def studies(self) -> list[dict[str, Any]]: ...
    def piece(self, study: str, node: str, number: int) -> bytes: ...
    def verify(self) -> tuple[int, list[Text], int]: ...


class Session:
    """Questions to one hub, in one name. Holds nothing open between two calls; made by `huizhen.connect`."""

    def __init__(
        self, reach: Callable[[], AbstractContextManager[Asked]], asker: str | None, *, progress: bool | None = None
    ) -> None:
        """reach: opens the hub for one call. progress: tell on standard error how a study goes on; None: where that is
        a terminal or a notebook."""
        self._reach = reach
        self.asker = asker
        self._progress = _telling() if progress is None else progress

    # -- what there is

    def datasets(self) -> pd.DataFrame:
        """One row for each dataset: how many hospitals hold it, rows and people in all, columns, lowest quality."""
        import pandas as pd

        held: dict[str, list[Dataset]] = {}
        for card in self.cards():
            held.setdefault(card.name, []).append(card)
        return pd.DataFrame(
            [
                (name, len(c), sum(x.rows for x in c), sum(x.subjects for x in c), len(c[0].table.columns),
                 min(x.quality for x in c))
                for name, c in held.items()
            ],
            columns=["dataset", "hospitals", "rows", "people", "columns", "quality"],
        ).set_index("dataset")  # fmt: skip

    def columns(self, dataset: str) -> pd.DataFrame:
        """One row for each column of a dataset, as its holders agreed: type, unit, levels, label, identifier.

        Raises NotFound for a dataset that nobody holds.
        """
        import pandas as pd

        cards = self.cards(dataset)
        if not cards:
            names = sorted({card.name for card in self.cards()})
            hint = did_you_mean(dataset, names)
            raise NotFound(
                "dataset-not-held",
                Text(f"Nobody holds a dataset '{dataset}'{hint.en}.", f"没有机构持有数据集“{dataset}”{hint.zh}。"),
                Text(f"There are: {', '.join(names)}.", f"现有：{'、'.join(names)}。"),
            )
        seen: dict[str, dict[str, Any]] = {}
        for card in cards:
            for column in card.table.columns:
                known = seen.setdefault(column.name, {**column.model_dump(), "levels": []})
                known["levels"] += [x for x in column.levels or () if x not in known["levels"]]
        kept = ["name", "type", "unit", "levels", "label", "sensitive", "identifier"]
        return pd.DataFrame(list(seen.values()))[kept].set_index("name")

    def methods(self) -> pd.DataFrame:
        """One row for each method that a study can use: what it computes, and its parameters."""
        import pandas as pd

        rows = [
            (n, methods.find(n).summary.en, ", ".join(methods.find(n).Params.model_fields)) for n in methods.names()
        ]
        return pd.DataFrame(rows, columns=["method", "computes", "parameters"]).set_index("method")

    def cards(self, dataset: str | None = None) -> tuple[Dataset, ...]:
        """Asset cards, one for each holder of each dataset."""
        with self._reach() as hub:
            return hub.cards(dataset)

    # -- asking

    def study(self, dataset: str, *, purpose: str, asker: str | None = None, **more: Any) -> Question:
        """The start of a question: `hub.study("lung", purpose="HMB").where("age >= 50").cox(...)`.

        purpose: why it is asked (docs/reference/purposes.md). asker: in whose name, where that is not the session's.
        more: further keys of a STUDY.yaml, such as title, deadline_minutes, release, licence.
        """
        who = asker or self.asker
        if who is None:
            raise BadInput(
                "no-asker-given",
                Text("It is not said in whose name the study asks.", "未指明以谁的名义申请。"),
                Text("Give asker='...' here or to connect().", "请在此处或 connect() 中给出 asker='…'。"),
            )
        return Question(self, {"dataset": dataset, "purpose": purpose, "asker": who, **more})

    def check(self, request: Request) -> dict[str, Any]:
        with self._reach() as hub:
            return hub.check(request)

    def run(self, request: Request) -> Answer:
        """Down the whole road; see `Question.ask`."""
        with self._reach() as hub, _told(self._progress) as progress:
            found = hub.run(request, progress)
            if found["status"] != "awaiting":
                hub.delivered(found["study"])
        return _released(found)

    # -- what was asked

    def studies(self) -> pd.DataFrame:
        """One row for each study that may be seen here, oldest first."""
        import pandas as pd

        with self._reach() as hub:
            return pd.DataFrame(
                hub.studies(), columns=["study", "status", "asker", "method", "title", "submitted_utc"]
            ).set_index("study")

    def answer(self, study: str) -> Answer:
        """The answer of a study that was asked before, by its id. Raises as `Question.ask` does."""
        with self._reach() as hub:
            return _released(hub.outcome(study))

    def rows(self, study: str | Answer, *, key: str | Path) -> pd.DataFrame:
        """The rows that a study of `extract` gave out, fetched, opened with the asker's own key file and checked; the
        first column says whose hospital's they are. They are this asker's copy: pass none on.

        Raises NotFound where the study gives out none, Refused for another key, Tampered where a hospital's rows are
        not those that were reviewed; and as `answer` does while the study waits.
        """
        from huizhen.client.rows import fetch

        answer = self.answer(study) if isinstance(study, str) else study
        with self._reach() as hub:
            found: pd.DataFrame = fetch(hub, answer.outcome, Path(key)).to_pandas()
        return found

    def verify(self) -> int:
        """Compute the whole ledger again with the keys that are trusted here; the number of its entries.

        Raises Conflict that names what is wrong.
        """
        with self._reach() as hub:
            size, wrong, _ = hub.verify()
        if wrong:
            raise Conflict(
                "ledger-does-not-hold",
                Text(" ".join(w.en for w in wrong), "".join(w.zh for w in wrong)),
                Text("Keep a copy and call the trustee and the regulator.", "请保留副本，并联系受托方与监管方。"),
            )
        return size


def _released(found: dict[str, Any]) -> Answer:
    """The answer, or the error that says why there is none."""
    if found["status"] == "released":
        return Answer(found)
    if found["status"] in {"denied", "needs"}:
        against = [r for r in found["grant"]["reasons"] if r["verdict"] != "allow"]
        raise Refused(
            f"study-{found['status']}",
            Text(
                f"{found['study']}: " + " ".join(f"{r['rule']} {r['en']} [{r['source']}]" for r in against),
                f"{found['study']}：" + "".join(f"{r['rule']} {r['zh']}［{r['source']}］" for r in against),
            ),
            Text(
                "What is missing has to be there first; check() says it before anything is asked.",
                "须先满足所缺条件；可先用 check() 查看。",
            ),
        )
    problem = found["problem"]
    if problem is None:
        raise Conflict(
            "no-answer-yet",
            Text(
                f"Study {found['study']} is {found['status']}.", f"研究 {found['study']} 的状态为 {found['status']}。"
            ),
            Text(
                f"Look again with answer('{found['study']}'); what is kept back waits for payment or commitment.",
                f"请稍后用 answer('{found['study']}') 再查看；被保留的结果等待付款或承诺。",
            ),
        )
    kind: type[HuizhenError] = _ENDED.get(problem["class"], Unable)
    raise kind(
        problem["code"],
        Text(f"{found['study']}: {problem['message']}", f"{found['study']}：{problem['message_zh']}"),
        Text(problem["remedy"], problem["remedy_zh"]),
    )


def _telling() -> bool:
    return sys.stderr.isatty() or "ipykernel" in sys.modules


@contextmanager
def _told(tell: bool) -> Iterator[Progress]:
    """One line on standard error that is written over as the study goes on, and is gone when it has ended."""
    longest = 0

    def step(name: str, said: Text) -> None:
        nonlocal longest
        if tell:
            line = f"{name}: {said.en}"[:100]
            longest = max(longest, len(line))
            sys.stderr.write("\r" + line.ljust(longest))
            sys.stderr.flush()

    try:
        yield step
    finally:
        if longest:
            sys.stderr.write("\r" + " " * longest + "\r")
            sys.stderr.flush()
