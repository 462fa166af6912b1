"""The errors: their classes, their codes, what each says and what to do."""

from __future__ import annotations

from itertools import groupby

from huizhen.kit import errors
from pages.codes import CLASSES, Raised, raised
from pages.markdown import code, table

HEAD = """\
# Errors

Every error has a code that stays the same, a message and a remedy in English and Chinese, an HTTP status and an exit
code. No message holds a value from a row, nor anything that identifies a person. With `--json` an error is printed as
`{"error": {"code", "message", "message_zh", "remedy", "remedy_zh"}}`. Words in braces are filled in.

每个错误都有固定代码、中英文说明与处理办法、HTTP 状态码和退出码。错误信息不含任何数据行的值或个人标识。

"""


def page() -> str:
    kinds = [(code(name), kind.exit, kind.http, _MEANS.get(name, "")) for name, kind in CLASSES.items()]
    by_kind = groupby(sorted(raised(), key=lambda r: (list(CLASSES).index(r.kind), r.code)), key=lambda r: r.kind)
    return (
        HEAD
        + table(("class", "exit code", "HTTP", "means"), kinds)
        + "".join(f"## {kind}\n\n{_codes(list(group))}" for kind, group in by_kind)
    )


def _codes(group: list[Raised]) -> str:
    """A row for each code: the first place that says it in full."""
    rows = []
    for name, places in groupby(group, key=lambda r: r.code):
        best = sorted(places, key=lambda r: (r.what is None) + (r.remedy is None))[0]
        what, remedy = best.what, best.remedy
        rows.append(
            (
                code(name),
                f"{what.en} {remedy.en if remedy else ''}" if what else "",
                f"{what.zh}{remedy.zh if remedy else ''}" if what else "",
            )
        )
    return table(("code", "message and remedy", "说明与处理"), rows)


_MEANS = {
    words[0]: " ".join(words[4:])
    for line in (errors.__doc__ or "").splitlines()
    if len(words := line.strip("│├└─ ").split()) > 4 and words[0] in CLASSES and words[2] == "exit"
}
