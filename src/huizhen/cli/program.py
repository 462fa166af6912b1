"""The program around the commands: its language, its help, and how it ends when something goes wrong.

No Python traceback reaches a user: what nobody foresaw ends with a short message and a log file that holds no value.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from huizhen.cli import abrupt, faults, manual
from huizhen.cli.common import INTERRUPTED, interruptible
from huizhen.cli.voice import VOICE
from huizhen.kit.errors import BadInput, HuizhenError
from huizhen.kit.text import Text, did_you_mean


class Command(TyperCommand):
    """A command whose help is ours."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Settles which of --region and its like is meant where several are given: what was typed beats what the
        environment says. Raises BadInput for two that were typed."""
        rest: list[str] = super().parse_args(ctx, args)
        for one, other in (("region", "hub"), ("region", "home")):
            if ctx.params.get(one) is not None and ctx.params.get(other) is not None:
                _choose(ctx, one, other)
        return rest

    def format_help(self, ctx: Any, formatter: Any) -> None:
        formatter.write(manual.of_command(self, ctx.command_path))


def _choose(ctx: Any, one: str, other: str) -> None:
    """Of two options of which only one can hold, the one that was typed."""
    typed = [name for name in (one, other) if ctx.get_parameter_source(name).name == "COMMANDLINE"]
    if len(typed) != 1:
        raise BadInput(
            "two-places",
            Text(f"--{one} and --{other} exclude each other.", f"--{one} 与 --{other} 不能同时使用。"),
            Text(f"Give one of them; unset HUIZHEN_{one.upper()} or HUIZHEN_{other.upper()}.",
                 f"请只给出其一，或取消环境变量 HUIZHEN_{one.upper()} 或 HUIZHEN_{other.upper()}。"),
        )  # fmt: skip
    ctx.params[other if typed == [one] else one] = None


class Group(TyperGroup):
    """Commands under one word."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        formatter.write(manual.of_group(self, ctx.command_path))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Raises BadInput, with the nearest there is, for a command that there is not."""
        if self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            known = list(self.commands)
            hint = did_you_mean(args[0], known)
            raise BadInput(
                "no-such-command",
                Text(
                    f"There is no command '{ctx.command_path} {args[0]}'{hint.en}.",
                    f"没有命令“{ctx.command_path} {args[0]}”{hint.zh}。",
                ),
                Text(f"There are: {', '.join(known)}.", f"可用的命令：{'、'.join(known)}。"),
            )
        return super().resolve_command(ctx, args)


