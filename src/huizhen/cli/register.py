"""party add, party list, act add, act list: who asks, and what is on file, as the law gate reads it."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol, TypeVar

import typer

from huizhen.cli.common import HubOption, JsonFlag, Region_, TokenOption, interruptible
from huizhen.cli.network import DatabaseOption, opened_hub
from huizhen.cli.place import elsewhere, no_region
from huizhen.cli.program import Command, new_group
from huizhen.cli.table import Head
from huizhen.cli.voice import VOICE
from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from huizhen.hub.hub import Hub
    from huizhen.model.grant import Reason
    from huizhen.model.party import Act, Filing, Party

party = new_group("Parties: the trustee's register of who asks.")
act = new_group("Acts: approvals, filings, contracts and marks on file.")
_AGAIN = ("Run it again.", "请重新运行。")
T = TypeVar("T")


class Book(Protocol):
    """The register, wherever it is; see `hub.desk.Desk`."""

    def parties(self) -> tuple[Party, ...]: ...
    def acts(self) -> tuple[Act, ...]: ...
    def register_party(self, party: Party) -> None: ...
    def file_act(self, filing: Filing) -> Act: ...
    def exported(self) -> list[dict[str, Any]]: ...
    def upkeep(self) -> tuple[Reason, ...]: ...


class Here:
    """That of a region on this machine, kept by its owner."""

    def __init__(self, hub: Hub) -> None:
        from huizhen.hub.desk import Desk

        self._desk = Desk(hub, _no_road)
        self.parties, self.upkeep = self._desk.parties, self._desk.upkeep

    def acts(self) -> tuple[Act, ...]:
        from huizhen.hub.caller import OWNER

        return self._desk.acts(OWNER)

    def exported(self) -> list[dict[str, Any]]:
        from huizhen.hub.caller import OWNER

        return self._desk.exported(OWNER)

    def register_party(self, party: Party) -> None:
        from huizhen.hub.caller import OWNER

        self._desk.register_party(OWNER, party)

    def file_act(self, filing: Filing) -> Act:
        from huizhen.hub.caller import OWNER

        return self._desk.file_act(OWNER, filing)


def _no_road(_progress: Any) -> Any:
    raise NotImplementedError("the register asks no node")


@contextmanager
def book(region: Path | None, database: str | None, hub: str | None, token: Path | None) -> Iterator[Book]:
    """The register that one command is about. Raises BadInput where that is not said."""
    with interruptible(*_AGAIN):
        if hub is not None:
            with elsewhere(hub, token) as there:
                yield there.remote
        elif region is None:
            raise no_region()
        else:
            with opened_hub(region, database) as found:
                yield Here(found)


ForeignFlag = Annotated[
    bool | None,
    typer.Option(
        "--foreign-controlled/--not-foreign-controlled", help="Who controls it in fact; not said is not known."
    ),
]


@party.command("add", cls=Command)
def party_add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the party; an asker's is that in its studies.")],
    kind: Annotated[
        str,
        typer.Option(
            "--kind",
            metavar="KIND",
            help="academic, commercial, insurer, hospital, public, processor, authority or auditor.",
        ),
    ],
    region: Region_ = None,
    jurisdiction: Annotated[
        str | None, typer.Option("--jurisdiction", metavar="CODE", help="ISO 3166 code of where it is, e.g. CN.")
    ] = None,
    foreign_controlled: ForeignFlag = None,
    critical_operator: Annotated[
        bool, typer.Option("--critical-operator", help="It was told that it operates critical infrastructure.")
    ] = False,
    contact: Annotated[
        str | None, typer.Option("--contact", metavar="TEXT", help="Where persons reach it for their rights.")
    ] = None,
    key: Annotated[
        str | None, typer.Option("--key", metavar="KEY", help="Public key it signs with, as `party key` printed it.")
    ] = None,
    database: DatabaseOption = None,
    hub: HubOption = None,
    token: TokenOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Register a party, or replace what is known of it. From the first on, whoever asks must be registered.

    Example: `huizhen party add acme-pharma --kind commercial --jurisdiction CN --not-foreign-controlled --region demo`
    """
    from huizhen.model.party import PARTY_KINDS, Party

    check_word(kind, PARTY_KINDS, "unknown-party-kind", Text("kind of party", "主体类别"))
    said = {
        "name": name,
        "kind": kind,
        "jurisdiction": jurisdiction,
        "foreign_controlled": foreign_controlled,
        "critical_operator": critical_operator,
        "contact": contact,
        "key": key,
    }
    made = made_of(Party.read, said)
    with book(region, database, hub, token) as found:
        found.register_party(made)
    if as_json:
        VOICE.json(made.as_json())
    else:
        VOICE.say(f"Registered: {name}. {_unsaid(made).en}", f"已登记：{name}。{_unsaid(made).zh}")


