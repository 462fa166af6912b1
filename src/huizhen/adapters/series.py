"""A series of releases: a folder at the data holder's that keeps who was released, and which records wait.

Each person is released once. Whoever sees all releases, joins them, and knows when a person was there, then still has
one class of one release to choose from, as if there had been no other (X. Xiao and Y. Tao, m-invariance, SIGMOD 2007:
what narrows candidates is that a person's classes differ from release to release).

A day is taken in one transaction with its release. The release is written before under a hidden name, and gets its own
after: whatever a crash leaves is finished or forgotten when the folder is opened again.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from huizhen.adapters.anonymise_release import Heard, Released, anonymised
from huizhen.adapters.own_file import read_table, write_table
from huizhen.adapters.release_check import Table, check_release
from huizhen.kit.errors import BadInput, Conflict, NotFound, Refused, Unable
from huizhen.kit.text import Text
from huizhen.model.series import Series

STATE, FOLDER = "series.duckdb", "releases"
_TABLES = """
CREATE TABLE setting (name VARCHAR, value VARCHAR);
CREATE TABLE person (who VARCHAR, release INTEGER);
CREATE TABLE release (number INTEGER, day INTEGER, file VARCHAR, sha256 VARCHAR, rows BIGINT);
CREATE TABLE day (number INTEGER, sha256 VARCHAR, received BIGINT, again BIGINT, released BIGINT, waiting BIGINT,
                  given_up BIGINT, release INTEGER, held VARCHAR);
