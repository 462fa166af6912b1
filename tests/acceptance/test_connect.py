"""Asked from Python, the hub answers as it does by commands: here, and over TLS; figures are those of pooled rows."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pandas as pd
import pytest
from statsmodels.api import PHReg

import huizhen
from commands import COX, NAMES, Region, done, patients
from federations import free_port
from huizhen.client.session import Session
from huizhen.kit.errors import BadInput, NotFound, Refused
from programs import Program

FORMULA = COX["params"]


@pytest.fixture(scope="module")
def hub(asked: tuple[Region, dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> Session:
    there = tmp_path_factory.mktemp("connect") / "region"
    shutil.copytree(asked[0].path, there)
    return huizhen.connect(there, asker="acme")


def test_what_there_is_is_a_table(hub: Session) -> None:
    row = hub.datasets().loc["lung"]
    assert (row["hospitals"], row["rows"], row["people"]) == (4, len(patients()), patients()["patient"].nunique())
    columns = hub.columns("lung")
    assert columns.loc["sex", "levels"] == ["f", "m"] and columns.loc["patient", "identifier"]
    assert "formula" in hub.methods().loc["cox", "parameters"]
    with pytest.raises(NotFound, match="did you mean 'lung'"):
        hub.columns("lnug")


def test_a_model_has_the_figures_of_statsmodels_under_its_names(hub: Session) -> None:
    found = hub.study("lung", purpose="HMB").pay(12.5).cox(**FORMULA)
    rows = patients().assign(sex=patients()["sex"].astype("category"))
    fit = PHReg.from_formula(f"time ~ {FORMULA['formula']}", rows, status="died", ties="efron").fit()
    terms = list(fit.model.exog_names)  # patsy puts levels before numbers
    assert found.params[terms].to_numpy() == pytest.approx(fit.params, rel=1e-8)
    assert found.bse[terms].to_numpy() == pytest.approx(fit.bse, rel=1e-6)
    assert found.pvalues[terms].to_numpy() == pytest.approx(fit.pvalues, rel=1e-5)
    assert found.conf_int().loc[terms].to_numpy() == pytest.approx(fit.conf_int(), rel=1e-5)
    assert found["n"] == len(rows) and found.paid_fen == 1250
    text = str(found.summary())
    assert max(map(len, text.splitlines())) <= 86
    for word in ("No. Records:", str(len(rows)), f"{fit.params[0]:.4f}", "[0.025", "12.50"):
        assert word in text
    assert hub.answer(found.study).outcome == found.outcome
    assert found.study in hub.studies().index


def test_figures_stand_alone_and_the_report_is_framed(hub: Session, tmp_path: Path) -> None:
    found = hub.study("lung", purpose="HMB").cox(**FORMULA)
    written = found.plot().save(tmp_path / "cox.svg")
    assert len(written) == len(found.plot().figures) > 0
    for path in written:
        drawn = ElementTree.parse(path).getroot()  # noqa: S314
        assert drawn.tag == "{http://www.w3.org/2000/svg}svg"
        assert "--c0" in path.read_text() and "{%" not in path.read_text()
    with pytest.raises(BadInput, match="SVG"):
        found.plot().save(tmp_path / "cox.png")
    framed = found._repr_html_()
    assert framed.startswith("<iframe") and "<script" not in framed and 'srcdoc="&lt;!doctype html' in framed
    assert "<!doctype html>" in found.report(tmp_path / "r.html", "zh").read_text() and "{%" not in framed


def test_questions_narrow_and_leave_their_start_as_it_was(hub: Session) -> None:
    start = hub.study("lung", purpose="HMB")
    narrow = start.where("age >= 50").where("sex == 'm'")
    rows = patients()
    assert narrow.count()["n"] == len(rows[(rows["age"] >= 50) & (rows["sex"] == "m")])
    assert start.count()["n"] == len(rows)
    by = start.count(by="sex").table
    assert by["count"].to_dict() == rows["sex"].value_counts().to_dict()
    crossed = start.crosstab(row="sex", col="died").table
    assert crossed.to_numpy().tolist() == pd.crosstab(rows["sex"], rows["died"]).to_numpy().tolist()
    curve = start.kaplan_meier(duration="time", event="died", group="sex").tables["groups.curve"]
    assert set(curve["group"]) == {"f", "m"} and curve["survival"].between(0, 1).all()
    assert "cox" in dir(start) and "formula" in str(start.cox.__doc__)


def test_a_model_predicts_rows_in_memory(hub: Session) -> None:
    rows = patients()
    found = hub.study("lung", purpose="HMB").glm(formula="died ~ age + sex", family="binomial")
    said = found.predict(rows.drop(columns="died"))
    total = float(said["prediction"].sum())
    assert list(said.index) == list(rows.index) and total == pytest.approx(rows["died"].sum(), rel=1e-8)
    lacking = rows.assign(age=rows["age"].where(rows.index != 3))
    assert found.predict(lacking)["prediction"].isna().to_numpy().nonzero()[0].tolist() == [3]
    with pytest.raises(BadInput, match="age"):
        found.predict(rows.drop(columns="age"))
    with pytest.raises(NotFound, match="no coefficients"):
        _ = hub.study("lung", purpose="HMB").count().params


WRONG: list[tuple[Any, type[Exception], str]] = [
    (lambda q: q.cox(duraton="time"), BadInput, "did you mean 'duration'"),
    (lambda q: q.coxx(), AttributeError, "did you mean 'cox'"),
    (lambda q: q.where("agee > 3").count(), BadInput, "did you mean 'age'"),
    (lambda q: q.at("nrth").count(), BadInput, "did you mean 'north'"),
    (lambda q: q.protect(epsilon=-1).count(), BadInput, "greater than 0"),
    (lambda q: q.pay(0.001), BadInput, "to the fen"),
]


@pytest.mark.parametrize(("ask", "kind", "said"), WRONG)
def test_what_cannot_be_asked_is_said_with_what_was_meant(
    hub: Session, ask: Any, kind: type[Exception], said: str
) -> None:
    with pytest.raises(kind, match=said) as told:
        ask(hub.study("lung", purpose="HMB"))
    if kind is BadInput:
        assert told.value.__notes__, "a traceback has to say what to do"


def test_a_study_without_an_answer_raises_its_reason(hub: Session) -> None:
    denied = hub.study("lung", purpose="HMARKT")
    assert not denied.check("count")
    assert set(denied.check("count").reasons["verdict"]) >= {"deny"}
    with pytest.raises(Refused, match="EU06") as told:
        denied.count()
    assert told.value.code == "study-denied"
    with pytest.raises(huizhen.HuizhenError):
        hub.study("lung", purpose="HMB").where("age > 5000").count()
    with pytest.raises(BadInput, match="whose name"):
        huizhen.connect(hub_folder(hub)).study("lung", purpose="HMB")


def hub_folder(hub: Session) -> Path:
    with hub._reach() as at:
        return Path(at.region.folder)  # type: ignore[attr-defined]


def test_a_ledger_that_was_changed_is_named(copied: Path) -> None:
    whole = huizhen.connect(copied, asker="acme")
    assert whole.verify() > 10
    with sqlite3.connect(copied / "hub" / "hub.sqlite") as database:
        database.execute("UPDATE entry SET leaf = CAST(replace(CAST(leaf AS TEXT), 'acme', 'acne') AS BLOB)")
    with pytest.raises(huizhen.HuizhenError) as told:
        whole.verify()
    assert told.value.code in {"ledger-does-not-hold", "file-replaced", "entry-changed"}, told.value


@pytest.fixture(scope="module")
def served(
    asked: tuple[Region, dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Path]]:
    """The address of a hub of real programs, and an access file for acme."""
    folder = tmp_path_factory.mktemp("connect-served")
    shutil.copytree(asked[0].path, folder / "region")
    done(
        "hub", "token", "add", "acme", "--role", "asker", "--out", folder / "acme.access", "--region", folder / "region"
    )
    port = free_port()
    program = Program(folder / "log", "up", "--region", folder / "region", "--port", port)
    try:
        for name in NAMES:
            program.until(rf"{name}: process (\d+)", seconds=120)
        yield f"https://localhost:{port}", folder / "acme.access"
    finally:
        program.end()


def test_a_hub_elsewhere_is_asked_the_same_way(served: tuple[str, Path], hub: Session) -> None:
    url, access = served
    there = huizhen.connect(url, token=access)
    assert there.asker == "acme"
    far, near = (each.study("lung", purpose="HMB").cox(**FORMULA) for each in (there, hub))
    assert far.params.to_numpy() == pytest.approx(near.params.to_numpy(), rel=1e-12)
    assert there.verify() > 10
    with pytest.raises(Refused):
        there.study("lung", purpose="HMB", asker="somebody").count()
