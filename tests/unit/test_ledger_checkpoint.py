"""Checkpoints: what the hub signs, when a node co-signs, and who is believed."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from huizhen.kit.errors import BadInput, HuizhenError, Refused, Tampered
from huizhen.ledger import checkpoint as cp
from huizhen.ledger import note
from huizhen.ledger.checkpoint import Checkpoint
from huizhen.ledger.merkle import EMPTY_ROOT, Tree
from huizhen.ledger.note import COSIGNATURE, ED25519, VerifierKey

ORIGIN = "hub.example/region"
HUB = Ed25519PrivateKey.from_private_bytes(b"h" * 32)
HUB_KEY = VerifierKey.of(ORIGIN, ED25519, HUB)
NODES = {name: Ed25519PrivateKey.from_private_bytes(name.encode().ljust(32)) for name in ("east", "north", "west")}
KEYS = {name: VerifierKey.of(name, COSIGNATURE, private) for name, private in NODES.items()}
TREE = Tree()
for _entry in range(11):
    TREE.append(str(_entry).encode())


def at(size: int) -> Checkpoint:
    return Checkpoint(ORIGIN, size, TREE.root(size))


def witnessed(size: int, *names: str) -> bytes:
    signed = cp.open_signed(cp.sign(at(size), HUB), HUB_KEY)
    lines = [cp.cosign(signed, name, NODES[name], 1_700_000_000 + i) for i, name in enumerate(names)]
    return cp.with_cosignatures(signed, lines, KEYS.values())


def test_the_text_is_that_of_the_specification() -> None:
    text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    parsed = Checkpoint.parse(text)
    assert (parsed.origin, parsed.size, parsed.root.hex()[:8]) == ("example.com/behind-the-sofa", 20852163, "0ac5186a")
    assert parsed.text == text
    assert Checkpoint.parse(Checkpoint("o", 0, EMPTY_ROOT).text).size == 0


@pytest.mark.parametrize("size", ["-1", "+5", "05", " 5", "5 ", "5_0", "٥", "", "five", "0"])
def test_the_size_has_one_form(size: str) -> None:
    text = at(5).text.replace("\n5\n", f"\n{size}\n")
    with pytest.raises(Tampered) as caught:
        Checkpoint.parse(text)
    assert caught.value.code == "bad-checkpoint"


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t + "extension\n",
        lambda t: t[:-1],
        lambda t: t + "\n",
        lambda t: "\n" + t.split("\n", 1)[1],
        lambda t: t.replace("=\n", "\n"),
        lambda t: t[: t.index("\n", 25)] + "\nQQ==\n",
    ],
)
def test_the_text_is_read_strictly(change) -> None:
    with pytest.raises(Tampered):
        Checkpoint.parse(change(at(5).text))


def test_a_quorum_of_witnesses_is_believed() -> None:
    data = witnessed(7, "north", "west")
    signed = cp.verify(data, HUB_KEY, KEYS.values(), 2)
    assert signed.checkpoint == at(7)
    assert signed.witnessed == {"north": 1_700_000_000, "west": 1_700_000_001}
    with pytest.raises(Tampered) as caught:
        cp.verify(data, HUB_KEY, KEYS.values(), 3)
    assert caught.value.code == "too-few-witnesses"
    with pytest.raises(Tampered):
        cp.verify(data, HUB_KEY, [KEYS["east"]], 1)


@pytest.mark.parametrize(("names", "quorum"), [((), 0), ((), 1), (("north",), 0), (("north",), 2), (("north",), -1)])
def test_an_empty_quorum_fails_closed(names: tuple[str, ...], quorum: int) -> None:
    with pytest.raises(BadInput) as caught:
        cp.verify(witnessed(7, "north"), HUB_KEY, [KEYS[n] for n in names], quorum)
    assert caught.value.code == "bad-quorum"


def test_one_witness_named_twice_is_one() -> None:
    for twin in (KEYS["north"], VerifierKey.of("alias", COSIGNATURE, NODES["north"])):
        with pytest.raises(BadInput) as caught:
            cp.verify(witnessed(7, "north"), HUB_KEY, [KEYS["north"], twin], 2)
        assert caught.value.code == "key-twice"


def test_the_hub_is_no_witness_of_itself() -> None:
    itself = VerifierKey.of("independent", COSIGNATURE, HUB)
    with pytest.raises(BadInput):
        cp.verify(witnessed(7, "north"), HUB_KEY, [itself], 1)
    with pytest.raises(BadInput) as caught:
        cp.verify(witnessed(7, "north"), HUB_KEY, [VerifierKey.of("north", ED25519, NODES["north"])], 1)
    assert caught.value.code == "wrong-key-kind"
    with pytest.raises(BadInput) as caught:
        cp.open_signed(witnessed(7, "north"), KEYS["north"])
    assert caught.value.code == "wrong-key-kind"


def test_witnesses_alone_are_not_the_hub() -> None:
    signed = cp.open_signed(witnessed(7, "north"), HUB_KEY)
    other = Ed25519PrivateKey.from_private_bytes(b"o" * 32)
    foreign = cp.sign(Checkpoint("another.example", 7, TREE.root(7)), other)
    with pytest.raises(Tampered) as caught:
        cp.open_signed(foreign, HUB_KEY)
    assert caught.value.code == "unsigned"
    lines = [s for s in signed.note.signatures if s.name == "north"]
    only = (signed.note.text + "\n" + "".join(s.line for s in lines)).encode()
    with pytest.raises(Tampered) as caught:
        cp.open_signed(only, HUB_KEY, [KEYS["north"]])
    assert caught.value.code == "hub-did-not-sign"


def test_a_checkpoint_of_another_ledger_is_not_ours() -> None:
    """The hub's key under its own name, over a text with another origin."""
    text = Checkpoint("another.example", 7, TREE.root(7)).text
    data = note.make_note(text, [note.sign(text, ORIGIN, HUB)]).serialise()
    with pytest.raises(Tampered) as caught:
        cp.open_signed(data, HUB_KEY)
    assert caught.value.code == "another-ledger"


