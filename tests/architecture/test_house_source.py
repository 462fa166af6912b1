"""Habits of the house that no linter knows: size, words, two languages, nothing that names this or that machine."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from architecture.source import ROOT, modules, tracked
from pages.codes import is_text, written

LONGEST_FILE = 400
UNSPOKEN_FUNCTION, UNSPOKEN_CLASS = 10, 25
"""Lines up to which a public function or class may speak for itself."""
CHINESE = re.compile(r"[\u3400-\u9fff]")
WORD = re.compile(r"[A-Za-z]{2,}")
ALIKE = re.compile(r"Python \{version\}|chmod .*")
"""What is the same in both languages: names, and commands to type."""
FORBIDDEN_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}


def public(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.ClassDef]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node


def lines(node: ast.FunctionDef | ast.ClassDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def test_no_file_is_too_long_to_be_read_at_once() -> None:
    files = [f for f in tracked() if f.suffix == ".py"]
    sizes = {f.relative_to(ROOT).as_posix(): len(f.read_text(encoding="utf-8").splitlines()) for f in files}
    assert {name: n for name, n in sizes.items() if n > LONGEST_FILE and not name.startswith("tests/")} == {}


def test_every_module_says_what_it_is() -> None:
    assert [path for path, tree in modules() if not ast.get_docstring(tree)] == []


def test_what_is_public_and_not_short_has_a_docstring() -> None:
    silent = [
        f"{path}: {node.name}"
        for path, tree in modules()
        if "migrations/" not in path
        for node in public(tree)
        if not ast.get_docstring(node)
        and lines(node) > (UNSPOKEN_CLASS if isinstance(node, ast.ClassDef) else UNSPOKEN_FUNCTION)
        and not (path.startswith("rules/") and node.name == "decide")
    ]
    assert silent == []


def test_nothing_is_unpickled_and_nothing_is_evaluated() -> None:
    found = []
    for path, tree in modules():
        for node in ast.walk(tree):
            names = []
            if isinstance(node, ast.Import):
                names = [a.name for a in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                names = [node.func.id] if node.func.id in {"eval", "exec", "print", "__import__"} else []
            bad = [n for n in names if n.split(".")[0] in FORBIDDEN_MODULES | {"eval", "exec", "print", "__import__"}]
            found += [f"{path}:{node.lineno} {n}" for n in bad]
    assert found == []


def said(tree: ast.Module) -> Iterator[tuple[int, str, str]]:
    """(line, English, Chinese) of every pair that is written out: Text(en, zh), and VOICE.say(en, zh)."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or len(node.args) != 2:
            continue
        spoken = isinstance(node.func, ast.Attribute) and node.func.attr == "say"
        if is_text(node) or spoken:
            yield node.lineno, *(written(a) for a in node.args)  # type: ignore[misc]


def test_whatever_is_said_in_english_is_said_in_chinese() -> None:
    mute = []
    for path, tree in modules():
        for line, en, zh in said(tree):
            bare = re.sub(r"\{[^{}]*\}|`[^`]*`", "", en)
            if WORD.search(bare) and not ALIKE.fullmatch(en) and not CHINESE.search(zh):
                mute.append(f"{path}:{line} {en!r} / {zh!r}")
            if CHINESE.search(en):
                mute.append(f"{path}:{line} Chinese where English should be: {en!r}")
    assert mute == []


HOSTS = [
    "pypi" + ".org",
    "pythonhosted" + ".org",
    "npmjs" + ".",
    "tsinghua" + ".edu",
    "aliyun" + ".com",
    "go" + "proxy.",
]
PLACES = re.compile("(?<![A-Za-z0-9_.-])/(?:" + "|".join(("wo" + "rk", "ro" + "ot")) + ")/[a-z.]")


@pytest.mark.parametrize("what", ["a host of a package registry", "a path of one machine"])
def test_no_tracked_file_names(what: str) -> None:
    found = []
    for file in tracked():
        text = file.read_bytes().decode("utf-8", errors="replace")
        for number, line in enumerate(text.splitlines(), 1):
            bad = any(h in line for h in HOSTS) if "host" in what else PLACES.search(line)
            if bad:
                found.append(f"{file.relative_to(ROOT)}:{number}")
    assert found == []
