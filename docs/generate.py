"""Writes docs/reference from the code, so that the manual cannot say what the program does not do.

`generate.py` writes; `generate.py --check` writes nothing and fails when a page on disk is not what the code gives.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from pages import commands, deeds, errors, files, formats, guard, law, ledger, methods, purposes, rules

FOLDER = Path(__file__).parent / "reference"
PAGES: dict[str, Callable[[], str]] = {
    "commands.md": commands.page,
    "deeds.md": deeds.page,
    "deed-states.svg": deeds.drawing,
    "errors.md": errors.page,
    "files.md": files.page,
    "formats.md": formats.page,
    "guard.md": guard.page,
    "law.md": law.page,
    "ledger.md": ledger.page,
    "methods.md": methods.page,
    "purposes.md": purposes.page,
    "rules.md": rules.page,
}
NOTE = "<!-- Written by docs/generate.py from the code: change the code, then run `make docs`. -->\n\n"


def stale(pages: dict[str, str]) -> list[str]:
    """Names of pages that are missing, out of date, or of something that is no more."""
    held = {p.name: p.read_text(encoding="utf-8") for p in FOLDER.iterdir()}
    return sorted(name for name in pages.keys() | held.keys() if pages.get(name) != held.get(name))


def main() -> None:
    pages = {name: NOTE + page().rstrip() + "\n" for name, page in PAGES.items()}
    wrong = stale(pages)
    if "--check" in sys.argv[1:]:
        if wrong:
            sys.exit(f"docs/reference is not what the code says: {', '.join(wrong)}. Run `make docs` and commit.")
        return
    FOLDER.mkdir(exist_ok=True)
    for name in wrong:
        if name in pages:
            (FOLDER / name).write_text(pages[name], encoding="utf-8")
        else:
            (FOLDER / name).unlink()


if __name__ == "__main__":
    main()
