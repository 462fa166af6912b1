"""What `huizhen doctor` looks at: the machine, the hub, each node. Each finding is one line with its remedy."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from huizhen.cli import faults
from huizhen.cli.region import KEY_BYTES, check_there, node_names, opened, trusted
from huizhen.hub.verify import verify_hub
from huizhen.kit.clock import parse
from huizhen.kit.errors import HuizhenError, Tampered
from huizhen.kit.text import Text

if TYPE_CHECKING:
    from huizhen.cli.region import Region
    from huizhen.node.agent import Agent

_GIGABYTE = 1 << 30
_NONE = Text("", "")
_LATE_SECONDS = 60
_LATE_WITNESS_SECONDS = 3600
_MOST = 3
"""Findings on the ledger that are told one by one."""
_OF_HUB = ("hub.key", "hub.sqlite")
_OF_NODE = ("identity.key", "pseudonym.key", "node.sqlite", "policy.yaml")
_RESTORE = Text(
    "Keep a copy of the region's folder, then restore this part of it from a backup.",
    "请保留区域文件夹的副本，再从备份恢复这一部分。",
)


@dataclass(frozen=True)
class Found:
    ok: bool
    what: Text
    remedy: Text = _NONE

    def as_dict(self) -> dict[str, str | bool]:
        return {
            "ok": self.ok,
            "what": self.what.en,
            "what_zh": self.what.zh,
            "remedy": self.remedy.en,
            "remedy_zh": self.remedy.zh,
        }


def look(region: Path | None) -> list[Found]:
    """Everything found, good and bad; whatever is broken, the rest is still looked at."""
    return [*machine(region or Path()), *([] if region is None else _region(region))]


def machine(folder: Path) -> Iterator[Found]:
    """Whether this machine will do: Python's version, and room on the disk of `folder`."""
    version = ".".join(map(str, sys.version_info[:3]))
    yield Found(
        sys.version_info >= (3, 11),
        Text(f"Python {version}", f"Python {version}"),
        Text("Install Python 3.11 or newer.", "请安装 Python 3.11 或更新版本。"),
    )
    place = next(p for p in (folder.absolute(), *folder.absolute().parents) if p.exists())
    free = shutil.disk_usage(place).free
    yield Found(
        free > _GIGABYTE,
        Text(f"{free / _GIGABYTE:.1f} GB of disk free", f"磁盘剩余 {free / _GIGABYTE:.1f} GB"),
        Text("Free at least 1 GB.", "请至少留出 1 GB 空间。"),
    )


def _region(folder: Path) -> Iterator[Found]:
    try:
        check_there(folder)
    except HuizhenError as error:
        yield Found(False, error.what, error.remedy)
        return
    homes = {folder / "hub": _OF_HUB, **{folder / "nodes" / name: _OF_NODE for name in node_names(folder)}}
    gone = [home / name for home, names in homes.items() for name in names if not (home / name).exists()]
    for path in gone:
        yield Found(False, Text(f"{path} is missing", f"缺少 {path}"), _RESTORE)
    yield from _writable(homes)
    yield from _keys(homes)
    whole = [home for home in homes if not any(path.parent == home for path in gone)]
    if folder / "hub" in whole:
        yield from _safely(_hub(folder), Text("the hub", "中心"))
    if homes.keys() <= set(whole):
        yield from _safely(_ledger(folder), Text("the ledger", "账本"))
    for home in (h for h in whole if h != folder / "hub"):
        yield from _safely(_node(home), Text(f"node {home.name}", f"节点 {home.name}"))


def _safely(findings: Iterator[Found], whose: Text) -> Iterator[Found]:
    """The findings, the last of them what stopped the search."""
    try:
        yield from findings
    except HuizhenError as error:
        yield _stopped(error, whose)
    except Exception as fault:
        known = faults.foreseen(fault)
        if known is not None:
            yield _stopped(known, whose)
            return
        kind = type(fault).__name__
        yield Found(
            False,
            Text(f"{whose.en} cannot be read ({kind})", f"{whose.zh}无法读取（{kind}）"),
            _RESTORE,
        )


def _stopped(error: HuizhenError, whose: Text) -> Found:
    remedy = _RESTORE if isinstance(error, Tampered) else error.remedy
    return Found(False, Text(f"{whose.en}: {error.what.en}", f"{whose.zh}：{error.what.zh}"), remedy)


def _writable(homes: Iterable[Path]) -> Iterator[Found]:
    shut = [p for home in homes for p in (home, *sorted(home.iterdir())) if not os.access(p, os.R_OK | os.W_OK)]
    if not shut:
        yield Found(True, Text("every folder can be written", "所有文件夹均可写"))
    for path in shut:
        yield Found(
            False,
            Text(f"{path} cannot be written", f"{path} 不可写"),
            Text(f"Run: chmod u+rw {path}", f"请运行：chmod u+rw {path}"),
        )


