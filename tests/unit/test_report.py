"""The report of a study: every method, both languages, nothing dropped, nothing from elsewhere, nothing executed."""

from __future__ import annotations

import copy
import json
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

import drive
from huizhen import methods
from huizhen.client import number
from huizhen.client.report import render
from huizhen.kit.money import yuan
from huizhen.kit.text import Language
from huizhen.model.dataset import Schema
from page_reader import Element, read
from report_found import STUDIES, found

LANGUAGES: tuple[Language, ...] = ("en", "zh")
APPLIED = {"rule", "sizes"}
"""Of a rule by which rows are released: the page says what it does, the outcome's file has its thousands of cuts."""
HIDDEN = {"en": "hidden", "zh": "已隐藏"}
CJK = re.compile(r"[\u4e00-\u9fff]")

every_study = pytest.mark.parametrize("study", STUDIES)
both_languages = pytest.mark.parametrize("language", LANGUAGES)


@cache
def _outcome(study: str) -> str:
    method, params = STUDIES[study]
    return json.dumps(found(method, params))


def outcome(study: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(_outcome(study))
    return value


@cache
def page(study: str, language: Language) -> Element:
    return read(render(outcome(study), language))


def leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from leaves(inner)
    else:
        yield value


def said(element: Element) -> set[str]:
    """All that can be read off the page: texts, and what a reader sees who rests on them."""
    texts = {c.strip() for e in element.walk() for c in e.children if isinstance(c, str)}
    titles = {e.attributes["title"] for e in element.walk() if "title" in e.attributes}
    return texts | titles | {part.strip() for title in titles for part in title.split(",")}


def test_there_is_a_study_of_every_method() -> None:
    assert {method for method, _ in STUDIES.values()} == set(methods.names())


@every_study
@both_languages
def test_every_figure_of_the_result_is_on_the_page_in_full(study: str, language: Language) -> None:
    shown = said(page(study, language))
    result = outcome(study)["result"]
    for leaf in leaves({key: value for key, value in result.items() if not _in_short(key, result)}):
        if leaf is not None:
            assert (leaf if isinstance(leaf, str) else number.exact(leaf)) in shown


def _in_short(key: str, result: dict[str, Any]) -> bool:
    """What is there for programs to apply, and not for people to read."""
    return (key in APPLIED and "rule" in result) or (key == "pairs" and "fidelity" in result)


@every_study
@both_languages
def test_the_parts_come_in_order_and_the_page_is_well_formed(study: str, language: Language) -> None:
    tree = page(study, language)
    assert [s.attributes["aria-labelledby"] for s in tree.all("section")] == [
        "answer", "protected", "allowed", "paid", "check", "technical",
    ]  # fmt: skip
    assert len(tree.all("h1")) == 1
    assert tree.all("html")[0].attributes["lang"] == {"en": "en", "zh": "zh-CN"}[language]
    ids = Counter(e.attributes["id"] for e in tree.walk() if "id" in e.attributes)
    assert set(ids.values()) == {1}
    referred = {i for e in tree.walk() for i in e.attributes.get("aria-labelledby", "").split()}
    assert referred <= set(ids)


@every_study
@both_languages
def test_nothing_comes_from_elsewhere_and_nothing_runs(study: str, language: Language) -> None:
    html = render(outcome(study), language)
    assert "http:" not in html and "https:" not in html and "//" not in _without_base64(html) and "@import" not in html
    _is_inert(read(html))


def _without_base64(html: str) -> str:
    """The signatures of the checkpoint may hold two slashes."""
    return re.sub(r'<pre class="checkpoint">.*?</pre>', "", html, flags=re.DOTALL)


def _is_inert(tree: Element) -> None:
    names = {e.name for e in tree.walk()}
    assert not names & {"script", "img", "iframe", "object", "embed", "link", "base", "form", "a", "use", "image"}
    for element in tree.walk():
        for attribute, value in element.attributes.items():
            assert not attribute.startswith("on") and attribute not in {"src", "href", "xlink:href", "srcset", "style"}
            assert "url(" not in value or re.fullmatch(r"url\(#[a-z0-9-]+\)", value)
    policy = [m.attributes["content"] for m in tree.all("meta") if m.attributes.get("http-equiv")]
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"]


@every_study
@both_languages
def test_figures_and_tables_can_be_heard(study: str, language: Language) -> None:
    tree = page(study, language)
    for drawing in tree.all("svg"):
        title, description = drawing.children[0], drawing.children[1]
        assert isinstance(title, Element) and isinstance(description, Element)
        assert (title.name, description.name) == ("title", "desc") and title.text and description.text
        assert drawing.attributes["role"] == "img"
        assert drawing.attributes["aria-labelledby"].split() == [title.attributes["id"], description.attributes["id"]]
    for table in tree.all("table"):
        assert all("scope" in head.attributes for head in table.all("th"))
        widths = {len([c for c in row.children if isinstance(c, Element)]) for row in table.all("tr")}
        assert len(widths) == 1, "every row has as many cells as the heading"


@every_study
def test_in_chinese_every_heading_is_chinese(study: str) -> None:
    tree = page(study, "zh")
    for name in ("h2", "dt", "th", "summary", "figcaption"):
        for element in tree.all(name):
            known = element.attributes.get("scope") == "row" or element.text in {"z 值", "PC1", "PC2", "PC3"}
            assert known or CJK.search(element.text) or _is_a_name(element.text), element.text


def _is_a_name(text: str) -> bool:
    """A column, a level, or the direction of a table of two columns."""
    return bool(re.fullmatch(r"[\w ]*(\d|arm|ph_karno|age|Sex|ECOG score)[\w ↓→]*(（years）)?", text))


@both_languages
def test_a_hidden_figure_is_shown_as_hidden_with_the_reason_and_never_as_zero(language: Language) -> None:
    known, tree = outcome("crosstab"), page("crosstab", language)
    table = known["result"]["table"]
    assert table[0][3] is None and table[0][2] is None and table[1][3] == 0
    grid = next(t for t in tree.all("table") if len(t.all("tr")) == 4)
    rows = [[c for c in row.children if isinstance(c, Element)] for row in grid.all("tr")[1:]]
    reason = next(c for c in known["guard"] if c["check"] == "small-cells")[language]
    for cells, counts in zip(rows, table, strict=False):
        for cell, count in zip(cells[1:], counts, strict=False):
            assert cell.kinds[0] == ("hidden" if count is None else "number")
            assert cell.text.strip() == (HIDDEN[language] if count is None else number.short(count))
            assert cell.all("span")[0].attributes["title"] == (reason if count is None else number.exact(count))
    assert reason in [p.text for p in tree.all("p", "note")]
    hidden = [e for e in tree.walk() if "hidden" in e.kinds and e.name in {"td", "dd"}]
    assert len(hidden) == sum(leaf is None for leaf in leaves(known["result"]))


@both_languages
def test_what_the_guard_did_is_said_in_its_own_words(language: Language) -> None:
    known, tree = outcome("kaplan_meier"), page("kaplan_meier", language)
    lines = tree.all("ol", "checks")[0].all("li")
    assert len(lines) == len(known["guard"])
    for line, check in zip(lines, known["guard"], strict=True):
        assert check[language] in [p.text for p in line.all("p")]
        assert {code.text for code in line.all("code")} == set(check["paths"])


@both_languages
def test_every_rule_stands_with_its_source(language: Language) -> None:
    tree = page("cox", language)
    rows = tree.all("table", "rules")[0].all("tr")[1:]
    reasons = outcome("cox")["grant"]["reasons"]
    assert [[c.text for c in r.children if isinstance(c, Element)][::3] for r in rows] == [
        [r["rule"], r["source"]] for r in reasons
    ]
    assert all(reason[language] in row.text for reason, row in zip(reasons, rows, strict=True))


@both_languages
def test_the_settlement_adds_up_to_the_price_line_by_line(language: Language) -> None:
    settlement = outcome("cox")["settlement"]
    section = next(s for s in page("cox", language).all("section") if s.attributes["aria-labelledby"] == "paid")
    shown = [c.attributes["title"].split()[0] for c in section.all("table")[0].all("span")]
    for line in settlement["lines"]:
        assert str(line["fen"]) in shown and yuan(line["fen"]) in section.text
    assert shown[-1] == str(settlement["price_fen"]) == "120000"
    together = [int(row.all("span")[-1].attributes["title"].split()[0]) for row in section.all("tr")[1:-1]]
    assert sum(together) == settlement["price_fen"]


def test_the_checkpoint_stands_there_byte_for_byte_with_the_commands_that_check_it() -> None:
    tree = page("cox", "en")
    assert tree.all("pre", "checkpoint")[0].text == outcome("cox")["evidence"]["checkpoint"]
    commands = [code.text for code in tree.all("code") if code.text.startswith("huizhen")]
    assert commands[0] == "huizhen ledger verify --region DIR"
    assert commands[1] == "huizhen ledger prove 9 --out entry9.proof --keys keys.txt --region DIR"
    assert "Ledger entries: 3–6, 9" in tree.text and "Signed by: hub.example/region, east, north, west." in tree.text


# -- an attack: whoever writes a title, a column or a level writes into other people's browsers

ATTACKS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</style></title></pre></svg><script>alert(1)</script>",
    "{{ 7 * 7 }}{% raw %}",
    "'onmouseover='alert(1)",
)


