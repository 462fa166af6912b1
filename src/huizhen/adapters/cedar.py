"""The rules as Cedar policies: what an engine of somebody else's decides by, and how its answer is to be taken.

A rule becomes up to three policies: `permit` where it allows, `forbid` where it denies, `forbid` where it needs
something, told apart by `@verdict` and `@id`. Cedar's own rule, that any forbid wins and nothing at all is deny, then
gives what `path.authorise.verdict` gives. Cedar fails open where a forbid meets an error: so requests are checked
against the schema, only an explicit Allow is one, and whatever has errors is deny.
"""

from __future__ import annotations

import importlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, get_args

from huizhen import rules
from huizhen.adapters.cedar_facts import ANY, ENDS, Fact, Record
from huizhen.adapters.cedar_given import bare, quoted
from huizhen.adapters.cedar_trace import Choice, Tree, facts_about, request, tree_of
from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text
from huizhen.model.grant import Verdict
from huizhen.model.rule import About, Rule

EFFECTS: dict[Verdict, str] = {"allow": "permit", "deny": "forbid", "needs": "forbid"}


@dataclass(frozen=True)
class OneOf:
    """A fact is one of these words."""

    path: str
    words: tuple[str, ...]

    def __str__(self) -> str:
        if len(self.words) == 1:
            return f"{self.path} == {quoted(self.words[0])}"
        return f"[{', '.join(map(quoted, self.words))}].contains({self.path})"


Condition = bool | str | OneOf
_PLACES = itertools.count()


def condition(tree: Tree, verdict: str) -> Condition:
    """When the tree ends in this verdict. What is asked of a fact that may be absent stands behind its `has`; a part to
    which several roads lead is written once, behind all of them."""
    if not isinstance(tree, Choice):
        return tree == verdict
    shared = _shared(tree)
    if shared is not None:
        here = f"here {next(_PLACES)}"
        apart = _without(tree, shared, here)
        return _or(condition(apart, verdict), _and(condition(apart, here), condition(shared, verdict)))
    test, yes_tree, no_tree, words = tree.test, tree.yes, tree.no, [tree.test.literal]
    while isinstance(no_tree, Choice) and no_tree.test.path == test.path != "" and no_tree.yes == yes_tree:
        words.append(no_tree.test.literal)
        no_tree = no_tree.no
    mine: Condition = test.cedar if test.literal is None else OneOf(test.path, tuple(w for w in words if w is not None))
    return _if(mine, condition(yes_tree, verdict), condition(no_tree, verdict), bool(test.opens))


def _if(mine: Condition, yes: Condition, no: Condition, opens: bool) -> Condition:
    """`yes` where it is so, else `no`, in the fewest words. What only `mine` makes sure is there is read behind it."""
    if yes == no:
        return yes
    if no is False:
        return _and(mine, yes)
    if yes is False:
        return _and(f"!({mine})", no)
    return _or(mine, no) if yes is True and not opens else f"(if {mine} then {_word(yes)} else {_word(no)})"


def _shared(tree: Choice) -> Choice | None:
    """The largest part that both answers lead to, and that can stand apart."""
    opened = {part.test.opens for part in _parts(tree)} - {""}
    no = _parts(tree.no)
    both = [part for part in _parts(tree.yes) if part in no and not _relies(part, opened)]
    return max(both, key=lambda part: len(_parts(part)), default=None)


@cache
def _parts(tree: Tree) -> dict[Choice, None]:
    """The tree and all parts of it that ask something, in order."""
    if not isinstance(tree, Choice):
        return {}
    return {tree: None, **_parts(tree.yes), **_parts(tree.no)}


def _relies(tree: Tree, opened: set[str]) -> set[str]:
    """Of these facts that may be absent, those that the tree reads without having asked whether they are there."""
    if not isinstance(tree, Choice):
        return set()
    read = {path for path in opened if path in (tree.test.reads or tree.test.cedar)}
    return read | (_relies(tree.yes, opened) - {tree.test.opens}) | _relies(tree.no, opened)


def _without(tree: Tree, part: Tree, here: str) -> Tree:
    """With `here` in place of the part."""
    if tree == part:
        return here
    if not isinstance(tree, Choice):
        return tree
    yes, no = _without(tree.yes, part, here), _without(tree.no, part, here)
    return yes if yes == no else Choice(tree.test, yes, no)


def _and(one: Condition, other: Condition) -> Condition:
    if isinstance(one, bool) or isinstance(other, bool):
        return other if one is True else one if other is True else False
    return f"({one} && {other})"


def _or(one: Condition, other: Condition) -> Condition:
    if isinstance(one, bool) or isinstance(other, bool):
        return other if one is False else one if other is False else True
    if isinstance(one, OneOf) and isinstance(other, OneOf) and one.path == other.path:
        return OneOf(one.path, (*one.words, *other.words))
    return f"({one} || {other})"


def _word(what: Condition) -> str:
    return str(what).lower() if isinstance(what, bool) else str(what)


def policies_of(rule: Rule[Any]) -> str:
    """The policies of a rule, each under its `@id`; a verdict that it never gives has none."""
    tree = tree_of(rule)
    principal, resource = ENDS.get(rule.about, ANY)
    made = []
    for verdict, effect in EFFECTS.items():
        when = condition(tree, verdict)
        if when is False:
            continue
        marks = {"id": f"{rule.id}.{verdict}", "verdict": verdict, "source": rule.source, "valid_from": rule.valid_from}
        lines = [f"@{name}({quoted(value)})" for name, value in marks.items()]
        lines += [
            f"{effect} (principal is Huizhen::{principal}, "
            f"action == Huizhen::Action::{quoted(rule.about)}, resource is Huizhen::{resource})"
        ]
        made.append("\n".join(lines) + ("" if when is True else f"\nwhen {{ {_outer(when)} }}") + ";\n")
    return "\n".join(made)


