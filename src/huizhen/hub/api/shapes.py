"""What the API answers, as its description shows it. The central types stand for themselves."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from huizhen.model.paper import Kind as PaperKind
from huizhen.model.study import Request

Status = Literal["running", "awaiting", "released", "denied", "needs", "failed"]


class Shape(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class Problem(Shape):
    """What went wrong and what to do about it, in two languages. Never a value from a row."""

    kind: str = Field(alias="class", description="BadInput, NotFound, Conflict, Refused, Unable, Lost or Tampered")
    code: str = Field(description="stable, in kebab-case; listed in docs/reference/errors.md")
    message: str
    message_zh: str
    remedy: str
    remedy_zh: str


class Failure(Shape):
    """The body of every answer whose status is 400 or above."""

    error: Problem


class Reason(Shape):
    """One rule's answer, with the article it rests on."""

    rule: str
    verdict: Literal["allow", "deny", "needs"]
    source: str
    en: str
    zh: str


class Granted(Shape):
    """The verdict, with a reason per rule, and the limits that every node checks again."""

    verdict: Literal["allow", "deny", "needs"]
    reasons: list[Reason]
    limits: dict[str, Any] | None


class Grant(Granted):
    """A grant as nodes would be shown it."""

    study: str = Field(description="digest of the study")
    legal: dict[str, Any] | None = Field(description="the facts of law it rests on")
    issued_utc: str


class Budget(Shape):
    """Composed privacy loss (epsilon) of the asker on the dataset."""

    before: float
    after: float
    cap: float


class Checked(Shape):
    """What would be decided of a request, and what it would cost."""

    grant: Grant
    price_fen: int
    epsilon: float | None
    budget: Budget | None


class Submitted(Shape):
    """The study that was begun, or taken up: the same request, until its answer is confirmed, is the same study."""

    study: str


class Witnesses(Shape):
    """How many outside witnesses have to co-sign, and how many entries still wait for that."""

    needed: int
    waiting: int


class Evidence(Shape):
    """Where the study is in the ledger, a checkpoint that covers it, and whether outside witnesses have co-signed."""

    entries: list[int]
    checkpoint: str
    witnesses: Witnesses


class LeftOut(Shape):
    """A hospital that was asked and is not in the sums, and why."""

    node: str
    code: str = Field(description="of the error for which it was left out")
    en: str
    zh: str


class Timings(Shape):
    seconds: float | None


class Outcome(Shape):
    """Everything known of a study: the object that `huizhen study run --json` writes."""

    study: str
    request: Request
    submitted_utc: str
    status: Status
    grant: Granted | None
    hospitals: list[str] | None = Field(description="those in the sums; null where nothing was granted")
    left_out: list[LeftOut]
    result: dict[str, Any] | None = Field(description="released figures, as the method gives them; null before")
    guard: list[dict[str, Any]]
    epsilon_spent: float | None
    problem: Problem | None
    evidence: Evidence
    settlement: dict[str, Any] | None
    timings: Timings
    rounds: int
    bytes_up: int
    bytes_down: int


class StudyLine(Shape):
    """One study in a list."""

    study: str
    status: str
    asker: str
    method: str
    title: str
    submitted_utc: str


class Line(Shape):
    """One line of progress."""

    number: int
    at_utc: str
    step: str = Field(description="propose, authorise, compute, guard, settle or end")
    en: str
    zh: str


class Progress(Shape):
    """Where a study stands. Ask again with `after` = `next`; `over` says that no more lines will come from this hub."""

    study: str
    status: Status
    rounds: int
    lines: list[Line]
    next: int
    over: bool


class Stored(Shape):
    """A document of the ledger; HMAC-SHA256 under its salt gives the reference that the entry holds (RFC 2104)."""

    salt: str = Field(description="hexadecimal")
    content: str = Field(description="canonical JSON (RFC 8785)")


class Entry(Shape):
    """A ledger entry as it is hashed (RFC 6962), and the documents of it that the caller may see, by reference."""

    entry: int
    leaf: str = Field(description="canonical JSON (RFC 8785); its UTF-8 bytes are the leaf")
    documents: dict[str, Stored]


class Entries(Shape):
    """A page of the ledger; `size` is how many entries there are."""

    size: int
    entries: list[Entry]


class Note(Shape):
    """A checkpoint (C2SP tlog-checkpoint) with the cosignatures of the nodes."""

    checkpoint: str