def _attacked() -> tuple[pd.DataFrame, Schema]:
    """Every column name, level, label and unit is an attack."""
    rng = np.random.default_rng(5)
    size = 400
    number_column, level_column, time, event, other = ATTACKS
    frame = pd.DataFrame(
        {
            number_column: rng.normal(50, 9, size),
            level_column: np.array(ATTACKS)[rng.integers(0, len(ATTACKS), size)],
            time: rng.integers(1, 40, size),
            event: rng.integers(0, 2, size),
            other: rng.normal(0, 1, size),
        }
    )
    schema = drive.schema_of(frame)
    columns = tuple(
        c.model_copy(update={"unit": attack, "label": f"{c.name}{attack}"})
        for c, attack in zip(schema.columns, ATTACKS, strict=True)
    )
    return frame, Schema(columns=columns)


@both_languages
@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("count", {"by": ATTACKS[1]}),
        ("describe", {"columns": list(ATTACKS)}),
        ("crosstab", {"row": ATTACKS[1], "col": ATTACKS[3]}),
        ("histogram", {"column": ATTACKS[0], "range": [0, 100]}),
        ("kaplan_meier", {"duration": ATTACKS[2], "event": ATTACKS[3], "group": ATTACKS[1]}),
        ("kmeans", {"columns": [ATTACKS[0], ATTACKS[4]], "k": 2}),
        ("pca", {"columns": [ATTACKS[0], ATTACKS[4]]}),
    ],
)
def test_an_attack_in_any_name_stays_text(method: str, params: dict[str, Any], language: Language) -> None:
    frame, schema = _attacked()
    known = found(method, params, frame=frame, schema=schema, title=ATTACKS[2])
    tree = read(render(_poisoned(known), language))
    _is_inert(tree)
    assert tree.all("h1")[0].text == ATTACKS[2]
    assert any(ATTACKS[0] in text for text in said(tree))


