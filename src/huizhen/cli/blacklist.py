"""blacklist add, appeal, decide, list, show, take: who is refused everywhere, why and until when."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from huizhen.cli.common import HomeOption, HubOption, JsonFlag, NodeOption, Region_, TokenOption
from huizhen.cli.papers import As_, Key_, cabinet, filed, told
from huizhen.cli.place import own
from huizhen.cli.program import Command, new_group
from huizhen.cli.table import Head
from huizhen.cli.voice import VOICE
from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text

app = new_group("The blacklist: who is refused everywhere, on what ground, until when.")
PartyArgument = Annotated[str, typer.Argument(metavar="PARTY", help="The party that it is about.")]
ListingOption = Annotated[
    str | None,
    typer.Option("--listing", metavar="NUMBER", help="Which listing, by the start of its number; else the last."),
]
TextOption = Annotated[str, typer.Option("--text", metavar="TEXT", help="Why.")]


@app.command("add", cls=Command)
def add(
    party: PartyArgument,
    ground: Annotated[str, typer.Option("--ground", metavar="TEXT", help="Why it is listed.")],
    until: Annotated[str, typer.Option("--until", metavar="DATE", help="The last day of the term.")],
    from_day: Annotated[
        str | None, typer.Option("--from", metavar="DATE", help="The first day of the term; else today.")
    ] = None,
    by: As_ = None,
    key: Key_ = None,
    region: Region_ = None,
    hub: HubOption = None,
    token: TokenOption = None,
    as_json: JsonFlag = False,
) -> None:
    """List a party for a term, by a signed paper: by an authority of the register with its own key, or by the trustee.
    Every gate refuses it from now on; each hospital's node keeps the paper, so that no hub can drop it.

    Example: `huizhen blacklist add shady-data --ground "sold what it got" --until 2028-12-31 --region demo`
    """
    from huizhen.kit.clock import stamp, utc_now

    first = from_day or stamp(utc_now())[:10]
    with cabinet(region, hub, token) as at:
        body = {"ground": ground, "from_day": first, "until_day": until}
        found = filed(at, "party-listed", party, body, by, key)
    told(found, as_json, f"Listed: {party}, {first} to {until}.", f"已列入：{party}，{first} 至 {until}。")


@app.command("appeal", cls=Command)
def appeal(
    party: PartyArgument,
    text: TextOption,
    listing: ListingOption = None,
    by: As_ = None,
    key: Key_ = None,
    region: Region_ = None,
    hub: HubOption = None,
    token: TokenOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Appeal against a listing: by the listed party with its own key, or recorded by the trustee. It stands until it is
    decided.

    Example: `huizhen blacklist appeal shady-data --text "we deleted it" --as shady-data --key shady.pem --region demo`
    """
    with cabinet(region, hub, token) as at:
        body = {"listing": _which(at.blacklist(party), listing), "text": text}
        found = filed(at, "listing-appealed", party, body, by, key)
    told(found, as_json, f"The appeal of {party} is recorded.", f"已记录 {party} 的申诉。")


