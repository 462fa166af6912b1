"""The commands, as `--help` tells them, in both languages."""

from __future__ import annotations

from typing import Any

import typer.main

from huizhen.cli import app, manual
from huizhen.cli.chinese import COMMANDS, OPTIONS
from huizhen.kit.text import Text
from pages.markdown import both, code, table

HEAD = """\
# Commands

`huizhen COMMAND --help` says the same. Every command speaks English or Chinese (`huizhen --lang zh ...`, or
`HUIZHEN_LANG`), prints JSON for machines with `--json`, takes its region from `HUIZHEN_REGION` where `--region` is not
given, and ends with the exit code of its [error](errors.md), or 0.

各命令支持中英文（`huizhen --lang zh ...` 或 `HUIZHEN_LANG`）；`--json` 输出供程序使用；
未给出 `--region` 时取 `HUIZHEN_REGION`；出错时以[错误](errors.md)对应的退出码结束。

"""


def page() -> str:
    return HEAD + "".join(_command(path, each) for path, each in manual.leaves(typer.main.get_command(app), "huizhen"))


def _command(path: str, command: Any) -> str:
    english, examples = manual.about(command)
    parameters = [p for p in command.params if p.name != "help"]
    usage = " ".join(_usage(p) if p.required else f"[{_usage(p)}]" for p in parameters)
    rows = [
        (code(_usage(p)), "yes" if p.required else "", p.help or "", OPTIONS.get(p.help or "", "")) for p in parameters
    ]
    shown = "\n".join([f"{path} {usage}", *(f"\n# for example\n{example}" for example in examples)])
    return f"## {path}\n\n{both(Text(' '.join(english.split()), COMMANDS[path]))}```text\n{shown}\n```\n\n" + table(
        ("argument or option", "needed", "what it is", "说明"), rows
    )


def _usage(parameter: Any) -> str:
    name = manual.name_of(parameter)
    if parameter.param_type_name == "argument" or parameter.is_flag:
        return name
    return f"{name} {parameter.metavar or parameter.name.upper()}"
