"""A series of releases by command: records that wait or are given up, a process killed at the worst moment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from huizhen.adapters import series
from huizhen.adapters.series_check import broken
from huizhen.cli import app

CONFIG = """\
subject: who
wait: 2
release:
  quasi_identifiers: {age: {by: interval, widths: [10, 50]}}
  sensitive: {icd: {distinct: 2}}
  drop: [name]
  k: 5
  attacks: {run: false}
"""


def _day(folder: Path, number: int, people: range) -> Path:
    lines = [f"w{i},n{i},{i % 60},{'ABC'[i % 3]}" for i in people]
    place = folder / f"day{number}.csv"
    place.write_text("who,name,age,icd\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return place


def _said(*words: object) -> tuple[int, object]:
    answer = CliRunner().invoke(app, [*map(str, words), "--json"])
    text = answer.stdout or answer.output
    return answer.exit_code, json.loads(text) if text.strip().startswith(("{", "[")) else answer.output


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "series.yaml").write_text(CONFIG, encoding="utf-8")
    assert _said("series", "start", tmp_path / "s", "--config", tmp_path / "series.yaml")[0] == 0
    return tmp_path / "s"


def test_records_wait_join_or_are_given_up_and_are_all_accounted_for(folder: Path, tmp_path: Path) -> None:
    told = []
    for number, people in enumerate([range(3), range(40, 100), range(90, 110), range(200, 202), range(300, 301),
                                     range(400, 401), range(200, 230)], 1):  # fmt: skip
        code, day = _said("series", "add", folder, _day(tmp_path, number, people))
        assert code == 0, day
        assert isinstance(day, dict)
        told.append((day["again"], day["released"], day["waiting"], day["given_up"], day["held"] != ""))
    assert told == [
        (0, 0, 3, 0, True),
        (0, 63, 0, 0, False),
        (10, 10, 0, 0, False),
        (0, 0, 2, 0, True),
        (0, 0, 3, 0, True),
        (0, 0, 2, 2, True),
        (0, 32, 0, 0, False),
    ], "the two who were given up came again, and were new"
    assert _said("series", "check", folder) == (0, {"holds": True, "releases": 3, "people": 105})
    assert "day-taken" in str(_said("series", "add", folder, tmp_path / "day2.csv")[1])
    assert len(json.loads(CliRunner().invoke(app, ["series", "show", str(folder), "--json"]).stdout)) == 7


KILLED = """
import os, sys
from pathlib import Path
from huizhen.adapters import series
with series.opened(Path(sys.argv[1])) as shelf:
    shelf.add(Path(sys.argv[2]), lambda s, n: None, crash=lambda at: os._exit(9) if at == sys.argv[3] else None)
"""


@pytest.mark.parametrize("at", ["written", "decided"])
def test_a_kill_loses_no_record_and_releases_none_twice(folder: Path, tmp_path: Path, at: str) -> None:
    day = _day(tmp_path, 1, range(50))
    killed = subprocess.run([sys.executable, "-c", KILLED, str(folder), str(day), at], env=os.environ, check=False)
    assert killed.returncode == 9
    there = folder / series.FOLDER
    assert [p.name for p in there.iterdir()] == [".0001.part.csv"], "nothing has its name yet"
    with series.opened(folder) as shelf:
        assert broken(shelf) == []
        if at == "written":
            assert list(there.iterdir()) == [] and shelf.days() == []
            shelf.add(day, lambda _s, _n: None)
        assert [d.released for d in shelf.days()] == [50]
        assert [p.name for p in there.iterdir()] == ["0001.csv"]
        assert broken(shelf) == []
        again = shelf.add(_day(tmp_path, 2, range(60)), lambda _s, _n: None)
        assert (again.again, again.released) == (50, 10)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("who,name,age\nw1,n,3\n", "series-columns-differ"),
        ("who,name,age,icd\n,n,3,A\n", "record-without-subject"),
    ],
)
def test_what_cannot_be_taken_changes_nothing(folder: Path, tmp_path: Path, text: str, code: str) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text(text, encoding="utf-8")
    answer = CliRunner().invoke(app, ["series", "add", str(folder), str(bad), "--json"])
    assert answer.exit_code != 0 and code in answer.output
    with series.opened(folder) as shelf:
        assert shelf.days() == [] and list((folder / series.FOLDER).iterdir()) == []


def test_a_series_is_not_begun_over_another_nor_with_the_subject_released(folder: Path, tmp_path: Path) -> None:
    for config, place, code in ((CONFIG, folder, "series-exists"),
                                (CONFIG.replace("[name]", "[name, who]"), tmp_path / "t", "bad-series")):  # fmt: skip
        (tmp_path / "c.yaml").write_text(config, encoding="utf-8")
        answer = CliRunner().invoke(app, ["series", "start", str(place), "--config", str(tmp_path / "c.yaml")])
        assert answer.exit_code != 0 and code in answer.output
    assert "no-series" in CliRunner().invoke(app, ["series", "show", str(tmp_path / "u")]).output
