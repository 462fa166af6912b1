"""Lines and tables that fit, whatever the language and the width."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from huizhen.cli.folding import fold
from huizhen.cli.table import Head, render, widths
from huizhen.kit.text import Text

ID = "st-0123456789abcdef"


def test_lines_break_between_words_and_hang():
    assert fold("  + one two three", 10, hang=2) == ["  + one", "    two", "    three"]
    assert fold("", 10) == [""]
    assert fold("antidisestablishmentarianism is", 10) == ["antidisestablishmentarianism", "is"]


def test_chinese_breaks_between_characters_but_not_before_a_closing_sign():
    assert fold("各医院共同作答，数据不出院。", 14) == ["各医院共同作", "答，数据不出", "院。"]
    assert fold("（甲）乙（丙）", 6) == ["（甲）", "乙", "（丙）"]


@given(st.text("数据 ，。（）ab,.- ", max_size=80), st.integers(24, 60))
def test_nothing_is_lost_and_an_id_stays_whole(text: str, width: int):
    lines = fold(f"{text}、{ID}、{text}", width)
    assert "".join("".join(lines).split()) == "".join(f"{text}、{ID}、{text}".split())
    assert sum(ID in line for line in lines) == 1


def drawn(width: int, language: str = "en") -> list[str]:
    heads = [
        Head(Text("id", "编号"), "id"),
        Head(Text("asker", "申请方"), spare=True),
        Head(Text("title", "标题")),
        Head(Text("yuan", "元"), "number"),
        Head(Text("unit", "单位")),
    ]
    rows = [(ID, "acme-pharma", "Does sex change survival in any of the hospitals?", "1,200.00", None)] * 2
    out = Console(file=io.StringIO(), width=width)
    out.print(render(Text("Studies", "研究"), heads, rows, language, width))  # type: ignore[arg-type]
    return out.file.getvalue().splitlines()  # type: ignore[attr-defined, no-any-return]


@pytest.mark.parametrize("width", [30, 48, 60, 80, 120])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_table_fits_and_never_breaks_an_id_or_a_number(width: int, language: str):
    lines = drawn(width, language)
    assert sum(ID in line for line in lines) == 2
    assert sum("1,200.00" in line for line in lines) == 2
    assert all(cell_len(line.rstrip()) <= width for line in lines if "title" not in line)
    assert not any("unit" in line or "单位" in line for line in lines)


def test_what_is_spare_goes_first_and_then_rows_become_lists():
    assert "acme-pharma" in "\n".join(drawn(120))
    assert "acme-pharma" not in "\n".join(drawn(60))
    assert drawn(30)[1:4] == [ID, "  asker: acme-pharma", "  title: Does sex change"]


def test_widths_share_what_is_left():
    assert widths(["a", "b"], ["word", "word"], [["x" * 40, "y" * 20]], 47) == [24, 15]
    assert widths(["a"], ["id"], [["x" * 40]], 30) is None
