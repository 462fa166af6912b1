"""Where a command acts: on a region's folder on this machine, or at a hub elsewhere. To the commands both are the same.

What may be done, and by whom, is decided at the desk (`hub.desk`), here as there; at a region's folder by its owner.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from huizhen.cli.common import interruptible
from huizhen.kit.errors import BadInput, NotFound
from huizhen.kit.text import Text, did_you_mean
from huizhen.ledger.order import is_private

if TYPE_CHECKING:
    from huizhen.cli.region import Region
    from huizhen.client.remote import Remote
    from huizhen.ledger.note import VerifierKey
    from huizhen.model.dataset import Dataset
    from huizhen.model.deed import Kind
    from huizhen.model.settlement import Payment
    from huizhen.model.statement import Statement
    from huizhen.model.study import Request
    from huizhen.node.agent import Agent

Progress = Callable[[str, Text], None]
KEPT = ("What was not finished was not kept.", "未完成的内容没有保存。")


class Left(KeyboardInterrupt):
    """Ctrl-C while a study runs elsewhere: it goes on there."""

    def __init__(self, study: str) -> None:
        super().__init__()
        self.study = study


class Place(Protocol):
    """See `hub.desk.Desk` for what each of these answers and raises."""

    def cards(self, dataset: str | None = None) -> tuple[Dataset, ...]: ...
    def check(self, request: Request) -> dict[str, Any]: ...
    def run(self, request: Request, progress: Progress) -> dict[str, Any]:
        """The outcome, once the study has ended. Raises Left for Ctrl-C where it goes on without us."""
        ...

    def delivered(self, study: str) -> None: ...
    def outcome(self, study: str) -> dict[str, Any]: ...
    def studies(self) -> list[dict[str, Any]]: ...
    def piece(self, study: str, node: str, number: int) -> bytes: ...
    def entries(self) -> list[dict[str, Any]]:
        """Ledger entries with their number."""
        ...

    def standing(self) -> dict[str, Any]:
        """How far outside witnesses have co-signed the ledger."""
        ...

    def prove(self, entry: int) -> bytes: ...
    def keys(self) -> list[str]:
        """Verifier keys that are trusted here, the hub's first; not on the hub's word."""
        ...

    def verify(self) -> tuple[int, list[Text], int]:
        """(entries, what is wrong, hospitals whose keys vouch for it)."""
        ...

    def statement(self, party: str) -> list[dict[str, Any]]: ...
    def postings(self, study: str) -> list[dict[str, Any]]: ...
    def instruments(self, kind: Kind) -> list[dict[str, Any]]: ...
    def instrument(self, kind: Kind, name: str, version: int | None = None) -> dict[str, Any]: ...
    def draft(self, kind: Kind, terms: dict[str, Any]) -> dict[str, Any]: ...
    def move(self, kind: Kind, name: str, said: dict[str, Any]) -> dict[str, Any]: ...
    def to_commit(self, study: str) -> dict[str, Any]: ...
    def commit(self, study: str, signature: str) -> None: ...
    def receive(self, payment: Payment) -> dict[str, Any]: ...
    def announce(self, said: Statement) -> None: ...
    def settle(self) -> None:
        """After statements of nodes: have the ledger co-signed."""
        ...


class Here:
    """A region on this machine."""

    def __init__(self, region: Region) -> None:
        from huizhen.hub.caller import OWNER

        self.region = region
        self._who = OWNER

    def cards(self, dataset: str | None = None) -> tuple[Dataset, ...]:
        return self.region.desk.cards(dataset)

    def check(self, request: Request) -> dict[str, Any]:
        return self.region.desk.check(self._who, request)

    def run(self, request: Request, progress: Progress) -> dict[str, Any]:
        desk = self.region.desk
        try:
            study = desk.begin(self._who, request, progress)
            desk.drive(study, progress)
        except KeyboardInterrupt:
            self.region.road().witness()
            raise
        return desk.outcome(self._who, study.id)

    def delivered(self, study: str) -> None:
        self.region.desk.delivered(self._who, study)

    def outcome(self, study: str) -> dict[str, Any]:
        return self.region.desk.outcome(self._who, study)

    def studies(self) -> list[dict[str, Any]]:
        return self.region.desk.studies(self._who)

    def piece(self, study: str, node: str, number: int) -> bytes:
        return self.region.desk.piece(self._who, study, node, number)

    def entries(self) -> list[dict[str, Any]]:
        return _readable(enumerate(self.region.hub.store.leaves()))

    def standing(self) -> dict[str, Any]:
        return self.region.desk.standing()

    def prove(self, entry: int) -> bytes:
        return self.region.desk.prove(entry)

    def keys(self) -> list[str]:
        from huizhen.cli.region import trusted

        hub, witnesses = trusted(self.region.folder)
        return [hub.vkey, *(w.key.vkey for w in witnesses)]

    def verify(self) -> tuple[int, list[Text], int]:
        """On the files as they lie; nothing is opened for it."""
        return verify_folder(self.region.folder)

    def statement(self, party: str) -> list[dict[str, Any]]:
        return self.region.desk.statement(self._who, party)

    def postings(self, study: str) -> list[dict[str, Any]]:
        return self.region.desk.postings(self._who, study)

    def instruments(self, kind: Kind) -> list[dict[str, Any]]:
        return self.region.desk.instruments.all(self._who, kind)

    def instrument(self, kind: Kind, name: str, version: int | None = None) -> dict[str, Any]:
        return self.region.desk.instruments.find(self._who, kind, name, version)

    def draft(self, kind: Kind, terms: dict[str, Any]) -> dict[str, Any]:
        return self.region.desk.instruments.draft(self._who, kind, terms)

    def move(self, kind: Kind, name: str, said: dict[str, Any]) -> dict[str, Any]:
        return self.region.desk.instruments.move(self._who, kind, name, said)

    def to_commit(self, study: str) -> dict[str, Any]:
        return self.region.desk.to_commit(self._who, study)

    def commit(self, study: str, signature: str) -> None:
        self.region.desk.commit(self._who, study, signature)
        self._go_on()

    def receive(self, payment: Payment) -> dict[str, Any]:
        booked = self.region.desk.instruments.receive(self._who, payment)
        self._go_on()
        return booked

    def _go_on(self) -> None:
        if not self.region.is_served():
            self.region.road().go_on()

    def announce(self, said: Statement) -> None:
        self.region.announce(said)

    def settle(self) -> None:
        self.region.witness()


def verify_folder(region: Path) -> tuple[int, list[Text], int]:
    """Verify a region on this machine with what the hospitals keep."""
    from huizhen.cli.region import check_there, trusted
    from huizhen.hub.verify import verify_hub

    check_there(region)
    hub, witnesses = trusted(region)
    return (*verify_hub(region / "hub", hub, witnesses), len(witnesses))


class There:
    """A hub elsewhere. `trusted` are the keys of the access file; `asker` is set for one who sees its own studies."""

    def __init__(self, remote: Remote, trusted: Sequence[str], asker: str | None = None) -> None:
        self.remote = remote
        self._trusted = trusted
        self._asker = asker
        self.cards, self.check = remote.cards, remote.check
        self.delivered, self.outcome, self.studies = remote.delivered, remote.outcome, remote.studies
        self.prove, self.standing, self.piece = remote.prove, remote.standing, remote.piece
        self.statement, self.postings = remote.statement, remote.postings
        self.announce = remote.announce
        self.instruments, self.instrument = remote.instruments, remote.instrument
        self.draft, self.move, self.receive = remote.draft, remote.move, remote.receive
        self.to_commit, self.commit = remote.to_commit, remote.commit

    def run(self, request: Request, progress: Progress) -> dict[str, Any]:
        study = self.remote.submit(request)
        try:
            self.remote.wait(study, progress)
        except KeyboardInterrupt:
            raise Left(study) from None
        return self.remote.outcome(study)

    def entries(self) -> list[dict[str, Any]]:
        return _readable((e["entry"], e["leaf"].encode()) for e in self.remote.entries())

    def keys(self) -> list[str]:
        return list(self._trusted)

    def verify(self) -> tuple[int, list[Text], int]:
        """Everything is fetched, and computed again on this machine."""
        from huizhen.hub.verify import Copy, verify_copy
        from huizhen.ledger.checkpoint import Checkpoint
        from huizhen.ledger.note import parse_note
        from huizhen.ledger.story import StoredDocument

        note = self.remote.checkpoint().encode()
        found = list(self.remote.entries(Checkpoint.parse(parse_note(note).text).size))
        documents = {
            ref: StoredDocument(bytes.fromhex(d["salt"]), d["content"].encode())
            for e in found
            for ref, d in e["documents"].items()
        }
        copy = Copy([e["leaf"].encode() for e in found], documents, note, self._hidden(found))
        keys = verifier_keys(self._trusted)
        return (*verify_copy(copy, keys), len(keys) - 1)

    def _hidden(self, found: Sequence[dict[str, Any]]) -> frozenset[int]:
        """Entries that may come without documents: of studies others asked, contracts, payments, results that wait."""
        leaves = [(e["entry"], json.loads(e["leaf"])) for e in found]
        if self._asker is None:
            return frozenset(n for n, leaf in leaves if leaf["kind"] == "review-opened")
        own = {x["subject"] for _, x in leaves if (x["kind"], x["actor"]) == ("study-proposed", self._asker)}
        released = {leaf["subject"] for _, leaf in leaves if leaf["kind"] == "study-released"}

        def may_lack(leaf: dict[str, Any]) -> bool:
            if leaf["kind"] == "study-guarded":
                return leaf["subject"] not in own & released
            other = leaf["kind"].startswith("study-") and leaf["subject"] not in own
            return other or is_private(leaf["kind"], leaf["facts"])

        return frozenset(n for n, leaf in leaves if may_lack(leaf))

    def settle(self) -> None:
        """The hub sees to it."""


def verifier_keys(lines: Sequence[str]) -> list[VerifierKey]:
    """The keys that these lines hold. Raises BadInput."""
    from huizhen.ledger.note import VerifierKey

    return [VerifierKey.parse(line) for line in lines]


def _readable(leaves: Any) -> list[dict[str, Any]]:
    from huizhen.ledger.story import read_leaf

    found = [(number, read_leaf(leaf)) for number, leaf in leaves]
    return [{"entry": number, **entry.as_json()} for number, entry in found if entry is not None]


def no_region() -> BadInput:
    """The error where neither a region nor a hub is named."""
    return BadInput(
        "no-region-given",
        Text("It is not said which region is meant.", "未指明区域。"),
        Text("Give --region DIR, or set HUIZHEN_REGION; or --hub URL for a hub elsewhere. `huizhen init --region DIR` "
             "makes a region.",
             "请给出 --region 文件夹，或设置环境变量 HUIZHEN_REGION；若中心在别处，请给出 --hub URL。"
             "`huizhen init --region 文件夹` 可新建区域。"),
    )  # fmt: skip


@contextmanager
def place(region: Path | None, hub: str | None, token: Path | None) -> Iterator[Place]:
    """Where one command acts. Raises BadInput where that is not said."""
    with interruptible(*KEPT), opened_place(region, hub, token) as found:
        yield found


@contextmanager
def opened_place(region: Path | None, hub: str | None, token: Path | None) -> Iterator[Place]:
    """The same for who says itself what Ctrl-C means."""
    if hub is not None:
        with elsewhere(hub, token) as there:
            yield there
    elif region is None:
        raise no_region()
    else:
        from huizhen.cli.region import opened

        with opened(region) as found:
            yield Here(found)


@contextmanager
def elsewhere(hub: str, token: Path | None) -> Iterator[There]:
    """A hub elsewhere, reached with an access file. Raises BadInput without one."""
    from huizhen.client import access
    from huizhen.client.remote import Remote, reach

    if token is None:
        raise BadInput(
            "no-token-given",
            Text("It is not said who asks.", "未指明请求方。"),
            Text("Give --token FILE, the access file from the trustee, or set HUIZHEN_TOKEN.",
                 "请用 --token 给出受托方提供的访问文件，或设置 HUIZHEN_TOKEN。"),
        )  # fmt: skip
    found = access.read(token)
    remote = Remote(reach(hub, found.authority, found.token))
    try:
        yield There(remote, found.keys, found.name if found.role == "asker" else None)
    finally:
        remote.close()


@contextmanager
def at_node(node: str, region: Path | None, home: Path | None, hub: str | None) -> Iterator[tuple[Agent, Place]]:
    """A hospital's node and the hub that it tells things: of a region here, or in its own home folder."""
    with interruptible(*KEPT):
        if home is not None:
            with _at_home(node, home, hub) as found:
                yield found
        elif hub is not None:
            raise BadInput(
                "no-home-given",
                Text("It is not said where the node's own folder is.", "未指明节点自己的文件夹。"),
                Text("Give --home DIR, as for `node run`.", "请给出 --home 文件夹，与 `node run` 相同。"),
            )
        elif region is None:
            raise no_region()
        else:
            from huizhen.cli.region import opened

            with opened(region) as r:
                yield r.agent(node), Here(r)