def _keys(homes: Iterable[Path]) -> Iterator[Found]:
    """Whether every key is whole, and readable by nobody else."""
    keys = [k for home in homes for k in sorted(home.glob("*.key"))]
    for key in (k for k in keys if k.stat().st_size != KEY_BYTES):
        yield Found(False, Text(f"{key} is not a key any more", f"{key} 已不是有效密钥"), _RESTORE)
    loose = [k for k in keys if k.stat().st_mode & 0o077]
    if not loose:
        yield Found(True, Text(f"{len(keys)} keys, readable by their owner only", f"{len(keys)} 个密钥，仅属主可读"))
    for key in loose:
        yield Found(
            False,
            Text(f"{key} can be read by others", f"{key} 可被他人读取"),
            Text(f"Run: chmod 600 {key}", f"请运行：chmod 600 {key}"),
        )


def _hub(folder: Path) -> Iterator[Found]:
    with opened(folder) as region:
        studies = region.hub.store.studies()
        yield Found(True, Text(f"the hub opens: {len(studies)} studies", f"中心可打开：{len(studies)} 项研究"))
        for study, status in studies:
            if status in {"running", "settling"}:
                title = study.request.title
                yield Found(
                    False,
                    Text(f"study {study.id} was cut off ({title})", f"研究 {study.id} 中断（{title}）"),
                    Text(
                        "Run the same STUDY.yaml again: it goes on where it stopped.",
                        "请再次运行同一 STUDY.yaml：会从中断处继续。",
                    ),
                )
        here = set(node_names(folder))
        for name in sorted(set(region.hub.store.node_keys()) - here):
            yield Found(
                False,
                Text(f"node {name} is enrolled, but its folder is gone", f"节点 {name} 已登记，但其文件夹不见了"),
                _RESTORE,
            )
        yield from witnessed(region.desk.standing())
        yield from _clock(region)
        yield from _agreement(region)
        from huizhen.cli import checkup_nats

        yield from checkup_nats.look(region.hub)


def witnessed(standing: dict[str, Any]) -> Iterator[Found]:
    """Whether outside witnesses co-sign in time, where some are enrolled or asked for."""
    if not standing["needed"]:
        return
    behind = sorted(w["name"] for w in standing["witnesses"] if w["entries"] < standing["entries"])
    late = standing["late_seconds"]
    waiting = Text(
        f"waiting for witnesses: {standing['waiting']} entries, for {late / 60:.0f} min",
        f"等待见证：{standing['waiting']} 条，已等 {late / 60:.0f} 分钟",
    )
    yield Found(
        late < _LATE_WITNESS_SECONDS,
        waiting
        if standing["waiting"]
        else Text(f"witnessed by {standing['needed']} or more", f"已由至少 {standing['needed']} 个见证方联署"),
        Text(
            f"Not up to date: {', '.join(behind) or 'none is enrolled'}. Ask them for `huizhen witness show`.",
            f"尚未跟上：{'、'.join(behind) or '尚未登记'}。请其运行 `huizhen witness show`。",
        ),
    )


def _tables(path: Path) -> set[str]:
    """Names of the tables in a node's file of rows; no row is read."""
    import duckdb

    if not path.exists():
        return set()
    with duckdb.connect(str(path), read_only=True) as connection:
        return {str(name) for (name,) in connection.execute("SHOW TABLES").fetchall()}


def _clock(region: Region) -> Iterator[Found]:
    last = region.hub.store.leaves()[-1:]
    if last:
        behind = (parse(json.loads(last[0])["at_utc"]) - datetime.now(UTC)).total_seconds()
        yield Found(
            behind < _LATE_SECONDS,
            Text("the clock agrees with the ledger", "时钟与账本一致")
            if behind < _LATE_SECONDS
            else Text(f"the clock is {behind:.0f} s behind the last entry", f"时钟比最后一条记录慢 {behind:.0f} 秒"),
            Text("Set the clock of this machine.", "请校准本机时钟。"),
        )


def _agreement(region: Region) -> Iterator[Found]:
    """Whether the holders of each dataset agree on its columns, and are enough for a secure sum."""
    from huizhen.model.agreement import agree

    cards = region.hub.store.cards()
    for name in sorted({c.name for c in cards}):
        held = [c for c in cards if c.name == name]
        try:
            agree(held)
        except HuizhenError as error:
            yield _stopped(error, Text(f"dataset {name}", f"数据集 {name}"))
            continue
        few = len(held) < 3
        yield Found(
            not few,
            Text(
                f"dataset {name}: {len(held)} holders, who agree on its columns",
                f"数据集 {name}：{len(held)} 家持有，列定义一致",
            ),
            Text(
                "A secure sum needs three: add the dataset at more nodes.",
                "安全求和至少需要三家：请在更多节点添加该数据集。",
            )
            if few
            else _NONE,
        )


