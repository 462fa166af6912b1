"""What `--help` says of one command, or of all below a group; in English from the commands, in Chinese from a table."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Sequence
from typing import Any

from rich.cells import cell_len

from huizhen.cli.chinese import COMMANDS, OPTIONS
from huizhen.cli.folding import fold
from huizhen.cli.voice import VOICE
from huizhen.kit.text import Text

_WIDEST = 100
_EXAMPLE = re.compile(r"\s*Examples?:\s*(.*)", re.DOTALL)


def leaves(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    """(words to type, command) of every command that does something, from this one down."""
    if not hasattr(command, "commands"):
        yield path, command
        return
    for name, inner in command.commands.items():
        yield from leaves(inner, f"{path} {name}")


def about(command: Any) -> tuple[str, list[str]]:
    """What a command does, in English, and the examples of it."""
    text = _joined(inspect.cleandoc(command.help or ""))
    found = _EXAMPLE.search(text)
    if not found:
        return text, []
    return text[: found.start()].strip(), re.findall(r"`([^`]+)`", found[1])


def _joined(text: str) -> str:
    """Paragraphs as one line each: how the source folds them says nothing."""
    return "\n\n".join(" ".join(paragraph.split("\n")) for paragraph in text.split("\n\n"))


def of_command(command: Any, path: str) -> str:
    """The manual of one command: usage, what it does, its arguments and options, an example."""
    words, examples = about(command)
    said = Text(words, COMMANDS.get(path, words)).say(VOICE.language)
    parameters = [(_usage(p), _meaning(p)) for p in command.params]
    needed = [_usage(p) if p.required else f"[{_usage(p)}]" for p in command.params if p.name != "help"]
    lines = [f"{_say('Usage', '用法')}: {path} {' '.join(needed)}", "", said, "", *_two_columns(parameters)]
    if examples:
        lines += ["", _say("Example", "示例"), *(f"  {example}" for example in examples)]
    return _page(lines)


def of_group(group: Any, path: str) -> str:
    """The manual of a group: every command below it with the first sentence on what it does."""
    words = Text(inspect.cleandoc(group.help or ""), COMMANDS.get(path, "")).say(VOICE.language)
    rows = [(name, _first_sentence(command, name)) for name, command in leaves(group, path)]
    lines = [words, "", _say("Commands", "命令"), *_two_columns(rows)]
    if group.params:
        lines += ["", _say("Options", "选项"), *_two_columns([(_usage(p), _meaning(p)) for p in group.params])]
    lines += ["", _say("Each command has its own --help, with an example.", "每条命令都有自己的 --help，并附示例。")]
    return _page(lines)


def _first_sentence(command: Any, path: str) -> str:
    words = Text(about(command)[0], COMMANDS.get(path, about(command)[0])).say(VOICE.language)
    return re.split(r"(?<=[.。])\s*", words.replace("\n", " "), maxsplit=1)[0]


def name_of(parameter: Any) -> str:
    """How a person calls an argument or option."""
    if parameter.param_type_name == "argument":
        return str(parameter.metavar or parameter.name.upper())
    return str(parameter.opts[0])


def _usage(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return str(parameter.metavar or parameter.name.upper())
    if parameter.is_flag or parameter.name == "help":
        return str(parameter.opts[0])
    return f"{parameter.opts[0]} {parameter.metavar or parameter.name.upper()}"


def _meaning(parameter: Any) -> str:
    if parameter.name == "help":
        return _say("Show this page.", "显示本页。")
    words = parameter.help or ""
    said = Text(words, OPTIONS.get(words, words)).say(VOICE.language)
    if parameter.envvar:
        said += _say(f" Or set {parameter.envvar}.", f"也可设置环境变量 {parameter.envvar}。")
    return said


def _two_columns(rows: Sequence[tuple[str, str]]) -> list[str]:
    """Each pair on a line, what it means folded under itself."""
    width = min(max((cell_len(left) for left, _ in rows), default=0), 34)
    lines = []
    for left, right in rows:
        folded = _folded(right, _room() - width - 4)
        gap = width - cell_len(left)
        lines += [f"  {left}{' ' * gap}  {folded[0]}"] if gap >= 0 else [f"  {left}", f"  {' ' * width}  {folded[0]}"]
        lines += [f"  {' ' * width}  {line}" for line in folded[1:]]
    return lines


def _room() -> int:
    return min(VOICE.room, _WIDEST)


def _folded(text: str, width: int) -> list[str]:
    return fold(text, max(width, 20))


def _page(lines: Sequence[str]) -> str:
    folded: list[str] = []
    for text in lines:
        for line in text.split("\n"):
            folded += [line] if line.startswith("  ") else _folded(line, _room())
    return "\n".join(folded) + "\n"


def _say(en: str, zh: str) -> str:
    return Text(en, zh).say(VOICE.language)