@app.command("decide", cls=Command)
def decide(
    party: PartyArgument,
    text: TextOption,
    outcome: Annotated[str, typer.Option("--outcome", metavar="WORD", help="upheld or lifted.")],
    listing: ListingOption = None,
    by: As_ = None,
    key: Key_ = None,
    region: Region_ = None,
    hub: HubOption = None,
    token: TokenOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Uphold or lift a listing; only with the key that signed it. Without that it ends with its last day, by itself.

    Example: `huizhen blacklist decide shady-data --outcome lifted --text "was mistaken" --region demo`
    """
    with cabinet(region, hub, token) as at:
        body = {"listing": _which(at.blacklist(party), listing), "outcome": outcome, "text": text}
        found = filed(at, "listing-decided", party, body, by, key)
    word = {"upheld": Text("upheld", "维持"), "lifted": Text("lifted", "撤销")}[found["body"]["outcome"]]
    told(found, as_json, f"The listing of {party} is {word.en}.", f"{party} 的列入记录已{word.zh}。")


def _which(known: list[dict[str, Any]], wanted: str | None) -> str:
    """The listing that is meant. Raises BadInput where none is."""
    found = [x["listing"] for x in known if x["listing"].startswith(wanted or "")]
    if not found:
        raise BadInput(
            "listing-not-found",
            Text("There is no such listing of that party.", "该主体没有这份列入记录。"),
            Text(
                "`huizhen blacklist show PARTY` lists each with its number.",
                "可用 `huizhen blacklist show 主体` 查看编号。",
            ),
        )
    return str(found[-1])


@app.command("list", cls=Command)
def list_(region: Region_ = None, hub: HubOption = None, token: TokenOption = None, as_json: JsonFlag = False) -> None:
    """List every listing ever made, as it stands today.

    Example: `huizhen blacklist list --region demo`
    """
    with cabinet(region, hub, token) as at:
        found = at.blacklist()
    _tell(found, as_json)


@app.command("show", cls=Command)
def show(
    party: PartyArgument,
    region: Region_ = None,
    hub: HubOption = None,
    token: TokenOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Show the listings of one party: ground, term, appeals, decisions.

    Example: `huizhen blacklist show shady-data --region demo`
    """
    with cabinet(region, hub, token) as at:
        found = at.blacklist(party)
    _tell(found, as_json)
    if not as_json:
        for x in found:
            for each in x["appeals"]:
                VOICE.say(f"{each['day']} appeal by {each['by']}: {each['text']}",
                          f"{each['day']} {each['by']} 申诉：{each['text']}")  # fmt: skip
            for each in x["decided"]:
                word = {"upheld": Text("upheld", "维持"), "lifted": Text("lifted", "撤销")}[each["outcome"]]
                VOICE.say(f"{each['day']} {word.en} by {each['by']}: {each['text']}",
                          f"{each['day']} 由 {each['by']} {word.zh}：{each['text']}")  # fmt: skip


def _tell(found: list[dict[str, Any]], as_json: bool) -> None:
    from huizhen.model.listing import STATES

    if as_json:
        VOICE.json(found)
        return
    states = {str(state): word for state, word in STATES.items()}
    VOICE.table(
        Text("Blacklist", "黑名单"),
        [
            Head(Text("party", "主体"), "id"),
            Head(Text("number", "编号"), "id"),
            Head(Text("by", "由")),
            Head(Text("from", "自"), "id"),
            Head(Text("until", "至"), "id"),
            Head(Text("state", "状态")),
            Head(Text("ground", "理由"), spare=True),
        ],
        [
            (
                x["party"], x["listing"][:12], x["by"], x["from_day"], x["until_day"],
                states[x["state"]].say(VOICE.language), x["ground"],
            )
            for x in found
        ],
    )  # fmt: skip


@app.command("take", cls=Command)
def take(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Papers, as `blacklist add --json` printed them.")],
    node: NodeOption,
    region: Region_ = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Take a signed listing into a hospital's own node, as an authority sent it, without the hub.

    Example: `huizhen blacklist take listing.json --node north --home /srv/huizhen`
    """
    import json

    with own(node, region, home) as agent:
        try:
            said = json.loads(file.read_text(encoding="utf-8"))
            new = agent.keep_papers(said if isinstance(said, list) else [said])
        except (OSError, ValueError):
            raise BadInput(
                "no-papers",
                Text(f"{file} holds no papers.", f"{file} 中没有文件可取。"),
                Text("Take what `blacklist add --json` printed.", "请使用 `blacklist add --json` 的输出。"),
            ) from None
    if as_json:
        VOICE.json([p.as_json() for p in new])
    else:
        VOICE.say(f"{len(new)} new at {node}.", f"{node} 新增 {len(new)} 份。")
