"""Enrolment: a one-time code, keys that are made at the hospital, a proxy on the way, a crash in between."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from huizhen.adapters import enrolment
from huizhen.adapters.enrolment import Application, Code, Welcome
from huizhen.hub.server import Server
from huizhen.kit.errors import BadInput, Conflict, Lost, Refused
from huizhen.kit.keys import SigningKey
from huizhen.ledger.story import read_leaf
from huizhen.node import join as joining
from huizhen.node.join import join
from served import Serving
from wires import Wire


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Serving]:
    made = Serving(tmp_path)
    yield made
    made.close()


def code_of(problem: pytest.ExceptionInfo[BaseException]) -> str:
    return str(getattr(problem.value, "code", ""))


def test_a_node_makes_its_own_keys_and_the_hub_knows_their_public_halves(serving: Serving, tmp_path: Path) -> None:
    folder = join(tmp_path / "home", serving.url, serving.invite("north"))
    keys = {"identity.key", "pseudonym.key", "tls.key"}
    assert folder == tmp_path / "home" / "nodes" / "north"
    assert {p.name for p in folder.iterdir()} >= keys | {"tls.pem", "ca.pem", "hub.yaml", "node.sqlite", "policy.yaml"}
    assert all((folder / name).stat().st_mode & 0o077 == 0 for name in keys)
    public = SigningKey((folder / "identity.key").read_bytes()).public
    assert serving.hub.store.node_keys() == {"north": public}
    kinds = [read_leaf(leaf) for leaf in serving.hub.store.leaves()]
    assert [(e.subject, e.facts["key"]) for e in kinds if e and e.kind == "node-enrolled"] == [("north", public.hex())]
    secrets = [(folder / name).read_bytes() for name in keys]
    held = [p.read_bytes() for p in (tmp_path / "region").rglob("*") if p.is_file()]
    assert not any(secret in data for secret in secrets for data in held)


def test_a_code_works_once_and_only_its_hash_is_kept(serving: Serving, tmp_path: Path) -> None:
    code = serving.invite("north")
    join(tmp_path / "a", serving.url, code)
    with pytest.raises(Refused) as problem:
        join(tmp_path / "b", serving.url, code)
    assert code_of(problem) == "code-not-valid"
    assert not (tmp_path / "b" / "nodes" / "north").exists()
    secret = Code.read(code).secret
    held = b"".join(p.read_bytes() for p in (tmp_path / "region").rglob("*") if p.is_file())
    assert secret not in held and secret.hex().encode() not in held


def test_a_code_that_is_too_old_or_replaced_or_unknown_is_refused(serving: Serving, tmp_path: Path) -> None:
    replaced, old = serving.invite("north"), serving.invite("north")
    serving.late = timedelta(hours=2)
    unknown = str(Code.new("north", serving.server.authority.fingerprint))
    for code in (replaced, old, unknown):
        with pytest.raises(Refused) as problem:
            join(tmp_path / "home", serving.url, code)
        assert code_of(problem) == "code-not-valid"


def test_what_is_no_code_or_no_address_is_said_to_be_none(serving: Serving, tmp_path: Path) -> None:
    for code in ("", "north", "north.abc", "../north." + serving.invite("north").partition(".")[2]):
        with pytest.raises(BadInput):
            join(tmp_path / "home", serving.url, code)
    with pytest.raises(BadInput):
        join(tmp_path / "home", "http://localhost:1", serving.invite("north"))
    assert not (tmp_path / "home").exists()


def test_a_name_is_given_once(serving: Serving, tmp_path: Path) -> None:
    join(tmp_path / "home", serving.url, serving.invite("north"))
    with pytest.raises(Conflict):
        serving.invite("north")
    serving.server.enrolment.revoke("north")
    with pytest.raises(Conflict):
        serving.invite("north")


@pytest.mark.parametrize("lost", ["before it was asked", "before it was heard", "before the folder had its name"])
def test_a_crash_while_enrolling_is_taken_up_with_the_same_code(
    serving: Serving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    code, home, apply = serving.invite("north"), tmp_path / "home", enrolment.apply

    def killed(hub: str, ca: Path, application: Application, proxy: str | None) -> Welcome:
        if lost != "before it was asked":
            apply(hub, ca, application, proxy)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        if lost == "before the folder had its name":
            patch.setattr(joining, "believe", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        else:
            patch.setattr(enrolment, "apply", killed)
        join(home, serving.url, code)
    assert not (home / "nodes" / "north").exists()
    folder = join(home, serving.url, code)
    assert serving.hub.store.node_keys() == {"north": SigningKey((folder / "identity.key").read_bytes()).public}
    kinds = [read_leaf(leaf) for leaf in serving.hub.store.leaves()]
    assert [e.subject for e in kinds if e and e.kind == "node-enrolled"] == ["north"]


def test_a_node_enrols_through_an_http_proxy(serving: Serving, tmp_path: Path) -> None:
    proxy = Wire()
    folder = join(tmp_path / "home", serving.url, serving.invite("north"), f"http://127.0.0.1:{proxy.port}")
    proxy.close()
    assert proxy.connections == 2
    assert f"proxy: http://127.0.0.1:{proxy.port}" in (folder / "hub.yaml").read_text(encoding="utf-8")


def test_a_hub_that_is_not_there_is_said_not_to_be_reached(serving: Serving, tmp_path: Path) -> None:
    nobody = Wire()
    nobody.close()
    with pytest.raises(Lost) as problem:
        join(tmp_path / "home", f"https://localhost:{nobody.port}", serving.invite("north"))
    assert code_of(problem) == "hub-not-reached"


def test_a_region_is_served_once_from_its_embedded_database(serving: Serving) -> None:
    with pytest.raises(Conflict) as problem:
        Server(serving.hub, "127.0.0.1:0")
    assert code_of(problem) == "hub-runs-already"


def test_whether_the_hub_is_well_is_told_to_anyone(serving: Serving) -> None:
    context = enrolment.certificates.client_context(serving.server.authority.folder / "ca.pem")
    with httpx.Client(base_url=serving.url, verify=context, trust_env=False) as client:
        assert client.get("/health").status_code == 200
        assert client.get("/ready").json() == {"ready": True}
