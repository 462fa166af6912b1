"""Questions that try to see behind a mask: by another name, from another place, by condition, by order, by error."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from commands import done, huizhen, in_both

POLICY = """\
person: id
until: 2026-11-28
columns:
  id: {kind: code}
  name: {kind: name}
  phone: {kind: phone}
  seen: {kind: date}
  ward: {kind: keep}
  age: {kind: keep}
  hiv: {kind: keep}
roles:
  - role: nurse
    purposes: [TREAT]
    rows: ward = '3A'
    columns: {id: {how: clear}, name: {how: clear}, phone: {how: part, first: 3, last: 4}, ward: {how: clear},
              age: {how: clear}, seen: {how: clear}}
  - role: researcher
    purposes: [HMB, GRU]
    columns: {seen: {how: month}, age: {how: range, width: 10}, hiv: {how: clear}, ward: {how: prefix, first: 1}}
  - role: tester
    purposes: [TEST]
    columns: {id: {how: masked}, name: {how: masked}, phone: {how: masked}, seen: {how: masked}, ward: {how: clear},
              age: {how: hidden}}
"""
TESTER = ("tester", "TEST")
RESEARCHER = ("researcher", "HMB")
NURSE = ("nurse", "TREAT")


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pd.DataFrame]:
    folder, chance = tmp_path_factory.mktemp("views"), np.random.default_rng(2)
    rows = 400  # numbers so long that the mask of one is not the number of another by chance
    surnames, given = list("王李张刘陈杨黄赵"), list("伟芳娜敏静丽强磊军洋")
    frame = pd.DataFrame(
        {
            "id": [f"{7_000_000_000_000_000 + i}" for i in range(rows)],
            "name": sorted(chance.choice(surnames, rows) + chance.choice(given, rows).astype(object) + "秀"),
            "phone": [f"1390000{i:04d}" for i in range(rows)],
            "seen": [f"2026-0{1 + i % 9}-1{i % 10}" for i in range(rows)],
            "ward": chance.choice(["3A", "3B", "4C"], rows),
            "age": chance.integers(20, 90, rows).astype(str),
            "hiv": chance.choice(["+", "-"], rows, p=[0.1, 0.9]),
        }
    )
    frame.to_csv(folder / "patients.csv", index=False)
    done("mask", "key", folder / "mask.key")
    (folder / "mask.key").write_text(sha256(b"a key of this test").hexdigest() + "\n", encoding="ascii")
    (folder / "mask.yaml").write_text(POLICY, encoding="utf-8")
    return folder, frame


def words(table: Any, who: tuple[str, str], sql: str) -> list[Any]:
    folder = table[0]
    return ["mask", "query", folder / "patients.csv", sql, "--policy", folder / "mask.yaml", "--role", who[0],
            "--purpose", who[1]]  # fmt: skip


def asked(table: Any, who: tuple[str, str], sql: str) -> list[list[Any]]:
    found: list[list[Any]] = done(*words(table, who, sql), "--json").json()["rows"]
    return found


def refused(table: Any, who: tuple[str, str], sql: str, code: str) -> None:
    ran = huizhen(*words(table, who, sql), "--json")
    assert ran.json()["error"]["code"] == code, (sql, ran.out)
    assert not any(v in ran.out + ran.err for v in table[1].phone)


def test_one_table_is_seen_by_each_as_the_policy_says(table: Any) -> None:
    frame = table[1]
    nurse = asked(table, NURSE, "SELECT * FROM patients")
    assert len(nurse) == (frame.ward == "3A").sum() and {r[1] for r in nurse} <= set(frame.name)
    assert all(len(r) == 6 and r[2][:3] + r[2][6:10] == "139" + r[2][-4:] and "***" in r[2] for r in nurse)
    assert isinstance(nurse[0][5], int) and asked(table, NURSE, "SELECT count(*) FROM patients WHERE age > 200") == [
        [0]
    ]
    research = asked(table, RESEARCHER, "SELECT * FROM patients")
    assert len(research) == 400 and {len(r) for r in research} == {4} and {r[1] for r in research} == {"3", "4"}
    assert {r[0] for r in research} == {f"2026-0{m}" for m in range(1, 10)}
    assert {r[2] for r in research} == {f"{a}..{a + 9}" for a in range(20, 90, 10)}
    tester = asked(table, TESTER, "SELECT * FROM patients")
    assert len(tester[0]) == 5 and not {r[0] for r in tester} & set(frame.id)
    assert not {r[2] for r in tester} & set(frame.phone) and not {r[1] for r in tester} & set(frame.name)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT p.id AS harmless FROM patients p",
        "SELECT a.id FROM patients a JOIN patients b ON a.id = b.id",
        "SELECT x FROM (SELECT id AS x FROM patients) AS t",
        "WITH patients AS (SELECT id FROM patients) SELECT * FROM patients",
        "WITH t AS (SELECT id i FROM patients) SELECT i FROM t UNION SELECT id FROM patients",
        "SELECT (SELECT max(q.id) FROM patients q WHERE q.ward = p.ward) FROM patients p",
        "SELECT string_agg(id, ',') FROM patients",
        "SELECT to_json(patients) FROM patients",
        "SELECT COLUMNS('i.*') FROM patients",
        "SELECT first_value(id) OVER (ORDER BY phone) FROM patients",
        "SELECT unnest(list(id)) FROM patients",
        "FROM patients SELECT id",
    ],
)
def test_by_any_other_name_it_is_masked(table: Any, sql: str) -> None:
    said = huizhen(*words(table, TESTER, sql), "--json").out
    assert not any(value in said for value in [*table[1].id, *table[1].phone])


def test_a_condition_meets_the_mask_and_not_the_value(table: Any) -> None:
    frame = table[1]
    assert asked(table, TESTER, f"SELECT count(*) FROM patients WHERE phone = '{frame.phone[7]}'") == [[0]]
    assert asked(table, TESTER, f"SELECT count(*) FROM patients WHERE id IN ('{frame.id[0]}', '{frame.id[9]}')") == [
        [0]
    ]
    found = asked(table, TESTER, "SELECT count(*) FROM patients WHERE phone LIKE '1390000%'")
    assert found[0][0] < 5
    assert asked(table, NURSE, "SELECT count(*) FROM patients WHERE phone LIKE '1390000%'") == [[0]]
    assert asked(table, RESEARCHER, "SELECT count(*) FROM patients WHERE age = '34'") == [[0]]


def test_rows_a_role_does_not_see_are_not_counted_either(table: Any) -> None:
    assert asked(table, NURSE, "SELECT count(*) FROM patients WHERE ward <> '3A' OR 1 = 1") == [
        [int((table[1].ward == "3A").sum())]
    ]


def test_what_is_hidden_is_not_there(table: Any) -> None:
    for sql in (
        "SELECT age FROM patients",
        "SELECT ward FROM patients WHERE AGE > '80'",
        "SELECT ward FROM patients ORDER BY age",
        "SELECT ward FROM patients GROUP BY ward, age",
        "SELECT count(DISTINCT p.age) FROM patients p",
        "SELECT ward FROM patients QUALIFY row_number() OVER (PARTITION BY age) = 1",
    ):
        refused(table, TESTER, sql, "column-not-shown")
    refused(table, TESTER, "SELECT hiv FROM patients", "column-not-shown")
    refused(table, TESTER, 'SELECT "masked id" FROM patients', "question-not-understood")
    en, _ = in_both(*words(table, TESTER, "SELECT age FROM patients"), code=5)
    assert "Shown are: id, name, phone, seen, ward" in en


def test_order_says_nothing_of_what_is_masked(table: Any) -> None:
    """Neither the order in which rows come, nor that by a masked column; names in the file are sorted."""
    frame = table[1]
    place = {frame.phone[i]: i for i in range(len(frame))}
    unmask = {}
    for masked_, name in zip(_copied(table), frame.phone, strict=True):
        unmask[masked_] = place[name]
    for sql in ("SELECT phone FROM patients", "SELECT phone FROM patients ORDER BY phone", "SELECT phone FROM patients "
                "ORDER BY rowid", "SELECT phone FROM patients ORDER BY name"):  # fmt: skip
        order = [unmask[r[0]] for r in asked(table, TESTER, sql)]
        assert sorted(order) == list(range(400))
        assert abs(np.corrcoef(order, np.arange(400))[0, 1]) < 0.25, sql


def _copied(table: Any) -> list[str]:
    """What each phone is masked as, from the copy that its holder makes with the same key."""
    folder = table[0]
    if not (folder / "copy.csv").exists():
        done("mask", "copy", folder / "patients.csv", "--policy", folder / "mask.yaml", "--out", folder / "copy.csv")
    return list(pd.read_csv(folder / "copy.csv", dtype=str).phone)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('{file}')",
        "SELECT * FROM '{file}'",
        "SELECT * FROM raw",
        "SELECT * FROM given",
        'SELECT * FROM "the table"',
        "SELECT * FROM information_schema.tables",
        "SELECT * FROM duckdb_settings()",
        "SELECT * FROM query('SELECT 1')",
        "SELECT * FROM main.patients",
        "SELECT 1; SELECT * FROM patients",
        "COPY patients TO '{file}.out'",
        "ATTACH '{file}' AS x",
        "CREATE TABLE t AS SELECT * FROM patients",
        "PRAGMA table_info('patients')",
        "SET enable_external_access = true",
        "INSTALL httpfs",
        "DESCRIBE patients",
        "SELECT (",
        "",
    ],
)
def test_nothing_but_one_select_over_the_one_table(table: Any, sql: str) -> None:
    refused(table, TESTER, sql.format(file=table[0] / "patients.csv"), "no-single-select")


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT content FROM read_text('{file}')",
        "SELECT * FROM read_csv('{file}')",
        "SELECT * FROM '{file}'",
        "SELECT * FROM frame",
        "SET enable_external_access = true",
        "SET lock_configuration = false",
        "COPY t TO '{file}.out'",
        "ATTACH '{file}.db' AS x",
    ],
)
def test_behind_the_parser_the_engine_itself_reaches_nothing(table: Any, sql: str) -> None:
    """Should a question get past the parser, there is nothing to be had where it is asked."""
    import pyarrow as pa

    from huizhen.adapters.masked_view import answer
    from huizhen.kit.errors import BadInput

    frame = table[1]
    with pytest.raises(BadInput, match="cannot be answered"):
        answer(pa.table({"a": [len(frame)]}), "t", sql.format(file=table[0] / "patients.csv"))
    assert not list(table[0].glob("*.out")) and not list(table[0].glob("*.db"))


def test_an_error_says_no_value(table: Any) -> None:
    ran = huizhen(*words(table, NURSE, "SELECT CAST(name AS INTEGER) FROM patients"))
    assert ran.code == 2 and not any(n in ran.err for n in table[1].name)


def test_role_and_purpose_go_together(table: Any) -> None:
    for who in (("nurse", "HMB"), ("researcher", "TREAT"), ("doctor", "TREAT"), ("Nurse", "TREAT")):
        refused(table, who, "SELECT 1 FROM patients", "role-sees-nothing")


def test_a_column_that_nobody_thought_of_is_hidden_and_a_bad_condition_shows_nothing(table: Any) -> None:
    folder, frame = table
    frame.assign(secret="x").to_csv(folder / "more.csv", index=False)
    ran = huizhen("mask", "query", folder / "more.csv", "SELECT secret FROM more", "--policy", folder / "mask.yaml",
                  "--role", "nurse", "--purpose", "TREAT", "--json")  # fmt: skip
    assert ran.json()["error"]["code"] == "column-not-shown"
    for wrong in ("ward = ", "nothing = 1", "ward IN (SELECT ward FROM x)", "1); DROP TABLE x; --"):
        (folder / "wrong.yaml").write_text(POLICY.replace("ward = '3A'", wrong), encoding="utf-8")
        ran = huizhen("mask", "query", folder / "patients.csv", "SELECT 1 FROM patients", "--policy",
                      folder / "wrong.yaml", "--role", "nurse", "--purpose", "TREAT", "--json")  # fmt: skip
        assert ran.json()["error"]["code"] == "bad-rows-condition", wrong


def test_known_plaintexts_do_not_open_other_masks(table: Any) -> None:
    """Who knows a hundred numbers and their masks guesses no other: digits of mask and number are independent."""
    masked, phones = _copied(table), list(table[1].phone)
    differences = {(int(m) - int(p)) % 10**8 for m, p in zip(masked, phones, strict=True)}
    assert len(differences) > 396
    same = sum(a == b for m, p in zip(masked, phones, strict=True) for a, b in zip(m[3:], p[3:], strict=True))
    assert abs(same / 3200 - 0.1) < 0.03
