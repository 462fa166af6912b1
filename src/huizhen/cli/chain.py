"""chain key, deploy, receive, pay, split, balance: an EVM chain beside the ledger, for who wants one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, get_args

import typer

from huizhen.cli.common import HubOption, JsonFlag, Region_, TokenOption
from huizhen.cli.place import place, verifier_keys
from huizhen.cli.program import Command, new_group
from huizhen.cli.voice import VOICE
from huizhen.cli.witness import AccessOption, KeysOption, trust
from huizhen.kit.errors import BadInput
from huizhen.kit.money import yuan
from huizhen.kit.text import Text

if TYPE_CHECKING:
    from huizhen.adapters.chain import Chain

app = new_group("Contracts on an EVM chain: anchors of the ledger, and a splitter of payments.")
Contract = Literal["anchors", "splitter"]
CONTRACTS: tuple[Contract, ...] = get_args(Contract)
ChainOption = Annotated[
    str,
    typer.Option("--chain", metavar="URL", help="A node of the chain (JSON-RPC over HTTP).", envvar="HUIZHEN_CHAIN"),
]
ContractOption = Annotated[str, typer.Option("--contract", metavar="ADDRESS", help="Address of the contract.")]
AccountOption = Annotated[Path, typer.Option("--account", metavar="FILE", help="Key file of the account that acts.")]
GasPriceOption = Annotated[
    int, typer.Option("--gas-price", metavar="WEI", min=0, help="What the chain asks for gas; 0 where it is free.")
]
PartyOption = Annotated[
    str, typer.Option("--party", metavar="NAME", help="operator, a hospital, patients@HOSPITAL, or an asker.")
]
FenOption = Annotated[int, typer.Option("--fen", metavar="N", min=1, help="How much, in fen.")]
ReferenceOption = Annotated[
    str, typer.Option("--reference", metavar="TEXT", help="The bank's own reference; the same one is booked once.")
]


@app.command("key", cls=Command)
def key(
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="File to write the key to.")],
    as_json: JsonFlag = False,
) -> None:
    """Make an account: a key in a file that only you can read, and its address. The chain's operator admits it.

    Example: `huizhen chain key --out anchoring.pem`
    """
    from huizhen.adapters.chain import address_of
    from huizhen.client import chain_key

    address = address_of(chain_key.make(out))
    if as_json:
        VOICE.json({"file": str(out), "address": address})
        return
    VOICE.say(f"Account {address}, its key in {out}.", f"账户 {address}，密钥在 {out}。")


@app.command("deploy", cls=Command)
def deploy(
    contract: Annotated[str, typer.Argument(metavar="CONTRACT", help="anchors or splitter.")],
    chain: ChainOption,
    account: AccountOption,
    keys: KeysOption = None,
    token: AccessOption = None,
    gas_price: GasPriceOption = 0,
    as_json: JsonFlag = False,
) -> None:
    """Put a contract on the chain. Only the account that does may write to it. Anchors are of one hub's ledger: give
    its key.

    Examples: `huizhen chain deploy anchors --chain http://localhost:8545 --account anchoring.pem --keys keys.txt`,
    `huizhen chain deploy splitter --chain http://localhost:8545 --account paying.pem`
    """
    from huizhen.adapters.chain_contracts import Anchors, Splitter
    from huizhen.client import chain_key

    if contract not in CONTRACTS:
        raise BadInput(
            "unknown-contract",
            Text("There is no contract of that name.", "没有该名称的合约。"),
            Text(f"The contracts are: {', '.join(CONTRACTS)}.", f"合约有：{'、'.join(CONTRACTS)}。"),
        )
    private, node = chain_key.read(account), _chain(chain, gas_price)
    made: Anchors | Splitter
    if contract == "anchors":
        made = Anchors.deploy(node, private, verifier_keys(needed_keys(keys, token))[0].name)
    else:
        made = Splitter.deploy(node, private)
    if as_json:
        VOICE.json({"contract": contract, "address": made.address, "owner": made.owner, "chain": node.id})
        return
    VOICE.say(
        f"Contract {contract} is at {made.address} on chain {node.id}; its owner is {made.owner}.",
        f"合约 {contract} 已部署：{made.address}（链 {node.id}），所有者 {made.owner}。",
    )


def needed_keys(keys: Path | None, token: Path | None) -> list[str]:
    """The keys that the reader brings, the hub's first. Raises BadInput where there is none."""
    known, _ = trust(keys, token, None)
    if not known:
        raise BadInput(
            "no-keys",
            Text("It is not said which hub's ledger it is.", "未指明是哪个中心的账本。"),
            Text("Give --keys FILE or --token FILE, from the trustee.",
                 "请给出受托方提供的 --keys 文件或 --token 文件。"),
        )  # fmt: skip
    return known


