"""What a node reads: the rows of those who consent and of nobody else, whatever set of people that is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from huizhen.adapters import rows as reading
from huizhen.adapters.allowed import MOST_RANGES, Seen, ranges, words
from huizhen.adapters.engine import Engine
from huizhen.adapters.rows import Rows, Selection
from huizhen.model.dataset import Column, Schema

SCHEMA = Schema(columns=(Column(name="block", type="integer"), Column(name="bits", type="number")))
"""Names that the filter uses, too."""
EVERYONE = Selection(dataset="d", schema=SCHEMA, cohort_sql=None, columns=("block", "bits"), complete=True)
MOST = 300


def write(path: Path, subjects: list[int]) -> None:
    """A row for each subject: block is its number, bits has no value in every fifth row."""
    place = np.arange(len(subjects))
    table = pa.table({
        "__subject": pa.array(subjects, pa.uint32()),
        "block": pa.array(subjects, pa.int64()),
        "bits": pa.array(np.where(place % 5 == 4, np.nan, place), from_pandas=True),
    })  # fmt: skip
    with duckdb.connect(str(path)) as connection:
        connection.register("arriving", table)
        connection.execute('CREATE OR REPLACE TABLE "data/d" AS SELECT * FROM arriving')


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Rows, list[int]]]:
    path = tmp_path_factory.mktemp("node") / "node.duckdb"
    subjects = [*range(MOST), *range(0, MOST, 3), *range(63, 130)]
    write(path, subjects)
    rows = Rows(path)
    yield rows, subjects
    rows.close()


def sets() -> st.SearchStrategy[BitMap]:
    """Any people; few, many, in long runs, at the borders of words, and some whom the table does not know."""
    edges = st.sampled_from([0, 1, 62, 63, 64, 65, 127, 128, MOST - 1, MOST, 2**31, 2**32 - 1])
    single = st.sets(st.integers(0, MOST + 70) | edges, max_size=40)
    run = st.tuples(st.integers(0, MOST), st.integers(0, MOST)).map(lambda x: set(range(min(x), max(x) + 1)))
    return st.tuples(single, run, run).map(lambda x: BitMap(x[0] | (x[1] - x[2])))


@given(people=sets())
def test_either_form_of_the_filter_is_the_set(people: BitMap):
    known = BitMap(p for p in people if p < 1 << 20)
    block, bits = words(known)
    spread = {64 * int(k) + i for k, w in zip(block, bits, strict=True) for i in range(64) if int(w) >> i & 1}
    assert spread == set(known)
    runs = ranges(people)
    if runs is None:
        assert len({p for p in people if p == 0 or p - 1 not in people}) > MOST_RANGES
    else:
        assert BitMap().union(*(BitMap(range(a, b + 1)) for a, b in runs)) == people


@settings(deadline=None)
@given(people=sets().map(lambda x: x & BitMap(range(1 << 20))))
def test_the_rows_read_are_those_of_the_people_allowed(node: tuple[Rows, list[int]], people: BitMap):
    rows, subjects = node
    held = [(s, i % 5 != 4) for i, s in enumerate(subjects) if s in people]
    used = Counter(s for s, whole in held if whole)
    found = rows.census(EVERYONE, people)
    assert set(found.cohort) == {s for s, _ in held}
    assert set(found.included) == set(used)
    assert (found.rows, found.missing) == (used.total(), len(held) - used.total())
    assert found.repeated == sum(1 for n in used.values() if n > 1)
    assert rows.count(EVERYONE, people, complete=False) == len(held)
    assert rows.count(EVERYONE, people, complete=True) == used.total()
    assert Counter(int(s) for batch in rows.batches(EVERYONE, people) for s in batch["block"]) == used


@given(batches=st.lists(st.lists(st.integers(0, 20), max_size=12), max_size=6))
def test_people_seen_are_counted_once_and_those_with_more_rows_told(batches: list[list[int]]):
    seen = Seen(20)
    for batch in batches:
        seen.see(np.array(batch, dtype=np.uint32))
    expected = Counter(p for batch in batches for p in batch)
    assert set(seen.people) == set(expected)
    assert seen.repeated == sum(1 for n in expected.values() if n > 1)


def test_a_set_is_laid_beside_the_table_once_and_anew_when_it_changes(
    node: tuple[Rows, list[int]], monkeypatch: pytest.MonkeyPatch
):
    laid = []
    monkeypatch.setattr(reading, "words", lambda people: laid.append(len(people)) or words(people))
    rows, _ = node
    odd = BitMap(range(1, MOST, 2))
    rows.close()
    for _ in range(3):
        rows.census(EVERYONE, odd)
        rows.count(EVERYONE, BitMap(range(MOST)), complete=False)
    assert laid == [len(odd)]
    odd.discard(7)
    assert rows.count(EVERYONE, odd, complete=False) == sum(1 for s in node[1] if s in odd)
    assert laid == [len(odd) + 1, len(odd)]


def test_where_a_set_could_not_be_laid_no_earlier_one_stands_in_for_it(
    node: tuple[Rows, list[int]], monkeypatch: pytest.MonkeyPatch
):
    rows, subjects = node
    many, fewer = BitMap(range(0, MOST, 2)), BitMap(range(0, MOST, 4))
    rows.count(EVERYONE, many, complete=False)

    def broken(_people: BitMap) -> None:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(reading, "words", broken)
        for _ in range(2):
            with pytest.raises(MemoryError):
                rows.count(EVERYONE, fewer, complete=False)
    assert rows.count(EVERYONE, fewer, complete=False) == sum(1 for s in subjects if s in fewer)


def test_nodes_that_share_an_engine_each_see_their_own_rows(tmp_path: Path):
    paths = [tmp_path / name / "node.duckdb" for name in ("north", "south")]
    for path, subjects in zip(paths, ([0, 1, 2], [0, 5, 9, 11, 13, 15, 17]), strict=True):
        path.parent.mkdir()
        write(path, subjects)
    engine = Engine(paths)
    north, south = (Rows(path, engine) for path in paths)
    odd = BitMap(range(1, 20, 2))
    assert [r.count(EVERYONE, odd, complete=False) for r in (north, south)] == [1, 6]
    assert [len(r.census(EVERYONE, BitMap([0])).cohort) for r in (north, south)] == [1, 1]
    with north.writing() as connection:
        connection.execute('DELETE FROM "data/d" WHERE __subject = 1')
    assert [r.count(EVERYONE, odd, complete=False) for r in (north, south)] == [0, 6]
    north.close()
    south.close()
    engine.close()


@pytest.fixture
def attached(tmp_path: Path) -> Iterator[tuple[duckdb.DuckDBPyConnection, Path]]:
    write(tmp_path / "node.duckdb", [0, 1])
    write(tmp_path / "other.duckdb", [2])
    (tmp_path / "identity.key").write_bytes(b"secret")
    engine = Engine([tmp_path / "node.duckdb"])
    connection = engine.attach(tmp_path / "node.duckdb")
    yield connection, tmp_path
    engine.detach(connection)
    engine.close()


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_text('{}/identity.key')",
        "SELECT * FROM read_blob('{}/*')",
        "ATTACH '{}/other.duckdb' AS other (READ_ONLY)",
        "COPY (SELECT * FROM \"data/d\") TO '{}/rows.csv'",
        "EXPORT DATABASE '{}/export'",
        'INSERT INTO "data/d" SELECT * FROM "data/d"',
        'DROP TABLE "data/d"',
        "SET enable_external_access = true",
        "SET allowed_directories = ['{}']",
        "SET temp_directory = '{}'",
        "SET lock_configuration = false",
        "INSTALL httpfs",
        "LOAD httpfs",
    ],
)
def test_nothing_in_sql_leads_out_of_the_nodes_file(sql: str, attached: tuple[duckdb.DuckDBPyConnection, Path]):
    connection, folder = attached
    before = sorted(folder.iterdir())
    with pytest.raises(duckdb.Error):
        connection.execute(sql.format(folder)).fetchall()
    assert sorted(folder.iterdir()) == before
    assert connection.execute('SELECT count(*) FROM "data/d"').fetchall() == [(2,)]


def test_a_file_that_the_engine_does_not_cover_is_opened_in_one_of_its_own(tmp_path: Path):
    engine = Engine([tmp_path / "other.duckdb"])
    write(tmp_path / "node.duckdb", [0, 1])
    rows = Rows(tmp_path / "node.duckdb", engine)
    assert rows.count(EVERYONE, BitMap([1]), complete=False) == 1
    rows.close()
    engine.close()
