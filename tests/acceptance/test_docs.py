"""Every fenced example in the documentation runs, in order, and prints what the page says it prints.

In a page, a block of `bash` or `python` is run in the page's folder and must end well (`bash exit=5`: so). One whose
first line is a comment with a file name (`# cox.yaml`) is written to that file. A `text` block says what the block
before it prints: its lines occur in that order, '…' stands for anything. A `sh` block is for the reader to run.

README.md starts in an empty folder; every other page goes on in a copy of the folder that README.md leaves behind.
The port 8471 stands for one that is free. What a page starts and leaves running is stopped when the page is over.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

import warm
from federations import free_port

ROOT = Path(__file__).resolve().parents[2]
DOCS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
FENCE = re.compile(r"^```([^\n`]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"# ([\w.-]+\.(?:py|yaml|csv))\n")
SHOWN = {"sh", "text", "mermaid", "json"}
PORT = "8471"
PROGRAMS = Path(sys.executable).parent
SECONDS = 300
"""In which each example has to end."""


@dataclass(frozen=True)
class Block:
    language: str
    exit: int
    text: str
    line: int


def blocks(path: Path) -> list[Block]:
    text = path.read_text(encoding="utf-8")
    found = []
    for fence in FENCE.finditer(text):
        language, _, rest = fence[1].partition(" ")
        code = re.fullmatch(r"exit=(\d)", rest)
        found.append(Block(language, int(code[1]) if code else 0, fence[2], text.count("\n", 0, fence.start()) + 1))
    return found


def pages() -> list[Path]:
    """Pages with something to run, but for README.md and its translation."""
    runs = [p for p in DOCS if any(b.language in {"bash", "python", "yaml"} for b in blocks(p))]
    return [p for p in runs if not p.name.startswith("README")]


def play(page: Path, folder: Path, commands: Path) -> None:
    """Run the page in the folder, with the `huizhen` that lies in `commands`."""
    groups: list[int] = []
    try:
        _play(page, folder, commands, groups)
    finally:
        for group in groups:
            with suppress(ProcessLookupError):
                os.killpg(group, signal.SIGTERM)


def _play(page: Path, folder: Path, commands: Path, groups: list[int]) -> None:
    state, port = folder / ".environment", str(free_port())
    printed = ""
    for block in (replace(b, text=b.text.replace(PORT, port)) for b in blocks(page)):
        place = f"{page.relative_to(ROOT)}:{block.line}"
        named = NAMED.match(block.text)
        if named and block.language in {"python", "yaml", "csv"}:
            (folder / named[1]).write_text(block.text, encoding="utf-8")
        elif block.language in {"bash", "python"}:
            done = _run(block, folder, state, commands, groups)
            printed = done.stdout
            assert done.returncode == block.exit, f"{place} ended with {done.returncode}:\n{printed}"
        elif block.language == "text":
            _check_printed(block.text, printed, place)
        else:
            assert block.language in SHOWN, f"{place}: nobody knows how to run '{block.language}'"


def _run(
    block: Block, folder: Path, state: Path, commands: Path, groups: list[int]
) -> subprocess.CompletedProcess[str]:
    code = block.text
    if block.language == "python":
        code = f"python - <<'END_OF_PYTHON'\n{code}END_OF_PYTHON\n"
    keep = f"""trap '{{ export -p; printf "cd %q\\n" "$PWD"; }} > {state}' EXIT"""
    script = f"set -euo pipefail\n[ -e {state} ] && . {state}\n{keep}\n{code}"
    here = {k: v for k, v in os.environ.items() if not k.startswith(("HUIZHEN_", "COLUMNS", "LANG", "LC_"))}
    path = f"{commands}:{PROGRAMS}:{here['PATH']}"
    here |= {"PATH": path, "COLUMNS": "100", "LANG": "C.UTF-8"}
    with subprocess.Popen(
        ["bash", "-c", script], cwd=folder, env=here, text=True, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as ran:  # fmt: skip
        groups.append(ran.pid)
        try:
            printed, _ = ran.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            ran.kill()
            raise
    return subprocess.CompletedProcess(ran.args, ran.returncode, printed)


def _check_printed(expected: str, printed: str, place: str) -> None:
    at = 0
    lines = [_plain(x) for x in printed.splitlines()]
    for line in map(_plain, expected.splitlines()):
        if line in {"…", ""}:
            continue
        pattern = re.compile(".*".join(map(re.escape, line.split("…"))))
        found = next((i for i in range(at, len(lines)) if pattern.fullmatch(lines[i])), None)
        assert found is not None, f"{place}: this is not printed, or not there:\n{line}\n\n{printed}"
        at = found + 1


def _plain(line: str) -> str:
    return " ".join(line.split())


@pytest.fixture(scope="session")
def after_readme(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Path]:
    """The folder as README.md leaves it, made once for all processes that test at the same time."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "readme"
    with (folder.parent / "readme.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            folder.mkdir()
            play(ROOT / "README.md", folder, PROGRAMS)
            (folder / ".played").touch()
    assert (folder / ".played").exists(), "README.md does not run, so there is nothing to go on from"
    yield folder


def test_the_readme_does_what_it_says(after_readme: Path) -> None:
    assert (after_readme / "region" / "hub" / "hub.sqlite").exists()


@pytest.mark.parametrize("page", pages(), ids=lambda p: p.relative_to(ROOT).as_posix())
def test_the_page_does_what_it_says(page: Path, after_readme: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(after_readme, folder)
    (folder / ".environment").unlink()
    play(page, folder, warm.commands())


def test_both_readmes_say_the_same() -> None:
    en, zh = (ROOT / name for name in ("README.md", "README.zh-CN.md"))
    outlines = [re.findall(r"^#+ ", p.read_text(encoding="utf-8"), re.MULTILINE) for p in (en, zh)]
    assert outlines[0] == outlines[1]
    assert [(b.language, b.exit, b.text) for b in blocks(en)] == [(b.language, b.exit, b.text) for b in blocks(zh)]


def test_what_the_reader_is_told_to_make_is_in_the_makefile() -> None:
    told = {m for p in DOCS for b in blocks(p) if b.language == "sh" for m in re.findall(r"^make (\w+)", b.text, re.M)}
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert {"demo", "test"} <= told <= targets


def test_links_lead_somewhere() -> None:
    broken = []
    for page in DOCS:
        text = FENCE.sub("", page.read_text(encoding="utf-8"))
        for target in re.findall(r"(?:\]\(|src(?:set)?=\")([^)\"#\s]+)", text):
            if not target.startswith(("http://", "https://", "mailto:")) and not (page.parent / target).exists():
                broken.append(f"{page.relative_to(ROOT)}: {target}")
    assert broken == []


def test_anchors_are_headings() -> None:
    broken = []
    for page in DOCS:
        for target, anchor in re.findall(r"\]\(([^)#\s]*)#([^)\s]+)\)", page.read_text(encoding="utf-8")):
            there = page.parent / target if target else page
            headings = re.findall(r"^#+ (.+)$", there.read_text(encoding="utf-8"), re.MULTILINE)
            anchors = {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}
            if anchor not in anchors:
                broken.append(f"{page.relative_to(ROOT)}: {target}#{anchor}")
    assert broken == []


def test_every_page_is_within_reach_of_the_index() -> None:
    seen, todo = set(), [ROOT / "README.md"]
    while todo:
        page = todo.pop()
        if page in seen or page.suffix != ".md":
            continue
        seen.add(page)
        targets = re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8"))
        todo += [(page.parent / t).resolve() for t in targets if "://" not in t and (page.parent / t).exists()]
    assert [p.relative_to(ROOT).as_posix() for p in DOCS if p not in seen] == []


NOTEBOOKS = sorted((ROOT / "docs").rglob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_the_notebook_shows_what_it_shows(
    path: Path, after_readme: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Run anew, each cell gives the text that the notebook holds; ids and times differ."""
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    folder = tmp_path / "copy"
    shutil.copytree(after_readme, folder)
    for name in [name for name in os.environ if name.startswith("HUIZHEN_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    held = nbformat.read(path, as_version=4)
    run = nbformat.read(path, as_version=4)
    client = nbclient.NotebookClient(run, timeout=SECONDS, resources={"metadata": {"path": str(folder)}})
    client.execute()
    shown = [(_shown(a), _shown(b)) for a, b in zip(held.cells, run.cells, strict=True) if a.cell_type == "code"]
    assert len(shown) > 5
    for before, now in shown:
        assert now == before


def _shown(cell: Any) -> list[str]:
    """What a cell printed and gave, in words, without what changes from run to run."""
    printed = "".join(o.text for o in cell.outputs if _is_text(o) and o.output_type == "stream")
    given = [o.data["text/plain"] for o in cell.outputs if _is_text(o) and o.output_type != "stream"]
    changing = re.compile(r"st-[0-9a-f]{16}|\d{4}-\d{2}-\d{2} \d{2}:\d{2}")
    # How many messages a kernel cuts what is printed into is a matter of its load.
    return [changing.sub("…", text) for text in [printed, *given]]


def _is_text(output: Any) -> bool:
    if output.output_type == "stream":
        return bool(output.name == "stdout")
    assert output.output_type == "execute_result", output
    return True