"""


@dataclass(frozen=True)
class Day:
    """What became of one file: records `received`; those of persons who were released or wait, `again`, are left out;
    `released` in `release` (0: none); then `waiting`, and `given_up` after having waited long enough. `held`: the code
    of why nothing could be released, or ''."""

    number: int
    received: int
    again: int
    released: int
    waiting: int
    given_up: int
    release: int
    held: str

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def start(folder: Path, asked: Series, beside: Path) -> None:
    """A new series in a new or empty folder. Raises Conflict, BadInput."""
    _check(asked)
    if folder.exists() and any(folder.iterdir()):
        raise Conflict(
            "series-exists",
            Text(f"The folder {folder} is not empty.", f"文件夹 {folder} 非空。"),
            Text(
                "Name another folder; a series is never begun over another.", "请换一个文件夹；已有的系列不会被覆盖。"
            ),
        )
    (folder / FOLDER).mkdir(parents=True)
    folder.chmod(0o700)
    part = folder / f".{STATE}.part"
    with duckdb.connect(part) as state:
        state.execute(_TABLES)
        config = {"config": asked.canonical().decode(), "key": secrets.token_hex(32), "beside": str(beside.resolve())}
        state.executemany("INSERT INTO setting VALUES (?, ?)", list(config.items()))
    part.chmod(0o600)
    part.replace(folder / STATE)


def _check(asked: Series) -> None:
    said = [*asked.release.quasi_identifiers, *asked.release.sensitive, *asked.release.keep, *asked.release.drop]
    why = None
    if asked.subject in said:
        why = Text(f"column '{asked.subject}' is the subject and named under release, too",
                   f"列“{asked.subject}”是主体列，却又出现在 release 中")  # fmt: skip
    elif asked.release.population is not None:
        why = Text("a series is not released among a population", "系列发布不支持 population")
    if why is not None:
        raise BadInput(
            "bad-series",
            Text(f"The series cannot be begun: {why.en}.", f"无法开始该系列：{why.zh}。"),
            Text("Correct the configuration.", "请更正配置。"),
        )


@contextmanager
def opened(folder: Path) -> Iterator[Shelf]:
    """The series in a folder, with what a crash left of it put right. Raises NotFound, Conflict."""
    if not (folder / STATE).is_file():
        raise NotFound(
            "no-series",
            Text(f"There is no series in {folder}.", f"{folder} 中没有发布系列。"),
            Text("Begin one with `huizhen series start`.", "请用 `huizhen series start` 开始。"),
        )
    try:
        state = duckdb.connect(folder / STATE)
    except duckdb.IOException:
        raise Conflict(
            "series-busy",
            Text(f"The series in {folder} is open elsewhere.", f"{folder} 中的系列正在别处使用。"),
            Text("Wait until the other command has ended.", "请等待另一命令结束。"),
        ) from None
    try:
        shelf = Shelf(folder, state)
        shelf.settle()
        yield shelf
    finally:
        state.close()


class Shelf:
    """An open series."""

    def __init__(self, folder: Path, state: duckdb.DuckDBPyConnection) -> None:
        self.folder, self.state = folder, state
        self.setting: dict[str, str] = dict(state.execute("SELECT name, value FROM setting").fetchall())
        self.asked = Series.model_validate_json(self.setting["config"])

    def days(self) -> list[Day]:
        columns = ", ".join(Day.__dataclass_fields__)
        return [Day(*row) for row in self.state.execute(f"SELECT {columns} FROM day ORDER BY number").fetchall()]

    def settle(self) -> None:
        """After a crash: a release that was decided gets its name, one that was not is deleted. Raises Refused where
        one is gone or was changed before it had its name."""
        found = self.state.execute("SELECT file, sha256 FROM release").fetchall()
        for name, digest in found:
            place, part = self.folder / FOLDER / name, self._part(name)
            if place.exists():
                continue
            if not part.exists() or _hash(part) != digest:
                raise Refused(
                    "release-lost",
                    Text(f"The release {name} is not in its folder.", f"发布文件 {name} 不在其文件夹中。"),
                    Text("Put it back from where it was copied to; the series goes on from there.",
                         "请从其副本恢复，系列方可继续。"),
                )  # fmt: skip
            part.replace(place)
        for left in (self.folder / FOLDER).glob(".*.part.*"):
            left.unlink()

    def add(self, path: Path, heard: Heard, seed: int = 0, crash: Callable[[str], None] = lambda _: None) -> Day:
        """Take the records of one file, and release what can be: all of it or nothing. `crash` is told each point at
        which a test may kill. Raises NotFound, BadInput, Conflict for a file that was taken before, Refused."""
        table, _ = read_table(path)
        heard("read", len(table))
        digest = _hash(path)
        if self.state.execute("SELECT 1 FROM day WHERE sha256 = ?", [digest]).fetchall():
            raise Conflict(
                "day-taken",
                Text(
                    f"{path.name} was taken before; no record is taken twice.",
                    f"{path.name} 已收入，记录不会重复收入。",
                ),
                Text("Give the next file.", "请给出下一个文件。"),
            )
        self._check_columns(table)
        part: Path | None = None
        self.state.execute("BEGIN")
        try:
            day, part, place = self._taken(table, digest, path.suffix.lower(), heard, seed)
            crash("written")
            self.state.execute("COMMIT")
        except BaseException:
            self.state.execute("ROLLBACK")
            for left in (self.folder / FOLDER).glob(".*.part.*"):
                left.unlink()
            raise
        crash("decided")
        if part is not None:
            part.replace(place)
        return day

    def _taken(
        self, table: pa.Table, digest: str, suffix: str, heard: Heard, seed: int
    ) -> tuple[Day, Path | None, Path]:
        """All that happens inside the transaction."""
        (number,) = _one(self.state, "SELECT coalesce(max(number), 0) + 1 FROM day")
        (release,) = _one(self.state, "SELECT coalesce(max(number), 0) + 1 FROM release")
        again = self._pooled(table, number)
        pool = self.state.sql("SELECT * FROM pool").to_arrow_table()
        rows = pool.drop_columns(["who", "arrived"])
        name = f"{release:04}{suffix}"
        part, held, made = self._part(name), "", None
        try:
            made = self._released(rows, part, heard, seed)
        except Unable as error:
            held = error.code
        except Refused as error:
            if error.code != "attack-succeeds":
                raise
            held = error.code
        out = np.ones(len(pool), bool)
        if made is not None:
            out[made.found.row] = False
            place = pa.array(made.found.row)
            gone = pa.table({"who": pool["who"].take(place)})
            self.state.register("placed", gone)
            self.state.execute("INSERT INTO person SELECT who, ? FROM placed", [release])
            values = [release, number, name, _hash(part), len(gone)]
            self.state.execute("INSERT INTO release VALUES (?, ?, ?, ?, ?)", values)
            _synced(part)
        self.state.register("rest", pool.filter(pa.array(out)))
        (given_up,) = _one(self.state, f"SELECT count(*) FROM rest WHERE {number} - arrived >= {self.asked.wait}")
        self.state.execute(
            f"CREATE OR REPLACE TABLE waiting AS SELECT * FROM rest WHERE {number} - arrived < {self.asked.wait}"
        )
        (waiting,) = _one(self.state, "SELECT count(*) FROM waiting")
        released = 0 if made is None else len(made.found.row)
        day = Day(number, len(table), again, released, waiting, given_up, release if made else 0, held)
        values = [number, digest, *list(day.as_json().values())[1:]]
        self.state.execute(f"INSERT INTO day VALUES ({', '.join('?' * len(values))})", values)
        return day, part if made else None, self.folder / FOLDER / name

    def _pooled(self, table: pa.Table, number: int) -> int:
        """Table `pool` of those who may be released: who waits, and whoever is new, once. Gives how many records are
        left out."""
        subject = _quoted(self.asked.subject)
        text = pa.table([c.cast(pa.string()) for c in table.columns], names=table.column_names)
        self.state.register("given", text)
        (nobody,) = _one(self.state, f"SELECT count(*) FROM given WHERE coalesce({subject}, '') = ''")
        if nobody:
            raise BadInput(
                "record-without-subject",
                Text(f"{nobody:,} records do not say whose they are.", f"{nobody:,} 条记录未注明所属人员。"),
                Text(f"Fill in column '{self.asked.subject}', or take them out.",
                     f"请填写“{self.asked.subject}”列，或去掉这些记录。"),
            )  # fmt: skip
        key = self.setting["key"]
        names = ", ".join(_quoted(n) for n in table.column_names if n != self.asked.subject)
        self.state.execute(
            f"CREATE OR REPLACE TEMP TABLE incoming AS SELECT substr(sha256('{key}' || {subject}), 1, 32) AS who, "
            f"{number}::INTEGER AS arrived, {names} FROM given QUALIFY row_number() OVER (PARTITION BY who) = 1"
        )
        known = self.state.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = 'waiting'").fetchall()
        if not known:
            self.state.execute("CREATE TABLE waiting AS FROM incoming LIMIT 0")
        self.state.execute(
            "CREATE OR REPLACE TEMP TABLE pool AS SELECT * FROM waiting UNION ALL BY NAME "
            "SELECT * FROM incoming ANTI JOIN person USING (who) ANTI JOIN waiting USING (who)"
        )
        (fresh,) = _one(self.state, f"SELECT count(*) FROM pool WHERE arrived = {number}")
        return len(table) - int(fresh)

    def _released(self, rows: pa.Table, part: Path, heard: Heard, seed: int) -> Released:
        """Written under its hidden name, checked from what was written, and attacked."""
        asked, beside = self.asked.release, Path(self.setting["beside"])
        made = anonymised(rows, asked, beside, heard)
        write_table(made.table, part, ",")
        heard("check", len(made.table))
        secret = {n: s.hierarchy for n, s in made.coded.sensitive.items() if s.hierarchy is not None}
        original = part.with_name(f".pool.part{part.suffix}")
        if asked.suppress:
            write_table(rows, original, ",")
        check_release(Table(part, ","), Table(original, ","), asked, secret, len(made.found.row))
        if asked.attacks.run:
            from huizhen.adapters.anonymise_attacks import attacked, check_attacks

            attacks = attacked(rows, read_table(part)[0], made, asked, beside, heard, seed)
            check_attacks(attacks, rows, asked, beside, None, heard, seed)
        original.unlink(missing_ok=True)
        return made

    def _check_columns(self, table: pa.Table) -> None:
        asked = self.asked.release
        said = {self.asked.subject, *asked.quasi_identifiers, *asked.sensitive, *asked.keep, *asked.drop}
        if set(table.column_names) != said:
            raise BadInput(
                "series-columns-differ",
                Text("The columns of the file are not those of the series.", "文件的列与系列的列不符。"),
                Text(f"They have to be: {', '.join(sorted(said))}.", f"应为：{'、'.join(sorted(said))}。"),
            )

    def _part(self, name: str) -> Path:
        stem, _, suffix = name.rpartition(".")
        return self.folder / FOLDER / f".{stem}.part.{suffix}"


def _one(state: duckdb.DuckDBPyConnection, sql: str) -> tuple[Any, ...]:
    (found,) = state.execute(sql).fetchall()
    return tuple(found)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _synced(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
