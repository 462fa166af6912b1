"""What comes in: tables, schemas, consent files, cohort expressions. Everything is checked before anything is kept."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from huizhen.intake.format import Format, Source, check_file
from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text

__all__ = ["Format", "Source", "find", "formats", "open_source"]


@cache
def formats() -> dict[str, Format]:
    """Every format in this folder by name: a format is a file with `FORMAT`."""
    found = {}
    for module in iter_modules(__path__):
        candidate = getattr(import_module(f"{__name__}.{module.name}"), "FORMAT", None)
        if isinstance(candidate, Format):
            found[candidate.name] = candidate
    return dict(sorted(found.items()))


def find(path: Path) -> Format:
    """The format of a file by its suffix. Raises NotFound without the file, BadInput when no format reads it."""
    check_file(path)
    for candidate in formats().values():
        if path.suffix.lower() in candidate.suffixes:
            return candidate
    known = sorted(suffix for f in formats().values() for suffix in f.suffixes)
    raise BadInput(
        "unknown-format",
        Text(f"'{path.name}' is of no format that can be read.", f"无法读取“{path.name}”：未知的文件格式。"),
        Text(
            f"Files that can be read end in {', '.join(known)}; save a spreadsheet as CSV (UTF-8).",
            f"可读取的文件后缀：{'、'.join(known)}；电子表格请另存为 CSV（UTF-8）。",
        ),
    )


def open_source(path: Path) -> Source:
    """A file as a source of rows. Raises NotFound or BadInput."""
    return find(path).open(path)
