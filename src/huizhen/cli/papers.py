"""What the commands on papers share: where they are filed, and who signs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import typer

from huizhen.cli.common import interruptible
from huizhen.cli.place import KEPT, elsewhere, no_region
from huizhen.cli.voice import VOICE
from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text

if TYPE_CHECKING:
    from huizhen.cli.region import Region
    from huizhen.client.remote import Remote
    from huizhen.model.paper import Kind, Paper

As_ = Annotated[
    str | None,
    typer.Option("--as", metavar="PARTY", help="The party that signs, as in the register; else the trustee."),
]
Key_ = Annotated[
    Path | None,
    typer.Option("--key", metavar="FILE", help="With --as: that party's own key file; it is only read."),
]


class Cabinet(Protocol):
    """Where papers are filed; see `hub.papers.PaperDesk`."""

    @property
    def ledger(self) -> str:
        """Name of the region's ledger, which every paper is signed for."""
        ...

    def papers(self, *kinds: Kind, subject: str | None = None) -> list[dict[str, Any]]: ...
    def file(self, paper: Paper) -> dict[str, Any]: ...
    def say(self, kind: Kind, subject: str, body: dict[str, Any]) -> dict[str, Any]: ...
    def reviews(self) -> list[dict[str, Any]]: ...
    def review(self, study: str) -> dict[str, Any]: ...
    def blacklist(self, subject: str | None = None) -> list[dict[str, Any]]: ...
    def scan(self, days: int) -> list[dict[str, Any]]: ...
    def alarms(self, every: bool) -> list[dict[str, Any]]: ...
    def credibility(self) -> list[dict[str, Any]]: ...


class Here:
    """That of a region on this machine."""

    def __init__(self, region: Region) -> None:
        from huizhen.hub.caller import OWNER

        self._region, self._who, self._desk = region, OWNER, region.desk.papers
        self.ledger, self.blacklist = region.hub.origin, self._desk.blacklist

    def papers(self, *kinds: Kind, subject: str | None = None) -> list[dict[str, Any]]:
        return self._desk.all(self._who, kinds, subject)

    def file(self, paper: Paper) -> dict[str, Any]:
        made = self._desk.file(self._who, paper)
        self._filed(paper.kind, paper.subject)
        return made

    def _filed(self, kind: Kind, subject: str) -> None:
        """What follows, unless a hub that serves the region sees to it."""
        if not self._region.is_served():
            if kind == "review-opened":
                self._region.road().go_on()
            if kind == "study-stopped":
                self._region.road().drive(self._region.hub.store.study(subject))
        self._region.witness()

    def say(self, kind: Kind, subject: str, body: dict[str, Any]) -> dict[str, Any]:
        made = self._desk.say(self._who, kind, subject, body)
        self._filed(kind, subject)
        return made

    def scan(self, days: int) -> list[dict[str, Any]]:
        found = self._region.desk.watching.scan(self._who, days)
        if found:
            self._region.witness()
        return found

    def alarms(self, every: bool) -> list[dict[str, Any]]:
        return self._region.desk.watching.alarms(self._who, not every)

    def credibility(self) -> list[dict[str, Any]]:
        return self._region.desk.watching.credibility(self._who)

    def reviews(self) -> list[dict[str, Any]]:
        return self._desk.reviews(self._who)

    def review(self, study: str) -> dict[str, Any]:
        return self._desk.review(self._who, study)


class There:
    """That of a hub elsewhere."""

    def __init__(self, remote: Remote) -> None:
        self._remote = remote
        self.papers, self.file, self.say = remote.papers, remote.file, remote.say
        self.reviews, self.review, self.blacklist = remote.reviews, remote.review, remote.blacklist
        self.scan, self.alarms, self.credibility = remote.scan, remote.alarms, remote.credibility

    @property
    def ledger(self) -> str:
        return str(self._remote.health()["ledger"])


@contextmanager
def cabinet(region: Path | None, hub: str | None, token: Path | None) -> Iterator[Cabinet]:
    """Where one command files or reads. Raises BadInput where that is not said."""
    with interruptible(*KEPT):
        if hub is not None:
            with elsewhere(hub, token) as there:
                yield There(there.remote)
        elif region is None:
            raise no_region()
        else:
            from huizhen.cli.region import opened

            with opened(region) as found:
                yield Here(found)


def made(ledger: str, kind: Kind, subject: str, by: str, key: Path, body: dict[str, Any]) -> Paper:
    """A paper signed with a party's own key file. Raises BadInput for what cannot be said so."""
    from huizhen.client import party_key
    from huizhen.kit.clock import stamp, utc_now
    from huizhen.model.paper import BODIES, Paper

    signer = party_key.read(key)
    said = {"region": ledger, "kind": kind, "subject": subject, "by": by, "day": stamp(utc_now())[:10], "body": body}
    try:
        return Paper.read({**said, "key": signer.public.hex()}).signed(signer.sign)
    except ValueError:
        raise BadInput(
            "bad-paper",
            Text("What is to be filed is not of the right form.", "所提交内容格式不正确。"),
            Text(f"Its keys are: {', '.join(BODIES[kind].model_fields)}.",
                 f"可用键：{'、'.join(BODIES[kind].model_fields)}。"),
        ) from None  # fmt: skip


def filed(
    at: Cabinet, kind: Kind, subject: str, body: dict[str, Any], by: str | None, key: Path | None
) -> dict[str, Any]:
    """File a paper: signed by a party with its key, or by the trustee. Raises BadInput for one without the other."""
    if (by is None) != (key is None):
        raise BadInput(
            "as-without-key",
            Text("--as and --key belong together.", "--as 与 --key 须同时给出。"),
            Text("Give both, or neither for the trustee.", "请同时给出；受托方则都不给。"),
        )
    if by is None or key is None:
        return at.say(kind, subject, body)
    return at.file(made(at.ledger, kind, subject, by, key, body))


def told(found: dict[str, Any], as_json: bool, en: str, zh: str) -> None:
    """The filed paper as JSON, or one line that says so."""
    if as_json:
        VOICE.json(found)
    else:
        VOICE.say(en, zh)
