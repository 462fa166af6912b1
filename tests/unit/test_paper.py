"""Papers: the same words in HTML, Markdown and PDF, in both languages; text that cannot become markup."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from pypdf import PdfReader

from huizhen.client.block import Facts, Prose, Sentence
from huizhen.client.paper import FORMATS, Paper, Section, fact, grid, html, markdown, rendered, write
from huizhen.client.paper_font import SETTING, embedded
from huizhen.kit.errors import BadInput
from page_reader import read

NASTY = "<script>alert(1)</script> | *x* [y](z)"


def paper(language: str = "en", title: str = "An assessment") -> Paper:
    rows = tuple((f"第 {i} 条", "一段较长的说明文字，用于换行与分页。" * 3, NASTY) for i in range(40))
    blocks = (
        Sentence("The finding. 结论。"),
        Prose(NASTY),
        Facts("Facts", (fact("who", "张三丰 & Söhne"),), ("a note",)),
        grid("A table", ("row", "said", "raw"), rows),
    )
    return Paper(language, title, "paper", "The lead.", (fact("on", "2026-11-28"),), (Section("a", "First", blocks),))  # type: ignore[arg-type]


def words_of(pdf: bytes) -> str:
    return "".join("".join(p.extract_text() for p in PdfReader(BytesIO(pdf)).pages).split())


@pytest.mark.parametrize("language", ["en", "zh"])
def test_all_formats_say_the_same(language: str) -> None:
    made = paper(language)
    page = "".join(read(html(made)).text.split())
    told = "".join(markdown(made).replace("\\", "").split())
    printed = words_of(rendered(made, ".pdf"))
    for words in ("Anassessment", "Thefinding.结论。", "张三丰&Söhne", "第39条", "2026-11-28", "anote"):
        assert words in page and words in told and words in printed, words


def test_text_is_never_markup() -> None:
    assert "<script>" not in html(paper())
    told = markdown(paper())
    assert "<script>" not in told and "\\<script\\>" in told
    table = [line for line in told.splitlines() if line.startswith("| 第")]
    assert len(table) == 40 and all(line.replace("\\|", "").count("|") == 4 for line in table)


def test_a_pdf_is_of_several_pages_with_a_title_and_the_same_each_time() -> None:
    one, two = rendered(paper(), ".pdf"), rendered(paper(), ".pdf")
    found = PdfReader(BytesIO(one))
    assert one == two and len(found.pages) > 1 and found.metadata.title == "An assessment"  # type: ignore[union-attr]


def fonts_of(pdf: bytes) -> dict[str, bool]:
    """By name of each font that a PDF uses for Chinese: whether it is in the file."""
    found = {}
    for page in PdfReader(BytesIO(pdf)).pages:
        for font in page["/Resources"]["/Font"].values():  # type: ignore[index]
            each = font.get_object()
            below = each.get("/DescendantFonts")
            described = (below.get_object()[0].get_object() if below else each).get("/FontDescriptor")
            files = {"/FontFile", "/FontFile2", "/FontFile3"}
            if described is not None:
                found[str(each["/BaseFont"])] = bool(files & set(described.get_object()))
    return found


@pytest.mark.skipif(embedded("会") is None, reason="no Chinese font on this machine")
def test_chinese_is_embedded_with_what_is_used_of_it() -> None:
    made = rendered(paper("zh"), ".pdf")
    assert fonts_of(made) and all(fonts_of(made).values()), "nothing is left to the reader's own fonts"
    assert len(made) < 400_000 and "张三丰" in words_of(made)


def test_without_a_font_the_paper_says_that_the_reader_shows_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SETTING, "/nowhere.ttf")
    made = rendered(paper("zh"), ".pdf")
    assert not all(fonts_of(made).values()) and SETTING in words_of(made) and "第39条" in words_of(made)


def test_the_name_of_the_file_says_the_format(tmp_path: Path) -> None:
    for suffix in FORMATS:
        write(paper(), tmp_path / f"a{suffix}")
    assert (tmp_path / "a.pdf").read_bytes()[:5] == b"%PDF-"
    with pytest.raises(BadInput, match="no format"):
        write(paper(), tmp_path / "a.docx")
    with pytest.raises(BadInput, match="no such folder"):
        write(paper(), tmp_path / "none" / "a.md")
