"""hub token add, list, revoke: who may ask the hub over the network."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from huizhen.cli.common import JsonFlag, RegionOption, interruptible
from huizhen.cli.network import DatabaseOption, opened_hub
from huizhen.cli.program import Command, new_group
from huizhen.cli.table import Head
from huizhen.cli.voice import VOICE
from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text, did_you_mean

token = new_group("Access to the hub over the network.")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", re.ASCII)
_AGAIN = ("Run it again.", "请重新运行。")


def check_caller(name: str, role: str) -> None:
    """Raises BadInput for a name or a role that cannot be."""
    from huizhen.hub.caller import TOKEN_ROLES

    if not _NAME.fullmatch(name):
        raise BadInput(
            "bad-token-name",
            Text(f"'{name[:40]}' cannot be the name of a caller.", f"“{name[:40]}”不能作为调用方名称。"),
            Text("Use letters, digits, dots, hyphens and underscores; an asker's is the one in its studies.",
                 "请使用字母、数字、点、连字符和下划线；申请方须与其研究中的 asker 一致。"),
        )  # fmt: skip
    if role not in TOKEN_ROLES:
        hint = did_you_mean(role, TOKEN_ROLES)
        raise BadInput(
            "unknown-role",
            Text(f"'{role}' is not a role{hint.en}.", f"没有角色“{role}”{hint.zh}。"),
            Text(f"The roles are: {', '.join(TOKEN_ROLES)}.", f"可用角色：{'、'.join(TOKEN_ROLES)}。"),
        )


@token.command("add", cls=Command)
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Who it is for; an asker's name is that in its studies.")],
    role: Annotated[
        str, typer.Option("--role", metavar="ROLE", help="asker, reviewer, trustee, auditor or regulator.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Access file to write; give it to that person.")],
    region: RegionOption,
    days: Annotated[int, typer.Option("--days", metavar="N", min=1, max=3660, help="How long it is valid.")] = 365,
    scope: Annotated[
        list[str] | None,
        typer.Option(
            "--scope", metavar="WORD", help="Of its role only that: read, an area such as ledger, or ledger:read."
        ),
    ] = None,
    database: DatabaseOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Give somebody access: writes a file with a token, and with the keys by which hub and ledger are recognised. The
    token is nowhere else; the hub keeps its hash.

    Example: `huizhen hub token add acme-pharma --role asker --out acme.access --region demo`

    Example: `huizhen hub token add dashboard --role auditor --scope read --out dash.access --region demo`
    """
    from huizhen.adapters.tokens import Tokens
    from huizhen.client.access import Access, write
    from huizhen.hub.scope import check_scope
    from huizhen.hub.server import authority_of
    from huizhen.path.witness import witness_keys

    check_caller(name, role)
    check_scope(scope or ())
    if out.exists():
        raise BadInput(
            "access-file-there",
            Text(f"There is a file {out} already.", f"文件 {out} 已存在。"),
            Text("Name another with --out.", "请用 --out 指定其他文件。"),
        )
    with interruptible(*_AGAIN), opened_hub(region, database) as found:
        keys = (found.vkey, *(k.vkey for k in witness_keys(found.store.node_keys())))
        authority = authority_of(found).pem.decode()
        secret, made = Tokens(found.engine, found.clock).add(name, role, days, scope or ())
        write(out, Access(name, role, secret, authority, keys))
    if as_json:
        VOICE.json({**made.as_json(), "file": str(out)})
        return
    VOICE.say(
        f"Access of {name} ({role}) until {made.until_utc[:10]}: {out}. Send it by a safe way; it is not shown again.",
        f"{name}（{role}）的访问文件：{out}，有效期至 {made.until_utc[:10]}。请通过安全途径发送；令牌不会再次显示。",
    )


@token.command("list", cls=Command)
def list_(region: RegionOption, database: DatabaseOption = None, as_json: JsonFlag = False) -> None:
    """List all tokens ever given, without what opens anything.

    Example: `huizhen hub token list --region demo`
    """
    from huizhen.adapters.tokens import Tokens

    with interruptible(*_AGAIN), opened_hub(region, database) as found:
        known = Tokens(found.engine, found.clock).all()
    if as_json:
        VOICE.json([t.as_json() for t in known])
        return
    VOICE.table(
        Text("Tokens", "令牌"),
        [
            Head(Text("id", "编号"), "id"),
            Head(Text("name", "名称")),
            Head(Text("role", "角色")),
            Head(Text("scope", "范围")),
            Head(Text("valid until", "有效期至"), "id"),
            Head(Text("revoked", "吊销于"), "id"),
        ],
        [(t.id, t.name, t.role, " ".join(t.scope) or "–", t.until_utc[:10], (t.revoked_utc or "")[:10]) for t in known],
    )


@token.command("revoke", cls=Command)
def revoke(
    who: Annotated[str, typer.Argument(metavar="NAME", help="All tokens of that name; or the id of one.")],
    region: RegionOption,
    database: DatabaseOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Take access away: from the next request on the token is refused, while the hub runs, too.

    Example: `huizhen hub token revoke acme-pharma --region demo`
    """
    from huizhen.adapters.tokens import Tokens

    with interruptible(*_AGAIN), opened_hub(region, database) as found:
        count = Tokens(found.engine, found.clock).revoke(who)
    if as_json:
        VOICE.json({"revoked": count})
    else:
        VOICE.say(f"Revoked: {count} token(s) of {who}.", f"已吊销 {who} 的 {count} 个令牌。")
