"""The guard: every check in the order in which it runs, the question it answers, what it does."""

from __future__ import annotations

from huizhen.path.guard import CHECKS, CensusCheck, ResultCheck
from pages.markdown import both, paragraphs

HEAD = """\
# The guard

Nothing is released that has not passed these checks. Each reports in words, also when it passed or was not asked for,
and the whole report goes out with the result, into the ledger and to everyone who sees the study.

未经以下检查，任何结果都不会发布。每项检查都会用文字说明结论（包括通过与未要求的情况），随结果一并公布并记入账本。

A check answers one of: *passed*; *changed* (rounded, thinned, noise added) or *hidden*, with the places in the result;
*refused*, which denies the whole study; *off*, where it was not asked for or could no longer matter.

"""


def page() -> str:
    before = [c for c in CHECKS if isinstance(c, CensusCheck)]
    after = [c for c in CHECKS if isinstance(c, ResultCheck)]
    return (
        HEAD
        + "## Before any method runs\n\nOn the census, the first sum of every study.\n\n"
        + "".join(map(_check, before))
        + "## On the result\n\nIn turn: each takes what the one before let through.\n\n"
        + "".join(map(_check, after))
    )


def _check(check: CensusCheck | ResultCheck) -> str:
    return f"### {check.name}\n\n{both(check.asks)}{paragraphs(check.function.__doc__)}"
