"""The two contracts, run by py-evm: what they keep, and what they refuse whoever asks."""

from __future__ import annotations

import importlib.util
import itertools
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import pytest

from compiled import FOLDER, compiled
from conftest import absent
from huizhen.adapters.chain import Chain
from huizhen.adapters.chain_contracts import Anchors, Splitter, account_of, check_point
from huizhen.adapters.contracts import NAMES
from huizhen.kit.errors import NotFound, Refused, Tampered
from huizhen.ledger.anchor import NOTHING, link
from huizhen.ledger.checkpoint import Checkpoint
from huizhen.ledger.merkle import Tree, leaf_hash
from huizhen.market.settle import Contribution, settle
from huizhen.model.settlement import Shares

ORIGIN = "hub.example/region"
SIZES = (1, 2, 3, 7, 8, 9, 40)
LEAVES = [b"entry %d" % number for number in range(SIZES[-1])]
TREE = Tree(leaf_hash(leaf) for leaf in LEAVES)
OTHER = Tree(leaf_hash(b"rewritten" if number == 1 else leaf) for number, leaf in enumerate(LEAVES))
SETTLED = settle(
    "st-1", "acme-pharma", 100_001, Shares(),
    {"north": Contribution(100, "0.9", 80), "south": Contribution(33, "0.7", 30), "west": Contribution(1, "1", 1)},
    for_profit=True,
)  # fmt: skip


def point(size: int, tree: Tree = TREE) -> Checkpoint:
    return Checkpoint(ORIGIN, size, tree.root(size))


class Machine:
    """An EVM in memory, with two accounts, and a way back to how it was."""

    def __init__(self) -> None:
        from eth_tester import EthereumTester, PyEVMBackend
        from eth_tester.exceptions import TransactionFailed
        from web3 import EthereumTesterProvider, Web3

        class Provider(EthereumTesterProvider):
            def make_request(self, method: Any, params: Any) -> Any:
                """A revert as nodes tell it."""
                try:
                    return super().make_request(method, params)
                except TransactionFailed as error:
                    return {"jsonrpc": "2.0", "id": 1, "error": {"code": 3, "message": str(error)}}

        backend = PyEVMBackend()
        self.tester = EthereumTester(backend)
        self.owner, self.stranger = (key.to_bytes() for key in backend.account_keys[:2])
        self.chain = Chain(Web3(Provider(self.tester)), gas_price=10**9)


@pytest.fixture(scope="module")
def made() -> tuple[Machine, Anchors, Splitter]:
    if importlib.util.find_spec("eth_tester") is None or importlib.util.find_spec("vyper") is None:
        absent("no vyper and eth-tester (requirements/chain.txt)")
    machine = Machine()
    return (
        machine,
        Anchors.deploy(machine.chain, machine.owner, ORIGIN),
        Splitter.deploy(machine.chain, machine.owner),
    )


@pytest.fixture
def machine(made: tuple[Machine, Anchors, Splitter]) -> Iterator[Machine]:
    before = made[0].tester.take_snapshot()
    yield made[0]
    made[0].tester.revert_to_snapshot(before)


@pytest.fixture
def anchors(machine: Machine, made: tuple[Machine, Anchors, Splitter]) -> Anchors:
    return made[1]


@pytest.fixture
def splitter(machine: Machine, made: tuple[Machine, Anchors, Splitter]) -> Splitter:
    return made[2]


def told(machine: Machine, at: Anchors | Splitter, function: str, *args: Any, private: bytes | None = None) -> Refused:
    """What the contract says to a call that our own side would not make."""
    name = "anchors" if isinstance(at, Anchors) else "splitter"
    with pytest.raises(Refused) as caught:
        machine.chain.send(private or machine.owner, at.address, name, function, *args)
    return caught.value


@pytest.mark.parametrize("name", NAMES)
def test_the_compiler_gives_the_very_bytes_that_are_kept(made: Any, name: str) -> None:
    assert compiled(name) == (FOLDER / f"{name}.json").read_text(encoding="utf-8")


# -- anchors


def test_a_ledger_is_anchored_as_it_grows_and_every_entry_is_in(machine: Machine, anchors: Anchors) -> None:
    for size in SIZES:
        assert anchors.add(machine.owner, point(size), TREE).root == TREE.root(size)
    found = anchors.all()
    assert [a.size for a in found] == list(SIZES)
    assert found[1].link == link(found[0].link, ORIGIN, 2, TREE.root(2), found[1].at_unix_s)
    for number, size in enumerate(SIZES[:-1]):
        for index in range(size):
            assert anchors.holds(number, TREE.leaf(index), index, TREE.inclusion_proof(index, size))
    for index in (0, 1, 31, 32, 39):
        assert anchors.holds(6, TREE.leaf(index), index, TREE.inclusion_proof(index, 40))


