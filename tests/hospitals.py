"""A hub and hospitals as programs of their own on this machine: a region served, a home for each node, data at each."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pandas as pd
import statsmodels.api as sm

from commands import done
from huizhen.adapters.mailbox import Mailbox
from huizhen.hub.hub import Hub
from huizhen.model.study import Request
from huizhen.node import consents
from huizhen.node.agent import Agent
from huizhen.node.hold import hold
from huizhen.node.statements import publish
from huizhen.path.outcome import outcome
from programs import Program
from wires import Wire

DATASET = "d"
SILENCE = 3.0

THERE = "connected;|answering the hub"
"""What a node says when it has reached its hub: the second where mail was waiting for it."""


class Hospitals:
    """Hub and nodes run after `begin`. Studies are run by this process: a second hub process at the same database."""

    def __init__(self, folder: Path, frames: Mapping[str, pd.DataFrame], *serve: str) -> None:
        self.folder, self.region, self.frames = folder, folder / "region", frames
        self.serve = serve
        done("init", "--region", self.region)
        self.port = "0"
        self.hub = self.serve_hub()
        self.nodes: dict[str, Program] = {}

    def home(self, node: str) -> Path:
        return self.folder / f"home-{node}"

    def serve_hub(self) -> Program:
        words = ["hub", "serve", "--region", self.region, "--listen", f"127.0.0.1:{self.port}"]
        words += ["--silence", str(SILENCE), *self.serve]
        hub = Program(self.folder / "hub.log", *words)
        times = hub.printed().count("Serving ") + 1 if self.port != "0" else 1
        self.port = hub.until(r"https://\S+?:(\d+)", times)[1]
        hub.until("serving at port", times)  # what was under way is taken up by now: nobody else's study is
        return hub

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    def enrol(self, node: str, *more: str) -> dict[str, Any]:
        code = json.loads(done("hub", "invite", node, "--region", self.region, "--json").out)["code"]
        words = ["node", "enrol", "--hub", self.url, "--code", code, "--home", self.home(node), "--json", *more]
        return dict(json.loads(done(*words).out))

    def fill(self, node: str) -> None:
        """Take in the hospital's rows and everyone's consent, beside the node that may be running."""
        frame = self.frames[node]
        path = self.folder / f"{node}.csv"
        frame.to_csv(path, index=False)
        with closing(Agent(self.home(node) / "nodes" / node)) as agent:
            held = hold(agent, DATASET, path, "patient", None)
            publish(agent, held.card)
            who = frame["patient"].astype(str).unique()
            consents.record(agent, [(s, "HMB", None, True, None, None) for s in who])

    def start(self, node: str, how: str | None = None) -> Program:
        log = self.folder / f"{node}.log"
        before = len(re.findall(THERE, log.read_text(encoding="utf-8"))) if log.exists() else 0
        self.nodes[node] = Program(log, "node", "run", node, "--home", self.home(node), how=how)
        self.nodes[node].until(THERE, before + 1)
        return self.nodes[node]

    def begin(self) -> None:
        for node in self.frames:
            self.enrol(node)
            self.fill(node)
        for node in self.frames:
            log = self.folder / f"{node}.log"
            self.nodes[node] = Program(log, "node", "run", node, "--home", self.home(node))
        for program in self.nodes.values():
            program.until("connected;")

    def end(self) -> None:
        for program in [*self.nodes.values(), self.hub]:
            if program.process.poll() is None:
                program.kill()


class Wired(Hospitals):
    """Hospitals that reach their hub through a line that can be cut."""

    def __init__(self, folder: Path, frames: Mapping[str, pd.DataFrame]) -> None:
        super().__init__(folder, frames)
        self.line = Wire("127.0.0.1", int(self.port))

    @property
    def url(self) -> str:
        return f"https://localhost:{self.line.port}"

    def end(self) -> None:
        super().end()
        self.line.close()


class Asking:
    """The road in this process, over the nodes that the served hub has."""

    def __init__(self, region: Path) -> None:
        self.hub = Hub(region / "hub")
        self.mailbox = Mailbox(self.hub.engine, silence_seconds=SILENCE)

    def cards(self) -> list[str]:
        return [card.holder for card in self.hub.store.cards(DATASET)]

    def run(self, **changes: Any) -> dict[str, Any]:
        road = self.hub.road(self.mailbox, lambda _step, _text: None)
        base = {"title": "a question", "asker": "acme", "purpose": "HMB", "dataset": DATASET, "method": "count"}
        study = road.run(Request.read({**base, **changes}))
        road.delivered(study)
        store = self.hub.store
        notes = store.checkpoints()
        evidence = {"entries": store.numbers(study), "checkpoint": notes[-1] or ""}
        return outcome(store.study(study), store.status(study), store.journal(study), evidence)

    def close(self) -> None:
        self.mailbox.close()
        self.hub.close()


def pooled(frames: Mapping[str, pd.DataFrame]) -> list[float]:
    """The same model on all rows together, by statsmodels: COX of `commands`."""
    everyone = pd.concat(frames.values())
    design = pd.DataFrame({"age": everyone.age, "sex": (everyone.sex == "m").astype(float)})
    return list(sm.PHReg(everyone.time, design, status=everyone.died, ties="efron").fit().params)
