"""What goes out beside a result: rows, sealed to the asker. What is told of them, and how the hub fetches them.

They are fetched between the approval and the release: the study is released when all of them are here. The hub keeps
what it cannot read; no ledger has it, but the digest of each hospital's rows is in the release that was reviewed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from huizhen.kit import wire
from huizhen.kit.clock import Clock, parse
from huizhen.kit.errors import Conflict, HuizhenError, Unable
from huizhen.kit.text import Text
from huizhen.model.result import Result, Rows
from huizhen.model.study import Study
from huizhen.model.tally import Tally
from huizhen.path import record
from huizhen.path.link import Link
from huizhen.path.ports import Store
from huizhen.path.review import reviewed
from huizhen.secure.advert import framed


def about(study: str, node: str, sha256: str) -> bytes:
    """What sealed rows are bound to."""
    return framed(study, node, sha256)


def with_rows(result: Result, tallies: Sequence[Tally]) -> Result:
    """The result with what each hospital says of its rows, and what of that the guard has to look at. Raises Unable
    where one says nothing."""
    told, exposed = [], []
    for tally in tallies:
        rows = tally.extract
        if rows is None:
            raise Unable(
                "no-rows-made",
                Text(f"{tally.node} has made no rows.", f"{tally.node} 没有生成数据行。"),
                Text("Run the study again.", "请重新运行该研究。"),
            )
        told.append({"node": tally.node, **{k: v for k, v in rows.as_json().items() if k != "trail"}})
        broken = tuple(" ".join(filter(None, (a.attack, a.column))) for a in rows.attacks if not a.held)
        exposed.append(Rows(tally.node, rows.smallest_class, rows.promised, broken))
    return replace(result, values={**result.values, "hospitals": told}, exposures=(*result.exposures, *exposed))


def fetch(store: Store, study: Study, journal: Mapping[str, Any], link: Link) -> HuizhenError | None:
    """Fetch the sealed rows that are not here yet; what is missing, if anything is. First every hospital is asked
    whether its rows may leave, so that none gives any where another does not. Raises what a hospital refuses with."""
    tallies = [Tally.read(t) for t in journal["tallies"]]
    pieces = {t.node: t.extract.pieces for t in tallies if t.extract is not None}
    there = store.pieces(study.id)
    wanted = {n: [i for i in range(many) if i not in there.get(n, ())] for n, many in pieces.items()}
    wanted = {n: left for n, left in wanted.items() if left}
    if not wanted:
        return None
    said = {"study": study.id, "release": journal["release"], **reviewed(store, study)}
    shown = {key: wire.once(value) for key, value in said.items()}
    silent = set(wanted) - set(_asked(link, dict.fromkeys(wanted, shown)))
    for i in range(0 if silent else max(map(len, wanted.values()))):
        due = {n: left[i] for n, left in wanted.items() if i < len(left)}
        heard = _asked(link, {n: {**shown, "number": number} for n, number in due.items()})
        with store.record() as r:
            for node, answer in heard.items():
                r.put_piece(study.id, node, due[node], answer["sealed"])
        silent |= set(due) - set(heard)
    if not silent:
        return None
    en, zh = ", ".join(sorted(silent)), "、".join(sorted(silent))
    return Conflict(
        "rows-not-fetched",
        Text(f"It is approved, and the rows of {en} are not here yet: no answer.",
             f"已通过审查，{zh} 的数据行尚未取得：未应答。"),
        Text("Start that node; the study then goes on by itself.", "请启动该节点；研究随后自动继续。"),
    )  # fmt: skip


def expire(store: Store, clock: Clock) -> None:
    """Delete the sealed rows of every study that was released so many days ago as the region's settings say, and record
    it. Rows do not stay at a hub for ever, sealed or not."""
    kept = timedelta(days=store.settings().rows_kept_days)
    for study in store.given_out():
        released = store.journal(study).get("released_utc")
        if released is None or clock() < parse(released) + kept:
            continue
        with store.record() as r:
            pieces = r.drop_pieces(study)
            if pieces:  # two at once: one of them finds nothing
                record.rows_dropped(r, study, pieces)


def _asked(link: Link, bodies: Mapping[str, Any]) -> dict[str, Any]:
    heard = link.ask("deliver", bodies)
    for node, problem in heard.refusals.items():
        raise problem.at(node)
    return heard.answers
