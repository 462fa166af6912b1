"""The answer to a study in Python: figures as pandas, a summary, pictures, and what vouches for them."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from huizhen.client import summary as text
from huizhen.client.block import Figure
from huizhen.client.drawing import Drawing
from huizhen.client.frames import frames
from huizhen.client.report import answer, reading_of, render
from huizhen.kit.errors import NotFound
from huizhen.kit.money import yuan
from huizhen.kit.text import Language, Text

if TYPE_CHECKING:
    import pandas as pd


class Answer:
    """What a study released. `answer["n"]` is a figure, `answer.tables` are all tables; a fitted model has `params`,
    `bse`, `pvalues` and `conf_int()` under the names that statsmodels gives them."""

    def __init__(self, outcome: dict[str, Any]) -> None:
        """outcome: as the API and `huizhen study run --json` give it; released."""
        self.outcome = outcome
        self.study: str = outcome["study"]
        self.hospitals: tuple[str, ...] = tuple(outcome["hospitals"])
        self.values: dict[str, Any] = outcome["result"]

    def __getitem__(self, key: str) -> Any:
        return self.values[key]

    # -- as pandas

    @cached_property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Every table of the result by its key; see `client.frames`. What the guard hid is missing in it."""
        return frames(self.values)

    @property
    def table(self) -> pd.DataFrame:
        """The first table: the coefficients of a model, the groups of survival curves, the counts."""
        if not self.tables:
            raise self._without("table", "表格")
        return next(iter(self.tables.values()))

    @property
    def params(self) -> pd.Series[Any]:
        """Coefficients by term."""
        return self._coefficient("estimate")

    @property
    def bse(self) -> pd.Series[Any]:
        """Standard errors of the coefficients."""
        return self._coefficient("std_error")

    @property
    def pvalues(self) -> pd.Series[Any]:
        """Two-sided, of each coefficient being zero (Wald)."""
        return self._coefficient("p")

    def conf_int(self) -> pd.DataFrame:
        """Limits of each coefficient, columns 0 and 1, at the level that was asked (0.95)."""
        table = self._coefficients()
        return table[["ci_low", "ci_high"]].set_axis([0, 1], axis="columns")

    def predict(self, rows: pd.DataFrame) -> pd.DataFrame:
        """What the released model says of rows of one's own: a column for each output, NaN where a value is missing.

        rows: the columns that the model reads, as in the dataset. Nothing leaves this machine. Raises BadInput for a
        column that is not there or is of another type, and where the study fitted no model that scores.
        """
        import pyarrow as pa

        from huizhen.client.score import score_table

        scored: pd.DataFrame = score_table(self.outcome, pa.Table.from_pandas(rows, preserve_index=False)).to_pandas()
        return scored.set_index(rows.index)

    def draw(self, rows: int | None = None, seed: int | None = None) -> pd.DataFrame:
        """Synthetic rows, of a study of `synthesize`: so many, else about as many as there are people. Drawing costs no
        privacy, and asks nobody. Raises NotFound for any other study."""
        from huizhen.client.synthetic_rows import draw, is_synthetic

        if not is_synthetic(self.outcome):
            raise self._without("table to draw rows from", "可供抽取的表")
        drawn: pd.DataFrame = draw(self.values, rows, seed).to_pandas()
        return drawn

    # -- to read

    def summary(self) -> Summary:
        """Facts of the study and its figures as text; `print(answer.summary())`."""
        request = self.outcome["request"]
        facts = {
            "Method": request["method"], "Dataset": request["dataset"], "Cohort": request["cohort"] or "everyone",
            "Hospitals": len(self.hospitals), "Purpose": request["purpose"], "Study": self.study,
            "Asked (UTC)": self.outcome["submitted_utc"][:16].replace("T", " "), "Price (yuan)": yuan(self.paid_fen),
        }  # fmt: skip
        return Summary(text.summary(request["title"], facts, self.values, self.tables))

    def plot(self, language: Language = "en") -> Drawing:
        """The figures of the report: forest plot, survival curves, ROC, bars. Raises NotFound where it has none."""
        figures = [b for b in answer(reading_of(self.outcome, language)) if isinstance(b, Figure)]
        if not figures:
            raise self._without("figure", "图")
        return Drawing(figures)

    def report(self, path: str | Path, language: Language = "en") -> Path:
        """Write the whole report: figures, how they were protected, reasons, settlement, evidence. Opens offline."""
        path = Path(path)
        path.write_text(render(self.outcome, language), encoding="utf-8")
        return path

    def _repr_html_(self) -> str:
        """The report in a frame of its own, so that its style and the notebook's do not mix."""
        inner = render(self.outcome, "en")
        return Markup('<iframe title="{}" srcdoc="{}" style="width:100%;height:640px;border:0"></iframe>').format(
            self.outcome["request"]["title"], str(inner)
        )

    def __repr__(self) -> str:
        request = self.outcome["request"]
        return f"<Answer {self.study}: {request['method']} of {request['dataset']}, {len(self.hospitals)} hospitals>"

    # -- what it cost, what was kept back

    @property
    def paid_fen(self) -> int:
        settled = self.outcome["settlement"]
        return int(settled["price_fen"]) if settled else 0

    @property
    def left_out(self) -> pd.DataFrame:
        """Hospitals that were asked and are not in the sums: node, code, en, zh."""
        import pandas as pd

        return pd.DataFrame(self.outcome["left_out"], columns=["node", "code", "en", "zh"])

    @property
    def guard(self) -> pd.DataFrame:
        """Every check before the release: check, outcome (passed, hidden, changed, off), en, zh, paths."""
        import pandas as pd

        return pd.DataFrame(self.outcome["guard"], columns=["check", "outcome", "en", "zh", "paths"])

    # --

    def _coefficients(self) -> pd.DataFrame:
        if "coefficients" not in self.tables:
            raise self._without("coefficients", "系数")
        return self.tables["coefficients"]

    def _coefficient(self, key: str) -> pd.Series[Any]:
        return self._coefficients()[key].rename(None)

    def _without(self, what: str, what_zh: str) -> NotFound:
        keys = ", ".join(self.values)
        return NotFound(
            "not-in-the-answer",
            Text(f"The answer of {self.study} has no {what}.", f"{self.study} 的结果中没有{what_zh}。"),
            Text(f"It has: {keys}.", f"其中有：{keys}。"),
        )


class Summary(str):
    """Text that a notebook shows as it stands."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)
