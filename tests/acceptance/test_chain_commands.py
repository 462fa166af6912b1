"""Anchors and payments on a real node of a chain, by commands: what an outsider checks, and what an attacker meets."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from anvil import anvil
from commands import PRICE, Region, done, huizhen, in_both


@dataclass
class Anchored:
    """A region's ledger of which two sizes are anchored, and the files that an outsider has of it."""

    folder: Path
    chain: str
    contract: str

    def region(self, name: str = "r") -> Path:
        return self.folder / name

    @property
    def keys(self) -> Path:
        return self.folder / "keys.txt"

    @property
    def on_chain(self) -> list[str | Path]:
        return ["--chain", self.chain, "--contract", self.contract, "--keys", self.keys]

    def publish(self, name: str = "r", out: str = "public") -> Path:
        """Export, have the witness co-sign what is there, and export that."""
        for _ in range(2):
            done("ledger", "export", "--out", self.folder / out, "--region", self.region(name))
            huizhen("witness", "run", "--home", self.folder / f"{name}.witness", "--once")
        return self.folder / out

    def anchor(self, *words: str | Path, out: str = "public", account: str = "a.pem") -> list[str | Path]:
        """The words of `ledger anchor`."""
        where = ["--from", self.folder / out, "--account", self.folder / account]
        return ["ledger", "anchor", *where, *self.on_chain, *words]


@pytest.fixture(scope="module")
def chain() -> Iterator[str]:
    with anvil() as url:
        yield url


@pytest.fixture(scope="module")
def anchored(chain: str, tmp_path_factory: pytest.TempPathFactory) -> Anchored:
    folder = tmp_path_factory.mktemp("anchored")
    made = Anchored(folder, chain, "")
    done("init", "--region", folder / "r")
    done("hub", "token", "add", "w", "--role", "auditor", "--out", folder / "access", "--region", folder / "r")
    key = done("witness", "init", "auditor", "--home", folder / "r.witness", "--from", folder / "public",
               "--token", folder / "access", "--json").json()["key"]  # fmt: skip
    done("witness", "add", key, "--region", folder / "r")
    hub = next(x.split()[1] for x in (folder / "access").read_text().splitlines() if x.startswith("key "))
    made.keys.write_text(f"{hub}\n{key}\n")
    done("chain", "key", "--out", folder / "a.pem")
    done("chain", "key", "--out", folder / "stranger.pem")
    words = ["--chain", chain, "--account", folder / "a.pem", "--keys", made.keys, "--json"]
    made.contract = done("chain", "deploy", "anchors", *words).json()["address"]
    made.publish()
    done(*made.anchor("--out", folder / "first.note"))
    shutil.copytree(folder / "r", folder / "evil")
    shutil.copytree(folder / "r.witness", folder / "evil.witness")
    done("party", "add", "acme", "--kind", "commercial", "--region", folder / "r")
    made.publish()
    done(*made.anchor("--out", folder / "second.note"))
    return made


def test_an_outsider_checks_files_checkpoint_and_entry_against_the_chain(anchored: Anchored, tmp_path: Path) -> None:
    public = anchored.folder / "public"
    en, zh = in_both("ledger", "verify", "--from", public, *anchored.on_chain)
    assert "The ledger holds: 3 entries" in en and "Anchored on the chain: 3 entries, by 2 anchors." in en
    assert "链上锚定：3 条" in zh
    seen = [x for note in ("first.note", "second.note") for x in ("--seen", anchored.folder / note)]
    en, zh = in_both("ledger", "verify", *seen, *anchored.on_chain)
    assert "2 anchors of huizhen-region" in en and "The checkpoint of 2 entries is anchored as number 0" in en
    assert "第 1 号锚点" in zh
    proof = tmp_path / "e.proof"
    for entry, note in ((1, "first.note"), (2, "second.note")):
        under = ["--from", public, "--under", anchored.folder / note]
        in_both("ledger", "prove", str(entry), *under, "--out", proof)
        en, zh = in_both("ledger", "verify", "--proof", proof, *anchored.on_chain)
        assert f"the contract says so, too: entry {entry} is in it" in en and "合约亦确认" in zh
    found = done("ledger", "verify", "--proof", proof, *anchored.on_chain, "--json").json()
    assert found["ok"] and [a["entries"] for a in found["anchors"]] == [2, 3] and found["found"] == [1]


def test_the_same_once_more_anchors_nothing(anchored: Anchored) -> None:
    en, zh = in_both(*anchored.anchor())
    assert "Anchored: 3 entries" in en and "已锚定" in zh
    found = done("ledger", "verify", "--seen", anchored.folder / "second.note", *anchored.on_chain, "--json").json()
    assert len(found["anchors"]) == 2


def test_a_hub_that_rewrites_its_ledger_is_caught_by_the_anchors(anchored: Anchored) -> None:
    """Its witness signs along, so that nothing but the chain speaks against it."""
    for name in ("mallory", "eve"):
        done("party", "add", name, "--kind", "commercial", "--region", anchored.region("evil"))
    home = anchored.folder / "evil.witness" / "witness.yaml"
    home.write_text(home.read_text().replace(str(anchored.folder / "public"), str(anchored.folder / "shown")))
    public = anchored.publish("evil", "shown")
    refused = huizhen(*anchored.anchor(out=public.name, account="a.pem"))
    assert (refused.code, "[not-the-anchored-ledger]" in refused.err) == (8, True), refused
    caught = huizhen("ledger", "verify", "--from", public, *anchored.on_chain, "--json")
    assert caught.code == 8 and [w["code"] for w in caught.json()["wrong"]] == ["anchored-differs"]
    assert done("ledger", "verify", "--from", public, "--keys", anchored.keys), "without the chain nobody notices"


