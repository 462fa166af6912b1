"""The end of a demonstration at a terminal: its region as real programs, and the console with one way in per role.

Alone: `.venv/bin/python demo/console.py build/demo/region`.
"""

from __future__ import annotations

import argparse
import json

from stage import done, say, show

from huizhen.cli import app
from huizhen.cli.network import PORT
from huizhen.cli.voice import VOICE
from huizhen.kit.text import Text

PEOPLE = (
    ("researcher", "asker", "acme-pharma", Text("researcher", "研究者")),
    ("trustee", "trustee", "operator", Text("trustee", "受托方")),
    ("auditor", "auditor", "auditor", Text("auditor", "审计方")),
    ("regulator", "regulator", "health-commission", Text("regulator", "监管方")),
    ("reviewer", "reviewer", "reviewer", Text("reviewer", "审查人")),
)
"""Account, role, party, and what a visitor calls it."""


def links(region: str, url: str) -> list[tuple[Text, str]]:
    """A link that signs in once, for each role; accounts are made the first time."""
    there = {a["login"] for a in json.loads(done("hub", "account", "list", "--region", region, "--json", quiet=True))}
    found = []
    for login, role, party, word in PEOPLE:
        more = ("link", login) if login in there else ("add", login, "--role", role, "--party", party)
        printed = done("hub", "account", *more, "--at", url, "--region", region, "--json", quiet=True)
        found.append((word, json.loads(printed)["link"]))
    return found


def open_console(region: str, port: int = PORT) -> int:
    """Print address and links, then run hub, nodes and witness until Ctrl-C; answers the exit code."""
    url = f"https://localhost:{port}"
    say(
        f"The console of this region opens at {url} in a moment. Its certificate is the region's own, so the browser "
        "asks once whether you trust it. Each link signs in once:",
        f"本区域的控制台稍后在 {url} 打开。其证书由区域自行签发，浏览器会询问一次是否信任。以下链接各可登录一次：",
    )
    for word, link in links(region, url):
        show(f"{word.say(VOICE.language)}: {link}")
    say("Ctrl-C ends it.", "按 Ctrl-C 结束。")
    return int(app(["up", "--region", region, "--port", str(port)], standalone_mode=False) or 0)


if __name__ == "__main__":
    told = argparse.ArgumentParser()
    told.add_argument("region")
    told.add_argument("--port", type=int, default=PORT)
    given = told.parse_args()
    raise SystemExit(open_console(given.region, given.port))