def _ledger(folder: Path) -> Iterator[Found]:
    if not node_names(folder):
        yield Found(
            False,
            Text("there is no node yet", "尚无节点"),
            Text(f"huizhen node add NAME --region {folder}", f"huizhen node add 名称 --region {folder}"),
        )
        return
    hub, witnesses = trusted(folder)
    entries, wrong = verify_hub(folder / "hub", hub, witnesses)
    if not wrong:
        yield Found(True, Text(f"the ledger holds: {entries} entries", f"账本完好：{entries} 条"))
    for text in wrong[:_MOST]:
        yield Found(
            False,
            text,
            Text(
                "If a command was cut off, run it again; else keep a copy of the folder as evidence.",
                "若有命令中断，请重新运行；否则请保留文件夹副本作为证据。",
            ),
        )
    if len(wrong) > _MOST:
        yield Found(
            False,
            Text(f"the ledger: {len(wrong) - _MOST} findings more", f"账本：另有 {len(wrong) - _MOST} 处问题"),
            Text("`huizhen ledger verify` lists them.", "`huizhen ledger verify` 会逐条列出。"),
        )


def _node(home: Path) -> Iterator[Found]:
    from huizhen.adapters.warehouse import kept
    from huizhen.intake.document import read_yaml
    from huizhen.model.policy import Policy
    from huizhen.node.agent import Agent

    name = home.name
    read_yaml(home / "policy.yaml", Policy)
    with closing(Agent(home)) as agent:
        cards = agent.book.cards()
        held = ", ".join(c.name for c in cards)
        away = {c.name for c in cards if kept(home, c.name) is not None}
        for dataset in sorted(away):
            yield from _away(agent, dataset)
        lost = sorted({f"data/{c.name}" for c in cards if c.name not in away} - _tables(home / "node.duckdb"))
        for table in lost:
            dataset = table.removeprefix("data/")
            yield Found(
                False,
                Text(f"node {name}: the rows of {dataset} are gone", f"节点 {name}：{dataset} 的数据行不见了"),
                Text("Add the dataset again.", "请重新添加该数据集。"),
            )
        yield Found(
            bool(cards),
            Text(
                f"node {name}: policy reads; datasets: {held or 'none'}",
                f"节点 {name}：策略可读；数据集：{held or '无'}",
            ),
            Text(f"huizhen dataset add NAME --node {name} --from FILE --subject COLUMN",
                 f"huizhen dataset add 名称 --node {name} --from 文件 --subject 列名"),
        )  # fmt: skip
        yield from _care(agent)
        yield from _corrections(agent)
        log = agent.folder / "node.log"
        if log.exists():
            yield Found(
                False,
                Text(f"node {name}: a defect was noted in {log}", f"节点 {name}：{log} 中记有缺陷"),
                Text("Send it to the developers, then remove it.", "请发给开发者，然后删除。"),
            )


def _care(agent: Agent) -> Iterator[Found]:
    """Whether every record that was opened in an emergency has been reviewed in time, and the wordings can be read."""
    from huizhen.intake.wording import read_wordings
    from huizhen.node.care import overdue

    read_wordings(agent.folder / "wording")
    late = len(overdue(agent))
    if late:
        yield Found(
            False,
            Text(f"node {agent.name}: {late} reviews of opened records are overdue",
                 f"节点 {agent.name}：{late} 次紧急访问逾期未复核"),
            Text(f"Run: huizhen care review list --node {agent.name}",
                 f"请运行：huizhen care review list --node {agent.name}"),
        )  # fmt: skip


def _corrections(agent: Agent) -> Iterator[Found]:
    """Whether every correction that a person asked for was decided and made in time."""
    from huizhen.node.correction import overdue

    late = len(overdue(agent))
    if late:
        yield Found(
            False,
            Text(f"node {agent.name}: {late} corrections are overdue", f"节点 {agent.name}：{late} 项更正逾期"),
            Text(f"Run: huizhen patient corrections --node {agent.name}",
                 f"请运行：huizhen patient corrections --node {agent.name}"),
        )  # fmt: skip


def _away(agent: Agent, dataset: str) -> Iterator[Found]:
    """Whether a dataset that stays in a warehouse can be read there; no row is read."""
    said = Text(f"node {agent.name}: dataset {dataset}, in its warehouse", f"节点 {agent.name}：数据仓库中的 {dataset}")
    try:
        agent.runner.tables.of(dataset)
    except HuizhenError as error:
        yield _stopped(error, said)
        return
    yield Found(True, said, _NONE)