def test_every_step_from_one_size_to_another_is_taken_and_no_step_to_another_history(
    machine: Machine, anchors: Anchors
) -> None:
    """The proof of consistency of RFC 9162 in all its shapes: powers of two, odd sizes, right edges."""
    for old, new in itertools.combinations((2, 3, 4, 7, 9), 2):
        before = machine.tester.take_snapshot()
        anchors.add(machine.owner, point(old), TREE)
        last, forged = anchors.all()[-1].link, OTHER.consistency_proof(old, new)
        for proof in (forged, (), (*TREE.consistency_proof(old, new), bytes(32)), TREE.consistency_proof(old, new)[1:]):
            args = (new, OTHER.root(new), last, list(proof))
            assert "does not go on" in told(machine, anchors, "anchor", *args).what.en
        anchors.add(machine.owner, point(new), TREE)
        machine.tester.revert_to_snapshot(before)


def test_a_shorter_ledger_and_the_same_size_again_are_refused(machine: Machine, anchors: Anchors) -> None:
    anchors.add(machine.owner, point(8), TREE)
    last = anchors.all()[-1].link
    for size in (7, 8):
        said = told(machine, anchors, "anchor", size, TREE.root(size), last, [])
        assert "at least as long" in said.what.en
    with pytest.raises(Refused) as caught:
        anchors.add(machine.owner, point(7), TREE)
    assert caught.value.code == "anchored-already"
    assert anchors.add(machine.owner, point(8), TREE).size == 8, "the same once more is no second anchor"
    assert anchors.count() == 1


def test_another_history_is_refused_by_our_side_and_by_the_contract(machine: Machine, anchors: Anchors) -> None:
    anchors.add(machine.owner, point(7), TREE)
    last = anchors.all()[-1].link
    with pytest.raises(Tampered) as caught:
        anchors.add(machine.owner, point(9, OTHER), OTHER)
    assert caught.value.code == "not-the-anchored-ledger"
    for proof in (OTHER.consistency_proof(7, 9), TREE.consistency_proof(7, 9)):
        assert "does not go on" in told(machine, anchors, "anchor", 9, OTHER.root(9), last, list(proof)).what.en
    assert "another anchor" in told(machine, anchors, "anchor", 9, TREE.root(9), NOTHING, []).what.en
    assert "without entries" in told(machine, anchors, "anchor", 0, bytes(32), last, []).what.en


def test_nobody_but_the_owner_anchors(machine: Machine, anchors: Anchors) -> None:
    with pytest.raises(Refused) as caught:
        anchors.add(machine.stranger, point(3), TREE)
    assert "deployed it" in caught.value.what.en
    assert anchors.count() == 0


def test_a_wrong_proof_of_an_entry_proves_nothing(machine: Machine, anchors: Anchors) -> None:
    anchors.add(machine.owner, point(7), TREE)
    path, leaf = TREE.inclusion_proof(4, 7), TREE.leaf(4)
    assert anchors.holds(0, leaf, 4, path)
    flipped = tuple(bytes([each[0] ^ 1]) + each[1:] for each in path)
    for wrong in ((leaf, 5, path), (TREE.leaf(5), 4, path), (leaf, 4, path[:-1]), (leaf, 4, (*path, bytes(32))),
                  (leaf, 4, flipped), (leaf, 4, ()), (leaf, 7, path), (leaf, 2**64 - 1, path)):  # fmt: skip
        assert not anchors.holds(0, *wrong)
    assert not anchors.holds(1, leaf, 4, path), "there is no such anchor"
    inner = sha256(b"\x01" + TREE.leaf(4) + TREE.leaf(5)).digest()
    assert not anchors.holds(0, inner, 4, path[1:]), "an inner node does not pass for an entry"


def test_a_checkpoint_is_held_to_the_anchors(machine: Machine, anchors: Anchors) -> None:
    for size in (3, 8):
        anchors.add(machine.owner, point(size), TREE)
    found = anchors.all()
    assert check_point(found, point(8)) == 1
    with pytest.raises(NotFound) as caught:
        check_point(found, point(7))
    assert caught.value.code == "not-anchored"
    with pytest.raises(Tampered):
        check_point(found, point(8, OTHER))


def test_what_lies_elsewhere_or_speaks_of_another_ledger_is_not_believed(
    machine: Machine, anchors: Anchors, splitter: Splitter
) -> None:
    for address, origin in ((splitter.address, ORIGIN), ("0x" + "00" * 20, ORIGIN), (anchors.address, "another")):
        with pytest.raises(Tampered) as caught:
            Anchors(machine.chain, address, origin)
        assert caught.value.code == "another-contract"


# -- payments


def funded(machine: Machine, splitter: Splitter) -> None:
    splitter.receive(machine.owner, "acme-pharma", 150_000, "B-1")