def _poisoned(known: dict[str, Any]) -> dict[str, Any]:
    """What comes from hub, rules, guard and ledger is attacked as well."""
    for reason in known["grant"]["reasons"]:
        reason.update(rule=ATTACKS[0], source=ATTACKS[1], en=ATTACKS[2], zh=ATTACKS[2])
    for check in known["guard"]:
        check.update(check=ATTACKS[3], en=ATTACKS[1], zh=ATTACKS[1], paths=[ATTACKS[0], *check["paths"]])
    for line in known["settlement"]["lines"]:
        line["party"] += ATTACKS[1]
    known["evidence"]["checkpoint"] += ATTACKS[2]
    known["request"] |= {"asker": ATTACKS[0], "purpose": ATTACKS[1], "dataset": ATTACKS[4], "cohort": ATTACKS[2]}
    known["request"]["params"] = {ATTACKS[0]: [ATTACKS[1]]}
    known["problem"] = dict.fromkeys(("message", "message_zh", "remedy", "remedy_zh"), ATTACKS[0])
    known["grant"]["limits"]["participants"][0]["name"] = ATTACKS[2]
    known["result"][ATTACKS[0]] = {ATTACKS[1]: ATTACKS[2]}
    return known


def test_terms_of_a_model_are_escaped_too() -> None:
    known = outcome("cox")
    for row, attack in zip(known["result"]["coefficients"], ATTACKS, strict=False):
        row["name"] = attack
    _is_inert(read(render(known, "en")))


