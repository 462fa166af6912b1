"""ledger anchor; and `ledger verify --chain`, which holds files, a checkpoint or an entry to what is anchored."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from huizhen.cli.chain import AccountOption, ChainOption, ContractOption, GasPriceOption, needed_keys
from huizhen.cli.common import JsonFlag, interruptible
from huizhen.cli.place import verifier_keys
from huizhen.cli.voice import VOICE
from huizhen.cli.witness import AccessOption, AuthorityOption, KeysOption, read_file, read_note, trust
from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text

if TYPE_CHECKING:
    from huizhen.adapters.chain_contracts import Anchors
    from huizhen.ledger.anchor import Anchor
    from huizhen.ledger.note import VerifierKey


def anchor(
    log: Annotated[
        str,
        typer.Option("--from", metavar="URL|DIR", help="The ledger's files: the hub's https://HOST:PORT, or a folder."),
    ],
    chain: ChainOption,
    contract: ContractOption,
    account: AccountOption,
    keys: KeysOption = None,
    token: AccessOption = None,
    authority: AuthorityOption = None,
    quorum: Annotated[
        int | None, typer.Option("--quorum", metavar="N", min=1, help="Witnesses needed; else more than half.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Also write the anchored checkpoint to this file.")
    ] = None,
    gas_price: GasPriceOption = 0,
    as_json: JsonFlag = False,
) -> None:
    """Anchor the ledger's checkpoint on a chain. It is verified first: the hub's signature, enough witnesses, and that
    it goes on from the last anchor, which the contract checks once more. Needs the ledger's files only.

    Example: `huizhen ledger anchor --from public --keys keys.txt --chain http://localhost:8545 --contract 0x5FbD...
    --account anchoring.pem`
    """
    from huizhen.adapters import log_files
    from huizhen.adapters.chain import Chain
    from huizhen.adapters.chain_contracts import Anchors
    from huizhen.client import chain_key
    from huizhen.hub.verify import quorum as majority
    from huizhen.ledger import checkpoint
    from huizhen.ledger.tiles import CHECKPOINT, files_tree

    private, known = chain_key.read(account), verifier_keys(needed_keys(keys, token))
    with interruptible("Run it again: nothing is anchored twice.", "请重新运行：不会重复锚定。"):
        files = log_files.at(log, trust(None, token, authority)[1])
        note = files.read(CHECKPOINT)
        signed = checkpoint.verify(note, known[0], known[1:], quorum or majority(len(known) - 1))
        point = signed.checkpoint
        at = Anchors(Chain.at(chain, gas_price), contract, point.origin)
        made = at.add(private, point, files_tree(files, point.size))
        files.close()
    if out is not None:
        out.write_bytes(note)
    if as_json:
        VOICE.json({"ledger": point.origin, **_as_json(made), "contract": contract})
        return
    VOICE.say(f"Anchored: {made.size} entries of {point.origin}, {_when(made)} UTC.",
              f"已锚定：{point.origin} 的 {made.size} 条，{_when(made)} UTC。")  # fmt: skip


def _as_json(made: Anchor) -> dict[str, Any]:
    return {"entries": made.size, "root": made.root.hex(), "link": made.link.hex(), "at_unix_s": made.at_unix_s}


def _when(made: Anchor) -> str:
    return datetime.fromtimestamp(made.at_unix_s, UTC).strftime("%Y-%m-%d %H:%M")


# -- verify


def anchors_at(chain: str, contract: str | None, keys: list[VerifierKey]) -> Anchors:
    """The anchors of the ledger whose hub's key comes first. Raises BadInput, Tampered, Lost."""
    from huizhen.adapters.chain import Chain
    from huizhen.adapters.chain_contracts import Anchors

    if contract is None:
        raise BadInput(
            "no-contract",
            Text("It is not said which contract on the chain.", "未指明链上的合约。"),
            Text("Give --contract ADDRESS, from the trustee.", "请给出受托方提供的 --contract 地址。"),
        )
    return Anchors(Chain.at(chain), contract, keys[0].name)


def verify_anchors(
    at: Anchors, keys: list[VerifierKey], seen: list[Path], proof_file: Path | None, as_json: bool
) -> None:
    """Every anchor's link computed again; and that these checkpoints, and the one of the proof, are anchored, the
    proof's entry by the contract's own word, too. Raises Tampered, NotFound."""
    from huizhen.adapters.chain_contracts import check_point
    from huizhen.hub.verify import verify_proof
    from huizhen.kit.errors import Tampered
    from huizhen.ledger import checkpoint, proof
    from huizhen.ledger.merkle import leaf_hash

    anchors = at.all()
    numbers = [check_point(anchors, checkpoint.open_signed(read_note(p), keys[0], keys[1:]).checkpoint) for p in seen]
    entry = None
    if proof_file is not None:
        data = read_file(proof_file)
        proven = verify_proof(data, keys)
        number, entry = check_point(anchors, proven.signed.checkpoint), proven.index
        if not at.holds(number, leaf_hash(proven.leaf), entry, proof.parse(data).path):
            raise Tampered(
                "contract-denies",
                Text(f"The contract says that entry {entry} is not in the ledger that it anchored.",
                     f"合约否认第 {entry} 条在其所锚定的账本中。"),
                Text("Ask another node of the chain: this one may not tell the truth.",
                     "请向该链的另一节点查询：此节点可能作假。"),
            )  # fmt: skip
        numbers.append(number)
    if as_json:
        listed = [_as_json(each) for each in anchors]
        VOICE.json(
            {"ok": True, "ledger": at.origin, "owner": at.owner, "anchors": listed, "found": numbers, "entry": entry}
        )
        return
    VOICE.say(
        f"{len(anchors)} anchors of {at.origin} on the chain, each linked to the one before, written by {at.owner}.",
        f"链上有 {at.origin} 的 {len(anchors)} 个锚点，逐个相连，由 {at.owner} 写入。",
    )
    for number in dict.fromkeys(numbers):
        found = anchors[number]
        VOICE.say(
            f"The checkpoint of {found.size} entries is anchored as number {number}, {_when(found)} UTC.",
            f"{found.size} 条的检查点即第 {number} 号锚点，{_when(found)} UTC。",
        )
    if entry is not None:
        VOICE.say(f"Proven, and the contract says so, too: entry {entry} is in it.",
                  f"已证实，合约亦确认：第 {entry} 条在其中。")  # fmt: skip
