"""hub serve, hub invite; node enrol, run, revoke: hub and nodes as programs of their own."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from huizhen.cli.common import INTERRUPTED, JsonFlag, RegionOption, interruptible
from huizhen.cli.program import Command, new_group
from huizhen.cli.voice import VOICE
from huizhen.kit.text import Text

if TYPE_CHECKING:
    from huizhen.hub.enrolment import Enrolment
    from huizhen.hub.hub import Hub

hub = new_group("The hub as a program of its own.")
PORT = 8470
_TICK = 0.2
_SIGNALS = {signal.SIGTERM, signal.SIGINT}
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Name of the hospital's node.")]
DatabaseOption = Annotated[
    str | None,
    typer.Option(
        "--database",
        metavar="URL",
        help="PostgreSQL database of the hub; else the embedded one in the region's folder.",
        envvar="HUIZHEN_DATABASE",
    ),
]


class Log(StrEnum):
    """How the log is written."""

    text = "text"
    json = "json"


HomeOption = Annotated[
    Path, typer.Option("--home", metavar="DIR", help="Folder of the hospital's nodes.", envvar="HUIZHEN_HOME")
]


@contextmanager
def opened_hub(region: Path, database: str | None) -> Iterator[Hub]:
    """The hub of a region on its database, whose tables are brought up to date."""
    from huizhen.adapters.database import migrate
    from huizhen.hub.hub import Hub
    from huizhen.hub.server import at_database

    found = Hub(region / "hub") if database is None else at_database(region / "hub", database)
    try:
        found.touch()
        migrate(found.engine)
        yield found
    finally:
        found.close()


def _enrolment(found: Hub) -> Enrolment:
    from huizhen.hub.enrolment import Enrolment
    from huizhen.hub.server import authority_of

    return Enrolment(found, authority_of(found))


@hub.command("serve", cls=Command)
def serve(
    region: RegionOption,
    listen: Annotated[
        str, typer.Option("--listen", metavar="HOST:PORT", help="Where nodes and askers reach the hub.")
    ] = f"127.0.0.1:{PORT}",
    names: Annotated[
        list[str] | None,
        typer.Option("--name", metavar="HOST", help="Host or address in the hub's certificate; may be repeated."),
    ] = None,
    silence: Annotated[
        float,
        typer.Option(
            "--silence", metavar="SECONDS", min=1, max=3600, help="A node not heard of for so long counts as absent."
        ),
    ] = 15.0,
    database: DatabaseOption = None,
    nats: Annotated[
        str | None,
        typer.Option(
            "--nats",
            metavar="URL",
            help="Send messages by this NATS server, tls://HOST:PORT, in place of the mailbox.",
            envvar="HUIZHEN_NATS",
        ),
    ] = None,
    cadence: Annotated[
        float,
        typer.Option(
            "--cadence", metavar="SECONDS", min=0.1, max=3600, help="How often witnesses are shown a new checkpoint."
        ),
    ] = 10.0,
    log: Annotated[Log, typer.Option("--log", help="Form of the log on standard error.")] = Log.text,
) -> None:
    """Serve a region's hub to nodes and askers elsewhere, until Ctrl-C or SIGTERM. Studies that were cut off go on.

    Example: `huizhen hub serve --listen 0.0.0.0:8470 --name hub.example.org --region demo`
    """
    from huizhen.console.app import make_console
    from huizhen.hub.server import Server
    from huizhen.kit.told import to_stderr

    to_stderr("json" if log == "json" else "text")
    with opened_hub(region, database) as found:
        server = Server(found, listen, names or (), silence, nats, cadence, make_console)
        VOICE.say(
            f"Serving {region} at https://{server.names[0]}:{server.port}",
            f"正在为 {region} 提供服务：https://{server.names[0]}:{server.port}",
        )
        until_stopped(server.run, server.stop)
        server.close()


@hub.command("nats-config", cls=Command)
def nats_config(
    region: RegionOption,
    names: Annotated[
        list[str], typer.Option("--name", metavar="HOST", help="Host by which NATS is reached; may be repeated.")
    ],
    listen: Annotated[
        str, typer.Option("--listen", metavar="HOST:PORT", help="Where the NATS server listens.")
    ] = "0.0.0.0:4222",
    leaf_names: Annotated[
        list[str] | None,
        typer.Option("--leaf-name", metavar="HOST", help="Host of a leaf server; may be repeated. Else there is none."),
    ] = None,
    leaf_listen: Annotated[
        str, typer.Option("--leaf-listen", metavar="HOST:PORT", help="Where the leaf server listens to its nodes.")
    ] = "0.0.0.0:4222",
    leaf_port: Annotated[
        int, typer.Option("--leaf-port", metavar="PORT", help="Where the NATS server awaits the leaf server.")
    ] = 7422,
    behind: Annotated[
        list[str] | None,
        typer.Option("--behind", metavar="NODE", help="Node behind the leaf server; may be repeated. Else any."),
    ] = None,
    database: DatabaseOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Write the configuration of the region's NATS servers: TLS, and what each node may say and hear. Whoever is
    enrolled or revoked from then on is written into it at once.

    Example: `huizhen hub nats-config --name nats.example.org --region demo`
    """
    from huizhen.adapters.nats_config import Plan
    from huizhen.hub import nats
    from huizhen.hub.server import address, authority_of

    plan = Plan(names, listen, leaf_names or (), leaf_listen, leaf_port, behind or None)
    for each in (listen, leaf_listen):
        address(each)
    with interruptible("Run it again.", "请重新运行。"), opened_hub(region, database) as found:
        nats.configure(found, authority_of(found), plan)
        nats.refresh(found, authority_of(found))
        files = [str(nats.folder_of(found) / "nats.conf")]
        files += [str(nats.folder_of(found) / "leaf" / "leaf.conf")] if leaf_names else []
    if as_json:
        VOICE.json({"files": files})
        return
    for file in files:
        VOICE.say(f"Written: {file}", f"已写入：{file}")
    VOICE.say(
        f"Start it: cd {Path(files[0]).parent} && nats-server -c nats.conf",
        f"启动：cd {Path(files[0]).parent} && nats-server -c nats.conf",
    )


