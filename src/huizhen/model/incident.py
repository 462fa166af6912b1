"""A breach of personal data, from its declaration to its close: replayed from events, by the time of the ledger.

No event says when it happened: that is the time of its entry, which the hub's clock gave and the hospitals co-signed.
So nobody can report yesterday, and the one moment that people do say, when the breach became known, can be corrected to
an earlier one and never to a later: the clocks of the law run from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Literal, get_args

from pydantic import Field, field_validator

from huizhen.kit.clock import is_stamp, parse, stamp
from huizhen.kit.errors import HuizhenError, Refused
from huizhen.kit.text import Text
from huizhen.model.document import Document
from huizhen.model.place import in_eu
from huizhen.model.words import Words

_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$"
HUB = "hub"
Kind = Literal["disclosed", "accessed", "lost", "changed"]
KINDS: dict[str, Text] = {
    "disclosed": Text("disclosed to others", "泄露"),
    "accessed": Text("accessed without leave", "未经授权访问"),
    "lost": Text("lost", "丢失"),
    "changed": Text("changed", "篡改"),
}
Step = Literal[
    "declared", "revised", "contained", "authority-told", "persons-told", "persons-spared", "persons-ordered",
    "media-told", "media-spared", "reported", "closed", "unfounded", "reopened",
]  # fmt: skip
STEPS: dict[str, Text] = {
    "declared": Text("declared", "申报"),
    "revised": Text("revised", "补正"),
    "contained": Text("contained: nothing more goes out", "已控制，不再外泄"),
    "authority-told": Text("the authority was told", "已报告主管部门"),
    "persons-told": Text("the persons were told", "已通知个人"),
    "persons-spared": Text("harm was effectively avoided: the persons need not be told",
                           "已有效避免危害，可不通知个人"),
    "persons-ordered": Text("the authority ordered that the persons be told", "主管部门要求通知个人"),
    "media-told": Text("the media were told", "已告知媒体"),
    "media-spared": Text("in no state live more than 500 of the persons", "任一州的受影响居民均不超过 500 人"),
    "reported": Text("the final report was handed in", "已提交总结报告"),
    "closed": Text("closed", "结案"),
    "unfounded": Text("closed: there was no breach", "结案：经查不成立"),
    "reopened": Text("reopened", "重启"),
}  # fmt: skip
NOTED: tuple[Step, ...] = tuple(s for s in get_args(Step) if s not in ("declared", "revised"))
"""Steps that bear a note: the file number, or the ground."""
CLOSED = ("closed", "unfounded")
ONCE = ("contained", "reported")
"""Steps that start or end a clock: a second one would move it."""


class Declaration(Document):
    """What is known of a breach; names no person."""

    holder: str = Field(pattern=_NAME)
    """Whose systems were breached: a node, or `hub`."""
    known_utc: str
    """When the holder came to know of it."""
    since_utc: str | None = None
    """From when on data may have been exposed; None: not known."""
    kinds: tuple[Kind, ...] = Field(min_length=1)
    datasets: tuple[str, ...] = ()
    """Whose rows were breached."""
    studies: tuple[str, ...] = ()
    """What was breached is of these studies: their results, models or extracts."""
    what: Words
    """What happened and why."""
    harm: Words
    """What may come of it."""
    remedy: Words
    """What was done against it."""
    advice: Words
    """What the persons can do themselves."""
    contact: str = Field(min_length=1, max_length=300)

    @field_validator("known_utc", "since_utc", mode="before")
    @classmethod
    def _as_stamp(cls, said: object) -> object:
        """Any moment with its offset, as the ledger writes it."""
        if not isinstance(said, str) or is_stamp(said):
            return said
        moment = parse(said)
        if moment.tzinfo is None:
            raise ValueError("a moment without its offset from UTC")
        return stamp(moment)

    def model_post_init(self, _context: object) -> None:
        if not self.datasets and not self.studies:
            raise ValueError("neither datasets nor studies are named")


class Event(Document):
    """One step. Of `declared`: whose law the region is under, and whether the holder was told that it is critical."""

    step: Step
    by: str
    declaration: Declaration | None = None
    jurisdiction: str | None = Field(default=None, pattern=r"^[A-Z]{2}$")
    critical: bool | None = None
    note: str | None = Field(default=None, min_length=1, max_length=2000)

    def model_post_init(self, _context: object) -> None:
        if (self.declaration is None) == (self.step in ("declared", "revised")):
            raise ValueError("a declaration is declared or revised")
        if (self.step in NOTED) != (self.note is not None):
            raise ValueError("what is noted bears a note")
        if (self.step == "declared") != (self.jurisdiction is not None and self.critical is not None):
            raise ValueError("law and holder are said once")

    def names(self, region: str, at_utc: str) -> str:
        """The id of the breach that this declares."""
        assert self.declaration is not None
        return "br-" + Opening(region=region, at_utc=at_utc, declaration=self.declaration).digest()[:16]


class Noted(Document):
    """A step as it is handed in: nobody says in it when it was, or who it is."""

    step: Step
    note: str | None = Field(default=None, min_length=1, max_length=2000)
    declaration: Declaration | None = None

    def model_post_init(self, _context: object) -> None:
        if self.step == "declared":
            raise ValueError("a breach is declared by itself")
        self.by("hub")

    def by(self, who: str) -> Event:
        """Raises ValueError where note and declaration are not those that the step has."""
        return Event(step=self.step, by=who, note=self.note, declaration=self.declaration)


class Opening(Document):
    region: str
    at_utc: str
    declaration: Declaration


@dataclass(frozen=True)
class Incident:
    """A breach as its events have made it."""

    id: str
    declaration: Declaration
    jurisdiction: str
    critical: bool
    events: tuple[tuple[str, Event], ...]
    """(time of the entry, event), oldest first."""
    people: Mapping[str, int] = field(default_factory=dict)
    """By node: how many persons it found affected, when it last counted."""

    @property
    def declared_utc(self) -> str:
        return self.events[0][0]

    @property
    def state(self) -> Step | Literal["open"]:
        last = self.events[-1][1].step
        return last if last in CLOSED else "open"

    def first(self, step: Step) -> str | None:
        """When the step was taken first."""
        return next((at for at, event in self.events if event.step == step), None)

    @property
    def affected(self) -> int | None:
        """None before any node has counted."""
        return sum(self.people.values()) if self.people else None

    def after(self, at_utc: str, event: Event) -> Incident:
        """With one more event. Raises Refused where it may not follow."""
        said = event.declaration
        if event.step == "declared":
            raise _refused("declared once", "申报只作一次")
        if (self.state == "open") == (event.step == "reopened"):
            raise _refused("what is closed is reopened first, and only that", "结案后须先重启，且只能重启结案")
        if event.step in ONCE and self.first(event.step) is not None:
            raise _refused("a clock is started or stopped once", "计时只能启动或停止一次")
        if event.step == "reported" and self.first("contained") is None:
            raise _refused("the final report comes after containment", "总结报告须在控制之后提交")
        if said is None:
            return replace(self, events=(*self.events, (at_utc, event)))
        before = self.declaration
        if said.known_utc > before.known_utc:
            raise _refused("when it became known may be corrected to an earlier moment only", "知悉时间只能更正为更早")
        if said.holder != before.holder:
            raise _refused("the holder stays the same", "责任主体不得变更")
        fewer = {*before.datasets, *before.studies} - {*said.datasets, *said.studies}
        if fewer:
            raise _refused("datasets and studies are added, and not taken away", "数据集与研究只增不减")
        return replace(self, declaration=said, events=(*self.events, (at_utc, event)))


def declared(region: str, at_utc: str, event: Event) -> Incident:
    """A breach that begins. Raises Refused where it would be known only in the future."""
    said = event.declaration
    if event.step != "declared" or said is None or event.jurisdiction is None or event.critical is None:
        raise _refused("it begins with a declaration", "须以申报开始")
    if said.known_utc > at_utc:
        raise _refused("nobody knows of it before it is declared later than that", "知悉时间不得晚于申报时间")
    return Incident(event.names(region, at_utc), said, event.jurisdiction, event.critical, ((at_utc, event),))


def replay(region: str, events: Iterable[tuple[str, Event]]) -> Incident:
    """The breach that these events make. Raises Refused where one of them cannot be."""
    found: Incident | None = None
    for at_utc, event in events:
        found = declared(region, at_utc, event) if found is None else found.after(at_utc, event)
    if found is None:
        raise _refused("it begins with a declaration", "须以申报开始")
    return found


def _refused(en: str, zh: str) -> HuizhenError:
    return Refused(
        "breach-step",
        Text(f"This step of a breach cannot be: {en}.", f"该泄露事件步骤无效：{zh}。"),
        Text(
            "`huizhen breach status ID` shows what has happened so far.", "可用 `huizhen breach status 编号` 查看经过。"
        ),
    )


# -- what the rules read


@dataclass(frozen=True)
class Breached:
    """All that a rule about a breach may read."""

    now_utc: str
    jurisdiction: str
    known_utc: str
    critical: bool
    contained_utc: str | None = None
    authority_utc: str | None = None
    persons_utc: str | None = None
    spared: bool = False
    ordered: bool = False
    reported_utc: str | None = None
    media_utc: str | None = None
    media_spared: bool = False
    people: int | None = None
    """Affected, as far as the hospitals have counted; None: nobody has."""

    def clock(self, what: Step) -> Due:
        """The clock that this step stops."""
        return next(due for due in clocks(self) if due.what == what)


def facts_of(found: Incident, now_utc: str) -> Breached:
    """What is known of a breach at that moment. An order by the authority ends that the persons are spared."""
    return Breached(
        now_utc=now_utc,
        jurisdiction=found.jurisdiction,
        known_utc=found.declaration.known_utc,
        critical=found.critical,
        contained_utc=found.first("contained"),
        authority_utc=found.first("authority-told"),
        persons_utc=found.first("persons-told"),
        spared=found.first("persons-spared") is not None,
        ordered=found.first("persons-ordered") is not None,
        reported_utc=found.first("reported"),
        media_utc=found.first("media-told"),
        media_spared=found.first("media-spared") is not None,
        people=found.affected,
    )


GRADES: tuple[tuple[int, Text], ...] = (
    (100_000_000, Text("extreme", "特别重大")),
    (10_000_000, Text("major", "重大")),
    (1_000_000, Text("larger", "较大")),
    (0, Text("ordinary", "一般")),
)
"""By persons from so many on (incident-reporting measures 2025)."""


def grade(people: int) -> Text:
    return next(word for least, word in GRADES if people >= least)


@dataclass(frozen=True)
class Due:
    """A clock: the step that stops it, and by when. It stopped at `done_utc`, and nowhere else."""

    what: Step
    due_utc: str
    done_utc: str | None

    def late(self, now_utc: str) -> bool:
        return (self.done_utc or now_utc) > self.due_utc


def clock(what: Step, since_utc: str, span: timedelta, done_utc: str | None) -> Due:
    return Due(what, stamp(parse(since_utc) + span), done_utc)


def by_clock(due: Due, now_utc: str) -> tuple[Literal["allow", "deny", "needs"], Text]:
    """allow once it is done, and says so where it was late; deny once it is overdue; needs before."""
    word, until = STEPS[due.what], due.due_utc[:16].replace("T", " ") + " UTC"
    if due.done_utc is not None:
        late = due.late(now_utc)
        return "allow", Text(
            f"Done{', late' if late else ' in time'} (due {until}): {word.en}.",
            f"{'已逾期完成' if late else '已按时完成'}（期限 {until}）：{word.zh}。",
        )
    if due.late(now_utc):
        return "deny", Text(f"Overdue since {until}: {word.en}.", f"自 {until} 起已逾期：{word.zh}。")
    return "needs", Text(f"Due by {until}: {word.en}.", f"须于 {until} 前完成：{word.zh}。")


FIRST_REPORT = {True: timedelta(hours=1), False: timedelta(hours=4)}
"""By whether the holder is a critical operator (incident-reporting measures 2025)."""
FINAL_REPORT = timedelta(days=30)
EU_NOTICE = timedelta(hours=72)
US_NOTICE = timedelta(days=60)
US_MANY = 500
"""From so many persons on the Secretary is told with them; of more residents of one state the media are told, too."""


def clocks(facts: Breached) -> tuple[Due, ...]:
    """Every clock that runs or ran: those of China, of the EU, or of the US (HIPAA)."""
    known = facts.known_utc
    if facts.jurisdiction == "CN":
        found = [clock("authority-told", known, FIRST_REPORT[facts.critical], facts.authority_utc)]
        if facts.contained_utc is not None:
            found.append(clock("reported", facts.contained_utc, FINAL_REPORT, facts.reported_utc))
        return tuple(found)
    if in_eu(facts.jurisdiction):
        return (clock("authority-told", known, EU_NOTICE, facts.authority_utc),)
    if facts.jurisdiction == "US":
        few = facts.people is not None and facts.people < US_MANY
        since = f"{int(known[:4]) + 1}-01-01T00:00:00.000000Z" if few else known
        return (
            clock("persons-told", known, US_NOTICE, facts.persons_utc),
            clock("media-told", known, US_NOTICE, facts.media_utc),
            clock("authority-told", since, US_NOTICE, facts.authority_utc),
        )
    return ()
