"""FHIRPath as an SQL expression for DuckDB over one resource as JSON: no join and no state, so that it streams.

A collection is a list of JSON (`many`); what is known to be single is a string, a number or a boolean, or
NULL.
Every text of a view reaches the SQL as a quoted literal or as an element's name of letters and digits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal as Of
from typing import NamedTuple

from huizhen.intake.fhirpath import Both, Call, Constant, Index, Literal, Node, Step, This
from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text

Kind = Of["many", "string", "number", "boolean", "moment"]
NONE = "CAST([] AS JSON[])"
SEVERAL, NO_BOOLEAN, TOO_DEEP = "huizhen:several", "huizhen:no-boolean", "huizhen:too-deep"
"""What DuckDB is made to fail with; `adapters.fhir_view` says it in words."""
_COMPARE = ("=", "!=", "<", "<=", ">", ">=")


class Piece(NamedTuple):
    sql: str
    kind: Kind


class Focus(NamedTuple):
    """What a path begins from: an SQL name of a JSON value, or None for the resource; and the place in its list."""

    name: str | None
    place: str = "0"


def unsupported(what: str) -> BadInput:
    return BadInput(
        "unsupported-fhirpath",
        Text(f"'{what}' is not in the part of FHIRPath that views can use here.", f"视图不支持 FHIRPath 的“{what}”。"),
        Text("Use where, exists, empty, not, first, join, ofType, extension, getResourceKey, getReferenceKey.",
             "可用：where、exists、empty、not、first、join、ofType、extension、getResourceKey、getReferenceKey。"),
    )  # fmt: skip


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


class Paths:
    """Renders the paths of one view; `wanted` are the elements of the resource that they read, in order."""

    def __init__(self, constants: Mapping[str, Literal]) -> None:
        self._constants = constants
        self.wanted: list[str] = []
        self._names = 0

    def fresh(self, letter: str = "v") -> str:
        self._names += 1
        return f"{letter}{self._names}"

    def whole(self, path: str) -> str:
        """An element of the resource, or ('$') all of it: one of the list `t` that is extracted once per resource."""
        if path not in self.wanted:
            self.wanted.append(path)
        return f"t[{self.wanted.index(path) + 1}]"

    # What stands in a path

    def render(self, node: Node, at: Focus) -> Piece:  # noqa: PLR0911 - one per kind of node
        if isinstance(node, Literal):
            return _literal(node)
        if isinstance(node, Constant):
            return self._constant(node.name, at)
        if isinstance(node, This):
            return Piece(f"[{at.name or self.whole('$')}]", "many")
        if isinstance(node, Step):
            return self._step(node, at)
        if isinstance(node, Index):
            number = self.number(self.render(node.number, at))
            return Piece(
                f"list_slice({self.many(node.of, at)}, CAST({number} AS INT)+1, CAST({number} AS INT)+1)", "many"
            )
        if isinstance(node, Call):
            return self._call(node, at)
        return self._both(node, at)

    def many(self, node: Node, at: Focus) -> str:
        found = self.render(node, at)
        return found.sql if found.kind == "many" else self._listed(found.sql)

    def _listed(self, single: str) -> str:
        name = self.fresh()
        return f"list_filter([to_json({single})], lambda {name}: {name} IS NOT NULL)"

    def _constant(self, name: str, at: Focus) -> Piece:
        if name == "rowIndex":
            return Piece(at.place, "number")
        if name not in self._constants:
            raise unsupported(f"%{name}")
        return _literal(self._constants[name])

    def _step(self, node: Step, at: Focus) -> Piece:
        if isinstance(node.of, This) and at.name is None:
            return Piece(self._elements(self.whole(node.name), "$"), "many")
        if isinstance(node.of, This):
            return Piece(self._elements(str(at.name), f"$.{node.name}"), "many")
        of, name = self.render(node.of, at), self.fresh()
        if of.kind != "many":
            raise unsupported(f".{node.name}")
        return Piece(
            f"flatten(list_transform({of.sql}, lambda {name}: {self._elements(name, f'$.{node.name}')}))", "many"
        )

    def _elements(self, of: str, path: str) -> str:
        """What is at the path as a list, whether FHIR allows one or many; null in a list stands for nothing."""
        name = self.fresh()
        return (
            f"CASE coalesce(json_type({of}, '{path}'), 'NULL') WHEN 'NULL' THEN {NONE} WHEN 'ARRAY' THEN "
            f"list_filter(json_extract({of}, '{path}[*]'), lambda {name}: json_type({name}) <> 'NULL') "
            f"ELSE [json_extract({of}, '{path}')] END"
        )

    def _call(self, node: Call, at: Focus) -> Piece:
        known: dict[str, tuple[tuple[int, ...], Callable[[Call, Focus], Piece]]] = {
            "where": ((1,), self._where), "exists": ((0, 1), self._exists), "empty": ((0,), self._empty),
            "not": ((0,), self._not), "first": ((0,), self._first), "join": ((0, 1), self._join),
            "ofType": ((1,), self._of_type), "extension": ((1,), self._extension),
            "getResourceKey": ((0,), self._resource_key), "getReferenceKey": ((0, 1), self._reference_key),
        }  # fmt: skip
        counts, render = known.get(node.name, ((), self._where))
        if len(node.arguments) not in counts:
            raise unsupported(f"{node.name}()")
        return render(node, at)

    def _where(self, node: Call, at: Focus) -> Piece:
        name = self.fresh()
        condition = self.boolean(self.render(node.arguments[0], Focus(name, at.place)))
        return Piece(f"list_filter({self.many(node.of, at)}, lambda {name}: coalesce({condition}, false))", "many")

    def _exists(self, node: Call, at: Focus) -> Piece:
        return Piece(
            f"(len({(self._where(node, at).sql if node.arguments else self.many(node.of, at))}) > 0)", "boolean"
        )

    def _empty(self, node: Call, at: Focus) -> Piece:
        return Piece(f"(len({self.many(node.of, at)}) = 0)", "boolean")

    def _not(self, node: Call, at: Focus) -> Piece:
        return Piece(f"(NOT {self.boolean(self.render(node.of, at))})", "boolean")

    def _first(self, node: Call, at: Focus) -> Piece:
        return Piece(f"list_slice({self.many(node.of, at)}, 1, 1)", "many")

    def _join(self, node: Call, at: Focus) -> Piece:
        name = self.fresh()
        between = self.string(self.render(node.arguments[0], at)) if node.arguments else "''"
        texts = f"list_transform({self.many(node.of, at)}, lambda {name}: {name}->>'$')"
        return Piece(f"nullif(array_to_string({texts}, {between}), '')", "string")

    def _of_type(self, node: Call, at: Focus) -> Piece:
        """Of a choice of types, the element that carries the type in its name."""
        kind = node.arguments[0]
        if not isinstance(kind, Step) or not isinstance(node.of, Step):
            raise unsupported("ofType()")
        return self._step(Step(node.of.of, node.of.name + kind.name[0].upper() + kind.name[1:]), at)

    def _extension(self, node: Call, at: Focus) -> Piece:
        return self._where(
            Call(Step(node.of, "extension"), "where", (Both("=", Step(This(), "url"), node.arguments[0]),)), at
        )

    def _resource_key(self, node: Call, at: Focus) -> Piece:
        if at.name is not None or not isinstance(node.of, This):
            raise unsupported("getResourceKey()")
        return Piece(f"({self.whole('id')}->>'$')", "string")

    def _reference_key(self, node: Call, at: Focus) -> Piece:
        """The last part of a reference, where it names no other type than the one asked for."""
        kind = node.arguments[0] if node.arguments else None
        if kind is not None and not isinstance(kind, Step):
            raise unsupported("getReferenceKey()")
        name, text = self.fresh(), self.fresh()
        keys = f"list_transform({self.many(Step(node.of, 'reference'), at)}, lambda {name}: {name}->>'$')"
        named = f"regexp_extract({text}, '^(?:.*/)?([A-Z][A-Za-z]+)/[^/]+(?:/_history/[^/]+)?$', 1)"
        wrong = f" AND {named} NOT IN ('', {quoted(kind.name)})" if kind else ""
        key = f"regexp_extract({text}, '([^/:#]+)(?:/_history/[^/]+)?$', 1)"
        right = self.fresh()
        return Piece(
            f"list_filter(list_transform({keys}, lambda {text}: "
            f"CASE WHEN true{wrong} THEN NULL ELSE to_json({key}) END), "
            f"lambda {right}: {right} IS NOT NULL)" if kind else
            f"list_transform({keys}, lambda {text}: to_json({key}))", "many",
        )  # fmt: skip

    # Operators

    def _both(self, node: Both, at: Focus) -> Piece:
        left, right = self.render(node.left, at), self.render(node.right, at)
        if node.operator in ("and", "or"):
            return Piece(f"({self.boolean(left)} {node.operator.upper()} {self.boolean(right)})", "boolean")
        if node.operator == "xor":
            return Piece(f"({self.boolean(left)} <> {self.boolean(right)})", "boolean")
        if node.operator in _COMPARE:
            return Piece(self._compared(node.operator, left, right), "boolean")
        if node.operator == "+" and "string" in (left.kind, right.kind):
            return Piece(f"({self.string(left)} || {self.string(right)})", "string")
        below = self.number(right)
        below = f"nullif({below}, 0)" if node.operator == "/" else below
        return Piece(f"({self.number(left)} {node.operator} {below})", "number")

    def _compared(self, sign: str, left: Piece, right: Piece) -> str:
        sql = "<>" if sign == "!=" else sign
        kinds = {left.kind, right.kind}
        for kind, read in (
            ("moment", None),
            ("number", self.number),
            ("boolean", self.boolean),
            ("string", self.string),
        ):
            if kind in kinds and read is not None:
                return f"({read(left)} {sql} {read(right)})"
            if kind in kinds:
                break
        both, a, b = self.fresh(), self.string(left), self.string(right)
        one, two = f"{both}.a", f"{both}.b"
        numbers = ""
        if kinds == {"many"}:
            name = self.fresh()
            numeric = f"len(list_filter([{both}.a, {both}.b], lambda {name}: json_type({name}) IN {_NUMERIC})) = 2"
            a, b = self.one(left), self.one(right)
            one, two = f"({both}.a->>'$')", f"({both}.b->>'$')"
            numbers = f"WHEN {numeric} THEN TRY_CAST({one} AS DOUBLE) {sql} TRY_CAST({two} AS DOUBLE) "
        compared = f"CASE {numbers}{_moments(one, two, sql)} ELSE {one} {sql} {two} END"
        return f"list_transform([{{'a': {a}, 'b': {b}}}], lambda {both}: {compared})[1]"

    # Collections read as one value

    def one(self, piece: Piece) -> str:
        """The only element of a collection, as JSON; several are an error, as FHIRPath says."""
        name = self.fresh()
        only = f"CASE WHEN len({name}) > 1 THEN error('{SEVERAL}') ELSE {name}[1] END"
        return f"list_transform([{piece.sql}], lambda {name}: {only})[1]"

    def string(self, piece: Piece) -> str:
        if piece.kind == "many":
            return f"({self.one(piece)}->>'$')"
        return piece.sql if piece.kind in ("string", "moment") else f"CAST({piece.sql} AS VARCHAR)"

    def number(self, piece: Piece) -> str:
        if piece.kind == "many":
            return f"TRY_CAST({self.one(piece)}->>'$' AS DOUBLE)"
        return piece.sql if piece.kind == "number" else f"TRY_CAST({piece.sql} AS DOUBLE)"

    def boolean(self, piece: Piece) -> str:
        """Raises in the engine for a value that is neither true nor false."""
        if piece.kind == "boolean":
            return piece.sql
        if piece.kind != "many":
            raise unsupported("a value as a condition")
        name = self.fresh()
        true = f"CASE json_type({name}) WHEN 'BOOLEAN' THEN ({name}->>'$') = 'true' ELSE error('{NO_BOOLEAN}') END"
        return (
            f"list_transform([{self.one(piece)}], lambda {name}: CASE WHEN {name} IS NULL THEN NULL ELSE {true} END)[1]"
        )


_NUMERIC = "('BIGINT', 'UBIGINT', 'DOUBLE', 'HUGEINT', 'DECIMAL')"
_ISO = "'^\\d{4}(-\\d\\d(-\\d\\d(T.*)?)?)?$'"
_ZONED = "'T.*(Z|[-+]\\d\\d:\\d\\d)$'"


def _moments(one: str, two: str, sql: str) -> str:
    """Times with zones are compared as moments; dates of different precision as far as both go, and if they are alike
    so far, nothing is known (FHIRPath: empty)."""
    zoned = f"regexp_matches({one}, {_ZONED}) AND regexp_matches({two}, {_ZONED})"
    moment = f"TRY_CAST({one} AS TIMESTAMPTZ) {sql} TRY_CAST({two} AS TIMESTAMPTZ)"
    uneven = f"len({one}) <> len({two}) AND regexp_matches({one}, {_ISO}) AND regexp_matches({two}, {_ISO})"
    least = f"least(len({one}), len({two}))"
    cut = f"nullif(left({one}, {least}), left({two}, {least})) {sql} left({two}, {least})"
    return f"WHEN {zoned} THEN {moment} WHEN {uneven} THEN {cut}"


def _literal(node: Literal) -> Piece:
    value = node.value
    if isinstance(value, bool):
        return Piece("true" if value else "false", "boolean")
    if isinstance(value, int | float):
        return Piece(f"CAST({value!r} AS DOUBLE)", "number")
    return Piece(quoted(value), "moment" if node.moment else "string")
