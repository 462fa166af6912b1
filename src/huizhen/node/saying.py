"""One person's word at the desk: who says it, for whom, after what was shown. The rules of consent are asked each time.

Whatever they answer, a no of the person's own is never turned away: only a word for somebody else can be.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from huizhen import rules
from huizhen.adapters.consent_book import Life, Recorded, concerns
from huizhen.intake.wording import find_edition, read_wordings
from huizhen.kit.canonical import digest
from huizhen.kit.clock import parse, stamp
from huizhen.kit.errors import BadInput, Conflict, NotFound, Refused
from huizhen.kit.text import Language, Text
from huizhen.model.consent import ANY, By, ConsentAct, Delegation, Given, Terms, Word
from huizhen.model.giving import Giving, comes_of_age
from huizhen.model.grant import Reason, verdict
from huizhen.model.purpose import PURPOSES
from huizhen.model.wording import Edition, shown
from huizhen.node.agent import Agent
from huizhen.node.consents import Changed, check_dataset, check_purpose, record


@dataclass(frozen=True)
class Saying:
    """One word, as it is said at the desk. `speaker` is the number or name of whoever speaks for the person."""

    subject: str
    purpose: str
    dataset: str | None = None
    category: str | None = None
    terms: Terms = ANY
    until_utc: str | None = None
    by: By = "person"
    speaker: str | None = None
    ground: str | None = None
    reference: str | None = None
    witness: str | None = None
    born: str | None = None
    died: str | None = None
    incapable: str | None = None
    unasked: bool | None = None
    wording: str | None = None
    """SCENE@VERSION, or SCENE as it is shown today."""
    language: Language = "en"


@dataclass(frozen=True)
class _Known:
    """What the node knows beside what is said."""

    person: int | None
    life: Life
    words: list[Recorded]
    delegation: Delegation | None
    scene: str | None
    edition: Edition | None
    newest: int | None


def grant(agent: Agent, said: Saying) -> Changed:
    """Record a yes, in place of earlier ones on the same purpose and data. Raises Refused where the rules do not let
    it be said; BadInput, NotFound and Conflict for what cannot be."""
    check_purpose(said.purpose)
    known = _known(agent, said)
    said = replace(said, terms=_within(said.terms, known.edition))
    giving = _giving(agent, said, known, "grant")
    _check(giving)
    given = _given(agent, said, known, "grant")
    ends = [x for x in (said.until_utc, _lapses(agent, said, known)) if x is not None]
    _keep_life(agent, said, known)
    word = Word(
        said.subject, said.purpose, said.dataset, True, None, min(ends, default=None), said.category, said.terms, given,
        anew=True,
    )  # fmt: skip
    changed = record(agent, [word])
    datasets = [card.name for card in agent.book.cards() if said.dataset in (None, card.name)]
    agent.book.tombstones.lift(agent.book.pseudonym(said.subject), datasets, stamp(agent.clock()))
    return changed


def withdraw(agent: Agent, said: Saying) -> Changed:
    """Record that a yes no longer holds. Raises NotFound for a person, BadInput for a dataset that the node does not
    know: a typing error must not pass for a withdrawal."""
    agent.book.find(said.subject)
    check_purpose(said.purpose)
    check_dataset(agent, said.dataset)
    return _no(agent, said, "withdraw")


def refuse(agent: Agent, said: Saying) -> Changed:
    """Record that the person was asked and said no: an earlier yes ends, too."""
    check_purpose(said.purpose)
    return _no(agent, said, "refuse")


def ask(agent: Agent, said: Saying) -> tuple[dict[str, object], str]:
    """(what the person is to be shown, its digest), once the rules let them be asked; that they were is noted.

    Raises Refused.
    """
    check_purpose(said.purpose)
    known = _known(agent, said)
    _check(_giving(agent, said, known, "ask"))
    assert known.scene is not None and known.edition is not None
    text = shown(known.scene, known.edition, said.language)
    agent.book.consents.keep_wording(digest(text), text)
    (person,) = agent.book.enrol([said.subject])
    agent.book.consents.asked(person, said.purpose, digest(text), stamp(agent.clock()))
    return text, digest(text)


def end_all(agent: Agent, said: Saying) -> Changed:
    """Record a no to every purpose, on all data. Raises Refused for who may not speak for the person."""
    known = _known(agent, said)
    if said.by not in ("person", "staff"):
        _check(_giving(agent, said, known, "withdraw"))
    _keep_life(agent, said, known)
    given = _given(agent, said, known, "withdraw")
    return record(agent, [Word(said.subject, code, None, False, given=given) for code in PURPOSES])


def check_speaks(agent: Agent, said: Saying) -> None:
    """Raises Refused for who may not speak for the person; of near kin the rules about rights say it themselves."""
    if said.by not in ("person", "staff", "kin"):
        _check(_giving(agent, said, _known(agent, said), "withdraw"))


def _no(agent: Agent, said: Saying, act: ConsentAct) -> Changed:
    known = _known(agent, said)
    if said.by not in ("person", "staff"):
        _check(_giving(agent, said, known, act))
    _keep_life(agent, said, known)
    given = _given(agent, said, known, act)
    return record(agent, [Word(said.subject, said.purpose, said.dataset, False, None, None, said.category, ANY, given)])


# -- what is known


def _known(agent: Agent, said: Saying) -> _Known:
    book, day = agent.book, _today(agent)
    try:
        person: int | None = book.find(said.subject)
    except NotFound:
        person = None
    life = Life() if person is None else book.consents.life(person)
    for name, now in (("born", said.born), ("died", said.died), ("incapable", said.incapable)):
        before = getattr(life, name)
        if now is not None and before is not None and now != before:
            raise Conflict(
                "life-differs",
                Text(f"Something else is on file of this person ({name}).", f"此人在案信息不同（{name}）。"),
                Text("Check the record; leave the option out to go by what is on file.",
                     "请核对记录；不写该选项则以在案信息为准。"),
            )  # fmt: skip
        if now is not None:
            life = life._replace(**{name: now})
    scene = edition = newest = None
    if said.wording is not None:
        wordings = read_wordings(agent.folder / "wording")
        scene, edition = find_edition(wordings, said.wording, day)
        today = wordings[scene].on(day)
        newest = None if today is None else today.version
    return _Known(
        person,
        life,
        [] if person is None else book.consents.words(person),
        _delegation(agent, person, said),
        scene,
        edition,
        newest,
    )


def _delegation(agent: Agent, person: int | None, said: Saying) -> Delegation | None:
    if person is None or said.by != "family" or said.speaker is None:
        return None
    found = agent.book.consents.delegations(person, pseudonym(agent, said.speaker))
    return found[-1] if found else None


def pseudonym(agent: Agent, speaker: str) -> str:
    return agent.book.pseudonym(speaker).hex()


def _today(agent: Agent) -> str:
    return agent.clock().astimezone().date().isoformat()


def _giving(agent: Agent, said: Saying, known: _Known, act: ConsentAct) -> Giving:
    policy = agent.policy()
    about = [w for w in known.words if concerns(w.word, said.purpose, said.dataset, said.category)]
    last = about[-1] if about else None
    own = [w for w in about if w.word.given.by in ("person", "staff")]
    named = known.delegation
    return Giving(
        act=act,
        by=said.by,
        purpose=said.purpose,
        today=_today(agent),
        consent_age=policy.consent_age,
        born=known.life.born,
        died=known.life.died,
        incapable=known.life.incapable,
        ground=said.ground,
        reference=said.reference,
        witness=said.witness,
        speaker=said.speaker,
        delegation=named,
        own_word_since=bool(own) and named is not None and own[-1].at_utc > named.from_utc,
        refused_days=None if last is None or not _is_refusal(last.word) else (agent.clock() - parse(last.at_utc)).days,
        ask_again_days=policy.ask_again_days,
        unasked=said.unasked,
        wording=known.edition,
        wording_newest=known.newest,
        wording_named=said.wording is not None,
        terms=said.terms,
    )


def _is_refusal(word: Word) -> bool:
    """Whether somebody said no; that a delegation was revoked says nothing of the purpose."""
    return not word.permit and not (word.given.by == "person" and word.given.delegation is not None)


def _check(giving: Giving) -> None:
    """Raises Refused, with every reason against it, where the rules of consent do not let the word be said."""
    reasons = rules.ask("consent", giving)
    if verdict(reasons) == "allow":
        return
    against = [r for r in reasons if r.verdict != "allow"]
    raise Refused(
        "consent-not-taken",
        Text(
            " ".join(f"{r.rule}: {r.en}" for r in against) or "No rule lets this be said.",
            "".join(f"{r.rule}：{r.zh}" for r in against) or "没有规则允许作此表示。",
        ),
        _remedy(against),
    )


def _remedy(against: list[Reason]) -> Text:
    if all(r.verdict == "needs" for r in against):
        return Text("Say what is missing; `huizhen consent grant --help` has the options.",
                    "请补充所缺内容；选项见 `huizhen consent grant --help`。")  # fmt: skip
    return Text("Nothing was recorded.", "未登记任何内容。")


# -- what is recorded


def _within(terms: Terms, edition: Edition | None) -> Terms:
    """Where a wording was shown: what was not said otherwise is as it promises."""
    if edition is None:
        return terms
    promised = edition.terms
    return Terms(
        recipients=promised.recipients if terms.recipients is None else terms.recipients,
        methods=promised.methods if terms.methods is None else terms.methods,
        min_percent=max(terms.min_percent, promised.min_percent),
        min_price_fen=max(terms.min_price_fen, promised.min_price_fen),
    )


def _given(agent: Agent, said: Saying, known: _Known, act: ConsentAct) -> Given:
    text = None
    if known.scene is not None and known.edition is not None:
        text = shown(known.scene, known.edition, said.language)
        _check_unchanged(agent, text)
        agent.book.consents.keep_wording(digest(text), text)
    speaker = said.speaker
    if speaker is not None and said.by != "staff":
        speaker = pseudonym(agent, speaker)
    return Given(
        act=act,
        by=said.by,
        speaker=speaker,
        ground=said.ground,
        delegation=None if known.delegation is None else known.delegation.number,
        reference=said.reference,
        witness=said.witness,
        wording=None if text is None else digest(text),
    )


def _check_unchanged(agent: Agent, text: dict[str, object]) -> None:
    """Raises Conflict where somebody was shown something else under the same scene, version and language."""
    name = ("scene", "version", "language")
    for before in agent.book.consents.wordings().values():
        if all(before[k] == text[k] for k in name) and before != text:
            raise Conflict(
                "wording-changed",
                Text(
                    f"{text['scene']}@{text['version']} is not what it was when it was shown before.",
                    f"{text['scene']}@{text['version']} 与此前展示的内容不同。",
                ),
                Text("Restore it, and write the change as a new version.", "请恢复原文，并将改动写为新版本。"),
            )


def _lapses(agent: Agent, said: Saying, known: _Known) -> str | None:
    """When the word of whoever speaks for the person ends by itself: a guardian's when the child comes of age, a family
    member's with the delegation."""
    if said.by == "guardian" and known.life.incapable is None and known.life.born is not None:
        return _midnight(agent, comes_of_age(known.life.born, agent.policy().consent_age))
    if said.by == "family" and known.delegation is not None:
        day = datetime.fromisoformat(known.delegation.until_day).date() + timedelta(days=1)
        return _midnight(agent, day.isoformat())
    return None


def _midnight(agent: Agent, day: str) -> str:
    """The beginning of a day by the clock on the hospital's wall, in UTC."""
    zone = agent.clock().astimezone().tzinfo
    return stamp(datetime.fromisoformat(day).replace(tzinfo=zone).astimezone(UTC))


def _keep_life(agent: Agent, said: Saying, known: _Known) -> None:
    if (said.born, said.died, said.incapable) != (None, None, None):
        (person,) = agent.book.enrol([said.subject])
        agent.book.consents.put_life(person, known.life)


def check_day(option: str, day: str | None) -> str | None:
    """Raises BadInput for what is no date."""
    try:
        return None if day is None else datetime.strptime(day, "%Y-%m-%d").date().isoformat()
    except ValueError:
        raise BadInput(
            "bad-day",
            Text(f"{option} is not a date.", f"{option} 不是日期。"),
            Text("Dates are like 2027-12-31.", "日期形如 2027-12-31。"),
        ) from None
