"""Assess: a study's impact on the persons in it, written from the very facts that the gate decides by. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from huizhen import rules
from huizhen.kit.text import Text
from huizhen.model.assessment import Assessment, Degree, Measure, Opinion, Read, Risk, keep_until
from huizhen.model.breach import ROWS, governing
from huizhen.model.dataset import Dataset
from huizhen.model.method import Method
from huizhen.model.purpose import PURPOSES
from huizhen.model.rule import Facts
from huizhen.model.words import Words


def assess(
    facts: Facts, cards: Sequence[Dataset], method: Method, region: str, made_utc: str, opinion: Opinion | None = None
) -> Assessment:
    """The assessment of the request in these facts. `cards` are those of the holders that would take part."""
    legal, request = facts.legal, facts.request
    measures = tuple(_measures(facts, method))
    return Assessment(
        region=region,
        made_utc=made_utc,
        day=legal.today,
        keep_until=keep_until(legal.today),
        jurisdiction=legal.jurisdiction,
        request=request,
        party=facts.party,
        category=facts.category,
        columns=tuple(Read(name=c.name, label=c.label, grade=c.grade, sensitive=c.sensitive) for c in facts.columns),
        holders=facts.participants,
        rows=sum(c.rows for c in cards),
        subjects=sum(c.subjects for c in cards),
        triggers=tuple(Words.of(t) for t in _triggers(facts)),
        necessity=tuple(Words.of(t) for t in _necessity(facts, cards, method)),
        measures=measures,
        risks=tuple(_weighed(risk, measures) for risk in _risks(facts, method)),
        reasons=rules.ask("study", facts),
        opinion=opinion,
    )


def _triggers(facts: Facts) -> Iterator[Text]:
    """Of PIPL Art 55, one by one."""
    yield Text("Health data are sensitive personal information.", "健康数据属于敏感个人信息。")
    if facts.on_file("automated-decision") == "granted":
        yield Text("The asker decides about persons automatically.", "申请方用于对个人的自动化决策。")
    if facts.party is not None and facts.party.kind == "processor":
        yield Text("Processing is entrusted to the asker.", "委托申请方处理。")
    if facts.request.release == "public":
        yield Text("The result is published.", "结果将公开。")
    if facts.request.method == ROWS:
        yield Text("Anonymised rows are given to the asker.", "向申请方提供匿名化的数据行。")
    if facts.request.release == "enclave":
        yield Text("Records are opened to the asker in a protected room.", "在受控环境内向申请方开放记录。")
    if facts.abroad is not False:
        yield Text("The result goes abroad, or it is not known that it does not.", "结果出境，或不能确认不出境。")


def _necessity(facts: Facts, cards: Sequence[Dataset], method: Method) -> Iterator[Text]:
    every = max((len(c.table.columns) for c in cards), default=0)
    read = len(facts.columns)
    yield Text(
        f"Of {every} columns of the dataset {read} are read: those that method and cohort name, and no others.",
        f"数据集共 {every} 列，仅读取方法与队列所列的 {read} 列。",
    )
    if facts.request.cohort:
        yield Text(f"Only rows of the cohort are used: {facts.request.cohort}.",
                   f"仅使用队列内的记录：{facts.request.cohort}。")  # fmt: skip
    else:
        yield Text("No cohort narrows the rows: all records of consenting persons are used.",
                   "未限定队列：使用全部已同意者的记录。")  # fmt: skip
    yields = {
        "statistics": Text("statistics over all persons", "汇总统计量"),
        "model": Text("a model", "模型"),
        "extract": Text("records", "记录"),
    }[method.yields]
    yield Text(f"What comes out is {yields.en}; what the hub reads of the sums: {method.reveals.en}",
               f"产出为{yields.zh}；中心可读到的合计内容：{method.reveals.zh}")  # fmt: skip


def _measures(facts: Facts, method: Method) -> Iterator[Measure]:
    """Every measure there is, and whether it is in force in this study."""
    asked, legal = facts.request.protection, facts.legal
    contract = governing(legal, facts.request)
    agreed = contract is not None or facts.on_file("use-agreement") == "granted"
    route = ("standard-contract", "certification", "security-assessment", "safeguards")

    def measure(key: str, in_force: bool, en: str, zh: str) -> Measure:
        return Measure(key=key, in_force=in_force, what=Words(en=en, zh=zh))

    yield measure("consent", True, "Only persons whose consent covers purpose, data, recipient and method are read; a "
                  "withdrawal holds from the next round on.",
                  "仅读取同意范围涵盖用途、数据、接收方与方法的个人；撤回自下一轮起生效。")  # fmt: skip
    yield measure(
        "local", not method.delivers, "Records stay at their hospital; only sums leave it.",
        "记录不出院，仅求和结果离开医院。",
    )  # fmt: skip
    yield measure("rows", method.delivers, "Rows are anonymised and attacked at their hospital, approved by two, "
                  "sealed to the asker, and marked as its copy where columns are named for that.",
                  "数据行在医院内匿名化并经攻击检验，由两人审查通过，封装给申请方；指定列的加副本水印。")  # fmt: skip
    yield measure("masks", asked.secure_sum, "Sums are masked: the hub reads the total of all hospitals only.",
                  "求和加掩码：中心只能读到各医院合计。")  # fmt: skip
    yield measure("cells", True, f"No figure rests on fewer than {asked.min_cell} persons.",
                  f"任何数值所依据的人数不少于 {asked.min_cell} 人。")  # fmt: skip
    yield measure("differencing", True, "A cohort that differs from an earlier one by a few persons is refused.",
                  "与既往队列仅差少数人的队列予以拒绝。")  # fmt: skip
    noise = "" if asked.epsilon is None else f" (epsilon {asked.epsilon:g})"
    yield measure("noise", asked.epsilon is not None, f"Differentially private noise{noise}.", f"差分隐私噪声{noise}。")
    yield measure("rounding", asked.round_to is not None, "Counts are rounded.", "计数取整。")
    yield measure("membership", method.yields == "model" and method.is_fitted(), "A model is attacked before it is "
                  "released, and kept back where members can be told from it.",
                  "模型发布前先作成员推断攻击检验，可推断则不发布。")  # fmt: skip
    yield measure("nodes", True, "Each hospital checks grant, consents and every rule again before it reads a row.",
                  "各医院读取数据前重新核验授权、同意与全部规则。")  # fmt: skip
    yield measure("ledger", True, "Every step is on a ledger that hospitals and witnesses co-sign.",
                  "每一步均入账本，由医院与见证方联署。")  # fmt: skip
    yield measure("registered", facts.party is not None, "The asker is registered, and the blacklist is consulted.",
                  "申请方已登记，并核对黑名单。")  # fmt: skip
    yield measure(
        "contract", agreed, "A contract or an agreement of use binds the asker.", "申请方受合同或使用协议约束。"
    )
    yield measure(
        "guardians", facts.on_file("guardian-consent") == "granted", "The guardians consented.", "监护人已同意。"
    )
    yield measure("refusal", facts.on_file("refusal-route") == "granted",
                  "Persons get an explanation and a way to refuse.", "个人可获说明并可拒绝。")  # fmt: skip
    yield measure("route", any(facts.on_file(kind) == "granted" for kind in route),
                  "The transfer has a legal route on file.", "出境路径已备案。")  # fmt: skip


class _Draft(NamedTuple):
    key: str
    harm: Degree
    chance: Degree
    against: tuple[str, ...]
    what: Text


def _risks(facts: Facts, method: Method) -> Iterator[_Draft]:
    """Those that this study brings. Harm is severe where the data are genetic or of the strictest grade."""
    strictest = facts.genetic or any(c.grade == 5 for c in facts.columns)
    purpose = PURPOSES.get(facts.request.purpose)
    public = facts.request.release == "public"
    yield _Draft("person", 4 if strictest else 3, 4 if public else 3,
                 ("local", "cells", "differencing", "noise", "rounding"),
                 Text("A person is recognised in the result.", "从结果中识别出个人。"))  # fmt: skip
    yield _Draft("hospital", 2, 3, ("masks", "cells"),
                 Text("A hospital's own figures become known.", "某家医院自身的数值被知悉。"))  # fmt: skip
    yield _Draft("purpose", 3, 3 if purpose is None or purpose.for_profit else 2,
                 ("contract", "registered", "nodes", "ledger"),
                 Text("The result is used for something else.", "结果被用于其他目的。"))  # fmt: skip
    yield _Draft("control", 2, 3, ("consent", "nodes", "ledger"),
                 Text("Persons lose control over the use of their data.", "个人对其数据的使用失去控制。"))  # fmt: skip
    yield _Draft("theft", 4 if strictest else 3, 2, ("local", "masks", "ledger"),
                 Text("Data are stolen in transit or from the hub.", "数据在传输中或自中心被窃取。"))  # fmt: skip
    if method.yields == "model":
        yield _Draft("memory", 3, 3, ("membership", "noise"),
                     Text("Who was in the training can be told from the model.", "可从模型推断训练成员。"))  # fmt: skip
    if facts.on_file("automated-decision") == "granted" or (facts.party and facts.party.kind == "insurer"):
        yield _Draft("unfair", 4, 3, ("refusal", "contract"),
                     Text("Persons are decided about unfairly.", "个人受到不公平的决策。"))  # fmt: skip
    if facts.abroad is not False:
        yield _Draft("abroad", 3, 3, ("route", "contract", "cells"),
                     Text("Abroad the result is beyond the reach of the persons' rights.",
                          "结果出境后个人权利难以行使。"))  # fmt: skip
    if facts.on_file("children-included") == "granted":
        yield _Draft("children", 4, 2, ("guardians", "cells"),
                     Text("Children are harmed.", "儿童权益受损。"))  # fmt: skip


def _weighed(draft: _Draft, measures: Sequence[Measure]) -> Risk:
    """Each measure in force takes one degree off how likely it is, down to the lowest."""
    force = {m.key for m in measures if m.in_force}
    held = tuple(key for key in draft.against if key in force)
    left = max(1, draft.chance - len(held))
    return Risk.read({
        "key": draft.key,
        "what": Words.of(draft.what).as_json(),
        "harm": draft.harm,
        "chance": draft.chance,
        "measures": held,
        "missing": [key for key in draft.against if key not in force],
        "left": left,
    })  # fmt: skip
