"""Every promise in SECURITY.md names the tests that hold it, and these exist."""

from __future__ import annotations

import ast
import re

from architecture.source import ROOT

TEXT = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
PROMISES = TEXT.partition("\n## Promises\n")[2].partition("\n## Known limits\n")[0]


def test_every_promise_names_a_test() -> None:
    promises = re.findall(r"^- .*?(?=^- |^#|\Z)", PROMISES, re.MULTILINE | re.DOTALL)
    assert len(promises) > 20
    assert [p for p in promises if not NAMED.search(p)] == []


def test_every_test_that_is_named_exists() -> None:
    absent = []
    for file, name in NAMED.findall(TEXT):
        path = ROOT / file
        tree = ast.parse(path.read_text(encoding="utf-8")) if path.exists() else ast.Module([], [])
        if not any(isinstance(n, ast.FunctionDef) and n.name == name for n in ast.walk(tree)):
            absent.append(f"{file}::{name}")
    assert absent == []


def test_nothing_is_named_that_is_no_test() -> None:
    assert set(re.findall(r"`(tests/[^`]+)`", PROMISES)) == {"::".join(each) for each in NAMED.findall(PROMISES)}
