"""node console, and node account add, link, list, close: the hospital's pages, and who may sign in at them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from huizhen.cli.accounts import LOGIN, HoursOption, LoginArgument, link_at, tell_link
from huizhen.cli.common import HomeOption, HubOption, JsonFlag, Region_, interruptible
from huizhen.cli.consent import speaker
from huizhen.cli.network import until_stopped
from huizhen.cli.place import at_node, own
from huizhen.cli.program import Command, new_group
from huizhen.cli.table import Head
from huizhen.cli.voice import VOICE
from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text

if TYPE_CHECKING:
    from huizhen.console.at_node.app import Rooms
    from huizhen.console.at_node.desk import Where

account = new_group("People who sign in at the hospital's own console: patients, and those who run the node.")
PORT = 8471
_HERE = f"https://localhost:{PORT}"
_AGAIN = ("Run it again.", "请重新运行。")
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Name of the hospital's node.")]
AddressOption = Annotated[
    str, typer.Option("--at", metavar="URL", help="Address of the console, as the person's browser reaches it.")
]


def register(node: typer.Typer) -> None:
    """Put the commands beside those on nodes that are there."""
    node.command("console", cls=Command)(console)
    node.add_typer(account, name="account")


def console(
    name: NameArgument,
    region: Region_ = None,
    hub: HubOption = None,
    home: HomeOption = None,
    listen: Annotated[
        str, typer.Option("--listen", metavar="HOST:PORT", help="Where browsers of the hospital's network reach it.")
    ] = f"127.0.0.1:{PORT}",
    names: Annotated[
        list[str] | None,
        typer.Option("--name", metavar="HOST", help="Host by which browsers reach it; may be repeated."),
    ] = None,
    certificate: Annotated[
        Path | None,
        typer.Option("--certificate", metavar="FILE", help="The hospital's certificate with its chain, PEM; else one "
                     "is made."),
    ] = None,
    key: Annotated[Path | None, typer.Option("--key", metavar="FILE", help="Its private key, PEM.")] = None,
) -> None:  # fmt: skip
    """Serve the hospital's own pages until Ctrl-C or SIGTERM: to its patients, what became of their data and what they
    allow; to those who run the node, its data, studies, requests, income, alarms and health. Beside `node run`, on the
    hospital's network only: the node itself still only dials out.

    Example: `huizhen node console north --home hospital --listen 0.0.0.0:8471 --name my.north.example`
    """
    from huizhen.console.at_node.app import Rooms, make_console, whole
    from huizhen.console.at_node.desk import NodeDesk
    from huizhen.console.at_node.serve import Pages, given_context, own_context
    from huizhen.hub.server import address, port_taken
    from huizhen.hub.web import listen as listening_at
    from huizhen.kit.clock import utc_now
    from huizhen.kit.told import to_stderr

    if (certificate is None) != (key is None):
        raise BadInput(
            "half-a-certificate",
            Text("A certificate and its key go together.", "证书与私钥须同时给出。"),
            Text("Give both --certificate and --key, or neither.", "请同时给出 --certificate 与 --key，或均不给出。"),
        )
    to_stderr("text")
    host, port = address(listen)
    hosts = list(names or ()) or (["localhost", "127.0.0.1"] if host in {"127.0.0.1", "0.0.0.0"} else [host])  # noqa: S104
    with own(name, region, home) as agent:
        folder = agent.folder
    made = (
        own_context(folder, hosts, utc_now()) if certificate is None or key is None else given_context(certificate, key)
    )
    try:
        socket = listening_at(host, port)
    except OSError as error:
        raise port_taken(listen, error) from error
    rooms = Rooms(folder)
    desk = NodeDesk(name, where(name, region, home, hub), rooms.people)
    pages = Pages(whole(make_console(desk, rooms, hosts)), socket, made)
    try:
        VOICE.say(
            f"Pages of {name} at https://{hosts[0]}:{pages.port}", f"{name} 的页面：https://{hosts[0]}:{pages.port}"
        )
        until_stopped(pages.run_here, pages.stop)
    finally:
        desk.close()
        rooms.close()
    VOICE.say(f"The pages of {name} have stopped.", f"{name} 的页面已停止。")


def where(name: str, region: Path | None, home: Path | None, hub: str | None) -> Where:
    """What opens the node, and the way to its hub, for one request."""
    return lambda: at_node(name, region, home, hub)


@contextmanager
def _rooms(name: str, region: Path | None, home: Path | None) -> Iterator[Rooms]:
    from huizhen.console.at_node.app import Rooms

    with interruptible(*_AGAIN), own(name, region, home) as agent:
        rooms = Rooms(agent.folder)
        try:
            yield rooms
        finally:
            rooms.close()


@account.command("add", cls=Command)
def add(
    name: NameArgument,
    login: Annotated[
        str | None, typer.Option("--login", metavar="LOGIN", help="Account of a member of staff, who runs the node.")
    ] = None,
    person: Annotated[
        str | None, typer.Option("--person", metavar="ID", help="Or of the person with this number in its tables.")
    ] = None,
    by: Annotated[
        str, typer.Option("--by", metavar="WHO", help="Who uses it: person; or guardian:ID or family:ID for them.")
    ] = "person",
    ground: Annotated[
        str | None, typer.Option("--ground", metavar="TEXT", help="Why a guardian may speak, e.g. custody 2024-17.")
    ] = None,
    region: Region_ = None,
    home: HomeOption = None,
    address: AddressOption = _HERE,
    hours: HoursOption = 24.0,
    as_json: JsonFlag = False,
) -> None:
    """Give somebody an account at the hospital's console, and print a link that opens it once: hand it to the person
    whose identity was verified. A patient's account has a name made by chance, and the number stays sealed at the node.

    Examples: `huizhen node account add north --person 1001 --home hospital`,
    `huizhen node account add north --login chen --home hospital`,
    `huizhen node account add north --person 7 --by guardian:2002 --ground "custody 2024-17" --home hospital`
    """
    from huizhen.console.at_node.desk import OPERATOR, PATIENT

    if (login is None) == (person is None):
        raise BadInput(
            "whose-account",
            Text("It is not said whose account it is.", "未说明为谁开设账户。"),
            Text("Give --person ID for a patient, or --login NAME for a member of staff.",
                 "患者请用 --person 编号，工作人员请用 --login 名称。"),
        )  # fmt: skip
    if login is not None and not LOGIN.fullmatch(login):
        raise BadInput(
            "bad-staff-login",
            Text("That cannot be the name of an account.", "该名称不能作为账户名。"),
            Text(
                "Use letters, digits, dots, hyphens, underscores and @.", "请使用字母、数字、点、连字符、下划线和 @。"
            ),
        )
    role = OPERATOR if person is None else PATIENT
    made = login or _made_up()
    if person is not None:
        _check_person(name, region, home, person, by)
    with _rooms(name, region, home) as rooms:
        rooms.accounts.add(made, name, role)
        if person is not None:
            from huizhen.adapters.person_accounts import Person

            kind, who = speaker(by)
            rooms.people.put(made, Person(person, kind, who, ground))
        link = link_at(address, rooms.accounts.link(made, hours))
    if as_json:
        VOICE.json({"login": made, "role": role, "link": link})
        return
    VOICE.say(
        f"Account {made} ({role} at {name}). This link opens it once, within {hours:g} hours:\n{link}",
        f"账户 {made}（{name} 的 {role}）。以下链接可在 {hours:g} 小时内登录一次：\n{link}",
    )


def _made_up() -> str:
    """A name that says nothing of whoever has it."""
    import base64
    import os

    return "p-" + base64.b32encode(os.urandom(5)).decode().lower()


def _check_person(name: str, region: Path | None, home: Path | None, person: str, by: str) -> None:
    """Raises NotFound for a person that the node does not know, Refused for who may not speak for them."""
    from huizhen.node.speakers import check_speaks

    kind, who = speaker(by)
    with own(name, region, home) as agent:
        check_speaks(agent, person, kind, who)


@account.command("link", cls=Command)
def link(
    name: NameArgument,
    login: LoginArgument,
    region: Region_ = None,
    home: HomeOption = None,
    address: AddressOption = _HERE,
    hours: HoursOption = 24.0,
    as_json: JsonFlag = False,
) -> None:
    """Print a new link that opens an account once, for whoever has lost passkey or password. An earlier link is void.

    Example: `huizhen node account link north chen --home hospital`
    """
    with _rooms(name, region, home) as rooms:
        made = link_at(address, rooms.accounts.link(login, hours))
    tell_link(login, made, hours, as_json)


@account.command("list", cls=Command)
def list_(name: NameArgument, region: Region_ = None, home: HomeOption = None, as_json: JsonFlag = False) -> None:
    """List the accounts of the hospital's console, without what opens any, and without whose record each is about.

    Example: `huizhen node account list north --home hospital`
    """
    with _rooms(name, region, home) as rooms:
        known = rooms.accounts.all()
    if as_json:
        VOICE.json([{"login": a.login, "role": a.role, "created_utc": a.created_utc, "closed_utc": a.closed_utc}
                    for a in known])  # fmt: skip
        return
    heads = [
        Head(Text("account", "账户"), "id"),
        Head(Text("role", "角色")),
        Head(Text("since", "创建于"), "id"),
        Head(Text("closed", "关闭于"), "id"),
    ]
    VOICE.table(
        Text("Accounts", "账户"),
        heads,
        [(a.login, a.role, a.created_utc[:10], (a.closed_utc or "")[:10]) for a in known],
    )


@account.command("close", cls=Command)
def close(
    name: NameArgument,
    login: LoginArgument,
    region: Region_ = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Close an account: from the next request on its sessions are over, and nothing opens it any more.

    Example: `huizhen node account close north chen --home hospital`
    """
    with _rooms(name, region, home) as rooms:
        rooms.accounts.close(login)
    if as_json:
        VOICE.json({"closed": login})
    else:
        VOICE.say(f"Account {login} is closed.", f"账户 {login} 已关闭。")
