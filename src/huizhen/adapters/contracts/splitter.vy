# pragma version 0.4.3
# pragma evm-version paris
"""
@title Splits a payment exactly
@license Apache-2.0
@notice Credits in whole fen, booked by the trustee for money that came in at a bank. The price of a study is taken from
        its asker and split into lines that sum to it, to the fen, once. Moves no coin: a credit is a claim on the
        trustee, as in its own books.
"""

event Received:
    account: indexed(bytes32)
    fen: uint256
    reference: indexed(bytes32)

event Split:
    study: indexed(bytes32)
    payer: indexed(bytes32)
    price: uint256
    settlement: bytes32

event PaidOut:
    account: indexed(bytes32)
    fen: uint256
    reference: indexed(bytes32)

MOST_LINES: constant(uint256) = 2048

OWNER: public(immutable(address))

# Fen by account: SHA-256 of the party's name.
credit: public(HashMap[bytes32, uint256])
# Of all accounts: what was received and not yet paid out.
total: public(uint256)
# By study, the SHA-256 of the settlement that it was split by; zero where it was not.
settlement: public(HashMap[bytes32, bytes32])
# References of payments in and out, each booked once.
booked: public(HashMap[bytes32, bool])


@deploy
def __init__():
    OWNER = msg.sender


@external
def take_in(account: bytes32, fen: uint256, reference: bytes32):
    """
    @notice Book money that came in.
    """
    assert msg.sender == OWNER, "not-owner"
    assert fen > 0, "no-amount"
    assert not self.booked[reference], "already-booked"
    self.booked[reference] = True
    self.credit[account] += fen
    self.total += fen
    log Received(account=account, fen=fen, reference=reference)


@external
def split(
    study: bytes32, payer: bytes32, price: uint256, settlement: bytes32,
    accounts: DynArray[bytes32, MOST_LINES], fen: DynArray[uint256, MOST_LINES]
):
    """
    @notice Take the price from the payer and credit each line. All of it, or nothing.
    """
    assert msg.sender == OWNER, "not-owner"
    assert self.settlement[study] == empty(bytes32), "already-split"
    assert settlement != empty(bytes32), "no-settlement"
    assert len(accounts) == len(fen), "bad-lines"
    assert price > 0 and len(fen) > 0, "no-amount"
    assert self.credit[payer] >= price, "too-little-credit"
    self.settlement[study] = settlement
    self.credit[payer] -= price
    shared: uint256 = 0
    for i: uint256 in range(len(fen), bound=MOST_LINES):
        assert fen[i] > 0, "no-amount"
        shared += fen[i]
        self.credit[accounts[i]] += fen[i]
    assert shared == price, "does-not-sum"
    log Split(study=study, payer=payer, price=price, settlement=settlement)


@external
def pay_out(account: bytes32, fen: uint256, reference: bytes32):
    """
    @notice Book money that went out to the party at a bank.
    """
    assert msg.sender == OWNER, "not-owner"
    assert fen > 0, "no-amount"
    assert not self.booked[reference], "already-booked"
    assert self.credit[account] >= fen, "too-little-credit"
    self.booked[reference] = True
    self.credit[account] -= fen
    self.total -= fen
    log PaidOut(account=account, fen=fen, reference=reference)
