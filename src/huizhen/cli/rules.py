"""rules export, check: the law gate as policies of another engine, and that both answer alike."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from huizhen.cli.common import JsonFlag
from huizhen.cli.program import Command, new_group
from huizhen.cli.voice import VOICE
from huizhen.kit.errors import NotFound
from huizhen.kit.text import Text

app = new_group("The law gate's rules, for other engines.")
CedarOption = Annotated[Path, typer.Option("--cedar", metavar="DIR", help="Folder of the Cedar files.")]
POLICIES, SCHEMA, CASES, ENTITIES = "rules.cedar", "rules.cedarschema", "cases.json", "entities.json"
DIFFER = 8
_SHOWN = 10


@app.command("export", cls=Command)
def export(cedar: CedarOption, as_json: JsonFlag = False) -> None:
    """Write all rules as Cedar policies, with their schema, and the casebook as requests with the verdict of each. They
    are traced from the rules themselves.

    Example: `huizhen rules export --cedar policies`
    """
    from huizhen import rules
    from huizhen.adapters.cedar import worked_out
    from huizhen.adapters.cedar_trace import outside as answered

    cedar.mkdir(parents=True, exist_ok=True)
    files = _files()
    for name, text in files.items():
        (cedar / name).write_text(text, encoding="utf-8")
    outside = [{"fact": fact, "why": why} for fact, why in worked_out()]
    if as_json:
        VOICE.json(
            {"folder": str(cedar), "rules": len(rules.names()), "worked_out": outside, "outside": list(answered())}
        )
        return
    VOICE.say(f"{len(rules.names())} rules written to {cedar}.", f"{len(rules.names())} 条规则已写入 {cedar}。")
    VOICE.say(
        f"Facts that Cedar cannot compute, and that a request has to bring: {len(outside)}. Rules whose answer a "
        f"request has to bring: {', '.join(answered())}.",
        f"Cedar 无法计算、须由请求给出的事实：{len(outside)} 项。须由请求给出结论的规则：{'、'.join(answered())}。",
    )


def _files() -> dict[str, str]:
    from huizhen.adapters import cedar

    cases = _cases()
    ends = {json.dumps(case["request"][end]) for case in cases for end in ("principal", "resource")}
    entities = [{"uid": json.loads(end), "attrs": {}, "parents": []} for end in sorted(ends)]
    return {
        POLICIES: cedar.policies(),
        SCHEMA: cedar.schema(),
        CASES: json.dumps(cases, ensure_ascii=False, indent=1) + "\n",
        ENTITIES: json.dumps(entities, ensure_ascii=False, indent=1) + "\n",
    }


def _cases() -> list[dict[str, Any]]:
    """Every case of every casebook, with the verdict of its own rule and of all together."""
    from huizhen import rules
    from huizhen.adapters.cedar_trace import request
    from huizhen.model.grant import verdict

    return [
        {
            "rule": rule.id,
            "story": case.story,
            "verdict": case.verdict,
            "gate": verdict(rules.ask(rule.about, case.facts)),
            "request": request(rule.about, case.facts),
        }
        for name, rule in zip(rules.names(), rules.all_rules(), strict=True)
        for case in rules.cases(name)
    ]


@app.command("check", cls=Command)
def check(cedar: CedarOption, as_json: JsonFlag = False) -> None:
    """Put every case of the casebook to Cedar, with the policies in a folder, and compare each rule's answer and the
    verdict with ours. Exit code 8 where they differ, or where the files are not what this version exports.

    Example: `huizhen rules check --cedar policies`
    """
    from huizhen import rules
    from huizhen.adapters.cedar import Engine
    from huizhen.model.grant import verdict

    said = {name: _read(cedar / name) for name in (POLICIES, SCHEMA)}
    engine, wrong, count = Engine(said[POLICIES], said[SCHEMA]), list[tuple[str, str]](), 0
    for name, rule in zip(rules.names(), rules.all_rules(), strict=True):
        for case in rules.cases(name):
            ours = rules.ask(rule.about, case.facts)
            same = engine.answers(rule.about, case.facts) == {r.rule: r.verdict for r in ours}
            if not same or engine.decide(rule.about, case.facts) != verdict(ours):
                wrong.append((rule.id, case.story))
            count += 1
    current = _files()
    stale = [name for name in said if said[name] != current[name]]
    _tell(count, wrong, stale, as_json)
    if wrong or stale:
        raise typer.Exit(DIFFER)


def _read(path: Path) -> str:
    if not path.is_file():
        raise NotFound(
            "no-policies",
            Text(f"There is no file {path}.", f"没有文件 {path}。"),
            Text(
                "Write it with `huizhen rules export --cedar DIR`.", "请用 `huizhen rules export --cedar 文件夹` 写出。"
            ),
        )
    return path.read_text(encoding="utf-8")


def _tell(count: int, wrong: list[tuple[str, str]], stale: list[str], as_json: bool) -> None:
    if as_json:
        listed = [{"rule": rule, "story": story} for rule, story in wrong]
        VOICE.json({"ok": not wrong and not stale, "cases": count, "differ": listed, "stale": stale})
        return
    if not wrong:
        VOICE.say(f"Cedar answers {count} cases as the rules do.", f"Cedar 对 {count} 个案例的回答与规则一致。")
    else:
        VOICE.say(f"Cedar answers {len(wrong)} of {count} cases otherwise than the rules.",
                  f"{count} 个案例中有 {len(wrong)} 个，Cedar 的回答与规则不同。", "bold red")  # fmt: skip
    for rule, story in wrong[:_SHOWN]:
        VOICE.say(f"- {rule}: {story}", f"- {rule}：{story}")
    for name in stale:
        VOICE.say(f"{name} is not what this version exports.", f"{name} 与本版本导出的内容不同。", "red")
