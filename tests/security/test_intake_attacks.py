"""What somebody tries who gives records or views to a hospital's intake."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from commands import huizhen
from made_fhir import lines, patient, taken

SECRET = "110101197002281234"
ATTACKS = [
    "id') FROM (SELECT 1); COPY (SELECT 42) TO 'stolen.csv'; --", "read_text('/etc/passwd')", "(SELECT 1)", "id\" --",
    "name.where(family = '' OR 1=1 --')", "name.`a\"; DROP`",
]  # fmt: skip


@pytest.mark.parametrize("path", ATTACKS)
def test_a_view_reaches_nothing_but_the_resource(tmp_path: Path, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    taken(tmp_path / "into", lines(tmp_path / "p.ndjson", [patient("a")]))
    for name, at in (("a", path), (path, "id")):
        view = {"resource": "Patient", "select": [{"column": [{"name": name, "path": at}]}]}
        (tmp_path / "v.json").write_text(json.dumps(view))
        ran = huizhen("intake", "table", "into", "--view", "v.json", "--out", "t.csv")
        assert ran.code == 2, ran.out
        assert not (tmp_path / "t.csv").exists()
        assert not (tmp_path / "stolen.csv").exists()


def test_no_refused_value_is_in_a_message_and_the_records_are_their_owners_alone(tmp_path: Path) -> None:
    wrong = [
        patient("b", birthDate=SECRET), {"resourceType": SECRET, "id": "x"}, patient(f"{SECRET}/"),
        {"resourceType": "Bundle", "id": SECRET},
    ]  # fmt: skip
    path = lines(tmp_path / "p.ndjson", wrong)
    path.write_bytes(path.read_bytes() + SECRET.encode())
    for words in (("fhir", path, "--into", tmp_path / "into"), ("show", tmp_path / "into")):
        for more in ((), ("--json",), ("--lang", "zh")):
            ran = huizhen("intake", *words, *more)
            assert ran.code == 0
            assert SECRET not in ran.out + ran.err
    assert taken(tmp_path / "into")["reasons"]
    holding = [p for p in tmp_path.rglob("*") if p.is_file() and p != path and SECRET.encode() in p.read_bytes()]
    assert holding
    assert all(stat.S_IMODE(p.stat().st_mode) & 0o077 == 0 for p in holding), holding


def test_a_value_of_a_resource_that_a_view_does_not_fit_is_in_no_message(tmp_path: Path) -> None:
    several = patient("a", name=[{"text": SECRET}, {"text": SECRET}])
    taken(tmp_path / "into", lines(tmp_path / "p.ndjson", [several]))
    view = {"resource": "Patient", "select": [{"column": [{"name": "c", "path": "name.text"}]}]}
    (tmp_path / "v.json").write_text(json.dumps(view))
    ran = huizhen("intake", "table", tmp_path / "into", "--view", tmp_path / "v.json", "--out", tmp_path / "t.csv")
    assert ran.code == 2
    assert "view-does-not-fit" in ran.err
    assert SECRET not in ran.out + ran.err
