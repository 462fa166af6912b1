"""The command line as a test drives it: real words in, exit code and output out, in this process."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from typer.testing import CliRunner

from huizhen.cli import app

PRICE = 120_000
COX = {
    "title": "Does sex change survival?",
    "method": "cox",
    "params": {"duration": "time", "event": "died", "formula": "age + sex"},
    "price_fen": PRICE,
}
NAMES = ("north", "south", "east", "west")
Write = Callable[[pd.DataFrame, Path], None]


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


def huizhen(*words: str | Path, **environment: str) -> Ran:
    """Run one command. What escapes it, escapes here."""
    clean = {"HUIZHEN_LANG": "en", "HUIZHEN_REGION": None, "COLUMNS": None, "NO_COLOR": None, **environment}
    ran = CliRunner(env=clean).invoke(app, [str(w) for w in words], catch_exceptions=False)
    return Ran(ran.exit_code, ran.stdout, ran.stderr)


def done(*words: str | Path, **environment: str) -> Ran:
    """Run one command that has to end well."""
    ran = huizhen(*words, **environment)
    assert ran.code == 0, f"huizhen {' '.join(map(str, words))}\n{ran.out}{ran.err}"
    return ran


def as_csv(frame: pd.DataFrame, path: Path) -> None:
    frame.to_csv(path, index=False)


def split(frame: pd.DataFrame, hospitals: int = 4, small: tuple[int, ...] = (), seed: int = 1) -> list[pd.DataFrame]:
    """The rows at random to that many hospitals; the first ones get as few rows as `small` says."""
    place = np.random.default_rng(seed).integers(len(small), hospitals, len(frame))
    place[: sum(small)] = np.repeat(np.arange(len(small)), small)
    place = np.random.default_rng(seed + 1).permutation(place)
    return [frame[place == k] for k in range(hospitals)]


class Region:
    """A region of hospitals, each holding its rows of one dataset, made and asked by commands only."""

    def __init__(
        self,
        folder: Path,
        rows: Mapping[str, pd.DataFrame],
        subject: str,
        dataset: str = "d",
        write: Mapping[str, Write] | None = None,
        schema: Path | None = None,
        purpose: str | None = "HMB",
    ) -> None:
        self.folder, self.path, self.dataset = folder, folder / "region", dataset
        done("init", "--region", self.path)
        self.said: dict[str, str] = {}
        for name, frame in rows.items():
            done("node", "add", name, "--region", self.path)
            file, consents = folder / f"{name}.csv", folder / f"{name}-consents.csv"
            (write or {}).get(name, as_csv)(frame, file)
            who = pd.DataFrame({"subject": frame[subject].astype(str).unique(), "purpose": purpose})
            who.to_csv(consents, index=False)
            words = ["dataset", "add", dataset, "--node", name, "--from", file, "--subject", subject]
            words += ["--consent", consents if purpose else "none", "--region", self.path]
            words += ["--schema", schema] if schema else []
            self.said[name] = done(*words).out

    def waive(self, what: str) -> None:
        """Let it go out without reviewers."""
        done("review", "waive", what, "--reason", "another test is about reviewers", "--region", self.path)

    def write_study(self, name: str = "study", **request: Any) -> Path:
        path = self.folder / f"{name}.yaml"
        base = {"title": "a question", "asker": "acme", "purpose": "HMB", "dataset": self.dataset}
        path.write_text(yaml.safe_dump({**base, **request}, sort_keys=False, allow_unicode=True), encoding="utf-8")
        return path

    def outcome(self, **request: Any) -> dict[str, Any]:
        """Run a study; what it wrote."""
        out = self.folder / "out.json"
        huizhen("study", "run", self.write_study(**request), "--region", self.path, "--json", out)
        return dict(json.loads(out.read_text(encoding="utf-8")))

    def result(self, **request: Any) -> dict[str, Any]:
        """Run a study that has to be released; its result."""
        found = self.outcome(**request)
        assert found["status"] == "released", found["problem"]
        return dict(found["result"])


def chinese(text: str) -> bool:
    return any("\u4e00" <= c <= "\u9fff" for c in text)


def patients() -> pd.DataFrame:
    dice = np.random.default_rng(3)
    n = 240
    age, sex = dice.integers(30, 85, n), dice.choice(["f", "m"], n)
    until = dice.exponential(300 / np.exp(0.02 * (age - 57) + 0.4 * (sex == "m")))
    watched = dice.uniform(50, 900, n)
    return pd.DataFrame(
        {
            "patient": [f"P{i:03d}" for i in range(n)],
            "age": age,
            "sex": sex,
            "score": np.where(dice.random(n) < 0.1, np.nan, dice.normal(10, 2, n).round(1)),
            "seen": [str(day) for day in np.datetime64("2020-01-01") + dice.integers(0, 900, n)],
            "time": np.ceil(np.minimum(until, watched)).astype(int),
            "died": (until <= watched).astype(int),
        }
    )


def in_both(*words: str | Path, code: int = 0) -> tuple[str, str]:
    """What a command says in English and in Chinese."""
    said = [huizhen(*words, HUIZHEN_LANG=language) for language in ("en", "zh")]
    assert [ran.code for ran in said] == [code, code], said
    en, zh = (ran.out + ran.err for ran in said)
    assert chinese(zh) and not chinese(en.replace("会诊", ""))
    return en, zh