class Witness(Shape):
    """An outside witness: how many entries it has co-signed, and when it last did."""

    name: str
    entries: int
    at_unix_s: int | None


class Standing(Witnesses):
    """How far the ledger is witnessed: of `entries`, the first `published` are shown to witnesses, the first
    `witnessed` co-signed by as many as are needed."""

    entries: int
    published: int
    witnessed: int
    late_seconds: float
    witnesses: list[Witness]


class Keys(Shape):
    """Verifier keys (C2SP signed-note), the hub's first: what the hub says. Compare them with those you were given."""

    keys: list[str]


class Booked(Shape):
    """One side of a double entry. Exactly one of debit and credit is above zero."""

    account: str
    debit_fen: int
    credit_fen: int
    study: str
    memo: str


class BookedThen(Booked):
    """A posting and when it was made."""

    at_utc: str


class Balanced(Booked):
    """A posting and the balance after it: credits less debits."""

    balance_fen: int


class Node(Shape):
    """A hospital's node. `there`: it waits for mail at this moment."""

    name: str
    there: bool


class Who(Shape):
    """Whom the hub takes the caller for."""

    name: str
    role: str


class Health(Shape):
    """Whether the hub serves, and what a client compares: version, clock, name of the ledger."""

    status: Literal["ok"]
    version: str
    api: int
    now_utc: str
    ledger: str


class Filed(Shape):
    """One version of a deed or contract, as it stands today."""

    kind: Literal["deed", "contract"]
    name: str
    version: int
    digest: str = Field(description="SHA-256 of the canonical bytes of `instrument`")
    state: Literal["drafted", "offered", "signed", "active", "suspended", "ended"]
    signed_by: list[str]
    last_day: str
    instrument: dict[str, Any] = Field(description="what its parties sign")
    events: list[dict[str, Any]]


class Step(Shape):
    """A step of a deed or contract; `by` and `signature` where a party takes it."""

    step: Literal["offer", "sign", "suspend", "resume", "end"]
    by: str | None = Field(default=None, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=63)
    signature: str | None = Field(default=None, pattern=r"^[0-9a-f]{128}$", description="Ed25519, hexadecimal")


class ToCommit(Shape):
    """What the asker signs before the result of a study is released."""

    study: str = Field(description="digest of the study")
    contract: str = Field(description="digest of the contract")
    text: str


class Committed(Shape):
    signature: str = Field(pattern=r"^[0-9a-f]{128}$", description="Ed25519 over the commitment, hexadecimal")


class BookedPayment(Shape):
    """A payment as it was booked."""

    party: str
    fen: int
    reference: str
    id: str


class Said(Shape):
    """What the trustee says in its own name; the hub makes a signed paper of it."""

    kind: PaperKind
    subject: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")
    body: dict[str, Any]


class ReviewLine(Shape):
    """Where the review of one study's result stands."""

    study: str
    region: str
    asker: str
    title: str
    what: list[str] = Field(description="why it is reviewed: extract, own-figures, memorising-model, model")
    status: str
    state: str
    state_en: str
    state_zh: str
    release: str = Field(description="digest of exactly what is reviewed")
    sealed_by: list[dict[str, str]]


class Reviewed(ReviewLine):
    """With what there is to look at."""

    request: dict[str, Any]
    reasons: list[dict[str, Any]]
    content: dict[str, Any] = Field(description="the guarded result, as it would be released")
    papers: list[dict[str, Any]]


class Listing(Shape):
    """A party on the blacklist, and what was said since."""

    party: str
    listing: str = Field(description="digest of the paper that lists it")
    by: str
    state: Literal["to come", "standing", "ended", "lifted"]
    ground: str
    from_day: str
    until_day: str
    appeals: list[dict[str, str]]
    decided: list[dict[str, str]]


class Alarm(Shape):
    """Behaviour that stood out, why, and what it was found to be."""

    alarm: str
    digest: str
    about: str
    day: str
    behaviour: str
    window: str
    score: int = Field(description="thousandths of bits of surprise; 0 where none was computed")
    facts: dict[str, str | int]
    en: str
    zh: str
    outcome: str | None
    acknowledged_by: str | None
    acknowledged: str | None


class Credibility(Shape):
    """0 to 100: `base` and the points of all addends, cut at either end."""

    party: str
    score: int
    base: int
    addends: list[dict[str, Any]]
    reports: list[dict[str, Any]] = Field(description="auditors' signed reports, the last of each auditor")
