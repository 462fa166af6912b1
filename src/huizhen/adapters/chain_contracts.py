"""The two contracts, as what asks them: anchors of a ledger, and the splitter of payments."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from huizhen.adapters.chain import Chain, another_contract
from huizhen.kit.canonical import canonical
from huizhen.kit.errors import NotFound, Refused, Tampered
from huizhen.kit.text import Text
from huizhen.ledger.anchor import NOTHING, Anchor, check_linked, origin_hash
from huizhen.ledger.checkpoint import Checkpoint
from huizhen.ledger.merkle import MerkleTree
from huizhen.model.settlement import Settlement


def account_of(party: str) -> bytes:
    """The account of a party at the splitter: SHA-256 of its name; 32 bytes."""
    return sha256(party.encode()).digest()


class Anchors:
    """The anchors of the ledger `origin` at an address; its code and its ledger are checked first. Raises Tampered."""

    def __init__(self, chain: Chain, address: str, origin: str) -> None:
        self._chain, self.address, self.origin = chain, address, origin
        immutable = chain.check_code(address, "anchors")
        if len(immutable) != 64 or immutable[:32] != origin_hash(origin):
            raise another_contract(address)
        self.owner = "0x" + immutable[44:].hex()
        """The account that anchors."""

    @classmethod
    def deploy(cls, chain: Chain, private: bytes, origin: str) -> Anchors:
        return cls(chain, chain.deploy(private, "anchors", origin_hash(origin)), origin)

    def all(self) -> tuple[Anchor, ...]:
        """Every anchor, the first one first, with its link computed again. Raises Tampered("anchors-broken")."""
        found: list[Anchor] = []
        while page := self._page(len(found)):
            found += page
        check_linked(self.origin, found)
        return tuple(found)

    def _page(self, first: int) -> list[Anchor]:
        read = self._chain.read(self.address, "anchors", "page", first)
        return [Anchor(size, bytes(root), bytes(link), at) for size, root, link, at in read]

    def count(self) -> int:
        return int(self._chain.read(self.address, "anchors", "count"))

    def add(self, private: bytes, point: Checkpoint, tree: MerkleTree) -> Anchor:
        """Anchor a checkpoint of a ledger whose tree is at hand. Where it is there, nothing is done; where it does not
        go on from the last anchor, nothing is sent. Raises Tampered, Refused, Lost."""
        count = self.count()
        last = self._page(count - 1)[0] if count else Anchor(0, b"", NOTHING, 0)
        if (last.size, last.root) == (point.size, point.root):
            return last
        if last.size >= point.size:
            raise Refused(
                "anchored-already",
                Text(f"A ledger of {last.size} entries is anchored; this one has {point.size}.",
                     f"已锚定 {last.size} 条的账本；此账本有 {point.size} 条。"),
                Text("If the hub shows less than it did before, it lost entries or lies: keep these files as evidence.",
                     "若中心出示的少于此前，则其丢失了条目或作假：请保留这些文件作为证据。"),
            )  # fmt: skip
        if last.size and tree.root(last.size) != last.root:
            raise not_the_anchored(count - 1, last.size)
        proof = tree.consistency_proof(last.size, point.size)
        self._chain.send(private, self.address, "anchors", "anchor", point.size, point.root, last.link, list(proof))
        return self._page(count)[0]

    def holds(self, number: int, leaf: bytes, index: int, path: Sequence[bytes]) -> bool:
        """What the contract itself says of an entry by its leaf hash, under the anchor of this number."""
        return bool(self._chain.read(self.address, "anchors", "holds", number, leaf, index, list(path)))


def check_point(anchors: Sequence[Anchor], point: Checkpoint) -> int:
    """Number of the anchor that is this checkpoint. Raises NotFound where none has its size, Tampered where it has
    another root."""
    number = next((n for n, a in enumerate(anchors) if a.size == point.size), None)
    if number is None:
        sizes = ", ".join(str(a.size) for a in anchors[-3:]) or "-"
        raise NotFound(
            "not-anchored",
            Text(f"No anchor is of a ledger of {point.size} entries; the last ones are of: {sizes}.",
                 f"没有 {point.size} 条账本的锚点；最近的锚点条数：{sizes}。"),
            Text("Have it proven under an anchored checkpoint: `huizhen ledger prove ENTRY --from DIR --under FILE`.",
                 "请在已锚定的检查点下取证明：`huizhen ledger prove 序号 --from 目录 --under 文件`。"),
        )  # fmt: skip
    if anchors[number].root != point.root:
        raise not_the_anchored(number, point.size)
    return number


def not_the_anchored(number: int, size: int) -> Tampered:
    return Tampered(
        "not-the-anchored-ledger",
        Text(f"This is not the ledger of {size} entries that is anchored as number {number}.",
             f"这不是第 {number} 号锚点所锚定的 {size} 条账本。"),
        Text("Keep both as evidence, and tell every hospital and the regulator: the hub has shown two histories.",
             "请保留双方作为证据，并通知每家医院与监管机构：中心出示过两段不同的历史。"),
    )  # fmt: skip


class Splitter:
    """Credits of parties in fen, and settlements, at an address. Raises Tampered for other code."""

    def __init__(self, chain: Chain, address: str) -> None:
        self._chain, self.address = chain, address
        self.owner = "0x" + chain.check_code(address, "splitter")[12:].hex()

    @classmethod
    def deploy(cls, chain: Chain, private: bytes) -> Splitter:
        return cls(chain, chain.deploy(private, "splitter"))

    def receive(self, private: bytes, party: str, fen: int, reference: str) -> None:
        """Book money that came in from a party. Raises Refused for a reference of the party's that is booked."""
        self._book(private, "take_in", party, fen, reference)

    def pay_out(self, private: bytes, party: str, fen: int, reference: str) -> None:
        """Book money that went out to a party. Raises Refused for what is booked already or more than it has."""
        self._book(private, "pay_out", party, fen, reference)

    def _book(self, private: bytes, function: str, party: str, fen: int, reference: str) -> None:
        booked = sha256(canonical([function, party, reference])).digest()
        self._chain.send(private, self.address, "splitter", function, account_of(party), fen, booked)

    def split(self, private: bytes, settlement: Settlement) -> None:
        """Take the price from the asker and credit each line of its settlement. Raises Refused, Lost."""
        accounts = [account_of(line.party) for line in settlement.lines]
        fen = [line.fen for line in settlement.lines]
        payer, digest = account_of(settlement.asker), bytes.fromhex(settlement.digest())
        study = account_of(settlement.study)
        what = (study, payer, settlement.price_fen, digest, accounts, fen)
        self._chain.send(private, self.address, "splitter", "split", *what)

    def settlement(self, study: str) -> bytes | None:
        """Digest of the settlement that a study was split by; None: it was not."""
        found = bytes(self._chain.read(self.address, "splitter", "settlement", account_of(study)))
        return found if any(found) else None

    def credit(self, party: str) -> int:
        """Fen."""
        return int(self._chain.read(self.address, "splitter", "credit", account_of(party)))

    def total(self) -> int:
        """Fen on all accounts together."""
        return int(self._chain.read(self.address, "splitter", "total"))