@contextmanager
def own(node: str, region: Path | None, home: Path | None) -> Iterator[Agent]:
    """A hospital's node, for what concerns nobody but the hospital."""
    from contextlib import closing

    with interruptible(*KEPT):
        if home is not None:
            with closing(_agent(node, home)) as agent:
                yield agent
        elif region is None:
            raise no_region()
        else:
            from huizhen.cli.region import opened

            with opened(region) as r:
                yield r.agent(node)


@contextmanager
def _at_home(node: str, home: Path, hub: str | None) -> Iterator[tuple[Agent, Place]]:
    from contextlib import closing

    from huizhen.client.remote import Remote
    from huizhen.node.service import connect

    with closing(_agent(node, home)) as agent:
        client, *_ = connect(agent.folder)
        if hub is not None:
            client.base_url = hub
        with closing(Remote(client)) as remote:
            yield agent, There(remote, [agent.book.get("hub_vkey") or ""])


def _agent(node: str, home: Path) -> Agent:
    """The node NODE in the folder `home`/nodes. Raises NotFound."""
    from huizhen.cli.region import node_names
    from huizhen.node.agent import Agent

    names = node_names(home)
    if node not in names:
        hint = did_you_mean(node, names)
        raise NotFound(
            "unknown-node",
            Text(f"There is no node '{node}' in {home}{hint.en}.", f"{home} 中没有节点“{node}”{hint.zh}。"),
            Text("Enrol it with `huizhen node enrol`, or name its folder with --home.",
                 "请用 `huizhen node enrol` 登记，或用 --home 指明文件夹。"),
        )  # fmt: skip
    return Agent(home / "nodes" / node)
