"""What all commands share: their common options, and an open region.

What only some commands need is imported where they need it, so that each starts at once.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from huizhen.cli.voice import VOICE

if TYPE_CHECKING:
    from huizhen.cli.region import Region

RegionOption = Annotated[
    Path, typer.Option("--region", metavar="DIR", help="Folder of the region.", envvar="HUIZHEN_REGION")
]
"""For what can be done on a folder only."""
Region_ = Annotated[
    Path | None, typer.Option("--region", metavar="DIR", help="Folder of the region.", envvar="HUIZHEN_REGION")
]
"""For what can be done at a hub elsewhere, too."""
HubOption = Annotated[
    str | None,
    typer.Option("--hub", metavar="URL", help="A hub elsewhere, in place of --region.", envvar="HUIZHEN_HUB"),
]
TokenOption = Annotated[
    Path | None,
    typer.Option("--token", metavar="FILE", help="With --hub: the trustee's access file.", envvar="HUIZHEN_TOKEN"),
]
HomeOption = Annotated[
    Path | None,
    typer.Option("--home", metavar="DIR", help="Folder of the hospital's nodes.", envvar="HUIZHEN_HOME"),
]
"""For what a hospital does at its own node, in place of --region: as for `node enrol` and `node run`."""
NodeOption = Annotated[str, typer.Option("--node", metavar="NODE", help="Name of the hospital's node.")]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]
INTERRUPTED = 130


@contextmanager
def interruptible(en: str, zh: str) -> Iterator[None]:
    """Ctrl-C ends a command with a word on what that means, and exit code 130."""
    try:
        yield
    except KeyboardInterrupt:
        VOICE.aside(f"Interrupted. {en}", f"已中断。{zh}")
        raise typer.Exit(INTERRUPTED) from None


@contextmanager
def ended_like_interrupted() -> Iterator[None]:
    """SIGTERM ends what is done here as Ctrl-C does, so that what lies between is deleted."""

    def end(*_: object) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def command(folder: Path) -> Iterator[Region]:
    """An open region for one command."""
    from huizhen.cli.region import opened

    nothing = ("What was not finished was not kept.", "未完成的内容没有保存。")
    with interruptible(*nothing), opened(folder) as found:
        yield found
