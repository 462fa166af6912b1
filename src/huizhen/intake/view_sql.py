"""A view as one SELECT for DuckDB over resources as JSON: rows come from each resource by itself, in one expression."""

from __future__ import annotations

from collections.abc import Sequence

from huizhen.intake.fhirpath import Node
from huizhen.intake.path_sql import TOO_DEEP, Focus, Paths, quoted
from huizhen.intake.view import Select, View, ViewColumn

DEEPEST = 12
"""How far down `repeat` goes; a resource that goes deeper is an error, never cut."""
UNREAD = "unread "
"""Begins the names of columns that tell whether a value was there and could not be read as its type."""
_WHOLE = {"integer", "positiveInt", "unsignedInt", "integer64"}


def sql_type(column: ViewColumn) -> str:
    """Dates are text, since FHIR's may be a year or a month alone, unless the view asks for days."""
    if column.day:
        return "DATE"
    if column.type in _WHOLE:
        return "BIGINT"
    return {"boolean": "BOOLEAN", "decimal": "DOUBLE"}.get(column.type or "", "VARCHAR")


def compile_view(view: View, source: str) -> str:
    """SELECT the rows of a view. `source` is SQL of a table with one column `resource`, each one resource of the view's
    type as JSON. After the columns come `unread ...` booleans of those that are read as a type. Raises BadInput."""
    paths = Paths(view.constants)
    root = Focus(None)
    rows = _Rows(paths).rows(view.select, root)
    conditions = [paths.boolean(paths.render(node, root)) for node in view.where]
    wanted = ", ".join(quoted("$" if name == "$" else f"$.{name}") for name in paths.wanted) or "'$'"
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    taken = f"SELECT json_extract(resource, [{wanted}]) AS t FROM {source}"
    return f"SELECT unnest({rows}, max_depth := 2) FROM ({taken}){where}"


class _Rows:
    def __init__(self, paths: Paths) -> None:
        self._paths = paths

    def rows(self, select: Select, at: Focus) -> str:
        """A list of structs."""
        if select.repeat:
            return self._each(self._below(select.repeat, at, 0), select)
        if select.each is None:
            return self._product(select, at)
        found = self._paths.many(select.each, at)
        if select.or_null:
            name = self._paths.fresh()
            or_null = f"CASE WHEN len({name}) = 0 THEN [CAST(NULL AS JSON)] ELSE {name} END"
            found = f"list_transform([{found}], lambda {name}: {or_null})[1]"
        return self._each(found, select)

    def _each(self, found: str, select: Select) -> str:
        name, index = self._paths.fresh("e"), self._paths.fresh("i")
        inner = self._product(select, Focus(name, f"({index} - 1)"))
        return f"flatten(list_transform({found}, lambda {name}, {index}: {inner}))"

    def _product(self, select: Select, at: Focus) -> str:
        """Every row of every part beside every row of the others."""
        parts: list[tuple[str, Sequence[ViewColumn]]] = []
        if select.columns:
            parts.append((f"[{self._struct(select.columns, at)}]", select.columns))
        parts += [(self.rows(one, at), one.all_columns()) for one in select.selects]
        if select.unions:
            lists = [self.rows(one, at) for one in select.unions]
            parts.append(
                (f"list_concat({', '.join(lists)})" if len(lists) > 1 else lists[0], select.unions[0].all_columns())
            )
        if not parts:
            return "[{'none': 1}]"
        names = [self._paths.fresh("p") for _ in parts]
        fields = [
            f'{quoted(key)}: {name}."{key}"'
            for name, (_, columns) in zip(names, parts, strict=True)
            for column in columns
            for key in _keys(column)
        ]
        if len(parts) == 1:
            return parts[0][0]
        whole = f"{{{', '.join(fields)}}}"
        for i in range(len(parts) - 1, -1, -1):
            whole = f"list_transform({parts[i][0]}, lambda {names[i]}: {whole})"
            if i < len(parts) - 1:
                whole = f"flatten({whole})"
        return whole

    def _struct(self, columns: Sequence[ViewColumn], at: Focus) -> str:
        fields = []
        for column in columns:
            value, unread = self._value(column, at)
            fields.append(f"{quoted(column.name)}: {value}")
            if unread:
                fields.append(f"{quoted(UNREAD + column.name)}: {unread}")
        return f"{{{', '.join(fields)}}}"

    def _value(self, column: ViewColumn, at: Focus) -> tuple[str, str]:
        """The typed value, and where it may be unreadable a boolean that says so."""
        paths, kind = self._paths, sql_type(column)
        found = paths.render(column.path, at)
        if column.collection:
            name = paths.fresh()
            each = _cast(f"({name}->>'$')", kind)
            return f"list_transform({paths.many(column.path, at)}, lambda {name}: {each})", ""
        if kind == "BOOLEAN":
            return paths.boolean(found), ""
        text = paths.string(found)
        if kind == "VARCHAR":
            return text, ""
        if found.kind == "number":
            return f"CAST({found.sql} AS {kind})", "false"
        return _cast(text, kind), f"({text} IS NOT NULL AND {_cast(text, kind)} IS NULL)"

    def _below(self, repeat: Sequence[Node], at: Focus, depth: int) -> str:
        """What the paths lead to, and what they lead to from there, each before what is below it."""
        found = [self._paths.many(node, at) for node in repeat]
        here = f"list_concat({', '.join(found)})" if len(found) > 1 else found[0]
        name = self._paths.fresh()
        if depth == DEEPEST:
            return f"list_transform({here}, lambda {name}: CAST(error('{TOO_DEEP}') AS JSON))"
        below = self._below(repeat, Focus(name), depth + 1)
        return f"flatten(list_transform({here}, lambda {name}: list_concat([{name}], {below})))"


def _cast(text: str, kind: str) -> str:
    if kind == "DATE":
        whole = f"regexp_matches({text}, '^\\d{{4}}-\\d\\d-\\d\\d(T.*)?$')"
        return f"CASE WHEN {whole} THEN TRY_CAST(left({text}, 10) AS DATE) END"
    return text if kind == "VARCHAR" else f"TRY_CAST({text} AS {kind})"


def _keys(column: ViewColumn) -> list[str]:
    """Its name, and that of its mark where it has one: as `_value` decides."""
    marked = not column.collection and sql_type(column) not in ("BOOLEAN", "VARCHAR")
    return [column.name, UNREAD + column.name] if marked else [column.name]
