"""The blacklist: who is refused everywhere, on what ground, until which day; what was said against it, and decided.

A party is listed by the trustee or by an authority of the register, for a term, by a signed paper. The listing ends
with its last day, by itself, or when whoever signed it lifts it: nobody else can. Pure: hub and nodes replay the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from huizhen.kit.errors import HuizhenError, Refused
from huizhen.kit.text import Text
from huizhen.model.paper import Kind, ListingAppealed, ListingDecided, Paper, PartyListed

KINDS: tuple[Kind, ...] = ("party-listed", "listing-appealed", "listing-decided")
State = Literal["to come", "standing", "ended", "lifted"]
STATES: dict[State, Text] = {
    "to come": Text("to come", "尚未生效"),
    "standing": Text("stands", "有效"),
    "ended": Text("ended", "已到期"),
    "lifted": Text("lifted", "已撤销"),
}


class Listing(NamedTuple):
    """One listing with what followed. `appeals`: the papers of appeal; `decided`: those of decision."""

    paper: Paper
    appeals: tuple[Paper, ...] = ()
    decided: tuple[Paper, ...] = ()

    @property
    def body(self) -> PartyListed:
        return PartyListed.read(self.paper.body)

    def state(self, day: str) -> State:
        if any(ListingDecided.read(p.body).outcome == "lifted" for p in self.decided):
            return "lifted"
        if day < self.body.from_day:
            return "to come"
        return "standing" if day <= self.body.until_day else "ended"

    def cited(self) -> Text:
        """Who listed it, why and for how long, in a sentence."""
        body, by = self.body, self.paper.by
        number = self.paper.digest()[:12]
        return Text(
            f"{self.paper.subject} is on the blacklist until {body.until_day} (by {by}, paper {number}): {body.ground}",
            f"{self.paper.subject} 已列入黑名单，至 {body.until_day}（{by}，文件 {number}）：{body.ground}",
        )


def listings(papers: Iterable[Paper]) -> tuple[Listing, ...]:
    """All listings in these papers, in the order in which they were filed. What answers to no listing here, or was not
    signed by who may, changes none."""
    found: dict[str, Listing] = {}
    for paper in papers:
        if paper.kind == "party-listed":
            found.setdefault(paper.digest(), Listing(paper))
        elif paper.kind in KINDS and (listing := found.get(str(paper.body["listing"]))) is not None:
            if paper.subject != listing.paper.subject:
                continue
            if paper.kind == "listing-appealed":
                found[paper.body["listing"]] = listing._replace(appeals=(*listing.appeals, paper))
            elif paper.key == listing.paper.key:
                found[paper.body["listing"]] = listing._replace(decided=(*listing.decided, paper))
    return tuple(found.values())


def standing(papers: Iterable[Paper], day: str, names: Iterable[str]) -> tuple[Listing, ...]:
    """Listings of any of these names that stand on that day."""
    wanted = set(names)
    return tuple(x for x in listings(papers) if x.paper.subject in wanted and x.state(day) == "standing")


def check_follows(paper: Paper, before: Sequence[Paper]) -> None:
    """Raises Refused where this paper of the blacklist may not follow those before it."""
    if paper.kind not in ("listing-appealed", "listing-decided"):
        return
    digest = (ListingAppealed if paper.kind == "listing-appealed" else ListingDecided).read(paper.body).listing
    listing = next((x for x in listings(before) if x.paper.digest() == digest), None)
    if listing is None or listing.paper.subject != paper.subject:
        raise _refuse("no-such-listing", "There is no such listing of that party.", "该主体没有这份列入记录。")
    if paper.kind == "listing-decided" and paper.key != listing.paper.key:
        raise _refuse(
            "not-the-listers", "Only who signed a listing decides about it.", "只有签署列入文件者可作出决定。"
        )
    if any(ListingDecided.read(p.body).outcome == "lifted" for p in listing.decided):
        raise _refuse("listing-lifted", "That listing has been lifted.", "该列入记录已撤销。")


def _refuse(code: str, en: str, zh: str) -> HuizhenError:
    return Refused(
        code,
        Text(en, zh),
        Text("`huizhen blacklist show PARTY` lists each listing with its number.",
             "可用 `huizhen blacklist show 主体` 查看各列入记录及其编号。"),
    )  # fmt: skip
