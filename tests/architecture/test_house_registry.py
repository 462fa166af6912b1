"""A newcomer adds one file: each method, rule and format carries its file's name, its words, its page and its cases."""

from __future__ import annotations

import importlib
import re

import pytest

from architecture.source import ROOT
from huizhen import intake, methods, rules
from huizhen.kit.text import Text

REFERENCE = ROOT / "docs" / "reference"


def spoken(text: Text) -> bool:
    return bool(re.search(r"[a-z]{3}", text.en)) and bool(re.search(r"[\u4e00-\u9fff]", text.zh))


@pytest.mark.parametrize("name", methods.names())
def test_a_method_has_the_name_of_its_file_words_a_page_and_a_chapter_of_tests(name: str) -> None:
    method = methods.find(name)
    assert method.name == name
    assert method.__module__ == f"huizhen.methods.{name}"
    assert spoken(method.summary)
    assert spoken(method.reveals)
    assert f"\n## {name}\n" in (REFERENCE / "methods.md").read_text(encoding="utf-8")
    assert "def test_" in (ROOT / "tests" / "spec" / f"test_{name}.py").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", rules.names())
def test_a_rule_has_the_name_of_its_file_a_source_a_page_and_cases(name: str) -> None:
    module = importlib.import_module(f"huizhen.rules.{name}")
    rule = module.RULE
    assert name.startswith(rule.id.lower() + "_")
    assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", rule.valid_from)
    assert rule.source
    assert rules.cases(name)
    assert f"\n## {rule.id}: " in (REFERENCE / "rules.md").read_text(encoding="utf-8")


def test_rules_have_ids_of_their_own() -> None:
    ids = [rule.id for rule in rules.all_rules()]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("name", intake.formats())
def test_a_format_has_the_name_of_its_file_words_a_page_and_a_chapter_of_tests(name: str) -> None:
    found = intake.formats()[name]
    assert importlib.import_module(f"huizhen.intake.{name}").FORMAT is found
    assert spoken(found.summary)
    assert f"| `{name}` |" in (REFERENCE / "formats.md").read_text(encoding="utf-8")
    assert list((ROOT / "tests").rglob(f"test_*{name}*.py"))


def test_no_two_formats_claim_the_same_files() -> None:
    claimed = [suffix for f in intake.formats().values() for suffix in f.suffixes]
    assert len(set(claimed)) == len(claimed)
