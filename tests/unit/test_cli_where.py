"""Where commands act: on a region's folder, at a hub elsewhere, at a hospital's own node; the manual says so, too."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main

from huizhen.cli import app

KEEPS_KEYS = {
    "init", "up", "node add", "node revoke", "hub serve", "hub invite", "hub nats-config", "hub token add",
    "hub token list", "hub token revoke", "hub account add", "hub account link", "hub account list",
    "hub account close", "hub backup", "hub restore", "witness add", "witness remove",
}  # fmt: skip
"""What makes keys or gives access: done where the region's keys are, and by no token."""
AT_THE_NODE = {
    "dataset add", "consent grant", "consent withdraw", "consent import", "consent ask", "consent refuse",
    "consent delegate add", "consent delegate list", "consent delegate revoke", "consent wording list",
    "consent wording show", "care access", "care check", "care review list", "care review decide", "patient uses",
    "patient consents", "patient data", "patient delete", "patient deletions", "patient confirm-deletion",
    "patient corrections", "patient decide-correction", "patient confirm-correction",
    "consent export", "patient claim", "breach affected", "node log", "node score", "node backup", "node restore",
    "blacklist take", "watch node scan", "watch node list", "watch node acknowledge", "node console",
    "node account add", "node account link", "node account list", "node account close",
}  # fmt: skip
"""What a hospital does at its own node."""
REMOTE = {
    "study", "model", "ledger", "money", "party", "act", "deed", "contract", "breach", "chain", "witness", "doctor",
    "review", "blacklist", "watch", "audit",
}  # fmt: skip
"""What an asker, auditor or trustee does with an access file."""
MANUAL = Path(__file__).parents[2] / "docs" / "how-to" / "run-hospitals.md"


def commands(found: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, set[str]]]:
    """Every command with its options."""
    if hasattr(found, "commands"):
        for name, each in found.commands.items():
            yield from commands(each, (*path, name))
    else:
        yield " ".join(path), {o for p in found.params for o in (*p.opts, *p.secondary_opts)}


OPTIONS = dict(commands(typer.main.get_command(app)))


def test_a_command_on_a_region_takes_a_hub_elsewhere_unless_it_keeps_keys_or_is_the_hospitals_own() -> None:
    on_region = {name for name, options in OPTIONS.items() if "--region" in options}
    remote = {name for name in on_region if {"--hub", "--token"} <= OPTIONS[name]}
    assert on_region - remote == KEEPS_KEYS | AT_THE_NODE
    assert {name.split()[0] for name in remote} == REMOTE
    assert all("--home" in OPTIONS[name] for name in AT_THE_NODE)
    assert all("--hub" not in OPTIONS[name] for name in KEEPS_KEYS)


def test_the_manual_says_so() -> None:
    part = MANUAL.read_text(encoding="utf-8").partition("## What takes --hub")[2].partition("\n## ")[0]
    named = set(re.findall(r"`([a-z -]+)`", part))
    both = KEEPS_KEYS | AT_THE_NODE
    assert named >= REMOTE
    assert all(name in named or name.rsplit(" ", 1)[0] in named for name in both), both - named


NAMED = re.compile(r"(?:`|<code>|“)huizhen ([a-z][^`<”\n]*)")
SOURCES = [p for end in ("*.py", "*.html") for p in (Path(__file__).parents[2] / "src").rglob(end)]


def test_every_command_that_a_message_or_a_page_names_is_there() -> None:
    """With the options that are named beside it: a remedy that cannot be typed is none."""
    groups = {name.rpartition(" ")[0] for name in OPTIONS} | {name.split()[0] for name in OPTIONS}
    wrong, found = [], 0
    for path in SOURCES:
        for said in NAMED.findall(path.read_text(encoding="utf-8")):
            words = said.split()
            starts = [" ".join(words[:n]) for n in range(len(words), 0, -1)]
            longest = next((start for start in starts if start in OPTIONS), None)
            options = {w.partition("=")[0].strip(".,;:)]") for w in words if w.startswith("--")}
            known = OPTIONS.get(longest or "", set()) | {"--help", "--lang"}
            found += 1
            if (longest is None and not any(" ".join(words[:n]) in groups for n in (1, 2))) or not (
                longest is None or options <= known
            ):
                wrong.append(f"{path.name}: huizhen {said}")
    assert wrong == []
    assert found > 200