# -- results that nobody has thought of yet


@both_languages
def test_a_result_of_no_known_shape_becomes_tables_and_drops_nothing(language: Language) -> None:
    known = outcome("count")
    known["result"] = {
        "n": 41,
        "answer": 0.123456789,
        "flag": True,
        "words": "as written",
        "list": [1.5, 2.25, None],
        "long": [i + 0.125 for i in range(60)],
        "pairs": {"a": 10.0625, "b": None},
        "deep": {"x": [{"y": [3.375, {"z": "bottom"}]}], "empty": []},
        "rows": [{"k": "one", "v": 7.5, "more": [9.75]}, {"k": "two", "w": 8.5}],
        "groups": [{"group": 1, "curve": "not a curve"}],
        "coefficients": {"age": 1.1875},
        "columns": {"age": {"kurtosis": 6.8125}},
        "table": [[11.5, 12.5], [13.5]],
        "levels": ["level-one", "level-two"],
        "counts": [21, 22, 23],
    }
    tree = read(render(known, language))
    shown = said(tree)
    for leaf in leaves(known["result"]):
        if isinstance(leaf, bool):
            assert {"en": "yes", "zh": "是"}[language] in shown
        elif isinstance(leaf, str):
            assert any(leaf in text for text in shown)
        elif leaf is not None:
            assert number.exact(leaf) in shown
    for key in known["result"]:
        assert any(key in text for text in shown) or key in {"n", "rows", "groups", "coefficients", "columns"}


