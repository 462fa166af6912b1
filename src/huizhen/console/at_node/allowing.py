"""What a patient allows: scene by scene, in layers of words; withdrawn in one tap, and seen to take hold."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Path, Response
from fastapi.responses import RedirectResponse

from huizhen.adapters.outbox import Outbox
from huizhen.console.at_node.desk import AsPatient, Mine
from huizhen.console.render import render
from huizhen.console.visit import ROOT, Form, OwnForm, no_page
from huizhen.intake.wording import read_wordings
from huizhen.kit.canonical import digest
from huizhen.kit.clock import parse, stamp
from huizhen.kit.errors import BadInput, Conflict
from huizhen.kit.text import Text
from huizhen.model.consent import BY, KIND_WORDS, METHOD_KINDS, RECIPIENT_KINDS, Terms
from huizhen.model.purpose import PURPOSES
from huizhen.model.wording import SCENE, Edition, shown
from huizhen.node import consents, saying, uses
from huizhen.node.agent import Agent
from huizhen.node.saying import Saying

router = APIRouter()
SceneName = Annotated[str, Path(pattern=SCENE)]


@dataclass(frozen=True)
class Standing:
    """A yes that stands, and how to take it back. `narrowed`: what it was narrowed to, in words."""

    purpose: str
    label: Text
    dataset: str
    category: str
    narrowed: tuple[Text, ...]
    since: str
    until: str
    by: Text
    wording: str


@dataclass(frozen=True)
class Offered:
    """A scene that somebody may say yes to, in one sentence. `stands`: whether a yes to it stands now."""

    scene: str
    choice: Text
    purposes: tuple[Text, ...]
    stands: bool


@dataclass(frozen=True)
class Hold:
    """How far the last no has taken hold here. `running`: studies that had begun with the person, and whether the next
    round leaves them out (`next`) or has done so (`out`). `told`: whether the ledger has been told. `deleted`: whether
    what follows for the rows is done."""

    at_utc: str
    purposes: tuple[Text, ...]
    running: tuple[tuple[str, str, str], ...]
    told: bool
    deleted: bool

    @property
    def over(self) -> bool:
        return self.told and self.deleted and all(state == "out" for _, _, state in self.running)


@dataclass(frozen=True)
class Allowed:
    """All that stands, what is offered, what was said, newest first; and how the last no takes hold."""

    standing: tuple[Standing, ...]
    offered: tuple[Offered, ...]
    said: tuple[dict[str, Any], ...]
    hold: Hold | None
    hospital: str
    acts: dict[str, Text]
    purposes: dict[str, Text]


@dataclass(frozen=True)
class Scene:
    """One wording in its layers, as it is shown today, and by what digest it is kept. `recipients`, `methods`: what it
    promises, of which less can be chosen."""

    scene: str
    version: int
    choice: str
    told: str
    full: str
    digest: str
    purposes: tuple[tuple[str, Text], ...]
    recipients: tuple[tuple[str, Text], ...]
    methods: tuple[tuple[str, Text], ...]
    min_percent: int


_ACTS = {
    "grant": Text("yes", "同意"),
    "refuse": Text("no", "拒绝"),
    "withdraw": Text("withdrawn", "撤回"),
    "ended": Text("ended", "终止"),
}
_LABELS = {code: purpose.label for code, purpose in PURPOSES.items()}


@router.get("/allow")
def show(mine: AsPatient) -> Response:
    with mine.open() as (agent, _hub):
        found = uses.words(agent, mine.person.subject)
        offered = tuple(_offered(agent, found))
        hold = _hold(mine, agent, found)
    standing = tuple(_standing(x) for x in found if x["stands"])
    page = Allowed(standing, offered, tuple(found[::-1][:50]), hold, mine.desk.name, _ACTS, _LABELS)
    return render(mine.visit.request, "allow", page, Text("What I allow", "我的授权"), mine.visit)


@router.get("/allow/hold")
def hold(mine: AsPatient) -> Response:
    """The part of the page that says how the last no takes hold, while it does."""
    with mine.open() as (agent, _hub):
        found = _hold(mine, agent, uses.words(agent, mine.person.subject))
    if found is None:
        raise no_page()
    return render(mine.visit.request, "hold", found, Text("", ""), mine.visit)


def _standing(x: dict[str, Any]) -> Standing:
    terms, narrowed = Terms.read(x["terms"]), []
    for kinds, said in (
        (terms.recipients, Text("only to: ", "仅限：")),
        (terms.methods, Text("only for: ", "仅用于：")),
    ):
        if kinds is not None:
            words = [KIND_WORDS[kind] for kind in kinds]
            narrowed.append(Text(said.en + ", ".join(w.en for w in words), said.zh + "、".join(w.zh for w in words)))
    if terms.min_percent:
        narrowed.append(
            Text(f"patients get at least {terms.min_percent} % of the price", f"患者分成不低于 {terms.min_percent}%")
        )
    if terms.min_price_fen:
        yuan = f"{terms.min_price_fen / 100:.2f}"
        narrowed.append(Text(f"price at least {yuan} yuan", f"价格不低于 {yuan} 元"))
    return Standing(
        purpose=x["purpose"],
        label=_LABELS.get(x["purpose"], Text(x["purpose"], x["purpose"])),
        dataset=x["dataset"] or "",
        category=x["category"] or "",
        narrowed=tuple(narrowed),
        since=x["date_utc"][:10],
        until=_last_day(x["until_utc"]),
        by=BY[x["by"]],
        wording=(x["wording"] or "")[:16],
    )


def _last_day(until_utc: str | None) -> str:
    if until_utc is None:
        return ""
    return (parse(until_utc) - timedelta(microseconds=1)).astimezone().date().isoformat()


def _editions(agent: Agent) -> dict[str, Edition]:
    """What is shown today, by scene."""
    day = agent.clock().astimezone().date().isoformat()
    found = {name: wording.on(day) for name, wording in read_wordings(agent.folder / "wording").items()}
    return {name: edition for name, edition in found.items() if edition is not None}


def _offered(agent: Agent, words: list[dict[str, Any]]) -> list[Offered]:
    shown_under = {name: text["scene"] for name, text in agent.book.consents.wordings().items()}
    stand = {shown_under.get(x["wording"]) for x in words if x["stands"]}
    return [
        Offered(scene, Text(e.en.choice, e.zh.choice), tuple(_LABELS[p] for p in e.purposes), scene in stand)
        for scene, e in _editions(agent).items()
    ]


def _hold(mine: Mine, agent: Agent, words: list[dict[str, Any]]) -> Hold | None:
    """None where nobody said no within the last day."""
    noes = [x for x in words if not x["permit"]]
    if not noes or parse(noes[-1]["date_utc"]) < agent.clock() - timedelta(days=1):
        return None
    last, person, now = noes[-1]["date_utc"], agent.book.find(mine.person.subject), stamp(agent.clock())
    running = []
    for row in agent.book.studies():
        if row["status"] == "open" and row["opened_utc"] <= last and uses.took_part(row, person):
            use = agent.book.use(row["id"])
            if not uses.is_in(row, person):
                running.append((row["id"], row["title"], "out"))
            elif use is not None and not agent.book.consents.covers(person, use, now):
                running.append((row["id"], row["title"], "next"))
    outbox = Outbox(agent.folder / "node.sqlite")
    told = not outbox.unsaid()
    outbox.close()
    codes = [x["purpose"] for x in noes if x["date_utc"] == last]
    every = len(codes) == len(PURPOSES)
    purposes = (Text("everything", "全部用途"),) if every else tuple(_LABELS[c] for c in dict.fromkeys(codes))
    deleted = mine.visit.account.login not in mine.desk.people.owed()
    return Hold(last, purposes, tuple(running), told, deleted)


# -- saying yes


@router.get("/allow/{scene}")
def one_scene(mine: AsPatient, scene: SceneName) -> Response:
    with mine.open() as (agent, _hub):
        edition = _editions(agent).get(scene)
    if edition is None:
        raise no_page()
    page = _scene(scene, edition, mine)
    return render(mine.visit.request, "scene", page, Text(edition.en.choice, edition.zh.choice), mine.visit)


def _scene(scene: str, edition: Edition, mine: Mine) -> Scene:
    layers = edition.zh if mine.visit.language == "zh" else edition.en
    kinds, methods = edition.terms.recipients, edition.terms.methods
    return Scene(
        scene=scene,
        version=edition.version,
        choice=layers.choice.strip(),
        told=layers.scene.strip(),
        full=layers.full.strip(),
        digest=digest(shown(scene, edition, mine.visit.language)),
        purposes=tuple((code, _LABELS[code]) for code in edition.purposes),
        recipients=tuple((k, KIND_WORDS[k]) for k in (RECIPIENT_KINDS if kinds is None else kinds)),
        methods=tuple((k, KIND_WORDS[k]) for k in (METHOD_KINDS if methods is None else methods)),
        min_percent=edition.terms.min_percent,
    )


@router.post("/allow/{scene}")
def answer(mine: AsPatient, form: OwnForm, scene: SceneName) -> Response:
    """A yes or a no to what was shown, and to nothing else: the digest of it comes back with the answer."""
    with mine.open() as (agent, _hub):
        edition = _editions(agent).get(scene)
        if edition is None:
            raise no_page()
        _check_shown(scene, edition, mine, form)
        purpose, wording = form.get("purpose", ""), f"{scene}@{edition.version}"
        consents.check_purpose(purpose)
        if form.get("answer") == "yes":
            said = mine.saying(
                purpose, wording=wording, terms=_terms(form, edition), until_utc=_until(form.get("until", "")),
                unasked=True,
            )  # fmt: skip
            saying.grant(agent, said)
        else:
            saying.refuse(agent, mine.saying(purpose, wording=wording))
    mine.desk.tell()
    return RedirectResponse(f"{ROOT}/allow", 303)


def _check_shown(scene: str, edition: Edition, mine: Mine, form: Form) -> None:
    if form.get("digest", "") != digest(shown(scene, edition, mine.visit.language)):
        raise Conflict(
            "shown-otherwise",
            Text("What you read is not what is shown now: another version, or another language.",
                 "您所阅读的内容与当前展示的不同：版本或语言已变更。"),
            Text("Read it again, and then answer.", "请重新阅读后再作答。"),
        )  # fmt: skip


def _terms(form: Form, edition: Edition) -> Terms:
    """What was left ticked of what the wording promises; all of it is the wording's own word."""
    promised = edition.terms
    kinds = tuple(k for k in RECIPIENT_KINDS if form.get(f"to-{k}"))
    methods = tuple(k for k in METHOD_KINDS if form.get(f"for-{k}"))
    whole_r = promised.recipients is None and len(kinds) == len(RECIPIENT_KINDS)
    whole_m = promised.methods is None and len(methods) == len(METHOD_KINDS)
    percent = form.get("percent", "") or "0"
    try:
        return Terms.read(
            {
                "recipients": None if whole_r else kinds,
                "methods": None if whole_m else methods,
                "min_percent": int(percent),
            }
        )
    except ValueError:
        raise BadInput(
            "nothing-ticked",
            Text("A yes is to at least one kind of recipient and of method, and a part is 0 to 100 percent.",
                 "同意须至少包含一类接收方和一类方法；分成为 0 至 100%。"),
            Text("Tick at least one of each; or answer no.", "请至少各选一项，或选择拒绝。"),
        ) from None  # fmt: skip


def _until(day: str) -> str | None:
    checked = saying.check_day("until", day or None)
    return None if checked is None else stamp((datetime.fromisoformat(checked) + timedelta(days=1)).astimezone())


# -- saying no


@router.post("/withdraw")
def withdraw(mine: AsPatient, form: OwnForm) -> Response:
    """One tap: a yes ends; or all of them, where no purpose is named. It is never turned away."""
    with mine.open() as (agent, _hub):
        purpose = form.get("purpose", "")
        if purpose:
            said = mine.saying(
                purpose, dataset=form.get("dataset") or None, category=form.get("category") or None
            )  # fmt: skip
            _withdraw_one(agent, said)
        else:
            saying.end_all(agent, mine.saying("GRU"))
    mine.desk.withdrawn(mine.visit.account.login)
    return RedirectResponse(f"{ROOT}/allow", 303)


def _withdraw_one(agent: Agent, said: Saying) -> None:
    """What stands of a dataset that is not here any more is ended by a no to the purpose."""
    known = {card.name for card in agent.book.cards()}
    if said.dataset is not None and said.dataset not in known:
        saying.refuse(agent, said)
    else:
        saying.withdraw(agent, said)