def _unsaid(made: Any) -> Text:
    """What rules will ask for when they need it."""
    named = (
        (made.jurisdiction, "--jurisdiction"),
        (made.foreign_controlled, "--foreign-controlled"),
        (made.contact, "--contact"),
    )
    missing = ", ".join(option for value, option in named if value is None)
    if not missing:
        return Text("Everything that a rule may ask is said.", "规则可能用到的事实均已载明。")
    return Text(
        f"Not said, and so `needs` where a rule asks: {missing}.", f"未载明（规则问及时即为 needs）：{missing}。"
    )


@party.command("key", cls=Command)
def party_key_(
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Key file to write; keep it to yourself.")],
    as_json: JsonFlag = False,
) -> None:
    """Make a key to sign deeds and contracts with. The file never leaves the signer; the trustee registers the public
    key that is printed.

    Example: `huizhen party key --out acme.pem`
    """
    from huizhen.client import party_key

    made = party_key.make(out)
    if as_json:
        VOICE.json({"file": str(out), "key": made.public.hex()})
    else:
        VOICE.say(made.public.hex(), made.public.hex())


@party.command("list", cls=Command)
def party_list(
    region: Region_ = None,
    database: DatabaseOption = None,
    hub: HubOption = None,
    token: TokenOption = None,
    as_json: JsonFlag = False,
) -> None:
    """List the register of parties.

    Example: `huizhen party list --region demo`
    """
    with book(region, database, hub, token) as found:
        known = found.parties()
    if as_json:
        VOICE.json([p.as_json() for p in known])
        return
    VOICE.table(
        Text("Parties", "主体"),
        [
            Head(Text("name", "名称")),
            Head(Text("kind", "类别")),
            Head(Text("jurisdiction", "法域"), "id"),
            Head(Text("foreign-controlled", "外方控制")),
            Head(Text("contact", "联系方式"), spare=True),
            Head(Text("key", "公钥"), "id"),
        ],
        [
            (p.name, p.kind, p.jurisdiction or "?", _yes(p.foreign_controlled), p.contact or "?", (p.key or "?")[:8])
            for p in known
        ],
    )


def _yes(value: bool | None) -> str:
    words = {True: Text("yes", "是"), False: Text("no", "否"), None: Text("?", "?")}
    return words[value].say(VOICE.language)


@act.command("add", cls=Command)
def act_add(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="E.g. ethics-review; an unknown word lists them all.")],
    region: Region_ = None,
    for_: Annotated[
        str | None, typer.Option("--for", metavar="PARTY", help="The party it is for; else any that asks.")
    ] = None,
    dataset: Annotated[
        str | None, typer.Option("--dataset", metavar="NAME", help="The dataset it is for; else any.")
    ] = None,
    from_day: Annotated[
        str | None, typer.Option("--from", metavar="DATE", help="First day on which it holds; else today.")
    ] = None,
    until_day: Annotated[
        str | None, typer.Option("--until", metavar="DATE", help="Last day on which it holds; not said is not known.")
    ] = None,
    refused: Annotated[bool, typer.Option("--refused", help="The outcome was a refusal.")] = False,
    people: Annotated[
        int | None, typer.Option("--people", metavar="N", min=1, help="The most persons it covers.")
    ] = None,
    purpose: Annotated[
        list[str] | None, typer.Option("--for-purpose", metavar="CODE", help="A purpose it covers; may be repeated.")
    ] = None,
    detail: Annotated[
        str | None, typer.Option("--detail", metavar="TEXT", help="E.g. the basis under the GDPR: 9(2)(j).")
    ] = None,
    reference: Annotated[
        str | None, typer.Option("--reference", metavar="TEXT", help="Number of the file where it can be looked up.")
    ] = None,
    database: DatabaseOption = None,
    hub: HubOption = None,
    token: TokenOption = None,
    as_json: JsonFlag = False,
) -> None:
    """File an act, for a party, a dataset, or one with the other. A later one of its kind takes its place.

    Example: `huizhen act add ethics-review --for acme-pharma --dataset lung --until 2027-12-31 --region demo`
    """
    from huizhen.model.party import ACTS, Filing

    check_word(kind, tuple(ACTS), "unknown-act", Text("kind of act", "事项类别"))
    said = {
        "kind": kind,
        "party": for_,
        "dataset": dataset,
        "outcome": "refused" if refused else "granted",
        "from_day": from_day,
        "until_day": until_day,
        "people": people,
        "purposes": purpose or [],
        "detail": detail,
        "reference": reference,
    }
    filing = made_of(Filing.read, said)
    with book(region, database, hub, token) as found:
        made = found.file_act(filing)
        _warn_of_stranger(for_, [] if for_ is None else [each.name for each in found.parties()])
    if as_json:
        VOICE.json(made.as_json())
    else:
        label = ACTS[kind]
        VOICE.say(f"Filed: {label.en} ({made.outcome}).", f"已备：{label.zh}（{'未获准' if refused else '有效'}）。")


