"""Columns as somebody named them, held against those that there are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text

_ABSENT = Text("is not in the file", "不在文件中")


def check_named(
    said: Sequence[str],
    there: Sequence[str],
    code: str,
    remedy: Text,
    *,
    unsaid: Text | None = None,
    absent: Text = _ABSENT,
    more: Iterable[tuple[str, Text]] = (),
) -> None:
    """Raises BadInput(code) for the first column that was said and is not there, or said twice, or is twice there; with
    `unsaid` also for one that is there and was not said; then for those of `more`, each with what is wrong."""
    wrong = [
        *((n, absent) for n in said if n not in there),
        *((n, unsaid) for n in there if unsaid is not None and n not in said),
        *((n, Text("is named twice", "重复出现")) for n in dict.fromkeys(said) if said.count(n) > 1),
        *((n, Text("is twice in the file", "在文件中重复")) for n in dict.fromkeys(there) if there.count(n) > 1),
        *more,
    ]
    for name, why in wrong:
        raise BadInput(code, Text(f"Column '{name}' {why.en}.", f"列“{name}”{why.zh}。"), remedy)
