"""Rows that leave this hospital: made before it agrees to the study, held until two people have approved exactly them,
and then sealed to the asker, piece by piece. The hub carries what it cannot read.

Nothing is handed out on the hub's word: the asker's own signature is on the question, the reviewers' on the answer, and
consent is asked once more.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from pyroaring import BitMap

from huizhen.adapters.extracted import Order, as_table, check_people
from huizhen.kit.clock import day_of, stamp
from huizhen.kit.errors import HuizhenError, Refused
from huizhen.kit.text import Text
from huizhen.methods.extract import Extract
from huizhen.model.breach import governing
from huizhen.model.grant import Grant
from huizhen.model.listing import standing
from huizhen.model.method import Method
from huizhen.model.paper import Paper
from huizhen.model.release import Release
from huizhen.model.study import Study
from huizhen.model.tally import Extracted
from huizhen.node import papers
from huizhen.path.delivery import about
from huizhen.privacy.risk import SMALLEST
from huizhen.secure.sealing import Sealer
from huizhen.statistics.gathered import Gathered

if TYPE_CHECKING:
    from huizhen.node.agent import Agent
    from huizhen.node.runner import Sitting

_GIVEN = "extract:"
"""In the node's book: that a piece of a study's rows has left."""


def check_order(study: Study, grant: Grant, method: Method) -> None:
    """Raises Refused where a study that gives out rows is not, word for word, what the asker signed with the key that
    it signed its contract with."""
    if not method.delivers:
        return
    request, contract = study.request, governing(grant.legal, study.request)
    if contract is None:
        raise _refuse("rows-without-contract", "Rows are given out under a contract only, and there is none.",
                      "数据行仅在合同之下提供，而此处没有合同。")  # fmt: skip
    if request.recipient is None or not request.is_signed():
        raise _refuse("request-not-signed", "The study is not what the asker signed.", "该研究与申请方所签内容不符。")
    if contract.keys().get(request.asker) != request.recipient.key:
        raise _refuse("request-signed-by-another", "The study is signed with another key than the asker's contract.",
                      "该研究的签名密钥与申请方合同所用密钥不符。")  # fmt: skip


def prepare(agent: Agent, sitting: Sitting) -> Extracted | None:
    """The rows of a study that gives out any, made of those who consent at this moment: told by what they are like.
    Made before the first sum, so that a hospital which cannot says so in time. Raises Unable, and Refused where
    somebody in them is in rows that this asker has."""
    if not sitting.method.delivers:
        return None
    method, limits, request = cast(Extract, sitting.method), sitting.limits, sitting.study.request
    total, people = agent.runner.gathered(sitting)
    _check_apart(agent, sitting.study, people, sitting.earlier)
    whose = _whose(agent, sitting.study.id, people)
    kept = agent.extracts.kept(sitting.study.id, whose)
    if kept is not None:
        return kept
    k = max(method.asked.k, limits.min_cell, SMALLEST[request.release or "controlled"])
    rows = cast(Gathered, total).in_order()
    check_people(rows[:, -1].astype(np.int64), k)
    unknown = frozenset(agent.policy().unknown.get(request.dataset, ()))
    order = Order(
        sitting.study.id, request.asker, method.anonymisation(k, unknown), method.asked.watermark,
        _secret(agent, "rows"), stamp(agent.clock()),
    )  # fmt: skip
    return agent.extracts.make(order, as_table(rows, limits.dataset_schema, method.columns), whose)


def deliver(agent: Agent, body: dict[str, Any]) -> dict[str, Any]:
    """One piece of the rows, sealed to the asker; without a number only whether they may leave. Raises Refused."""
    name, number = body["study"], body.get("number")
    row, kept = agent.book.study(name), agent.book.inclusion(name)
    if row is None or kept is None or row["request"] is None:
        raise _refuse("no-rows-here", "No rows of this study are held here.", "此处未持有该研究的数据行。")
    study, people = Study.model_validate_json(row["request"]), kept[1]
    found = agent.extracts.kept(name, _whose(agent, name, people))
    if found is None:
        raise _refuse("no-rows-here", "No rows of this study are held here.", "此处未持有该研究的数据行。")
    _check_approved(agent, study, row["grant_digest"], body, found)
    _check_consents(agent, study, people)
    _check_apart(agent, study, people)
    assert study.request.recipient is not None
    if number is None:
        return {"pieces": found.pieces}
    if not 0 <= number < found.pieces:
        raise _refuse("no-such-piece", "There is no such piece of the rows.", "没有该编号的数据块。")
    agent.book.put(f"{_GIVEN}{name}", study.request.asker)
    to = bytes.fromhex(study.request.recipient.sealing)
    sealer = Sealer(_secret(agent, "sealing"), to, about(name, agent.name, found.sha256), found.pieces)
    sealed = sealer.seal(number, agent.extracts.piece(name, number))
    return {"number": number, "pieces": found.pieces, "sealed": sealed}


def given_in(agent: Agent, person: int, dataset: str) -> tuple[str, ...]:
    """Studies that gave out rows of a dataset with this person's among them, each behind its asker."""
    found = []
    for name, asker in sorted(agent.book.under(_GIVEN).items()):
        study = name.removeprefix(_GIVEN)
        row, kept = agent.book.study(study), agent.book.inclusion(study)
        if row is not None and row["dataset"] == dataset and kept is not None and person in kept[1]:
            found.append(f"{asker} {study}")
    return tuple(found)


