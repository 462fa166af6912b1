"""A paper: what is written for people to keep, made of sections and blocks; one source for HTML, Markdown and PDF."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from huizhen.client.block import Block, Fact, Facts, Figure, Head, Prose, Sentence, Table, words
from huizhen.kit.errors import BadInput
from huizhen.kit.text import Language, Text

FORMATS = (".md", ".html", ".pdf")
_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|~])")


@dataclass(frozen=True)
class Section:
    key: str
    heading: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Paper:
    """All that a template reads, in words of one language."""

    language: Language
    title: str
    kind: str
    lead: str
    facts: tuple[Fact, ...]
    sections: tuple[Section, ...]


@cache
def template(name: str) -> Template:
    """A page of this package, all of whose text is escaped."""
    environment = Environment(
        loader=PackageLoader("huizhen.client", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)


def html(paper: Paper) -> str:
    """One page that opens without a network: no script, nothing from elsewhere; all text is escaped."""
    return template("paper.html").render(page=paper)


def markdown(paper: Paper) -> str:
    """CommonMark with tables; text cannot become markup. A figure is told by its caption."""
    lines = [f"# {_plain(paper.title)}", "", f"会诊 Huizhen · {_plain(paper.kind)}", "", _plain(paper.lead), ""]
    lines += _facts(paper.facts)
    for section in paper.sections:
        lines += [f"## {_plain(section.heading)}", ""]
        for block in section.blocks:
            lines += _block(block)
    return "\n".join(lines).rstrip() + "\n"


def check_format(file: Path) -> None:
    """Raises BadInput for a name that says no format, or a folder that is not there."""
    if file.suffix.lower() not in FORMATS:
        raise BadInput(
            "no-paper-format",
            Text(f"'{file.name}' says no format that a paper can have.", f"“{file.name}”的扩展名不是可用的文书格式。"),
            Text(f"End its name with one of {', '.join(FORMATS)}.", f"请以 {'、'.join(FORMATS)} 之一结尾。"),
        )
    if not file.absolute().parent.is_dir():
        raise BadInput(
            "no-place-for-paper",
            Text(f"'{file}' cannot be written: there is no such folder.", f"无法写入“{file}”：没有该文件夹。"),
            Text("Name a file in a folder that exists.", "请指定已有文件夹中的文件。"),
        )


def rendered(paper: Paper, suffix: str) -> bytes:
    """The paper in the format that a file of this suffix has."""
    if suffix == ".pdf":
        from huizhen.client.paper_pdf import pdf

        return pdf(paper)
    return (html(paper) if suffix == ".html" else markdown(paper)).encode()


def write(paper: Paper, file: Path) -> None:
    """Write the paper in the format that the file's name says. Raises BadInput for any other."""
    check_format(file)
    file.write_bytes(rendered(paper, file.suffix.lower()))


def fact(label: str, text: str, title: str | None = None) -> Fact:
    return Fact(label, words(text), title)


def grid(caption: str, heads: tuple[str, ...], rows: tuple[tuple[str, ...], ...], notes: tuple[str, ...] = ()) -> Table:
    """A table of plain text whose first column names the row."""
    cells = tuple(tuple(words(text, head=i == 0) for i, text in enumerate(row)) for row in rows)
    return Table(caption, tuple(Head(h, number=False) for h in heads), cells, notes)


def _plain(text: str) -> str:
    return _MARKUP.sub(r"\\\1", " ".join(text.split()))


def _row(cells: Iterator[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _facts(facts: tuple[Fact, ...]) -> list[str]:
    return [*(f"- {_plain(f.label)}: {_plain(f.cell.text)}" for f in facts), *([""] if facts else [])]


def _block(block: Block) -> list[str]:
    if isinstance(block, Prose):
        return [_plain(block.text), ""]
    if isinstance(block, Sentence):
        return [f"> {_plain(block.text)}", ""]
    notes = [line for note in block.notes for line in (f"> {_plain(note)}", "")]
    if isinstance(block, Facts):
        return [f"### {_plain(block.caption)}", "", *_facts(block.facts), *notes]
    if isinstance(block, Figure):
        return [f"### {_plain(block.title)}", "", _plain(block.caption), "", *notes]
    rows = [_row(_plain(h.text) for h in block.heads), _row("---" for _ in block.heads)]
    rows += [_row(_plain(cell.text) for cell in row) for row in block.rows]
    return [f"### {_plain(block.caption)}", "", *rows, "", *notes]