@pytest.mark.parametrize(
    "study", ["kaplan_meier", "crosstab", "describe", "histogram", "pca", "kmeans", "cox", "linear", "gbdt"]
)
def test_a_page_comes_out_whatever_the_guard_hides(study: str) -> None:
    """Each figure of the result in turn, and then all of them, hidden by the guard."""
    known = outcome(study)
    places = [
        (path, parent, key) for path, parent, key in _places(known["result"], ()) if not isinstance(parent[key], str)
    ]
    for path, _, _ in places[:: max(1, len(places) // 12)]:
        one = copy.deepcopy(known)
        _hide(one, [path])
        tree = read(render(one, "en"))
        assert any("why it is gone" in e.attributes.get("title", "") for e in tree.walk())
    _hide(known, [path for path, _, _ in places])
    read(render(known, "zh"))


def _places(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], Any, Any]]:
    """Figures of the result; not names, levels and edges, which are the asker's own."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for key, part in inner:
        if key in {"levels", "row_levels", "col_levels", "edges", "group", "unit", "by", "strata"} or part is None:
            continue
        if isinstance(part, dict | list):
            yield from _places(part, (*path, key))
        else:
            yield (*path, key), value, key


def _hide(known: dict[str, Any], paths: list[tuple[Any, ...]]) -> None:
    for path in paths:
        part = known["result"]
        for step in path[:-1]:
            part = part[step]
        part[path[-1]] = None
    places = [".".join(map(str, path)) for path in paths]
    known["guard"].append(
        {"check": "few-people", "outcome": "hidden", "en": "why it is gone", "zh": "为何隐藏", "paths": places}
    )


# -- studies that did not end in a release


@both_languages
def test_a_denied_study_says_so_and_why(language: Language) -> None:
    known = found("cox", STUDIES["cox"][1], purpose="HMARKT")
    assert known["result"] is None and known["grant"]["limits"] is None
    tree = read(render(known, language))
    assert [s.attributes["aria-labelledby"] for s in tree.all("section")] == [
        "problem", "protected", "allowed", "check", "technical",
    ]  # fmt: skip
    for key in ("message", "remedy"):
        assert known["problem"][key if language == "en" else f"{key}_zh"] in tree.text
    denials = [r for r in known["grant"]["reasons"] if r["verdict"] == "deny"]
    assert denials and all(r[language] in tree.text for r in denials)


def test_a_study_that_the_guard_refused_shows_the_check_that_did() -> None:
    params = {"formula": "wt_loss ~ age + sex + ph_karno", "family": "gaussian"}
    known = found("glm", params, protection={"min_cell": 60})
    assert known["status"] == "denied" and known["result"] is None
    tree = read(render(known, "en"))
    refused = next(c for c in known["guard"] if c["outcome"] == "refused")
    assert [e.text for e in tree.all("span", "refused")] == ["refused"] and refused["en"] in tree.text


def test_what_the_page_says_of_the_sums_is_what_was_done() -> None:
    def said_of(known: dict[str, Any]) -> str:
        return next(
            s for s in read(render(known, "en")).all("section") if s.attributes["aria-labelledby"] == "protected"
        ).text

    known = outcome("cox")
    assert "were masked" in said_of(known) and methods.find("cox").reveals.en in said_of(known)
    known["grant"]["limits"]["secure_sum"] = False
    assert "not masked" in said_of(known) and "were masked" not in said_of(known)
    known |= {"result": None, "rounds": 0, "status": "denied"}
    assert "never ran" in said_of(known) and methods.find("cox").reveals.en not in said_of(known)


@pytest.mark.parametrize("status", ["failed", "running", "needs"])
@both_languages
def test_a_study_that_never_got_to_a_grant_has_a_page(status: str, language: Language) -> None:
    known = outcome("count") | {
        "status": status, "grant": None, "result": None, "guard": [], "settlement": None, "rounds": 0,
        "evidence": {"entries": [], "checkpoint": ""}, "timings": {"seconds": None},
    }  # fmt: skip
    tree = read(render(known, language))
    assert tree.all("h1")[0].text == known["request"]["title"] and not tree.all("svg")


@both_languages
def test_with_noise_the_number_of_records_is_only_about_right(language: Language) -> None:
    known = found("count", {"by": "sex"}, protection={"epsilon": 1.0})
    tree = read(render(known, language))
    lead = tree.all("p", "lead")[0].text
    assert ("about " if language == "en" else "约") + number.short(known["result"]["n"]) in lead
    noise = next(c for c in known["guard"] if c["check"] == "noise")
    assert noise[language] in [p.text for p in tree.all("p", "note")]


@both_languages
def test_a_free_study_and_one_at_cost_are_paid_as_settled(language: Language) -> None:
    free = read(render(found("count", {}, price_fen=0), language))
    assert not next(s for s in free.all("section") if s.attributes["aria-labelledby"] == "paid").all("table")
    cost = found("count", {}, purpose="NPUNCU")
    section = next(s for s in read(render(cost, language)).all("section") if s.attributes["aria-labelledby"] == "paid")
    refund = next(line["fen"] for line in cost["settlement"]["lines"] if line["role"] == "refund")
    assert yuan(refund) in section.text
