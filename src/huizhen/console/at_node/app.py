"""A hospital's console as an application: its pages behind the same door as the hub's, with accounts of its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import RedirectResponse
from sqlalchemy import Engine

from huizhen.adapters.accounts import Accounts
from huizhen.adapters.database import migrate, open_engine
from huizhen.adapters.passkeys import Passkeys
from huizhen.adapters.person_accounts import PersonAccounts
from huizhen.adapters.sessions import Sessions
from huizhen.console import account, sign_in
from huizhen.console.app import furnished
from huizhen.console.at_node import allowing, claims, first, health, holdings, mine, people, questions
from huizhen.console.at_node.desk import OPERATOR, PATIENT, NodeDesk
from huizhen.console.render import Door, House
from huizhen.console.visit import Doorman
from huizhen.kit.clock import Clock, utc_now
from huizhen.kit.keys import SigningKey
from huizhen.kit.text import Text
from huizhen.node.backup import CONSOLE

ROLES = {PATIENT: Text("patient", "患者"), OPERATOR: Text("hospital", "医院")}
_PARTS = (sign_in, account, first, mine, allowing, claims, people, holdings, questions, health)
AT_NODE = House(
    doors=(
        Door("/", Text("My data", "我的数据"), (PATIENT,)),
        Door("/allow", Text("What I allow", "我的授权"), (PATIENT,)),
        Door("/ask", Text("My rights", "我的权利"), (PATIENT,)),
        Door("/family", Text("Family", "家属"), (PATIENT,)),
        Door("/", Text("Overview", "概览"), (OPERATOR,)),
        Door("/data", Text("Data", "数据"), (OPERATOR,)),
        Door("/questions", Text("Studies", "研究"), (OPERATOR,)),
        Door("/requests", Text("Requests", "患者请求"), (OPERATOR,)),
        Door("/income", Text("Income", "收益"), (OPERATOR,)),
        Door("/alarms", Text("Alarms", "警报"), (OPERATOR,)),
        Door("/log", Text("Log", "日志"), (OPERATOR,)),
        Door("/health", Text("Health", "运行状况"), (OPERATOR,)),
    ),
    roles=ROLES,
    giver=Text("the hospital", "医院"),
    motto=Text("Who you are is known at this hospital, and nowhere else.", "您的身份仅本院知晓。"),
    signs=False,
)


class Rooms:
    """The node's own console database: accounts, and whose they are."""

    def __init__(self, folder: Path, clock: Clock = utc_now) -> None:
        self.engine: Engine = open_engine(str(folder / CONSOLE))
        migrate(self.engine)
        seed = SigningKey((folder / "identity.key").read_bytes()).private.private_bytes_raw()
        self.accounts = Accounts(self.engine, clock, seed)
        self.people = PersonAccounts(self.engine, clock, seed)
        self.passkeys, self.sessions = Passkeys(self.engine, clock), Sessions(self.engine, clock)

    def close(self) -> None:
        self.engine.dispose()


def make_console(desk: NodeDesk, rooms: Rooms, hosts: Sequence[str]) -> FastAPI:
    """The hospital's console, to be served at /console; `hosts` are the names by which browsers reach it."""
    door = Doorman(rooms.accounts, rooms.passkeys, rooms.sessions, tuple(hosts))
    app = furnished(AT_NODE, door, [part.router for part in _PARTS])
    app.state.desk = desk
    return app


def whole(console: FastAPI) -> FastAPI:
    """What the port serves: the console, to which the root leads, and whether the program is up."""
    app = FastAPI(title="Huizhen hospital", openapi_url=None)
    app.add_api_route("/health", lambda: {"status": "ok"}, methods=["GET"])
    app.add_api_route("/", lambda: RedirectResponse("/console/"), methods=["GET"])
    app.mount("/console", console)
    return app
