"""How a demonstration speaks: chapters, sentences, commands with what they print, all within 100 columns."""

from __future__ import annotations

import io
import os
import shlex
from contextlib import redirect_stderr, redirect_stdout

from rich.cells import cell_len
from rich.console import Console

from huizhen.cli import app
from huizhen.cli.folding import fold
from huizhen.cli.voice import VOICE
from huizhen.kit.text import Text

WIDTH = 100
INDENT = 3
COLUMNS = (26, 22, 22, 0)
OUT = Console(highlight=False, width=WIDTH)


def chapter(number: int, en: str, zh: str) -> None:
    OUT.print(f"\n\n{number}. {Text(en, zh).say(VOICE.language)}", style="bold cyan", markup=False)


def say(en: str, zh: str) -> None:
    """A sentence after an empty line, folded between words."""
    OUT.print()
    for line in Text(en, zh).say(VOICE.language).split("\n"):
        OUT.print("\n".join(fold(line, WIDTH)), markup=False, soft_wrap=True)


def show(text: str, style: str | None = None) -> None:
    """What a command printed, set in and folded."""
    for line in text.rstrip().splitlines():
        folded = fold(" " * INDENT + line, WIDTH, hang=2)
        OUT.print("\n".join(folded), style=style, markup=False, soft_wrap=True)


def aligned(*texts: str) -> str:
    return "".join(text + " " * (width - cell_len(text)) for text, width in zip(texts, COLUMNS, strict=True))


def huizhen(*words: str, quiet: bool = False) -> tuple[int, str]:
    """Run one command in this process, as its user would; answers exit code and what it printed."""
    if not quiet:
        show("$ huizhen " + shlex.join(words), "dim")
    os.environ["COLUMNS"] = str(WIDTH - INDENT)
    printed, aside = io.StringIO(), io.StringIO()
    with redirect_stdout(printed), redirect_stderr(aside):
        code = int(app(list(words), standalone_mode=False) or 0)
    return code, printed.getvalue() + (aside.getvalue() if code else "")


def done(*words: str, quiet: bool = False) -> str:
    """A command that has to end well."""
    code, printed = huizhen(*words, quiet=quiet)
    if code:
        raise SystemExit(printed)
    return printed


def check(holds: bool, promise: str) -> None:
    if not holds:
        raise SystemExit(f"NOT KEPT: {promise}")
