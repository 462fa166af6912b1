"""hub account add, link, list, close: who may sign in at the hub's console."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

import typer

from huizhen.cli.common import JsonFlag, RegionOption, interruptible
from huizhen.cli.network import PORT, DatabaseOption, opened_hub
from huizhen.cli.program import Command, new_group
from huizhen.cli.table import Head
from huizhen.cli.tokens import check_caller
from huizhen.cli.voice import VOICE
from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text

if TYPE_CHECKING:
    from huizhen.adapters.accounts import Accounts
    from huizhen.hub.hub import Hub

account = new_group("People who sign in at the hub's console in a browser.")
LOGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,62}", re.ASCII)
_AGAIN = ("Run it again.", "请重新运行。")
LoginArgument = Annotated[str, typer.Argument(metavar="LOGIN", help="The person's account.")]
AddressOption = Annotated[
    str, typer.Option("--at", metavar="URL", help="Address of the hub, as the person's browser reaches it.")
]
HoursOption = Annotated[float, typer.Option("--hours", min=0.1, max=24 * 30, help="How long the link is valid.")]
_HERE = f"https://localhost:{PORT}"


def accounts_of(hub: Hub) -> Accounts:
    """The accounts of a hub, its tables being those of this program."""
    from huizhen.adapters.accounts import Accounts
    from huizhen.adapters.database import migrate

    hub.touch()
    migrate(hub.engine)
    return Accounts(hub.engine, hub.clock, hub.key.private.private_bytes_raw())


def link_at(address: str, secret: str) -> str:
    """Where a browser goes with this link. What stands behind # is sent to nobody: no server or proxy logs it."""
    return f"{address.rstrip('/')}/console/link#{secret}"


def tell_link(login: str, link: str, hours: float, as_json: bool) -> None:
    if as_json:
        VOICE.json({"login": login, "link": link})
        return
    VOICE.say(f"This link opens {login} once, within {hours:g} hours:\n{link}",
              f"以下链接可在 {hours:g} 小时内登录 {login} 一次：\n{link}")  # fmt: skip


@account.command("add", cls=Command)
def add(
    login: LoginArgument,
    role: Annotated[
        str, typer.Option("--role", metavar="ROLE", help="asker, trustee, auditor, regulator or reviewer.")
    ],
    region: RegionOption,
    party: Annotated[
        str | None, typer.Option("--party", metavar="NAME", help="In whose name the person acts; else in their own.")
    ] = None,
    address: AddressOption = _HERE,
    hours: HoursOption = 24.0,
    database: DatabaseOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Give a person an account at the console, and print a link that opens it once. There they add a passkey, or a
    password with one-time codes.

    Example: `huizhen hub account add li.wei --role asker --party acme-pharma --region demo`
    """
    if not LOGIN.fullmatch(login):
        raise BadInput(
            "bad-login",
            Text(f"'{login[:40]}' cannot be the name of an account.", f"“{login[:40]}”不能作为账户名。"),
            Text(
                "Use letters, digits, dots, hyphens, underscores and @.", "请使用字母、数字、点、连字符、下划线和 @。"
            ),
        )
    check_caller(party or login, role)
    with interruptible(*_AGAIN), opened_hub(region, database) as found:
        accounts = accounts_of(found)
        made = accounts.add(login, party or login, role)
        link = link_at(address, accounts.link(login, hours))
    if as_json:
        VOICE.json({**made.as_json(), "link": link})
        return
    VOICE.say(
        f"Account {login} ({role} of {made.party}). This link opens it once, within {hours:g} hours:\n{link}",
        f"账户 {login}（{made.party} 的 {role}）。以下链接可在 {hours:g} 小时内登录一次：\n{link}",
    )


@account.command("link", cls=Command)
def link(
    login: LoginArgument,
    region: RegionOption,
    address: AddressOption = _HERE,
    hours: HoursOption = 24.0,
    database: DatabaseOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Print a new link that opens an account once, for whoever has lost passkey or password. An earlier link is void.

    Example: `huizhen hub account link li.wei --region demo`
    """
    with interruptible(*_AGAIN), opened_hub(region, database) as found:
        made = link_at(address, accounts_of(found).link(login, hours))
    tell_link(login, made, hours, as_json)


@account.command("list", cls=Command)
def list_(region: RegionOption, database: DatabaseOption = None, as_json: JsonFlag = False) -> None:
    """List all accounts, without what opens any.

    Example: `huizhen hub account list --region demo`
    """
    with interruptible(*_AGAIN), opened_hub(region, database) as found:
        known = accounts_of(found).all()
    if as_json:
        VOICE.json([a.as_json() for a in known])
        return
    heads = [
        Head(Text("account", "账户")),
        Head(Text("acts for", "代表")),
        Head(Text("role", "角色")),
        Head(Text("since", "创建于"), "id"),
        Head(Text("closed", "关闭于"), "id"),
    ]
    rows = [(a.login, a.party, a.role, a.created_utc[:10], (a.closed_utc or "")[:10]) for a in known]
    VOICE.table(Text("Accounts", "账户"), heads, rows)


@account.command("close", cls=Command)
def close(
    login: LoginArgument, region: RegionOption, database: DatabaseOption = None, as_json: JsonFlag = False
) -> None:
    """Close an account: from the next request on its sessions are over, and nothing opens it any more.

    Example: `huizhen hub account close li.wei --region demo`
    """
    with interruptible(*_AGAIN), opened_hub(region, database) as found:
        accounts_of(found).close(login)
    if as_json:
        VOICE.json({"closed": login})
    else:
        VOICE.say(f"Account {login} is closed.", f"账户 {login} 已关闭。")
