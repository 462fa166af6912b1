"""What the road asks of the world. Adapters implement these; tests may, too."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from huizhen.ledger.merkle import MerkleTree
from huizhen.ledger.story import StoredDocument
from huizhen.market.postings import Posting
from huizhen.model.dataset import Dataset
from huizhen.model.deed import Kind
from huizhen.model.lifecycle import Filed
from huizhen.model.paper import Kind as PaperKind
from huizhen.model.paper import Paper
from huizhen.model.party import Act, Party
from huizhen.model.settings import RegionSettings
from huizhen.model.settlement import Hold, Settlement
from huizhen.model.study import Request, Study


class Stopping(Exception):
    """This process is being stopped: raised in whoever waits for nodes. No end of a study: it goes on at the next
    start."""


class Federation(Protocol):
    """How messages reach nodes. Nodes dial out; to the road it looks like one call that gathers replies. Both calls
    raise Stopping when the federation is closed meanwhile."""

    def exchange(self, messages: Mapping[str, bytes], seconds: float = math.inf) -> Mapping[str, bytes]:
        """Deliver one sealed message per node; the sealed replies of those that answered within so many seconds. A node
        that did not answer is absent from the result; nothing is raised for it."""
        ...

    def wait(self, nodes: Sequence[str], seconds: float) -> bool:
        """Wait at most so long for these nodes to be heard of again; False when one of them was not, or never will be.
        A node that was silent and is there again can be asked again, under fresh keys."""
        ...


class Record(Protocol):
    """One transaction in the hub's store: all of it happens, or none."""

    at_utc: str
    """The time that its entries bear."""

    def evidence(self, kind: str, actor: str, subject: str, documents: Mapping[str, Any], **facts: str | int) -> int:
        """Append to the ledger; documents are kept beside it under salted hashes. Returns the entry's number."""
        ...

    def add_study(self, study: Study) -> None: ...
    def journal(self, study: str, step: str, value: Any) -> None: ...
    def forget(self, study: str, steps: Sequence[str]) -> None: ...
    def status(self, study: str, status: str) -> None: ...
    def reserve(self, study: Study, epsilon: float) -> None: ...
    def commit_budget(self, study: str) -> None: ...
    def release_budget(self, study: str) -> None: ...
    def post(self, settlement: Settlement) -> None: ...
    def hold(self, hold: Hold) -> None: ...
    def keep_time(self, day: str) -> None:
        """Record what deeds and contracts began or ended by that day."""
        ...

    def put_paper(self, paper: Paper) -> None: ...
    def suspend(self, contract: str, day: str) -> None:
        """Suspend the last version of a contract, if it is active."""
        ...

    def put_piece(self, study: str, node: str, number: int, sealed: bytes) -> None:
        """Keep a piece of a hospital's sealed rows; the same one again changes nothing."""
        ...

    def drop_pieces(self, study: str) -> int:
        """How many there were."""
        ...

    def put_checkpoint(self, size: int, note: str) -> None: ...
    def witnessed(self, node: str, size: int) -> None: ...


class Register(Protocol):
    """Parties and acts on file, as the trustee registered them."""

    def parties(self) -> tuple[Party, ...]: ...
    def acts(self, party: str | None = None, dataset: str | None = None) -> tuple[Act, ...]: ...


class Instruments(Protocol):
    """Deeds and contracts on file."""

    def on_day(self, day: str, kind: Kind | None = None, name: str | None = None) -> tuple[Filed, ...]:
        """Every version as it stands on that day, by kind, name, version."""
        ...


class Papers(Protocol):
    """Papers on file."""

    def of(self, *kinds: PaperKind, subject: str | None = None) -> tuple[Paper, ...]:
        """Those of these kinds (none said: of all), in the order in which they were filed."""
        ...


class Store(Protocol):
    """The hub's memory."""

    @property
    def papers(self) -> Papers: ...

    @property
    def instruments(self) -> Instruments: ...

    @property
    def register(self) -> Register: ...

    def record(self) -> AbstractContextManager[Record]: ...

    def journal(self, study: str) -> dict[str, Any]:
        """Step -> value, of the steps that are done."""
        ...

    def study(self, study: str) -> Study: ...
    def status(self, study: str) -> str: ...
    def of_request(self, request: Request) -> list[tuple[Study, str]]:
        """Studies of exactly this request with their status, in the order in which they were submitted."""
        ...

    def cards(self, dataset: str | None = None) -> tuple[Dataset, ...]: ...
    def node_keys(self) -> dict[str, bytes]: ...
    def untold(self) -> dict[str, dict[str, Any]]:
        """Study -> what its journal holds at 'untold', of the studies whose end some nodes have not heard."""
        ...

    def earlier(self, study: Study) -> tuple[str, ...]:
        """Studies of the same asker on the same dataset whose result was released, oldest first; without this one."""
        ...

    def taken_by(self, askers: Sequence[str]) -> tuple[Study, ...]:
        """Studies of these askers that were not denied and did not fail, those under way included."""
        ...

    def asked_by(self, asker: str) -> tuple[tuple[Study, str], ...]:
        """Every study that this asker submitted, with its status, oldest first."""
        ...

    def awaiting(self) -> tuple[Study, ...]:
        """Studies whose result is kept back by contract."""
        ...

    def pieces(self, study: str) -> dict[str, set[int]]:
        """By node, which pieces of its sealed rows are here."""
        ...

    def given_out(self) -> tuple[str, ...]:
        """Studies of which sealed rows are here."""
        ...

    def postings(self, study: str | None = None) -> Sequence[tuple[Posting, str]]:
        """Postings, of a study or all, with the time of each, oldest first."""
        ...

    def budget_history(self, asker: str, dataset: str) -> tuple[float, ...]:
        """The epsilons reserved or committed so far."""
        ...

    def budget_studies(self, asker: str, dataset: str) -> tuple[Study, ...]:
        """The studies that reserved or committed them."""
        ...

    def deleted(self, node: str) -> list[str]:
        """The marks of the data that this node has said are deleted (`model.deletion.tombstone`)."""
        ...

    def settings(self) -> RegionSettings: ...
    def entries_of(self, subject: str) -> list[tuple[int, bytes]]:
        """(number, leaf) of the ledger's entries that speak of this study or node."""
        ...

    def documents_of(self, refs: Iterable[str]) -> dict[str, StoredDocument]:
        """The documents that these salted hashes refer to, by the hash."""
        ...

    def tree(self) -> MerkleTree: ...
    def witnessed_sizes(self) -> dict[str, int]: ...
