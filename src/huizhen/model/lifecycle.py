"""The life of a deed or contract: one table of moves, and what it makes of an instrument's events. Pure.

Whoever has an instrument with its events can replay them: the hub before it records one, each node before it believes
a grant that rests on it, and whoever verifies the ledger.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from functools import cached_property
from typing import Literal, NamedTuple

from pydantic import Field

from huizhen.kit.errors import HuizhenError, Refused
from huizhen.kit.keys import check_signature
from huizhen.kit.text import Text
from huizhen.model.deed import DAY, Act, Instrument
from huizhen.model.document import Document

State = Literal["drafted", "offered", "signed", "active", "suspended", "ended"]
Step = Literal["offer", "sign", "begin", "suspend", "resume", "notice", "end", "expire", "supersede"]
Who = Literal["trustee", "party", "clock"]
TRUSTEE, CLOCK = "hub", "clock"
"""Who stands in an event that no party signed: the trustee at its hub; or nobody, as time passed."""

STATES: dict[State, Text] = {
    "drafted": Text("drafted", "已起草"),
    "offered": Text("offered", "已提出"),
    "signed": Text("signed by some", "部分签署"),
    "active": Text("active", "生效"),
    "suspended": Text("suspended", "中止"),
    "ended": Text("ended", "终止"),
}
STEPS: dict[Step, Text] = {
    "offer": Text("is offered for signature", "提请签署"),
    "sign": Text("a party signs", "一方签署"),
    "begin": Text("all have signed and the first day is there", "各方均已签署且起始日已到"),
    "suspend": Text("is suspended", "中止"),
    "resume": Text("goes on", "恢复"),
    "notice": Text("a party gives notice; it ends with the last day of the notice", "一方通知退出，通知期满终止"),
    "end": Text("is ended", "终止"),
    "expire": Text("its last day has passed", "最后一日已过"),
    "supersede": Text("a later version has begun", "后一版本已生效"),
}


class Move(NamedTuple):
    """`by`: who may make it."""

    state: State
    step: Step
    to: State
    by: tuple[Who, ...]


MOVES: tuple[Move, ...] = (
    Move("drafted", "offer", "offered", ("trustee",)),
    Move("drafted", "end", "ended", ("trustee",)),
    Move("drafted", "supersede", "ended", ("clock",)),
    Move("offered", "sign", "signed", ("party",)),
    Move("offered", "end", "ended", ("trustee", "party")),
    Move("offered", "expire", "ended", ("clock",)),
    Move("offered", "supersede", "ended", ("clock",)),
    Move("signed", "sign", "signed", ("party",)),
    Move("signed", "begin", "active", ("clock",)),
    Move("signed", "end", "ended", ("trustee", "party")),
    Move("signed", "expire", "ended", ("clock",)),
    Move("signed", "supersede", "ended", ("clock",)),
    Move("active", "suspend", "suspended", ("trustee",)),
    Move("active", "notice", "active", ("trustee", "party")),
    Move("active", "end", "ended", ("trustee", "party")),
    Move("active", "expire", "ended", ("clock",)),
    Move("active", "supersede", "ended", ("clock",)),
    Move("suspended", "resume", "active", ("trustee",)),
    Move("suspended", "notice", "suspended", ("trustee", "party")),
    Move("suspended", "end", "ended", ("trustee", "party")),
    Move("suspended", "expire", "ended", ("clock",)),
    Move("suspended", "supersede", "ended", ("clock",)),
)
"""The whole of it. `end` once it has begun only where the exit clause asks for no notice."""
_TABLE = {(m.state, m.step): m for m in MOVES}


class Event(Document):
    """One step in the life of an instrument. `by`: a party, or `hub`, or `clock`."""

    step: Step
    by: str
    day: str = Field(pattern=DAY)
    last_day: str | None = Field(default=None, pattern=DAY)
    """Of a notice: the last day on which the instrument holds."""
    key: str = Field(default="", pattern=r"^([0-9a-f]{64})?$")
    signature: str = Field(default="", pattern=r"^([0-9a-f]{128})?$")
    """Ed25519 by a party, over `Instrument.signed_bytes`."""


class Filed(Document):
    """A version of an instrument with all that happened to it, as kept on file."""

    instrument: Instrument
    events: tuple[Event, ...] = ()

    @cached_property
    def state(self) -> State:
        """Where the table leads. Raises Refused where an event is not in it, or not by whom it may be."""
        state: State = "drafted"
        for number, event in enumerate(self.events):
            state = _moved(state, event, self.instrument, self.events[:number])
        return state

    def signed_by(self) -> tuple[str, ...]:
        return tuple(e.by for e in self.events if e.step == "sign")

    def keys(self) -> dict[str, str]:
        """The key that each party signed with. Raises Refused where one used two."""
        found: dict[str, str] = {}
        for event in (e for e in self.events if e.key):
            if found.setdefault(event.by, event.key) != event.key:
                raise _refuse("two-keys", f"{event.by} signed with two keys.", f"{event.by} 使用了两个密钥签署。")
        return found

    @property
    def began(self) -> str | None:
        """The day on which it came into force; None: it never did, and binds nobody."""
        return next((e.day for e in self.events if e.step == "begin"), None)

    @property
    def last_day(self) -> str:
        return min([self.instrument.terms.until_day, *(e.last_day for e in self.events if e.last_day)])

    def after(self, event: Event) -> Filed:
        """With one event more. Raises Refused where it may not follow."""
        _moved(self.state, event, self.instrument, self.events)
        return Filed(instrument=self.instrument, events=(*self.events, event))


def _moved(state: State, event: Event, instrument: Instrument, before: Sequence[Event]) -> State:
    move = _TABLE.get((state, event.step))
    if move is None:
        raise _refuse(
            "no-such-step",
            f"From '{STATES[state].en}' there is no step '{event.step}'.",
            f"处于“{STATES[state].zh}”状态时不能{STEPS[event.step].zh}。",
        )
    who: Who = "trustee" if event.by == TRUSTEE else "clock" if event.by == CLOCK else "party"
    if who not in move.by:
        raise _refuse("not-theirs-to-do", f"{event.by} may not do that.", f"{event.by} 无权进行该操作。")
    if who == "party":
        _check_signed(event, instrument, before)
    if event.step == "begin":
        _check_begins(event, instrument, before)
    if event.step == "notice" and (event.last_day is None or event.last_day < end_of_notice(instrument, event.day)):
        raise _refuse("notice-too-short", "The notice is shorter than the exit clause.", "通知期短于退出条款的约定。")
    if event.step == "end" and any(e.step == "begin" for e in before) and instrument.terms.exit.notice_days:
        raise _refuse("notice-owed", "The exit clause asks for notice.", "退出条款要求事先通知。")
    return move.to


def _check_signed(event: Event, instrument: Instrument, before: Sequence[Event]) -> None:
    if event.by not in instrument.terms.parties:
        raise _refuse("not-a-signatory", f"{event.by} is no party to it.", f"{event.by} 不是当事方。")
    if event.step == "sign" and any(e.step == "sign" and e.by == event.by for e in before):
        raise _refuse("signed-already", f"{event.by} has signed already.", f"{event.by} 已经签署。")
    act: dict[Step, Act] = {"sign": "sign", "notice": "notice", "end": "end"}
    key, signature = bytes.fromhex(event.key), bytes.fromhex(event.signature)
    if event.step not in act or not check_signature(key, signature, instrument.signed_bytes(act[event.step])):
        raise _refuse("party-signature", f"The signature of {event.by} does not hold.", f"{event.by} 的签名无效。")


def _check_begins(event: Event, instrument: Instrument, before: Sequence[Event]) -> None:
    signed = {e.by: e.day for e in before if e.step == "sign"}
    missing = [party for party in instrument.terms.parties if party not in signed]
    if missing or event.day < max(instrument.terms.from_day, *signed.values()):
        raise _refuse("began-too-early", "It cannot begin before all have signed and its first day is there.",
                      "各方签署完毕且起始日到来之前不能生效。")  # fmt: skip


def _refuse(code: str, en: str, zh: str) -> HuizhenError:
    return Refused(code, Text(en, zh), Text("`show` says where it stands, and who has signed.",
                                            "可用 `show` 查看当前状态及签署情况。"))  # fmt: skip


def end_of_notice(instrument: Instrument, day: str) -> str:
    """The last day on which it holds, where notice is given on this day."""
    return (date.fromisoformat(day) + timedelta(instrument.terms.exit.notice_days)).isoformat()


def on_day(versions: Iterable[Filed], day: str) -> tuple[Filed, ...]:
    """All versions of one instrument as they stand on that day, with the events that time alone has brought."""
    standing = [_passed(f, day) for f in sorted(versions, key=lambda f: f.instrument.version)]
    newest = max((f.instrument.version for f in standing if f.began), default=0)
    return tuple(
        f.after(Event(step="supersede", by=CLOCK, day=day))
        if f.instrument.version < newest and f.state != "ended"
        else f
        for f in standing
    )


def _passed(filing: Filed, day: str) -> Filed:
    terms, state = filing.instrument.terms, filing.state
    all_signed = not set(terms.parties) - set(filing.signed_by())
    if state == "signed" and all_signed and terms.from_day <= day <= filing.last_day:
        first = max(terms.from_day, *(e.day for e in filing.events))
        filing = filing.after(Event(step="begin", by=CLOCK, day=first))
        state = filing.state
    if day > filing.last_day and (state, "expire") in _TABLE:
        filing = filing.after(Event(step="expire", by=CLOCK, day=day))
    return filing
