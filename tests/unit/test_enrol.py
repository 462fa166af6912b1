"""A node is made whole or not at all, and a crash between the folder and the hub is taken up."""

from __future__ import annotations

from pathlib import Path

import pytest

from huizhen.kit.errors import BadInput, Conflict
from huizhen.node import enrol


def test_keys_are_new_private_and_pinned(tmp_path: Path) -> None:
    key = enrol.create_node(tmp_path / "north", b"\1" * 32, "hub+vkey")
    assert {p.name for p in (tmp_path / "north").iterdir()} >= {"identity.key", "pseudonym.key", "policy.yaml"}
    for name in ("identity.key", "pseudonym.key"):
        assert (tmp_path / "north" / name).stat().st_mode & 0o077 == 0
    assert key != enrol.create_node(tmp_path / "south", b"\1" * 32, "hub+vkey")


def test_a_crash_while_it_is_made_leaves_nothing_that_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(enrol, "NodeBook", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
        with pytest.raises(OSError, match="disk full"):
            enrol.create_node(tmp_path / "north", b"\1" * 32, "hub+vkey")
    assert not (tmp_path / "north").exists()
    assert enrol.create_node(tmp_path / "north", b"\1" * 32, "hub+vkey")


def test_a_folder_that_the_hub_does_not_know_yet_is_taken_as_it_is(tmp_path: Path) -> None:
    key = enrol.create_node(tmp_path / "north", b"\1" * 32, "hub+vkey")
    assert enrol.create_node(tmp_path / "north", b"\1" * 32, "hub+vkey", enrolled=False) == key
    with pytest.raises(Conflict):
        enrol.create_node(tmp_path / "north", b"\1" * 32, "hub+vkey", enrolled=True)


@pytest.mark.parametrize("name", ["", "../north", "a b", ".north", "北院", "x" * 64])
def test_a_name_that_cannot_be_a_folder_everywhere_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput):
        enrol.check_name(name)
