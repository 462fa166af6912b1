"""An EVM chain, through one of its nodes: signed legacy transactions, free of charge by default, as consortium chains
take them; and what contracts answer. What a contract refuses comes back in words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from huizhen.adapters.contracts import Contract, load
from huizhen.kit.errors import BadInput, Lost, Refused, Tampered
from huizhen.kit.text import Text

if TYPE_CHECKING:
    from web3 import Web3

ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_SECONDS = 30
"""For an answer of the node, and for a transaction to be in a block."""
_REVERTED = re.compile(r"execution reverted:? *\"?([a-z-]+)")
REASONS: dict[str, Text] = {
    "not-owner": Text("only the account that deployed it may", "只有部署该合约的账户可以操作"),
    "bad-size": Text("a ledger without entries is not anchored", "空账本不能锚定"),
    "rolled-back": Text("a ledger at least as long is anchored already", "已锚定不短于此的账本"),
    "wrong-link": Text("another anchor came in between", "期间已有其他锚点写入"),
    "not-append-only": Text("the ledger does not go on from the last anchor", "账本并非上一锚点的延续"),
    "no-amount": Text("an amount is not above zero", "金额须大于零"),
    "already-booked": Text("the payment with this reference is booked already", "此参考号的款项已登记"),
    "already-split": Text("the study is settled there already", "该研究已在链上结算"),
    "no-settlement": Text("no settlement is named", "未指明结算"),
    "bad-lines": Text("accounts and amounts are not as many", "账户数与金额数不一致"),
    "too-little-credit": Text("the account has too little credit", "账户余额不足"),
    "does-not-sum": Text("the lines do not sum to the price", "各行之和不等于价格"),
}
"""By the word that the contracts give: why they refuse."""


def check_installed() -> None:
    """Raises BadInput where the extra is not there."""
    try:
        import web3  # noqa: F401
    except ImportError as error:
        raise BadInput(
            "chain-not-installed",
            Text("A chain needs a package that is not installed.", "使用区块链需要尚未安装的软件包。"),
            Text("Run: pip install 'huizhen[chain]'", "请运行：pip install 'huizhen[chain]'"),
        ) from error


def address_of(private: bytes) -> str:
    """The address of an account by its key, 32 bytes."""
    check_installed()
    from eth_account import Account

    return str(Account.from_key(private).address)


class Chain:
    """One node of a chain. `gas_price` is in wei."""

    def __init__(self, web3: Web3, gas_price: int = 0) -> None:
        self._web3, self._gas_price = web3, gas_price
        with _talking():
            self.id = int(web3.eth.chain_id)

    @classmethod
    def at(cls, url: str, gas_price: int = 0) -> Chain:
        """Raises BadInput without the extra or for what is no address, Lost where nothing answers."""
        check_installed()
        from web3 import HTTPProvider, Web3

        if not url.startswith(("http://", "https://")):
            raise BadInput(
                "bad-chain-address",
                Text("This is not the address of a chain's node.", "区块链节点地址无效。"),
                Text("Write http://HOST:PORT, or https://HOST/PATH.", "请写成 http://主机:端口 或 https://主机/路径。"),
            )
        return cls(Web3(HTTPProvider(url, request_kwargs={"timeout": _SECONDS})), gas_price)

    # -- what contracts are told

    def deploy(self, private: bytes, name: str, *args: Any) -> str:
        """Put a contract there; its address. `private` is the account's key, 32 bytes. Raises Refused, Lost."""
        contract = load(name)
        made = self._web3.eth.contract(abi=contract.abi, bytecode=contract.bytecode)
        return str(self._sent(private, made.constructor(*args))["contractAddress"])

    def send(self, private: bytes, address: str, name: str, function: str, *args: Any) -> dict[str, Any]:
        """Call a function in a transaction; the receipt, once it is in a block. Raises Refused, Lost."""
        return self._sent(private, self._function(address, name, function, *args))

    def _sent(self, private: bytes, call: Any) -> dict[str, Any]:
        from web3.exceptions import TimeExhausted

        eth = self._web3.eth
        account = eth.account.from_key(private)
        with _talking():
            nonce = eth.get_transaction_count(account.address, "pending")
            plain = {"from": account.address, "nonce": nonce, "gasPrice": self._gas_price, "chainId": self.id}
            plain["gas"] = call.estimate_gas(plain) * 5 // 4
            signed = account.sign_transaction(call.build_transaction(plain))
            number = eth.send_raw_transaction(signed.raw_transaction)
            try:
                receipt = dict(eth.wait_for_transaction_receipt(number, timeout=_SECONDS))
            except TimeExhausted as error:
                raise Lost(
                    "chain-slow",
                    Text("The chain took the transaction and has not put it into a block yet.",
                         "链已接收该交易，但尚未写入区块。"),
                    Text("Wait, and run the command again: nothing is done twice.", "请稍候重新运行：不会重复执行。"),
                ) from error  # fmt: skip
        if receipt["status"] != 1:
            raise _refused(None)
        return receipt

    # -- what contracts say

    def read(self, address: str, name: str, function: str, *args: Any) -> Any:
        """What a function that changes nothing answers. Raises Tampered where there is no such contract."""
        from web3.exceptions import BadFunctionCallOutput

        with _talking():
            try:
                return self._function(address, name, function, *args).call()
            except BadFunctionCallOutput as error:
                raise another_contract(address) from error

    def check_code(self, address: str, name: str) -> bytes:
        """The immutable values of the contract there. Raises Tampered unless its code is ours, byte for byte."""
        self._function(address, name, None)
        with _talking():
            code = bytes(self._web3.eth.get_code(self._web3.to_checksum_address(address)))
        runtime = load(name).runtime
        if code[: len(runtime)] != runtime:
            raise another_contract(address)
        return code[len(runtime) :]

    def _function(self, address: str, name: str, function: str | None, *args: Any) -> Any:
        if not ADDRESS.fullmatch(address):
            raise BadInput(
                "bad-contract-address",
                Text("This is not the address of a contract.", "合约地址无效。"),
                Text("It is 0x and 40 hexadecimal digits, as `huizhen chain deploy` printed it.",
                     "应为 0x 加 40 位十六进制数，即 `huizhen chain deploy` 的输出。"),
            )  # fmt: skip
        contract: Contract = load(name)
        at = self._web3.eth.contract(address=self._web3.to_checksum_address(address), abi=contract.abi)
        return at.get_function_by_name(function)(*args) if function else None


