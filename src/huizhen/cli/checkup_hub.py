"""What `huizhen doctor --hub` looks at: this machine's end of the line, the hub's, and whether the two fit together."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from huizhen import __version__
from huizhen.cli.checkup import Found, machine, witnessed
from huizhen.cli.place import elsewhere
from huizhen.kit.clock import parse
from huizhen.kit.errors import HuizhenError
from huizhen.kit.text import Text

if TYPE_CHECKING:
    from huizhen.client.remote import Remote

_APART_SECONDS = 60
_DAY = 86_400
_SOON_DAYS = 30


def look(hub: str, token: Path | None) -> list[Found]:
    """Everything found, good and bad; what stops the search is the last of it."""
    found = list(machine(Path()))
    try:
        if token is not None and token.is_file():
            found.append(_kept(token))
        with elsewhere(hub, token) as there:
            found += _hub(there.remote)
    except HuizhenError as error:
        found.append(Found(False, error.what, error.remedy))
    return found


def _kept(token: Path) -> Found:
    """Whether nobody else on this machine can read the access file."""
    return Found(
        not token.stat().st_mode & 0o077,
        Text(f"access file {token}", f"访问文件 {token}"),
        Text(f"Others can read it. Run: chmod 600 {token}", f"他人可以读取。请运行：chmod 600 {token}"),
    )


def _hub(remote: Remote) -> Iterator[Found]:
    began = time.monotonic()
    health = remote.health()
    seconds = time.monotonic() - began
    yield Found(
        True,
        Text(f"{remote.url} answers in {1000 * seconds:.0f} ms", f"{remote.url} 在 {1000 * seconds:.0f} 毫秒内应答"),
    )
    yield _clock(health, seconds)
    yield _certificate(remote.certificate_ends())
    yield Found(
        health["version"] == __version__,
        Text(
            f"version {__version__} here, {health['version']} at the hub",
            f"本机版本 {__version__}，中心版本 {health['version']}",
        ),
        Text("Use the same version at both ends.", "请在两端使用同一版本。"),
    )
    who = remote.who()
    yield Found(
        True,
        Text(f"the hub takes you for {who['name']} ({who['role']})", f"中心识别您为 {who['name']}（{who['role']}）"),
    )
    yield from witnessed(remote.standing())
    nodes = remote.nodes()
    away = [n["name"] for n in nodes if not n["there"]]
    there = len(nodes) - len(away)
    yield Found(
        bool(nodes) and not away,
        Text(f"{there} of {len(nodes)} nodes are connected", f"{len(nodes)} 个节点中有 {there} 个已连接"),
        Text(f"Not connected: {', '.join(away[:10]) or 'there is none'}. Start them with `huizhen node run`.",
             f"未连接：{'、'.join(away[:10]) or '尚无节点'}。请用 `huizhen node run` 启动。"),
    )  # fmt: skip


def _clock(health: dict[str, Any], seconds: float) -> Found:
    """The hub's time is that of the middle of the call, give or take half of it."""
    apart = (datetime.now(UTC) - parse(health["now_utc"])).total_seconds() - seconds / 2
    return Found(
        abs(apart) < _APART_SECONDS,
        Text(f"the clocks differ by {abs(apart):.1f} s", f"时钟相差 {abs(apart):.1f} 秒"),
        Text("Set both by a time server (NTP).", "请用时间服务器（NTP）校准双方时钟。"),
    )


def _certificate(ends: float) -> Found:
    days = (ends - time.time()) / _DAY
    return Found(
        days > _SOON_DAYS,
        Text(f"the hub's certificate lasts {days:.0f} days more", f"中心证书还有 {days:.0f} 天到期"),
        Text("The trustee restarts the hub: it then makes a new one.", "请受托方重启中心，届时会自动更新证书。"),
    )
