"""What is asked, read against what there is: every mistake with its place, what was meant, and what is allowed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from huizhen import methods
from huizhen.intake.document import as_document, refused
from huizhen.intake.yaml_tree import Place, Tree, load
from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text, did_you_mean
from huizhen.model.purpose import PURPOSES
from huizhen.model.study import Request
from huizhen.path.authorise import plan
from huizhen.path.facts import schema_of
from huizhen.path.models import names_a_model

if TYPE_CHECKING:
    from huizhen.path.facts import Catalogue

T = TypeVar("T")
_QUOTED = re.compile(r"'([^']+)'")


def read_study(path: Path, store: Catalogue) -> Request:
    """The request in a STUDY.yaml; raises NotFound without the file, else as `read_request`."""
    return read_request(load(path), store)


def read_request(tree: Tree, store: Catalogue) -> Request:
    """The request in a tree, as far as it can be checked before any rule is asked.

    Raises BadInput for whatever is wrong with it, with its place; Conflict where the holders of the dataset do not
    agree on its columns.
    """
    request = as_document(tree, Request)
    unknown = list(_unknown(request, store))
    if unknown:
        raise refused(tree, unknown)
    method = methods.find(request.method)
    needed = [name for name, field in method.Params.model_fields.items() if field.is_required()]
    if "params" in tree.value:
        as_document(tree, method.Params, ("params",))
    elif needed:
        en, zh = ", ".join(needed), "、".join(needed)
        said = Text(f"method {method.name} needs params: {en}", f"方法 {method.name} 需要 params：{zh}")
        raise refused(tree, [(("method",), said)])
    schema = schema_of(store, request)
    if not names_a_model(request):  # what it names is at the hub, which checks the rest
        _at(tree, ("params",), lambda: plan(request, schema))
    if request.cohort:
        from huizhen.intake import cohort

        _at(tree, ("cohort",), lambda: cohort.parse(str(request.cohort), schema))
    return request


def _unknown(request: Request, store: Catalogue) -> Iterator[tuple[Place, Text]]:
    """Names in the request that nothing bears."""
    cards = store.cards()
    holders = sorted(c.holder for c in cards if c.name == request.dataset)
    datasets = sorted({c.name for c in cards})
    asked = () if request.participants == "all" else request.participants
    if request.participants == ():
        yield ("participants",), Text("'participants' names nobody; write all, or at least one node",
                                      "“participants”为空；请写 all，或至少列出一个节点")  # fmt: skip
    checks: list[tuple[Place, str, list[str], Text]] = [
        (("method",), request.method, list(methods.names()), Text("method", "方法")),
        (("purpose",), request.purpose, list(PURPOSES), Text("purpose", "用途代码")),
        (("dataset",), request.dataset, datasets, Text("dataset", "数据集")),
    ]
    if holders:
        checks += [
            (("participants", i), name, holders, Text(f"holder of '{request.dataset}'", f"“{request.dataset}”的持有方"))
            for i, name in enumerate(asked)
        ]
    for place, given, known, what in checks:
        if given not in known:
            hint = did_you_mean(given, known)
            there = (", ".join(known), "、".join(known)) if known else ("none yet", "暂无")
            yield (
                place,
                Text(
                    f"there is no {what.en} '{given}'{hint.en}; there are: {there[0]}",
                    f"没有{what.zh}“{given}”{hint.zh}；现有：{there[1]}",
                ),
            )


def _at(tree: Tree, place: Place, check: Callable[[], T]) -> T:
    """What the check answers; BadInput that it raises gets the place in the tree that it speaks of."""
    try:
        return check()
    except BadInput as problem:
        raise problem.at(tree.where(_spoken_of(tree, place, problem))) from None


def _spoken_of(tree: Tree, place: Place, problem: BadInput) -> Place:
    """The key below `place` whose value holds the word that the message quotes; `place` where none does."""
    try:
        below = tree.part(place)
    except (KeyError, IndexError):
        return ()
    words = _QUOTED.findall(problem.what.en)
    if isinstance(below, dict):
        for word in words:
            for key, value in below.items():
                if key == word or word in _texts(value):
                    return (*place, key)
    return place


def _texts(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
