"""`huizhen doctor` where a region has NATS: what is wrong with the server is said in words, with a remedy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from commands import done, huizhen
from federations import free_port
from huizhen.adapters import nats_config
from nats_server import Server, check_there


class Region:
    def __init__(self, folder: Path) -> None:
        check_there()
        self.folder, self.port = folder / "region", free_port()
        self.nats = self.folder / "nats"
        done("init", "--region", self.folder)
        words = ["--name", "localhost", "--listen", f"127.0.0.1:{self.port}"]
        done("hub", "nats-config", *words, "--region", self.folder)

    def serve(self) -> Server:
        return Server(self.nats, nats_config.SERVER_CONF, self.port)

    def change(self, old: str, new: str) -> None:
        conf = self.nats / nats_config.SERVER_CONF
        text = conf.read_text(encoding="utf-8")
        assert old in text
        conf.write_text(text.replace(old, new), encoding="utf-8")

    def found(self) -> list[dict[str, Any]]:
        said = json.loads(huizhen("doctor", "--region", self.folder, "--json").out)
        assert all(each["what_zh"] for each in said)
        return [each for each in said if each["what"].startswith("NATS")]

    def wrong(self) -> dict[str, Any]:
        """The last finding, which is the only one that is bad."""
        found = self.found()
        assert [each["ok"] for each in found] == [True] * (len(found) - 1) + [False], found
        assert found[-1]["remedy"] and found[-1]["remedy_zh"]
        return found[-1]


@pytest.fixture
def region(tmp_path: Path) -> Region:
    return Region(tmp_path)


def test_a_server_as_configured_is_well(region: Region) -> None:
    server = region.serve()
    try:
        found = region.found()
    finally:
        server.close()
    assert len(found) == 6 and all(each["ok"] for each in found), found
    assert any("JetStream is on" in each["what"] for each in found)


def test_a_server_that_is_not_there(region: Region) -> None:
    assert "nothing answers" in region.wrong()["what"]


def test_a_server_without_jetstream(region: Region) -> None:
    region.change("  jetstream: enabled\n", "")
    server = region.serve()
    try:
        assert "JetStream does not answer" in region.wrong()["what"]
    finally:
        server.close()


def test_a_server_of_another_region(region: Region, tmp_path: Path) -> None:
    other = Region(tmp_path / "other")
    server = Server(other.nats, nats_config.SERVER_CONF, other.port)
    region.nats.joinpath("plan.json").write_text(
        region.nats.joinpath("plan.json").read_text().replace(str(region.port), str(other.port)), encoding="utf-8"
    )
    try:
        assert "no TLS connection" in region.wrong()["what"]
    finally:
        server.close()


def test_a_server_that_does_not_let_the_hub_say_what_it_has_to(region: Region) -> None:
    region.change('"hz.hello", ', "")
    server = region.serve()
    try:
        assert any(not each["ok"] and "does not permit this" in each["what"] for each in region.found())
    finally:
        server.close()


def test_a_configuration_that_names_somebody_who_is_not_admitted(region: Region) -> None:
    region.change('{ user: "CN=:hub"', '{ user: "CN=stranger" }\n    { user: "CN=:hub"')
    server = region.serve()
    try:
        bad = [each for each in region.found() if not each["ok"]]
    finally:
        server.close()
    assert len(bad) == 1 and "stranger" in bad[0]["what"]