def _check_approved(agent: Agent, study: Study, grant: str, body: dict[str, Any], found: Extracted) -> None:
    """Two reviewers approved exactly these rows, and the asker is on no list."""
    release, hub = Release.read(body["release"]), agent.hub()
    told = {each["node"]: each["sha256"] for each in (release.result or {}).get("hospitals", ())}
    if (release.study, release.grant) != (study.digest(), grant) or told.get(agent.name) != found.sha256:
        raise _refuse("another-release", "What was reviewed are other rows than those held here.",
                      "所审查的并非此处持有的数据行。")  # fmt: skip
    said = [Paper.read(p) for p in body["papers"]]
    review = papers.check_reviewed(study.id, study.request.asker, said, hub, agent.policy())
    if review.release != release.digest():
        raise _refuse("another-release", "What was reviewed are other rows than those held here.",
                      "所审查的并非此处持有的数据行。")  # fmt: skip
    today = day_of(agent.clock(), agent.policy().jurisdiction or agent.book.get("jurisdiction") or "CN")
    if standing(papers.kept(agent.book), today, [study.request.asker]):
        raise _refuse("asker-listed", "The asker is on the blacklist.", "申请方在黑名单上。")


def _check_consents(agent: Agent, study: Study, people: BitMap) -> None:
    use = agent.book.use(study.id)
    if use is None or people - agent.runner.consenting_to(use):
        raise Refused(
            "withdrawn-before-release",
            Text("Somebody whose row is among them has withdrawn consent since; none of these rows leave.",
                 "有人在此期间撤回同意，其数据行包含在内；这些数据行均不发出。"),
            Text("Run the study again: it is made anew, without them.", "请重新运行该研究：将剔除其数据后重新生成。"),
        )  # fmt: skip


def _check_apart(agent: Agent, study: Study, people: BitMap, earlier: tuple[str, ...] = ()) -> None:
    """Nobody is in two extracts of one asker: two that are joined tell more of a person than either promised, and two
    that differ by one person tell whose row it is. `earlier`: those that the hub counts as given as well."""
    given = [name.removeprefix(_GIVEN) for name, who in agent.book.under(_GIVEN).items() if who == study.request.asker]
    for name in {*given, *earlier} - {study.id}:
        use, kept = agent.book.use(name), agent.book.inclusion(name)
        if use is None or use.method != "extract" or kept is None or not kept[1] & people:
            continue
        raise Refused(
            "rows-given-before",
            Text(f"People of this cohort are in rows that the asker has from {name}; joined, the two would tell more "
                 "of them than either promised.",
                 f"该队列中有人已在申请方由 {name} 所得的数据行中；两者相连会泄露超出各自承诺的信息。"),
            Text("Use the rows you have, or ask for people who are not in them.",
                 "请使用已有的数据行，或选择其中没有的人群。"),
        )  # fmt: skip


def _whose(agent: Agent, study: str, people: BitMap) -> str:
    """A digest, by the study's own salt, of whose rows they are."""
    row = agent.book.study(study)
    assert row is not None
    return hashlib.sha256(row["salt"] + people.serialize()).hexdigest()


def _secret(agent: Agent, what: str) -> bytes:
    return hmac.digest((agent.folder / "pseudonym.key").read_bytes(), f"huizhen/extract/{what}".encode(), "sha256")


def _refuse(code: str, en: str, zh: str) -> HuizhenError:
    return Refused(
        code,
        Text(en, zh),
        Text("No row left the hospital. Ask the trustee why the hub sent this; `huizhen study sign` signs a study.",
             "没有数据行离开医院。请询问受托方中心为何发出该请求；签署研究用 `huizhen study sign`。"),
    )  # fmt: skip
