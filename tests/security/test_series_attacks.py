"""Someone who sees every release, knows when a person was there and what they are like, joins the releases: by what is
left of candidates and of sensitive values. And the folder, changed behind the back of the series."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

import huizhen
from huizhen.adapters import series
from huizhen.adapters.series_check import broken
from huizhen.model.series import Series

K, L, DAYS = 8, 3, 4
RELEASE = {
    "quasi_identifiers": {"age": {"by": "interval", "widths": [5, 10, 20]}, "sex": {"by": "flat"}},
    "sensitive": {"icd": {"distinct": L}},
    "k": K,
    "attacks": {"run": False},
}


def _days() -> list[pd.DataFrame]:
    """Most people come again, with the same diagnosis, as the chronically ill do."""
    chance = np.random.default_rng(4)
    people = pd.DataFrame(
        {
            "who": [f"P{i}" for i in range(900)],
            "age": chance.integers(0, 90, 900),
            "sex": chance.choice(["f", "m"], 900),
            "icd": [f"C{int(x)}" for x in chance.gamma(1.5, 6, 900)],
        }
    )
    return [people.sample(400, random_state=day) for day in range(DAYS)]


def _covers(label: str, value: object) -> bool:
    if ".." in label:
        low, high = map(int, label.split(".."))
        return low <= int(str(value)) <= high
    return label in ("*", str(value))


def _narrowed(
    releases: Sequence[pd.DataFrame], there: Sequence[set[str]], people: pd.DataFrame
) -> tuple[list[int], list[int]]:
    """For each person: the fewest rows that may be theirs in a release they are in, and how many sensitive values are
    common to all of these."""
    rows, values = [], []
    for person in people.itertuples():
        common: set[str] | None = None
        fewest = 10**9
        for release, present in zip(releases, there, strict=True):
            if person.who not in present:
                continue
            mine = release[[_covers(a, person.age) and _covers(s, person.sex)
                            for a, s in zip(release["age"], release["sex"], strict=True)]]  # fmt: skip
            fewest = min(fewest, len(mine))
            common = set(mine["icd"]) if common is None else common & set(mine["icd"])
        if common is not None:
            assert person.icd in common, "the attacker never rules the truth out"
            rows.append(fewest)
            values.append(len(common))
    return rows, values


def _released(folder: Path) -> tuple[list[pd.DataFrame], list[set[str]]]:
    """Every release; and, more than any attacker knows, who is in which."""
    with series.opened(folder) as shelf:
        assert broken(shelf) == []
        key = shelf.setting["key"]
        who = dict(shelf.state.execute("SELECT who, release FROM person").fetchall())
        names = duckdb.sql(f"SELECT 'P' || i AS name, substr(sha256('{key}P' || i), 1, 32) AS who FROM range(900) t(i)")
        of = {name: who.get(hashed, 0) for name, hashed in names.fetchall()}
        count = max(of.values())
        releases = [pd.read_csv(folder / series.FOLDER / f"{n:04}.csv", dtype=str) for n in range(1, count + 1)]
    return releases, [{p for p, r in of.items() if r == n} for n in range(1, count + 1)]


def test_joined_releases_never_narrow_anyone_down_where_anonymising_anew_each_day_does(tmp_path: Path) -> None:
    days = _days()
    everyone = pd.concat(days).drop_duplicates("who")
    naive = [huizhen.anonymize(d.drop(columns="who"), config=RELEASE).table.astype(str) for d in days]
    rows, values = _narrowed(naive, [set(d["who"]) for d in days], everyone)
    assert min(rows) >= K, "each release for itself holds"
    assert sum(v < L for v in values) > 5, "but joined, they give people away"

    folder = tmp_path / "series"
    series.start(folder, Series.read({"subject": "who", "release": RELEASE}), tmp_path)
    for i, day in enumerate(days):
        day.to_csv(tmp_path / f"{i}.csv", index=False)
        with series.opened(folder) as shelf:
            taken = shelf.add(tmp_path / f"{i}.csv", lambda _s, _n: None)
        assert taken.received == len(day) and (taken.again > 0) == (i > 0)
    releases, there = _released(folder)
    assert len(releases) == DAYS
    rows, values = _narrowed(releases, there, everyone)
    assert len(rows) == len(everyone) and min(rows) >= K and min(values) >= L


@pytest.fixture
def small(tmp_path: Path) -> Path:
    folder = tmp_path / "series"
    series.start(folder, Series.read({"subject": "who", "release": RELEASE}), tmp_path)
    for i, day in enumerate(_days()[:2]):
        day.to_csv(tmp_path / f"{i}.csv", index=False)
        with series.opened(folder) as shelf:
            shelf.add(tmp_path / f"{i}.csv", lambda _s, _n: None)
            assert broken(shelf) == []
    return folder


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("UPDATE person SET who = (SELECT min(who) FROM person) WHERE who = (SELECT max(who) FROM person)", "twice"),
        ("DELETE FROM person WHERE who = (SELECT max(who) FROM person)", "lost"),
        ("UPDATE day SET received = received + 1 WHERE number = 1", "lost"),
    ],
)
def test_the_check_sees_what_the_engine_would_have_done_wrong(small: Path, change: str, told: str) -> None:
    with series.opened(small) as shelf:
        shelf.state.execute(change)
        assert any(told in b.en for b in broken(shelf))


@pytest.mark.parametrize("undone", [{"k": 60}, {"sensitive": {"icd": {"distinct": 15}}}])
def test_the_check_looks_at_the_classes_themselves(small: Path, undone: dict[str, object]) -> None:
    with series.opened(small) as shelf:
        shelf.asked = Series.read({"subject": "who", "release": {**RELEASE, **undone}})
        assert [b.en for b in broken(shelf)] and all("class" in b.en for b in broken(shelf))


def test_a_release_that_was_changed_is_noticed(small: Path) -> None:
    place = small / series.FOLDER / "0001.csv"
    place.write_bytes(place.read_bytes().replace(b"C1", b"C2", 1))
    with series.opened(small) as shelf:
        assert any("0001.csv" in b.en for b in broken(shelf))


def test_no_number_of_a_person_is_kept(small: Path) -> None:
    kept = (small / series.STATE).read_bytes() + b"".join(p.read_bytes() for p in (small / series.FOLDER).iterdir())
    assert not any(f"P{i}".encode() in kept for i in range(100, 900))
    assert small.stat().st_mode & 0o077 == 0