def test_a_hub_that_goes_back_is_caught_by_the_anchors(anchored: Anchored, tmp_path: Path) -> None:
    shown = tmp_path / "short"
    done("ledger", "export", "--out", shown, "--region", anchored.region("r"))
    (shown / "pending").write_bytes((anchored.folder / "first.note").read_bytes())
    (shown / "checkpoint").write_bytes((anchored.folder / "first.note").read_bytes())
    for level in ("0", "entries"):
        full = shown / "tile" / level / "000.p"
        (full / "2").write_bytes(_first_two(full / "3", level))
    caught = huizhen("ledger", "verify", "--from", shown, *anchored.on_chain, "--json")
    assert caught.code == 8 and [w["code"] for w in caught.json()["wrong"]] == ["anchored-more"]
    refused = huizhen("ledger", "anchor", "--from", shown, "--account", anchored.folder / "a.pem", *anchored.on_chain)
    assert (refused.code, "[anchored-already]" in refused.err) == (5, True), refused


def _first_two(path: Path, level: str) -> bytes:
    data = path.read_bytes()
    if level == "0":
        return data[:64]
    at = 0
    for _ in range(2):
        at += 2 + int.from_bytes(data[at : at + 2], "big")
    return data[:at]


def test_what_is_not_witnessed_not_the_owners_or_not_there_is_refused_with_a_remedy(
    anchored: Anchored, tmp_path: Path
) -> None:
    folder = anchored.folder
    hub_only = tmp_path / "hub.txt"
    hub_only.write_text(anchored.keys.read_text().split()[0] + "\n")
    other = done(
        "chain", "deploy", "splitter", "--chain", anchored.chain, "--account", folder / "a.pem", "--json"
    ).json()
    public = ["--from", folder / "public"]
    to = ["--chain", anchored.chain, "--contract", anchored.contract]
    mine, keys, first = ["--account", folder / "a.pem"], ["--keys", anchored.keys], folder / "first.note"

    def by(account: str) -> list[str | Path]:
        return ["ledger", "anchor", *public, "--account", tmp_path / account, *to, *keys]

    (tmp_path / "no.pem").write_text("x")
    for words, code in (
        (["ledger", "anchor", *public, *mine, *to, "--keys", hub_only], "bad-quorum"),
        (["ledger", "anchor", *public, *mine, *to], "no-keys"),
        (by("none"), "no-account-file"),
        (by("no.pem"), "bad-account-file"),
        ([*anchored.anchor()[:-4], "--contract", other["address"], *keys], "another-contract"),
        ([*anchored.anchor()[:-4], "--contract", "0x1", *keys], "bad-contract-address"),
        (["ledger", "verify", "--seen", first, *to[:2], *keys], "no-contract"),
        (["ledger", "verify", "--chain", "http://127.0.0.1:9", *to[2:], *keys], "chain-not-reached"),
        (["ledger", "verify", "--chain", "chain.example", *to[2:], *keys], "bad-chain-address"),
        (["chain", "deploy", "anchor", "--chain", anchored.chain, *mine], "unknown-contract"),
        (["chain", "key", "--out", folder / "a.pem"], "key-file-exists"),
    ):  # fmt: skip
        ran = huizhen(*words)
        assert ran.code != 0 and f"[{code}]" in ran.err, (words, ran)


def test_a_study_is_split_on_the_chain_as_it_was_settled(
    chain: str, asked: tuple[Region, dict[str, Any]], tmp_path: Path
) -> None:
    region, outcome = asked
    account, lines = tmp_path / "p.pem", outcome["settlement"]["lines"]
    done("chain", "key", "--out", account)
    at = ["--chain", chain]
    at += ["--contract", done("chain", "deploy", "splitter", *at, "--account", account, "--json").json()["address"]]
    by = [*at, "--account", account]
    study = ["--study", outcome["study"], "--region", region.path]
    poor = huizhen("chain", "split", *study, *by)
    assert (poor.code, "too little credit" in poor.err) == (5, True)
    came_in = ["chain", "receive", "--party", "acme", "--fen", str(PRICE + 1), "--reference", "B-1", *by]
    assert f"acme has {(PRICE + 1) / 100:,.2f} yuan" in done(*came_in).out.replace("，", ",")
    assert "already" in huizhen(*came_in).err, "one payment, booked twice"
    assert "按结算拆分" in done("chain", "split", *study, *by, HUIZHEN_LANG="zh").out
    for line in lines:
        assert done("chain", "balance", "--party", line["party"], *at, "--json").json()["credit_fen"] == line["fen"]
    assert done("chain", "balance", "--party", "acme", *at, "--json").json()["credit_fen"] == 1
    assert "settled there already" in huizhen("chain", "split", *study, *by).err
    paid = done("chain", "pay", "--party", "patients@north", "--fen", "1", "--reference", "B-2", *by, "--json").json()
    assert paid["credit_fen"] == next(x["fen"] for x in lines if x["party"] == "patients@north") - 1


def test_where_gas_costs_the_account_has_to_pay(tmp_path: Path) -> None:
    with anvil("--base-fee", "1000") as url:
        done("chain", "key", "--out", tmp_path / "a.pem")
        words = ["chain", "deploy", "splitter", "--chain", url, "--account", tmp_path / "a.pem"]
        for price in ("0", "2000"):
            ran = huizhen(*words, "--gas-price", price)
            assert (ran.code, "[transaction-not-taken]" in ran.err) == (5, True), ran