@hub.command("invite", cls=Command)
def invite(
    name: NameArgument,
    region: RegionOption,
    hours: Annotated[
        float, typer.Option("--hours", metavar="N", min=0.01, max=8760, help="How long the code may be used.")
    ] = 24.0,
    database: DatabaseOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Invite a hospital's node: prints a code that works once. It names the hub's key, so send it by a safe way.

    Example: `huizhen hub invite north --region demo`
    """
    from huizhen.node.enrol import check_name

    check_name(name)
    with interruptible("Run it again.", "请重新运行。"), opened_hub(region, database) as found:
        code, until = _enrolment(found).invite(name, hours)
    if as_json:
        VOICE.json({"node": name, "code": str(code), "until_utc": until})
        return
    VOICE.say(str(code), str(code))
    VOICE.aside(
        f"At the hospital: huizhen node enrol --hub https://HOST:{PORT} --code CODE (until {until[:16]} UTC)",
        f"在医院运行：huizhen node enrol --hub https://主机:{PORT} --code 邀请码（{until[:16]} UTC 前有效）",
    )


def register(node: typer.Typer) -> None:
    """Put the commands on nodes beside those that are there."""
    node.command("enrol", cls=Command)(enrol)
    node.command("run", cls=Command)(run)
    node.command("revoke", cls=Command)(revoke)


def enrol(
    hub: Annotated[str, typer.Option("--hub", metavar="URL", help="The hub: https://HOST:PORT.")],
    code: Annotated[str, typer.Option("--code", metavar="CODE", help="The one-time code of `huizhen hub invite`.")],
    home: HomeOption = Path(),
    proxy: Annotated[
        str | None,
        typer.Option("--proxy", metavar="URL", help="HTTP proxy on the way to the hub; else HTTPS_PROXY, if set."),
    ] = None,
    nats: Annotated[
        str | None,
        typer.Option("--nats", metavar="URL", help="NATS server of the region, tls://HOST:PORT, if it has one."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Join a hub on another machine. The node makes its own keys, which never leave its folder.

    Example: `huizhen node enrol --hub https://hub.example.org:8470 --code CODE --home hospital`
    """
    from huizhen.node.join import join

    with interruptible("Run it again with the same code.", "请用同一邀请码重新运行。"):
        folder = join(home, hub, code, proxy, nats)
    if as_json:
        VOICE.json({"node": folder.name, "folder": str(folder)})
        return
    VOICE.say(f"Node {folder.name} is enrolled. Its folder: {folder}", f"节点 {folder.name} 已登记。文件夹：{folder}")
    VOICE.say(
        f"Next: huizhen node run {folder.name} --home {home}", f"下一步：huizhen node run {folder.name} --home {home}"
    )


def run(name: NameArgument, home: HomeOption = Path()) -> None:
    """Run an enrolled node until Ctrl-C or SIGTERM; it then ends after the message in hand. It only dials out, and
    goes on by itself when the connection was lost.

    Example: `huizhen node run north --home hospital`
    """
    from huizhen.kit.clock import stamp, utc_now
    from huizhen.node.service import Service

    def state(_code: str, text: Text) -> None:
        at = stamp(utc_now())[:19] + "Z"
        VOICE.say(f"{at} {name}: {text.en}", f"{at} {name}：{text.zh}")

    service = Service(home / "nodes" / name, state)
    until_stopped(service.run, service.stop)
    VOICE.say(f"Node {name} has stopped.", f"节点 {name} 已停止。")


def revoke(
    name: NameArgument, region: RegionOption, database: DatabaseOption = None, as_json: JsonFlag = False
) -> None:
    """Shut a node out, at once and for good: its certificate is not believed any more. Its name is not used again.

    Example: `huizhen node revoke north --region demo`
    """
    with interruptible("Run it again.", "请重新运行。"), opened_hub(region, database) as found:
        _enrolment(found).revoke(name)
    if as_json:
        VOICE.json({"node": name, "revoked": True})
    else:
        VOICE.say(f"Node {name} is revoked.", f"节点 {name} 已吊销。")


def until_stopped(work: Callable[[], None], stop: Callable[[], None]) -> None:
    """Work in a thread until it ends or a signal says so; a second signal ends the process at once."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    failed: list[BaseException] = []

    def working() -> None:
        try:
            work()
        except BaseException as problem:
            failed.append(problem)

    thread = threading.Thread(target=working, name="huizhen-main")
    try:
        thread.start()
        asked = False
        while thread.is_alive():
            heard = signal.sigtimedwait(_SIGNALS, _TICK)
            if heard is not None and heard.si_signo in _SIGNALS:  # a process that was stopped hears of no signal at all
                if asked:
                    os._exit(INTERRUPTED)
                asked = True
                stop()
        thread.join()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    if failed:
        raise failed[0]