def test_cosignatures_are_kept_in_one_order_and_renewed() -> None:
    data = witnessed(7, "west", "north")
    names = [s.name for s in cp.open_signed(data, HUB_KEY).note.signatures]
    assert names == [ORIGIN, "north", "west"]
    signed = cp.open_signed(data, HUB_KEY, KEYS.values())
    again = cp.with_cosignatures(signed, [cp.cosign(signed, "north", NODES["north"], 1_800_000_000)], KEYS.values())
    assert cp.verify(again, HUB_KEY, KEYS.values(), 2).witnessed["north"] == 1_800_000_000


def test_a_line_that_is_no_cosignature_is_not_added() -> None:
    signed = cp.open_signed(cp.sign(at(7), HUB), HUB_KEY)
    shorter = cp.open_signed(cp.sign(at(6), HUB), HUB_KEY)
    stranger = Ed25519PrivateKey.from_private_bytes(b"s" * 32)
    for line in (
        "— north AAAA\n",
        cp.cosign(signed, "north", NODES["north"], 1).rstrip("\n"),
        cp.cosign(signed, "stranger", stranger, 1),
        cp.cosign(signed, "north", stranger, 1),
        cp.cosign(shorter, "north", NODES["north"], 1),
        signed.note.signatures[0].line,
    ):
        with pytest.raises(Tampered):
            cp.with_cosignatures(signed, [line], KEYS.values())


def test_a_plain_signature_is_no_cosignature() -> None:
    signed = cp.open_signed(cp.sign(at(7), HUB), HUB_KEY)
    plain = note.sign(signed.checkpoint.text, "north", NODES["north"])
    with pytest.raises(Tampered) as caught:
        cp.with_cosignatures(signed, [plain.line], [VerifierKey.of("north", ED25519, NODES["north"])])
    assert caught.value.code == "bad-cosignature"


def test_a_witness_follows_a_growing_ledger() -> None:
    cp.check_before_cosign(None, at(4), ())
    cp.check_before_cosign(at(4), at(4), ())
    cp.check_before_cosign(at(4), at(11), TREE.consistency_proof(4, 11))
    cp.check_before_cosign(at(0), at(11), ())


def test_a_witness_refuses_a_shorter_ledger() -> None:
    with pytest.raises(Refused) as caught:
        cp.check_before_cosign(at(8), at(7), ())
    assert caught.value.code == "ledger-rolled-back"


@pytest.mark.parametrize(
    ("old", "new", "proof"),
    [
        (at(4), at(11), ()),
        (at(4), at(11), TREE.consistency_proof(5, 11)),
        (at(4), Checkpoint(ORIGIN, 4, TREE.root(5)), ()),
        (at(4), Checkpoint(ORIGIN, 11, TREE.root(10)), TREE.consistency_proof(4, 11)),
        (at(4), Checkpoint("another.example", 11, TREE.root(11)), TREE.consistency_proof(4, 11)),
        (None, at(4), TREE.consistency_proof(3, 4)),
    ],
)
def test_a_witness_refuses_another_history(old: Checkpoint | None, new: Checkpoint, proof: tuple[bytes, ...]) -> None:
    with pytest.raises(HuizhenError) as caught:
        cp.check_before_cosign(old, new, proof)
    assert isinstance(caught.value, Tampered)
