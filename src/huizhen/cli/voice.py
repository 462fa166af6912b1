"""How the commands speak: English or Chinese, for people or (--json) for machines; errors with code and remedy."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.status import Status
from rich.text import Text as Styled

from huizhen.cli import table
from huizhen.cli.folding import fold
from huizhen.cli.table import Head
from huizhen.kit.errors import HuizhenError
from huizhen.kit.text import Language, Text

_RAREST = 10.0
"""Seconds between two lines of progress, at most."""
WIDTH = 100
"""Columns of a page that goes to no terminal; COLUMNS says otherwise."""
_LANGUAGE = ("HUIZHEN_LANG", "LC_ALL", "LC_MESSAGES", "LANG")


class Voice:
    """One per run of the program; `begin` sets the language of a run."""

    def __init__(self) -> None:
        self.out = self.err = Console()
        self.language: Language = "en"
        self.begin(None)

    def begin(self, language: str | None) -> None:
        """Speak the language asked for, else that of the environment, to where output goes now."""
        self.out, self.err = _console(False), _console(True)
        chosen = language or next((os.environ[name] for name in _LANGUAGE if os.environ.get(name)), "")
        self.language = "zh" if chosen.lower().startswith("zh") else "en"

    @property
    def room(self) -> int:
        """How many cells wide a line may be."""
        return self.out.width

    def say(self, en: str, zh: str, style: str | None = None) -> None:
        self._print(self.out, Text(en, zh).say(self.language), style)

    def text(self, text: Text) -> None:
        self.say(*text)

    def aside(self, en: str, zh: str) -> None:
        """Said beside the answer: it goes to standard error."""
        self._print(self.err, Text(en, zh).say(self.language), None)

    def _print(self, console: Console, text: str, style: str | None) -> None:
        """On a terminal lines are folded; elsewhere they stay whole."""
        if console.is_terminal:
            text = "\n".join(line for one in text.split("\n") for line in fold(one, console.width, hang=2))
        console.print(text, style=style, markup=False, soft_wrap=True)

    def json(self, value: Any) -> None:
        sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False) + "\n")

    def table(self, title: Text, heads: Sequence[Head], rows: Sequence[Sequence[Any]]) -> None:
        """A table, or where there is no row, a word that there is none."""
        if not rows:
            self.say(f"{title.en}: none.", f"{title.zh}：无。")
            return
        rendered = table.render(title, heads, rows, self.language, self.room)
        self.out.print(rendered)

    def complain(self, error: HuizhenError, as_json: bool) -> None:
        if as_json:
            self.json({"error": error.as_dict()})
            return
        self._print(self.err, f"[{error.code}] {error.what.say(self.language)}", "red")
        self._print(self.err, error.remedy.say(self.language), None)

    @contextmanager
    def progress(self, quiet: bool) -> Iterator[Progress]:
        shown = Progress(self, quiet)
        try:
            yield shown
        finally:
            shown.stop()


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Whoever read our output has gone: the program says how it ends, not the console."""
        raise BrokenPipeError


def _console(stderr: bool) -> Console:
    console = _Console(stderr=stderr, highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = WIDTH
    return console


class Progress:
    """A spinner with words where there is a terminal; elsewhere a line after one second, and then ever more rarely."""

    def __init__(self, voice: Voice, quiet: bool) -> None:
        self._voice = voice
        self._quiet = quiet
        self._last = time.monotonic()
        self._pause = 1.0
        self._status: Status | None = None
        if not quiet and voice.err.is_terminal and not voice.err.is_dumb_terminal:
            self._status = voice.err.status("…")
            self._status.start()

    def step(self, name: str, text: Text) -> None:
        """Where it stands: the step of the road and what is going on in it."""
        word = _STEPS.get(name, Text(name, name))
        line = Text(f"{word.en}: {text.en}", f"{word.zh}：{text.zh}").say(self._voice.language)
        if self._quiet:
            return
        if self._status is not None:
            self._status.update(Styled(line))
        elif time.monotonic() - self._last > self._pause:
            self._voice.err.print(line, markup=False, soft_wrap=True)
            self._last, self._pause = time.monotonic(), min(self._pause * 1.5, _RAREST)

    def rows(self, read: int) -> None:
        self.step("read", Text(f"{read:,} rows", f"{read:,} 行"))

    def stop(self) -> None:
        if self._status is not None:
            self._status.stop()


_STEPS = {
    "fetch": Text("rows fetched", "取回"),
    "partition": Text("partition", "划分"),
    "search": Text("search", "搜索"),
    "write": Text("write", "写出"),
    "check": Text("check", "核验"),
    "measure": Text("measure", "度量"),
    "attack": Text("attack", "攻击"),
    "nearest": Text("nearest setting", "寻找可行设置"),
    "propose": Text("propose", "申请"),
    "authorise": Text("authorise", "审批"),
    "compute": Text("compute", "计算"),
    "guard": Text("guard", "出口检查"),
    "settle": Text("settle", "结算"),
    "end": Text("end", "结束"),
    "read": Text("read", "读取"),
}

VOICE = Voice()
