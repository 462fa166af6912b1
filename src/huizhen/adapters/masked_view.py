"""A table as a role sees it for a purpose: what it may not see is not there, however the question is put.

The masked table is made first and lies alone in an engine that reads nothing else; the question is asked of that.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import sqlglot
from sqlglot import exp

from huizhen.adapters.masked_copy import masked_table
from huizhen.adapters.own_file import as_text, read_table
from huizhen.intake import values as v
from huizhen.kit.errors import BadInput, Refused
from huizhen.kit.text import Text
from huizhen.model.masking import Masking, Role, Shown

_TYPES = (("BIGINT", v.WHOLE), ("DOUBLE", v.NUMBER), ("DATE", r"^\d{4}-\d{2}-\d{2}$"))


def ask(path: Path, policy: Masking, beside: Path, who: tuple[str, str], sql: str) -> pa.Table:
    """The answer to one SELECT over the table, called as the file is without its ending, for a role and a purpose.

    Raises NotFound, BadInput for what is no single SELECT over that table, and Refused where role and purpose see
    nothing or not the columns asked for.
    """
    role = _role(policy, *who)
    table = read_table(path)[0]
    seen = {n: role.columns[n] for n in table.column_names if n in role.columns and role.columns[n].how != "hidden"}
    _check_question(sql, path.stem, table.column_names, seen)
    return answer(shown(table, policy, beside, role, seen), path.stem, sql)


def shown(table: pa.Table, policy: Masking, beside: Path, role: Role, seen: dict[str, Shown]) -> pa.Table:
    """The columns a role sees, as it sees them, of the rows it sees, in an order that says nothing."""
    needed = [n for n, how in seen.items() if how.how == "masked"]
    masked = _masked(table, policy, beside, needed)
    raw = pa.table({n: pa.DictionaryArray.from_arrays(*as_text(table[n])).cast(pa.string())
                    if pa.types.is_dictionary(table[n].type) else table[n] for n in table.column_names})  # fmt: skip
    for name in needed:
        raw = raw.append_column(f"masked {name}", masked[name].cast(pa.string()))
    parts = [f"{_shown(n, how, table[n])} AS {_quoted(n)}" for n, how in seen.items()]
    where = f" WHERE {_condition(role.rows)}" if role.rows else ""
    with duckdb.connect() as connection:
        connection.register("the table", raw)
        _close(connection)
        try:
            return connection.sql(
                f'SELECT {", ".join(parts)} FROM "the table"{where} ORDER BY random()'
            ).to_arrow_table()
        except duckdb.Error:
            raise BadInput(
                "bad-rows-condition",
                Text(f"The condition on rows of role '{role.role}' does not fit the table.",
                     f"角色“{role.role}”的行条件与表不符。"),
                Text("Correct `rows` in the policy.", "请更正策略中的 rows。"),
            ) from None  # fmt: skip


def answer(table: pa.Table, name: str, sql: str) -> pa.Table:
    """The question, asked where there is nothing but that table."""
    with duckdb.connect() as connection:
        connection.register("given", table)
        connection.execute(f"CREATE TABLE {_quoted(name)} AS SELECT * FROM given")
        connection.unregister("given")
        _close(connection)
        try:
            found = connection.sql(sql)
            return found.to_arrow_table() if found is not None else pa.table({})
        except duckdb.Error:
            raise BadInput(
                "question-not-understood",
                Text("The question cannot be answered from the columns that are shown.",
                     "无法用所示的列回答该查询。"),
                Text(f"There are: {', '.join(table.column_names)}; each is compared as it is shown.",
                     f"可用的列：{'、'.join(table.column_names)}；比较均按显示值进行。"),
            ) from None  # fmt: skip


def _close(connection: duckdb.DuckDBPyConnection) -> None:
    """No file, no network, no extension and no variable of this program, and no way back."""
    connection.execute("SET python_enable_replacements = false")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def _role(policy: Masking, name: str, purpose: str) -> Role:
    found = [r for r in policy.roles if r.role == name and purpose in r.purposes]
    if len(found) == 1:
        return found[0]
    if found:
        raise BadInput(
            "role-said-twice",
            Text(f"The policy says twice what role '{name}' sees for {purpose}.",
                 f"策略中角色“{name}”用于 {purpose} 的规定出现两次。"),
            Text("Leave one.", "请只保留一处。"),
        )  # fmt: skip
    raise Refused(
        "role-sees-nothing",
        Text(f"Role '{name}' sees nothing for purpose {purpose}.", f"角色“{name}”不得为用途 {purpose} 查看任何内容。"),
        Text("Ask for another purpose, or add it to the policy.", "请换一个用途，或在策略中添加。"),
    )


def _check_question(sql: str, name: str, columns: Sequence[str], seen: dict[str, Shown]) -> None:
    """One SELECT over the one table and what it makes of it; nothing that is hidden is named."""
    try:
        found = sqlglot.parse(sql, read="duckdb")
    except (sqlglot.errors.SqlglotError, RecursionError):
        raise _no_question(Text("it cannot be read", "无法解析")) from None
    if len(found) != 1 or not isinstance(found[0], exp.Query) or found[0].find(exp.Into, exp.DDL, exp.Command):
        raise _no_question(Text("it is not one SELECT", "不是一条 SELECT"))
    own = {cte.alias_or_name.lower() for cte in found[0].find_all(exp.CTE)}
    for table in found[0].find_all(exp.Table):
        known = isinstance(table.this, exp.Identifier) and not table.args.get("db")
        if not known or table.name.lower() not in {name.lower(), *own}:
            raise _no_question(Text(f"there is no table but {name}", f"除 {name} 外没有其他表"))
    hidden = {c.lower(): c for c in columns if c not in seen}
    for part in found[0].find_all(exp.Column):
        if part.name.lower() in hidden:
            raise Refused(
                "column-not-shown",
                Text(f"Column '{hidden[part.name.lower()]}' is not shown to this role for this purpose.",
                     f"列“{hidden[part.name.lower()]}”不对该角色和用途显示。"),
                Text(f"Shown are: {', '.join(seen)}.", f"可见的列：{'、'.join(seen)}。"),
            )  # fmt: skip


def _no_question(why: Text) -> BadInput:
    return BadInput(
        "no-single-select",
        Text(f"The question cannot be asked: {why.en}.", f"无法执行该查询：{why.zh}。"),
        Text("Ask one SELECT over the one table, called as its file without the ending.",
             "请只用一条 SELECT 查询该表，表名为文件名（不含扩展名）。"),
    )  # fmt: skip


def _masked(table: pa.Table, policy: Masking, beside: Path, needed: list[str]) -> pa.Table:
    """What a copy has in these columns; what they depend on is masked with them."""
    if not needed:
        return pa.table({})
    more = [policy.person, *(policy.columns[n].of for n in needed if n in policy.columns)]
    names = list(dict.fromkeys([*needed, *(n for n in more if n is not None and n in table.column_names)]))
    return masked_table(table.select(names), policy, beside)[0]


def _shown(name: str, how: Shown, column: pa.ChunkedArray) -> str:
    """SQL for one column as it appears."""
    raw = _quoted(name)
    text = f"CAST({raw} AS VARCHAR)"
    if how.how == "masked":
        return _quoted(f"masked {name}")
    if how.how == "part":
        longer = f"length({text}) > {how.first + how.last}"
        part = f"left({text}, {how.first}) || '***' || right({text}, {how.last})"
        return f"CASE WHEN {text} IS NULL OR {text} = '' THEN {text} WHEN {longer} THEN {part} ELSE '***' END"
    if how.how in ("year", "month"):
        return _day(text, how.how)
    if how.how == "prefix":
        return f"left({text}, {how.first})"
    if how.how == "range":
        low = f"CAST(floor(TRY_CAST({text} AS DOUBLE) / {how.width}) * {how.width} AS BIGINT)"
        return f"{low} || '..' || ({low} + {how.width - 1})"
    kind = _type(column)
    return f"TRY_CAST(nullif({raw}, '') AS {kind})" if kind else raw


def _day(text: str, how: str) -> str:
    if how == "year":
        return f"nullif(regexp_extract({text}, '^\\d{{4}}'), '')"
    pattern = "'^(\\d{4})[-/.年]?(\\d{1,2})'"
    month = f"regexp_extract({text}, {pattern}, 2)"
    return f"CASE WHEN {month} <> '' THEN regexp_extract({text}, {pattern}, 1) || '-' || lpad({month}, 2, '0') END"


def _type(column: pa.ChunkedArray) -> str | None:
    """What all values of a column of text are: whole numbers, numbers or days."""
    if not pa.types.is_dictionary(column.type):
        return None
    values = as_text(column)[1]
    there = values.filter(pc.not_equal(values, ""))
    for kind, form in _TYPES:
        if len(there) and pc.all(pc.match_substring_regex(there, form)).as_py():
            return kind
    return None


def _condition(rows: str) -> str:
    try:
        found = sqlglot.parse_one(rows, read="duckdb")
    except (sqlglot.errors.SqlglotError, RecursionError):
        found = exp.Select()
    if isinstance(found, exp.Query) or found.find(exp.Query, exp.Table, exp.DDL, exp.Command, exp.Anonymous):
        raise BadInput(
            "bad-rows-condition",
            Text("A condition on rows in the policy cannot be read.", "策略中的行条件无法解析。"),
            Text("Correct `rows` in the policy: a condition over columns, such as ward = '3A'.",
                 "请更正策略中的 rows：须为列上的条件，例如 ward = '3A'。"),
        )  # fmt: skip
    return f"({found.sql('duckdb')})"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