def _chain(url: str, gas_price: int = 0) -> Chain:
    from huizhen.adapters.chain import Chain

    return Chain.at(url, gas_price)


@app.command("receive", cls=Command)
def receive(
    party: PartyOption,
    fen: FenOption,
    reference: ReferenceOption,
    chain: ChainOption,
    contract: ContractOption,
    account: AccountOption,
    gas_price: GasPriceOption = 0,
    as_json: JsonFlag = False,
) -> None:
    """Credit a party at the splitter with money that came in at the bank.

    Example: `huizhen chain receive --party acme-pharma --fen 120000 --reference B-2026-0117
    --chain http://localhost:8545 --contract 0x5FbD... --account paying.pem`
    """
    from huizhen.adapters.chain_contracts import Splitter
    from huizhen.client import chain_key

    at, private = Splitter(_chain(chain, gas_price), contract), chain_key.read(account)
    at.receive(private, party, fen, reference)
    _tell_credit(at.credit(party), party, as_json)


@app.command("pay", cls=Command)
def pay(
    party: PartyOption,
    fen: FenOption,
    reference: ReferenceOption,
    chain: ChainOption,
    contract: ContractOption,
    account: AccountOption,
    gas_price: GasPriceOption = 0,
    as_json: JsonFlag = False,
) -> None:
    """Debit a party at the splitter for money that was paid to it at the bank.

    Example: `huizhen chain pay --party north --fen 2000 --reference B-2026-0230 --chain http://localhost:8545
    --contract 0x5FbD... --account paying.pem`
    """
    from huizhen.adapters.chain_contracts import Splitter
    from huizhen.client import chain_key

    at, private = Splitter(_chain(chain, gas_price), contract), chain_key.read(account)
    at.pay_out(private, party, fen, reference)
    _tell_credit(at.credit(party), party, as_json)


@app.command("split", cls=Command)
def split(
    study: Annotated[str, typer.Option("--study", metavar="ID", help="The study's id.")],
    chain: ChainOption,
    contract: ContractOption,
    account: AccountOption,
    region: Region_ = None,
    hub: HubOption = None,
    token: TokenOption = None,
    gas_price: GasPriceOption = 0,
    as_json: JsonFlag = False,
) -> None:
    """Split the price of a study at the splitter, line by line as it was settled: the asker needs the credit.

    Example: `huizhen chain split --study st-0123456789abcdef --region demo --chain http://localhost:8545
    --contract 0x5FbD... --account paying.pem`
    """
    from huizhen.adapters.chain_contracts import Splitter
    from huizhen.client import chain_key
    from huizhen.model.settlement import Settlement

    private = chain_key.read(account)
    with place(region, hub, token) as where:
        found = where.outcome(study)["settlement"]
    if found is None:
        raise BadInput(
            "not-settled",
            Text(f"Study {study} is not settled.", f"研究 {study} 尚未结算。"),
            Text("A study is settled once its result is released.", "研究在结果发布后结算。"),
        )
    settlement, at = Settlement.read(found), Splitter(_chain(chain, gas_price), contract)
    at.split(private, settlement)
    if as_json:
        VOICE.json({"study": study, "lines": len(settlement.lines), "settlement": settlement.digest()})
        return
    VOICE.say(
        f"{yuan(settlement.price_fen)} yuan split into {len(settlement.lines)} lines, as settled.",
        f"{yuan(settlement.price_fen)} 元已按结算拆分为 {len(settlement.lines)} 行。",
    )


@app.command("balance", cls=Command)
def balance(
    party: PartyOption,
    chain: ChainOption,
    contract: ContractOption,
    as_json: JsonFlag = False,
) -> None:
    """What a party has at the splitter.

    Example: `huizhen chain balance --party north --chain http://localhost:8545 --contract 0x5FbD...`
    """
    from huizhen.adapters.chain_contracts import Splitter

    _tell_credit(Splitter(_chain(chain), contract).credit(party), party, as_json)


def _tell_credit(fen: int, party: str, as_json: bool) -> None:
    if as_json:
        VOICE.json({"party": party, "credit_fen": fen})
        return
    VOICE.say(f"{party} has {yuan(fen)} yuan at the splitter.", f"{party} 在拆分合约中有 {yuan(fen)} 元。")
