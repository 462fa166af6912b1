# pragma version 0.4.3
# pragma evm-version paris
"""
@title Anchors of one ledger
@license Apache-2.0
@notice Keeps sizes and roots of an RFC 6962 ledger, each linked to the one before by SHA-256, and takes a new one only
        with the proof that it goes on from the last: a ledger that was shortened or rewritten cannot be anchored, not
        even by the owner. Anyone checks that an entry is in. Needs no coin and takes none.
"""

struct Anchor:
    size: uint64
    root: bytes32
    link: bytes32
    time: uint256

event Anchored:
    number: indexed(uint256)
    size: uint64
    root: bytes32
    link: bytes32

LIMIT: constant(uint256) = 65
PAGE: constant(uint256) = 256

# SHA-256 of the ledger's name.
ORIGIN: public(immutable(bytes32))
# The only account that anchors.
OWNER: public(immutable(address))

count: public(uint256)
anchors: public(HashMap[uint256, Anchor])


@deploy
def __init__(origin: bytes32):
    ORIGIN = origin
    OWNER = msg.sender


@external
def anchor(size: uint64, root: bytes32, previous: bytes32, proof: DynArray[bytes32, LIMIT]):
    """
    @notice Add an anchor.
    @param previous Link of the last anchor, zero before the first: a message meant for another state is refused.
    @param proof PROOF(old size, D[0:size]) of RFC 9162, 2.1.4.1; empty for the first anchor.
    """
    assert msg.sender == OWNER, "not-owner"
    assert size > 0, "bad-size"
    last: Anchor = empty(Anchor)
    if self.count > 0:
        last = self.anchors[self.count - 1]
    assert size > last.size, "rolled-back"
    assert previous == last.link, "wrong-link"
    if self.count > 0:
        assert self._goes_on(last.size, size, last.root, root, proof), "not-append-only"
    else:
        assert len(proof) == 0, "not-append-only"
    link: bytes32 = sha256(concat(
        previous, ORIGIN, convert(convert(size, uint256), bytes32), root, convert(block.timestamp, bytes32)
    ))
    self.anchors[self.count] = Anchor(size=size, root=root, link=link, time=block.timestamp)
    log Anchored(number=self.count, size=size, root=root, link=link)
    self.count += 1


@external
@view
def page(first: uint256) -> DynArray[Anchor, PAGE]:
    """
    @notice The anchors from this number on, at most 256.
    """
    found: DynArray[Anchor, PAGE] = []
    for i: uint256 in range(PAGE):
        if first + i >= self.count:
            break
        found.append(self.anchors[first + i])
    return found


@external
@view
def holds(number: uint256, leaf: bytes32, index: uint64, path: DynArray[bytes32, LIMIT]) -> bool:
    """
    @notice Whether the entry with this leaf hash, SHA-256(0x00 || entry), stands at `index` in the ledger as anchored
            under `number`, by its path of RFC 9162, 2.1.3.1.
    """
    if number >= self.count:
        return False
    at: Anchor = self.anchors[number]
    if index >= at.size:
        return False
    fn: uint256 = convert(index, uint256)
    sn: uint256 = convert(at.size - 1, uint256)
    hashed: bytes32 = leaf
    for sibling: bytes32 in path:
        if sn == 0:
            return False
        if fn & 1 == 1 or fn == sn:
            hashed = self._node(sibling, hashed)
            for _: uint256 in range(LIMIT):
                if fn == 0 or fn & 1 == 1:
                    break
                fn = fn >> 1
                sn = sn >> 1
        else:
            hashed = self._node(hashed, sibling)
        fn = fn >> 1
        sn = sn >> 1
    return sn == 0 and hashed == at.root


@internal
@view
def _node(left: bytes32, right: bytes32) -> bytes32:
    return sha256(concat(0x01, left, right))


@internal
@view
def _goes_on(
    old: uint64, new: uint64, old_root: bytes32, new_root: bytes32, proof: DynArray[bytes32, LIMIT]
) -> bool:
    """
    @notice RFC 9162, 2.1.4.2, for 0 < old < new.
    """
    fn: uint256 = convert(old - 1, uint256)
    sn: uint256 = convert(new - 1, uint256)
    for _: uint256 in range(LIMIT):
        if fn & 1 == 0:
            break
        fn = fn >> 1
        sn = sn >> 1
    was: bytes32 = old_root
    now: bytes32 = old_root
    first: bool = fn != 0
    for step: bytes32 in proof:
        if first:
            was = step
            now = step
            first = False
            continue
        if sn == 0:
            return False
        if fn & 1 == 1 or fn == sn:
            was = self._node(step, was)
            now = self._node(step, now)
            for _: uint256 in range(LIMIT):
                if fn == 0 or fn & 1 == 1:
                    break
                fn = fn >> 1
                sn = sn >> 1
        else:
            now = self._node(now, step)
        fn = fn >> 1
        sn = sn >> 1
    return not first and sn == 0 and was == old_root and now == new_root
