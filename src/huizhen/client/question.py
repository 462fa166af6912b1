"""A question as it is built in Python, step by step; nothing is asked until a method is named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from huizhen import methods
from huizhen.client.answer import Answer
from huizhen.client.decision import Decision
from huizhen.client.request import read_request
from huizhen.intake.yaml_tree import Tree
from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text, did_you_mean

if TYPE_CHECKING:
    from huizhen.client.session import Session
    from huizhen.model.study import Request


@dataclass(frozen=True)
class Question:
    """Whom and what a study asks. Every step gives a new question, so one may be the start of many:

        hers = hub.study("gbsg2", purpose="HMB").where("menostat == 'Post'")
        hers.kaplan_meier(duration="time", event="cens", group="horTh").plot()
        hers.cox(duration="time", event="cens", formula="horTh + age").summary()

    Each of `huizhen.methods` is a method of this name; its parameters are those of the reference (docs/reference/
    methods.md), and `help(hers.cox)` shows them. `check(...)` before `ask(...)` says what would be decided.
    """

    session: Session
    request: dict[str, Any]
    """Keys of a STUDY.yaml as far as they are said."""
    key: Path | None = None
    """The file that the question is signed with."""

    def where(self, cohort: str) -> Question:
        """Only rows for which this holds, e.g. "age >= 50 and menostat == 'Post'". A second `where` narrows further."""
        before = self.request.get("cohort")
        return self._with(cohort=f"({before}) and ({cohort})" if before else cohort)

    def at(self, *hospitals: str, quorum: int | None = None) -> Question:
        """Only these hospitals; without a name all that hold the dataset. `quorum`: the study goes on while so many
        answer."""
        return self._with(participants=list(hospitals) or "all", quorum=quorum)

    def protect(self, **protection: Any) -> Question:
        """Ask for more protection than law and policy do: min_cell, epsilon, delta, round_to, secure_sum."""
        return self._with(protection={**self.request.get("protection", {}), **protection})

    def pay(self, yuan: float) -> Question:
        """The price offered, in yuan to the fen."""
        fen = round(yuan * 100)
        if yuan < 0 or abs(fen - yuan * 100) > 1e-6:
            raise BadInput(
                "price-in-parts-of-fen",
                Text("A price is zero or more yuan, to the fen.", "价款须为不小于零且精确到分的金额。"),
                Text("Write at most two decimals, e.g. pay(1200.50).", "最多两位小数，例如 pay(1200.50)。"),
            )
        return self._with(price_fen=fen)

    def signed(self, key: str | Path) -> Question:
        """Ask for rows (`extract`): signed with the asker's own key file, with which its contract is signed, and to
        which the rows are sealed. The key stays here; `hub.rows(study, key=...)` opens them once they are released."""
        return replace(self, key=Path(key))

    def titled(self, title: str) -> Question:
        return self._with(title=title)

    def check(self, method: str, **params: Any) -> Decision:
        """What would be decided, with every reason, and what it would cost. Computes nothing, reads no row."""
        return Decision(self.session.check(self._request(method, params)))

    def ask(self, method: str, **params: Any) -> Answer:
        """Run the study down the whole road and wait for its answer.

        Raises BadInput for what cannot be asked; Refused where a rule denies it or lacks a fact, with every reason;
        Unable, Lost, ... where it ended without an answer, with the remedy. Asked again after an interruption it goes
        on where it stopped.
        """
        return self.session.run(self._request(method, params))

    def __getattr__(self, name: str) -> Callable[..., Answer]:
        if name.startswith("_") or name not in methods.names():
            hint = did_you_mean(name, methods.names())
            raise AttributeError(f"a study has no method {name!r}{hint.en}; there are: {', '.join(methods.names())}")

        def asked(**params: Any) -> Answer:
            return self.ask(name, **params)

        kind = methods.find(name)
        fields = kind.Params.model_fields
        told = "\n".join(
            f"    {key}{'' if field.is_required() else f' = {field.default!r}'}"
            + (f": {field.description}" if field.description else "")
            for key, field in fields.items()
        )
        asked.__name__ = asked.__qualname__ = name
        asked.__doc__ = f"{kind.summary.en}\n\n{told}"
        return asked

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *methods.names()]

    def _with(self, **more: Any) -> Question:
        return replace(self, request={**self.request, **more})

    def _request(self, method: str, params: dict[str, Any]) -> Request:
        title = self.request.get("title") or f"{method} of {self.request['dataset']}"
        asked = {**self.request, "title": title, "method": method, "params": params}
        request = read_request(Tree("study", asked, {}), self.session)
        if self.key is None:
            return request
        from huizhen.client.rows import signed

        return signed(request, self.key)