def lines() -> tuple[list[bytes], list[int]]:
    return [account_of(line.party) for line in SETTLED.lines], [line.fen for line in SETTLED.lines]


def asked(**changes: Any) -> tuple[Any, ...]:
    accounts, fen = lines()
    plain = {"study": account_of("st-1"), "payer": account_of("acme-pharma"), "price": SETTLED.price_fen,
             "settlement": bytes.fromhex(SETTLED.digest()), "accounts": accounts, "fen": fen}  # fmt: skip
    return tuple({**plain, **changes}.values())


def test_a_settlement_is_split_to_the_fen(machine: Machine, splitter: Splitter) -> None:
    funded(machine, splitter)
    splitter.split(machine.owner, SETTLED)
    assert [splitter.credit(line.party) for line in SETTLED.lines] == [line.fen for line in SETTLED.lines]
    assert splitter.credit("acme-pharma") == 150_000 - 100_001
    assert splitter.total() == 150_000 == 49_999 + sum(line.fen for line in SETTLED.lines)
    assert splitter.settlement("st-1") == bytes.fromhex(SETTLED.digest()) and splitter.settlement("st-2") is None
    splitter.pay_out(machine.owner, "north", splitter.credit("north"), "B-2")
    assert splitter.credit("north") == 0
    assert splitter.total() == 150_000 - next(line.fen for line in SETTLED.lines if line.party == "north")


def test_a_refund_goes_back_to_who_paid(machine: Machine, splitter: Splitter) -> None:
    funded(machine, splitter)
    splitter.split(machine.owner, settle("st-1", "acme-pharma", 100_001, Shares(), {}, for_profit=True))
    assert splitter.credit("acme-pharma") == splitter.total() == 150_000


def test_lines_that_do_not_sum_to_the_price_move_nothing(machine: Machine, splitter: Splitter) -> None:
    funded(machine, splitter)
    accounts, fen = lines()
    for changed in ([*fen[:-1], fen[-1] + 1], [*fen[:-1], fen[-1] - 1], [*fen[:-1], 2**256 - 1]):
        said = told(machine, splitter, "split", *asked(fen=changed))
        assert "do not sum" in said.what.en or "no reason" in said.what.en
    assert "not as many" in told(machine, splitter, "split", *asked(fen=fen[:-1])).what.en
    assert (
        "not above zero"
        in told(machine, splitter, "split", *asked(accounts=[*accounts, accounts[0]], fen=[*fen, 0])).what.en
    )
    assert "not above zero" in told(machine, splitter, "split", *asked(price=0, accounts=[], fen=[])).what.en
    assert "no settlement" in told(machine, splitter, "split", *asked(settlement=bytes(32))).what.en
    assert (splitter.credit("acme-pharma"), splitter.credit("north")) == (150_000, 0)


def test_a_study_is_split_once_and_a_payment_booked_once(machine: Machine, splitter: Splitter) -> None:
    funded(machine, splitter)
    splitter.split(machine.owner, SETTLED)
    for again in (lambda: splitter.split(machine.owner, SETTLED), lambda: funded(machine, splitter),
                  lambda: splitter.receive(machine.owner, "acme-pharma", 1, "B-1")):  # fmt: skip
        with pytest.raises(Refused):
            again()
    other = told(machine, splitter, "split", *asked(settlement=b"o" * 32, accounts=[account_of("eve")], fen=[100_001]))
    assert "already" in other.what.en
    assert splitter.total() == 150_000


def test_nobody_spends_what_they_do_not_have(machine: Machine, splitter: Splitter) -> None:
    assert "too little" in told(machine, splitter, "split", *asked()).what.en
    funded(machine, splitter)
    with pytest.raises(Refused):
        splitter.pay_out(machine.owner, "acme-pharma", 150_001, "B-3")
    with pytest.raises(Refused):
        splitter.pay_out(machine.owner, "north", 1, "B-4")
    assert splitter.credit("acme-pharma") == splitter.total() == 150_000


def test_nobody_but_the_owner_moves_a_fen(machine: Machine, splitter: Splitter) -> None:
    funded(machine, splitter)
    account = account_of("acme-pharma")
    for function, args in (
        ("split", asked()),
        ("take_in", (account, 1, b"r" * 32)),
        ("pay_out", (account, 1, b"r" * 32)),
    ):
        assert "deployed it" in told(machine, splitter, function, *args, private=machine.stranger).what.en
    assert splitter.total() == 150_000


def test_no_coin_is_taken(machine: Machine, anchors: Anchors, splitter: Splitter) -> None:
    sender = machine.tester.get_accounts()[0]
    for at in (anchors, splitter):
        sent = machine.tester.send_transaction({"from": sender, "to": at.address, "value": 1, "gas": 100_000})
        assert machine.tester.get_transaction_receipt(sent)["status"] == 0
        assert machine.tester.get_balance(at.address) == 0
