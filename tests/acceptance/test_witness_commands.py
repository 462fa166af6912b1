"""Regulator and auditor as programs of their own: they follow a hub, witness it, and catch it when it forks."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from commands import done, huizhen, in_both
from federations import free_port, until
from programs import Program

NAMES = ("auditor.example", "regulator.example")


@dataclass
class Region:
    """A region without hospitals; `keys` is what a reader trusts: hub, auditor, regulator."""

    folder: Path
    keys: Path
    port: int
    running: list[Program] = field(default_factory=list)

    def start(self, name: str, *words: str | Path) -> Program:
        self.running.append(Program(self.folder / f"{name}.log", *words, PYTHONUNBUFFERED="1"))
        return self.running[-1]

    def serve(self, region: str, name: str) -> Program:
        listen = f"127.0.0.1:{self.port}"
        made = self.start(
            name, "hub", "serve", "--region", self.folder / region, "--listen", listen, "--cadence", "0.2"
        )
        made.until("serving at port")
        return made

    def standing(self, region: str = "r") -> Any:
        return done("witness", "list", "--region", self.folder / region, "--json").json()

    def shown(self, name: str) -> Any:
        return done("witness", "show", "--home", self.folder / name, "--json").json()


@pytest.fixture
def region(tmp_path: Path) -> Iterator[Region]:
    made = Region(tmp_path, tmp_path / "keys.txt", free_port())
    done("init", "--region", tmp_path / "r")
    done("hub", "token", "add", "watch", "--role", "auditor", "--out", tmp_path / "access", "--region", tmp_path / "r")
    url, lines = f"https://localhost:{made.port}", []
    for name in NAMES:
        said = done("witness", "init", name, "--home", tmp_path / name, "--from", url, "--token", tmp_path / "access",
                    "--every", "0.2", "--json").json()  # fmt: skip
        lines.append(said["key"])
        done("witness", "add", said["key"], "--region", tmp_path / "r")
    hub = next(x.split()[1] for x in (tmp_path / "access").read_text().splitlines() if x.startswith("key "))
    made.keys.write_text("\n".join([hub, *lines]) + "\n")
    yield made
    for program in made.running:
        if program.process.poll() is None:
            program.end()


def test_two_witnesses_follow_a_hub_and_catch_it_when_it_forks(region: Region) -> None:
    folder, url = region.folder, f"https://localhost:{region.port}"
    reached = ["--from", url, "--authority", folder / "r" / "tls" / "ca.pem"]
    shutil.copytree(folder / "r", folder / "evil")
    hub = region.serve("r", "hub")
    until(lambda: huizhen("ledger", "verify", *reached, "--keys", region.keys).code == 7)
    following = [region.start(f"{name}.run", "witness", "run", "--home", folder / name) for name in NAMES]
    for each in following:
        each.until("co-signed 3 entries")
    until(lambda: region.standing()["waiting"] == 0)
    done("party", "add", "acme", "--kind", "commercial", "--region", folder / "r")
    for each in following:
        each.until("co-signed 4 entries")
    until(lambda: region.standing()["waiting"] == 0)
    en, zh = in_both("ledger", "verify", *reached, "--keys", region.keys)
    assert "The ledger holds: 4 entries" in en and "Co-signed by auditor.example" in en and "已联署" in zh
    done("ledger", "export", "--out", folder / "public", "--region", folder / "r")
    assert done("ledger", "verify", "--from", folder / "public", "--keys", region.keys, "--json").json()["ok"]
    done("ledger", "prove", "3", "--out", folder / "e.proof", "--region", folder / "r")
    proven = done("ledger", "verify", "--proof", folder / "e.proof", "--keys", region.keys, "--json").json()
    assert proven["witnesses"] == list(NAMES)

    hub.end()
    for name in ("mallory", "eve"):
        done("party", "add", name, "--kind", "commercial", "--region", folder / "evil")
    region.serve("evil", "hub2")
    for each in following:
        each.until("has signed two histories")
    assert region.shown(NAMES[0])["problem"]["code"] == "hub-forked"
    assert region.standing("evil")["waiting"] == 5
    assert huizhen("ledger", "verify", *reached, "--keys", region.keys).code == 7
    assert huizhen("witness", "evidence", "--home", folder / NAMES[0], "--out", folder / "fork.txt").code == 8
    en, zh = in_both("ledger", "verify", "--evidence", folder / "fork.txt", "--keys", region.keys)
    assert "has signed two histories" in en and "两段不同的历史" in zh
    done("witness", "show", "--home", folder / NAMES[1], "--out", folder / "last.note")
    for file in ("e.proof", "last.note"):
        seen = huizhen("ledger", "verify", *reached, "--keys", region.keys, "--seen", folder / file)
        assert seen.code == 8 and "another history elsewhere" in seen.out


def test_a_folder_goes_to_the_witness_and_its_cosignature_comes_back(tmp_path: Path) -> None:
    region, public, home = tmp_path / "r", tmp_path / "public", tmp_path / "w"
    done("init", "--region", region)
    done("node", "add", "north", "--region", region)
    done("ledger", "prove", "0", "--out", tmp_path / "p", "--keys", tmp_path / "keys", "--region", region)
    assert "2 entries" in in_both("ledger", "export", "--out", public, "--region", region)[0]
    done("witness", "init", "auditor", "--home", home, "--from", public, "--keys", tmp_path / "keys")
    en, zh = in_both("witness", "show", "--home", home)
    assert "Nothing is co-signed yet." in en and "尚未联署" in zh
    key = done("witness", "show", "--home", home, "--json").json()["key"]
    done("witness", "add", key, "--region", region)
    en, zh = in_both("ledger", "list", "--region", region)
    assert "Waiting for witnesses: 3 of 3" in en and "等待见证" in zh
    done("ledger", "export", "--out", public, "--region", region)
    done("witness", "run", "--home", home, "--once")
    done("ledger", "export", "--out", public, "--region", region)
    en, zh = in_both("witness", "list", "--region", region)
    assert "All 3 entries are co-signed by 1 outside" in en and "全部 3 条" in zh
    assert "witnessed by 1 or more" in huizhen("doctor", "--region", region).out
    keys = tmp_path / "both"
    keys.write_text((tmp_path / "keys").read_text().split()[0] + "\n" + key + "\n")
    done("ledger", "verify", "--from", public, "--keys", keys)
    assert done("ledger", "verify", "--region", region)
    en, zh = in_both("witness", "evidence", "--home", home)
    assert "Nothing speaks against the hub." in en and "没有" in zh
    tile = next((public / "tile/entries").rglob("3"))
    tile.write_bytes(tile.read_bytes()[:-9] + b"x" + tile.read_bytes()[-8:])
    broken = huizhen("ledger", "verify", "--from", public, "--keys", keys, "--json")
    assert broken.code == 8 and broken.json()["wrong"][0]["entry"] == 2
    removed = done("witness", "remove", "auditor", "--region", region, HUIZHEN_LANG="zh")
    assert "不再计入" in removed.out


def test_what_is_asked_wrongly_is_refused_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x\n")
    for words, code in (
        (["witness", "init", "a", "--home", tmp_path / "a"], "no-keys"),
        (["witness", "init", "a", "--home", tmp_path / "a", "--keys", tmp_path / "file"], "bad-verifier-key"),
        (["witness", "run", "--home", tmp_path / "none"], "no-witness-there"),
        (["ledger", "verify", "--from", tmp_path], "no-keys"),
        (["ledger", "verify", "--evidence", tmp_path / "file"], "no-keys"),
        (["ledger", "export", "--out", tmp_path / "o"], "no-region-given"),
    ):
        ran = huizhen(*words)
        assert ran.code != 0 and f"[{code}]" in ran.err, ran