def _outer(what: Condition) -> str:
    text = str(what)
    return text[1:-1] if isinstance(what, str) and text.startswith("(") and _closes(text) else text


def _closes(text: str) -> bool:
    """Whether the first bracket is closed by the last one."""
    depth = 0
    for place, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if depth == 0:
            return place == len(text) - 1
    return False


def policies() -> str:
    """All rules, in order of file name."""
    parts = []
    for name, rule in zip(rules.names(), rules.all_rules(), strict=True):
        words = (importlib.import_module(f"huizhen.rules.{name}").__doc__ or "").strip().splitlines()
        parts.append(f"// {rule.id}: {words[0]}\n\n{policies_of(rule)}")
    return "\n".join(parts)


def schema() -> str:
    """Entity types, actions and contexts."""
    ends = sorted({end for pair in (*ENDS.values(), ANY) for end in pair})
    lines = ["namespace Huizhen {", *(f"  entity {end};" for end in ends)]
    for about in get_args(About):
        principal, resource = ENDS.get(about, ANY)
        lines += [
            f"  action {quoted(about)} appliesTo {{",
            f"    principal: {principal},",
            f"    resource: {resource},",
        ]
        lines += [f"    context: {_typed(facts_about(about), 4)}", "  };"]
    return "\n".join([*lines, "}", ""])


def _typed(fact: Fact | Record, indent: int) -> str:
    if isinstance(fact, Fact):
        return fact.type
    inner = []
    for name, each in fact.facts.items():
        plain, mark = (name[:-1], "?") if name.endswith("?") else (name, "")
        note = f" // {each.note}" if isinstance(each, Fact) and each.note else ""
        inner.append(f"{' ' * (indent + 2)}{bare(plain)}{mark}: {_typed(each, indent + 2)},{note}")
    return "{\n" + "\n".join(inner) + "\n" + " " * indent + "}"


def worked_out() -> list[tuple[str, str]]:
    """Facts that Cedar could not compute by itself, with the reason."""
    found: list[tuple[str, str]] = []

    def look(record: Record, path: str) -> None:
        for name, each in record.facts.items():
            here = f"{path}.{name.removesuffix('?')}"
            if isinstance(each, Record):
                look(each, here)
            elif each.note:
                found.append((here, each.note))

    for about in get_args(About):
        look(facts_about(about), about)
    return found


# -- asking Cedar


Answers = dict[str, Verdict]
_VERDICTS: tuple[Literal["allow", "deny", "needs"], ...] = get_args(Verdict)
_OPEN = "\npermit (principal, action, resource);\n"


class Engine:
    """Cedar with these policies. Raises BadInput without the extra, or for policies that the schema does not bear."""

    def __init__(self, policies_text: str, schema_text: str) -> None:
        try:
            import cedarpy
        except ImportError as error:
            raise BadInput(
                "cedar-not-installed",
                Text("Cedar needs a package that is not installed.", "使用 Cedar 需要尚未安装的软件包。"),
                Text("Run: pip install 'huizhen[cedar]'", "请运行：pip install 'huizhen[cedar]'"),
            ) from error
        try:
            sound = cedarpy.validate_policies(policies_text, schema_text).validation_passed
        except ValueError:
            sound = False
        if not sound:
            raise BadInput(
                "bad-policies",
                Text("These policies do not fit their schema.", "这些策略与其模式不符。"),
                Text("Write them anew with `huizhen rules export`.", "请用 `huizhen rules export` 重新写出。"),
            )
        self._cedar = cedarpy
        self._all = cedarpy.PolicySet.from_str(policies_text)
        parts = policies_text.split(";\n")
        self._forbids = cedarpy.PolicySet.from_str(_only("forbid", parts) + _OPEN)
        self._permits = cedarpy.PolicySet.from_str(_only("permit", parts))
        self._schema = cedarpy.Schema.from_str(schema_text)

    def decide(self, about: About, facts: Any) -> Verdict:
        """The verdict on all that is asked: allow only where Cedar says so outright, and nothing went wrong."""
        found = self._ask(self._all, about, facts)
        if found.diagnostics.errors or found.decision is self._cedar.Decision.NoDecision:
            return "deny"
        if found.decision is self._cedar.Decision.Allow:
            return "allow"
        said = {_rule_and_verdict(each)[1] for each in _ids(found)}
        return "needs" if said == {"needs"} else "deny"

    def answers(self, about: About, facts: Any) -> Answers:
        """What each rule says; those that do not apply say nothing. Raises ValueError where Cedar had an error."""
        said: Answers = {}
        for policies_, decided in (
            (self._forbids, self._cedar.Decision.Deny),
            (self._permits, self._cedar.Decision.Allow),
        ):
            found = self._ask(policies_, about, facts)
            if found.diagnostics.errors:
                raise ValueError("; ".join(found.diagnostics.errors))
            if found.decision is decided:
                said.update(_rule_and_verdict(each) for each in _ids(found))
        return said

    def _ask(self, policies_: Any, about: About, facts: Any) -> Any:
        asked = request(about, facts)
        return self._cedar.is_authorized(asked, policies_, [], self._schema)


def _only(effect: str, parts: Sequence[str]) -> str:
    return "".join(f"{part};\n" for part in parts if f"\n{effect} (" in part)


def _ids(found: Any) -> list[str]:
    named = found.diagnostics.id_annotations_by_reason
    return [named[reason] for reason in found.diagnostics.reasons]


def _rule_and_verdict(name: str) -> tuple[str, Verdict]:
    rule, _, verdict = name.partition(".")
    return rule, next(v for v in _VERDICTS if v == verdict)