def another_contract(address: str) -> Tampered:
    return Tampered(
        "another-contract",
        Text(f"What lies at {address} is not this contract.", f"{address} 处不是本合约。"),
        Text("Get the address from the trustee by a safe way, and check that it is of this chain.",
             "请通过安全途径向受托方索取地址，并确认是本链。"),
    )  # fmt: skip


def _refused(word: str | None) -> Refused:
    why = REASONS.get(word or "", Text("it gave no reason that is known", "未给出可识别的原因"))
    return Refused(
        "chain-refused",
        Text(f"The contract refused: {why.en}.", f"合约拒绝：{why.zh}。"),
        Text("Nothing was changed on the chain. Look at what it holds, and ask again.",
             "链上没有任何改动。请查看链上内容后重新操作。"),
    )  # fmt: skip


@contextmanager
def _talking() -> Iterator[None]:
    """Turns what the library raises into errors of ours; of what a node says further nothing is repeated."""
    from requests.exceptions import RequestException
    from web3.exceptions import ContractLogicError, Web3Exception

    try:
        yield
    except ContractLogicError as error:
        found = _REVERTED.search(str(error))
        raise _refused(found[1] if found else None) from error
    except Web3Exception as error:
        raise Refused(
            "transaction-not-taken",
            Text("The chain's node did not take the transaction.", "区块链节点未接受该交易。"),
            Text("Where transactions cost, give --gas-price, and see that the account can pay. Else ask the chain's "
                 "operator whether the account may write.",
                 "若该链收费，请给出 --gas-price 并确保账户余额充足；否则请向链的运营方确认该账户有写入权限。"),
        ) from error  # fmt: skip
    except (RequestException, ValueError) as error:
        raise Lost(
            "chain-not-reached",
            Text("No node of a chain answers there.", "该处没有区块链节点应答。"),
            Text("Check the address, the network and the proxy, and that the node is up.",
                 "请检查地址、网络、代理以及节点是否在运行。"),
        ) from error  # fmt: skip