class Program(Group):
    """`huizhen` itself."""

    def main(  # type: ignore[override]
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,  # noqa: ARG002
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> int:
        """Run one command; ends the process with its exit code, or answers it where `standalone_mode` is off."""
        words = list(sys.argv[1:] if args is None else args)
        code = self._run(words, complete_var, extra)
        if standalone_mode:
            sys.exit(code)
        return code

    def invoke(self, ctx: Any) -> Any:
        """Run the command that the words name. Ctrl-C where the command itself says nothing of it ends like this."""
        with interruptible("What was finished before is kept.", "此前已完成的内容均已保存。"):
            return super().invoke(ctx)

    def _run(self, words: list[str], complete_var: str | None, extra: dict[str, Any]) -> int:
        try:
            abrupt.over()
            rest = _speak(words)
            ended = super().main(rest, "huizhen", complete_var, False, **extra)
            sys.stdout.flush()
            return ended if isinstance(ended, int) else 0
        except HuizhenError as error:
            VOICE.complain(error, _as_json(words))
            return error.exit
        except KeyboardInterrupt:
            return INTERRUPTED
        except BrokenPipeError:
            faults.close_quietly()
            return 0
        except Exception as error:
            return _ended(error, words)


def _ended(error: Exception, words: list[str]) -> int:
    if type(error).__name__ == "NoArgsIsHelpError":
        sys.stdout.write(str(getattr(error, "message", "")) + "\n")
        return 2
    said = _misused(error, words) if hasattr(error, "format_message") else faults.foreseen(error)
    if said is None:
        said = faults.unforeseen(error, words)
    VOICE.complain(said, _as_json(words))
    return said.exit


def _speak(words: list[str]) -> list[str]:
    """Choose the language; `--lang` may stand anywhere. Raises BadInput for one that is not spoken here."""
    rest, asked = [], None
    waiting = iter(words)
    for word in waiting:
        if word == "--lang" or word.startswith("--lang="):
            asked = word.partition("=")[2] or next(waiting, "")
        else:
            rest.append(word)
    VOICE.begin(asked)
    if asked is not None and asked.lower()[:2] not in {"en", "zh"}:
        raise BadInput(
            "no-such-language",
            Text(f"'{asked}' is not a language of this program.", f"本程序不支持语言“{asked}”。"),
            Text("Give --lang en or --lang zh.", "请使用 --lang en 或 --lang zh。"),
        )
    return rest


def _as_json(words: Sequence[str]) -> bool:
    """Whether an error is to be told as JSON: where `--json` is a flag, or sends everything to standard output."""
    if "--json" not in words:
        return False
    after = words[words.index("--json") + 1 :][:1]
    return words[:2] != ["study", "run"] or after == ["-"]


def _misused(error: Any, words: Sequence[str]) -> HuizhenError:
    """What is wrong with the words of a command, for the exceptions of the parser, which are known by name only."""
    kind, context = type(error).__name__, getattr(error, "ctx", None)
    path = context.command_path if context else _named(words)
    see = Text(f"`{path} --help` shows how it is used.", f"用法见 `{path} --help`。")
    if kind == "MissingParameter":
        return _missing(error.param, see)
    if kind == "NoSuchOption":
        known = [name for p in (context.command.params if context else []) for name in p.opts]
        hint = did_you_mean(error.option_name, known)
        return BadInput(
            "no-such-option",
            Text(f"There is no option {error.option_name}{hint.en}.", f"没有选项 {error.option_name}{hint.zh}。"),
            see,
        )
    if kind == "BadOptionUsage":
        name = error.option_name
        return BadInput("option-without-value", Text(f"{name} needs a value.", f"选项 {name} 需要一个值。"), see)
    parameter = getattr(error, "param", None)
    if parameter is not None:
        name = manual.name_of(parameter)
        return BadInput("bad-option", Text(f"{name}: {error.message}.".replace("..", "."), f"{name} 的值无效。"), see)
    return BadInput("bad-words", Text(f"{error.format_message().rstrip('.')}.", "命令的参数有多余或缺失。"), see)


def _named(words: Sequence[str]) -> str:
    """The command that the words begin with, for an error that does not say where it is from."""
    from typer.main import get_command

    from huizhen.cli import app

    known: Any = get_command(app)
    path = "huizhen"
    waiting = iter(words)
    for word in waiting:
        if word == "--lang":
            next(waiting, None)
            continue
        known = getattr(known, "commands", {}).get(word)
        if known is None:
            return path
        path = f"{path} {word}"
    return path


def _missing(parameter: Any, see: Text) -> HuizhenError:
    if parameter.name == "region":
        return BadInput(
            "no-region-given",
            Text("It is not said which region is meant.", "未指明区域。"),
            Text(
                "Give --region DIR, or set HUIZHEN_REGION. `huizhen init --region DIR` makes one.",
                "请给出 --region 文件夹，或设置环境变量 HUIZHEN_REGION。`huizhen init --region 文件夹` 可新建区域。",
            ),
        )
    name = manual.name_of(parameter)
    return BadInput("option-missing", Text(f"{name} is missing.", f"缺少 {name}。"), see)


def new_group(help_: str) -> typer.Typer:
    """A group of commands that speaks as this program does."""
    return typer.Typer(cls=Group, help=help_, no_args_is_help=True, add_completion=False, rich_markup_mode=None)