def _warn_of_stranger(name: str | None, registered: list[str]) -> None:
    """An act for a party that is in no register is kept, for whoever will ask by that very name; it may be misspelt."""
    if name is not None and name not in registered:
        hint = did_you_mean(name, registered)
        VOICE.aside(
            f"Note: no party '{name}' is registered{hint.en}. The act is kept for that very name.",
            f"注意：主体“{name}”尚未登记{hint.zh}。该事项仅对此名称有效。",
        )


@act.command("list", cls=Command)
def act_list(
    region: Region_ = None,
    database: DatabaseOption = None,
    hub: HubOption = None,
    token: TokenOption = None,
    as_json: JsonFlag = False,
) -> None:
    """List all acts on file, in the order in which they were filed.

    Example: `huizhen act list --region demo`
    """
    from huizhen.model.party import ACTS

    with book(region, database, hub, token) as found:
        known = found.acts()
    if as_json:
        VOICE.json([a.as_json() for a in known])
        return
    VOICE.table(
        Text("Acts on file", "已备事项"),
        [
            Head(Text("act", "事项")),
            Head(Text("party", "主体")),
            Head(Text("dataset", "数据集")),
            Head(Text("outcome", "结果")),
            Head(Text("from", "自"), "id"),
            Head(Text("until", "至"), "id"),
            Head(Text("written here", "本系统评估"), "id", spare=True),
        ],
        [
            (ACTS[a.kind].say(VOICE.language), a.party or "*", a.dataset or "*", a.outcome, a.from_day,
             a.until_day or "?", a.assessed.document[:16] if a.assessed else "")
            for a in known
        ],
    )  # fmt: skip


def check_word(given: str, known: Sequence[str], code: str, what: Text) -> None:
    """Raises BadInput for a word that is not among those known."""
    if given not in known:
        hint = did_you_mean(given, known)
        raise BadInput(
            code,
            Text(f"There is no {what.en} '{given[:40]}'{hint.en}.", f"没有{what.zh}“{given[:40]}”{hint.zh}。"),
            Text(f"There are: {', '.join(known)}.", f"可用：{'、'.join(known)}。"),
        )


def made_of(read: Callable[[dict[str, Any]], T], said: dict[str, Any]) -> T:
    """What was said as a document. Raises BadInput for a value that cannot be."""
    from pydantic import ValidationError

    try:
        return read(said)
    except ValidationError as problem:
        where = ", ".join(sorted({str(e["loc"][0]) if e["loc"] else "dates" for e in problem.errors()}))
        raise BadInput(
            "bad-register-entry",
            Text(f"These values cannot be: {where}.", f"以下各项的值无效：{where}。"),
            Text("Countries are ISO 3166 codes such as CN; dates are like 2027-12-31, the last not before the first; "
                 "names are letters, digits, dots, hyphens and underscores; keys are as `party key` prints them.",
                 "国家用 ISO 3166 代码（如 CN）；日期形如 2027-12-31，截止日不早于起始日；公钥以 `party key` 输出为准；"
                 "名称仅含字母、数字、点、连字符和下划线。"),
        ) from None  # fmt: skip
