"""The report of a study as a paper to print or file: the same sections, words and figures as the page (`report`)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from huizhen.client import report
from huizhen.client.block import Block, Prose, Sentence
from huizhen.client.paper import Paper, Section, grid, rendered
from huizhen.kit.text import Language


def pdf(found: dict[str, Any], language: Language) -> bytes:
    """The whole report of what is known of a study as PDF, with its evidence."""
    return rendered(paper(found, language), ".pdf")


def paper(found: dict[str, Any], language: Language) -> Paper:
    """What is known of a study (`path.outcome.outcome`), in words of one language."""
    page = report.page(found, language)
    sections = tuple(Section(key, page.head[key], blocks) for key, blocks in _sections(page) if blocks)
    kind = f"{page.head['report']} · {page.status_word}"
    return Paper(language, page.title, kind, page.lead, page.asked, (*sections, *_allowed(page)))


def _sections(page: report.Page) -> Iterator[tuple[str, tuple[Block, ...]]]:
    if page.problem:
        yield "no answer", (Sentence(page.problem[0]), Prose(page.problem[1]))
    yield "answer", page.answer
    yield "protected", _protected(page)
    if page.paid:
        own = (page.paid.figure, page.paid.table, *(page.paid.effects or ()))
        said = (Prose(page.paid.sentence), *(Prose(x) if isinstance(x, str) else x for x in own if x is not None))
        yield "paid", said
    evidence = page.evidence
    commands = (f"{what}: {command}" for what, command in evidence.commands)
    texts = (evidence.intro, evidence.entries, evidence.cosigned, *commands)
    yield "check", tuple(Prose(text) for text in texts if text)
    yield "checkpoint", tuple(Prose(line) for line in evidence.checkpoint.splitlines() if line)
    yield "technical", (grid("", ("", ""), tuple((f.label, f.cell.text) for f in page.technical)),)


def _protected(page: report.Page) -> tuple[Block, ...]:
    said: tuple[Block, ...] = tuple(Prose(text) for text in page.protected.intro)
    rows = tuple((c.asks, c.outcome_word, c.words) for c in page.protected.checks)
    heads = (page.head["rule"], page.head["verdict"], page.head["reason"])
    return (*said, grid("", heads, rows)) if rows else said


def _allowed(page: report.Page) -> Iterator[Section]:
    if page.allowed is None:
        return
    heads = (page.head["rule"], page.head["verdict"], page.head["reason"], page.head["source"])
    rows = tuple((r.rule, r.verdict_word, r.words, r.source) for r in page.allowed.rules)
    said = (Prose(page.allowed.intro), grid("", heads, rows), Prose(page.allowed.sources))
    yield Section("allowed", page.allowed.heading, said)
