"""Checks on the cohort, from the census alone and before any method runs. A refusal never says how many there are."""

from __future__ import annotations

import math

from huizhen.kit.text import Text
from huizhen.model.census import Census
from huizhen.model.grant import Limits
from huizhen.model.release import Check
from huizhen.privacy.draft import found

LARGEST_HOSPITAL = 0.9
"""No hospital may hold more than this share of the people."""


def check_smallest_cohort(census: Census, limits: Limits) -> Check:
    """Refuse fewer than min_cell people."""
    name, least = "smallest-cohort", limits.min_cell
    if census.people < least:
        text = Text(
            f"The cohort holds fewer than {least} people. Widen its conditions, or ask more hospitals.",
            f"队列不足 {least} 人。请放宽条件，或邀请更多医院参与。",
        )
        return found(name, "refused", text)
    return found(name, "passed", Text(f"The cohort holds at least {least} people.", f"队列至少有 {least} 人。"))


def check_contributors(census: Census, limits: Limits) -> Check:
    """Refuse fewer than min_contributors hospitals with somebody in the cohort: of two, each learns the other's sum by
    taking away its own."""
    name, least = "contributors", limits.min_contributors
    if census.contributors < least:
        text = Text(
            f"Fewer than {least} hospitals have somebody in the cohort, so one could learn another's figures by taking "
            "away its own. Ask more hospitals, or widen the cohort.",
            f"队列中有患者的医院不足 {least} 家，其中一家可用总和减去自身数据而得知他人数据。"
            "请邀请更多医院，或放宽队列条件。",
        )
        return found(name, "refused", text)
    return found(name, "passed", Text(f"At least {least} hospitals contribute.", f"至少有 {least} 家医院贡献数据。"))


def largest_share(people: int, people_squared: int, contributors: int) -> float:
    """The largest share that one of `contributors` hospitals can hold, given the sum and the sum of squares of what
    each holds: mean + sqrt((k - 1) * variance) (Samuelson 1968, "How deviant can you be?", JASA 63). It is attained
    when the others are equal, and above one half no more than a few percent from the truth."""
    k = contributors
    mean = people / k
    variance = max(people_squared / k - mean * mean, 0.0)
    return min(1.0, (mean + math.sqrt((k - 1) * variance)) / people)


def check_one_hospital(census: Census, limits: Limits) -> Check:
    """Refuse unless it is certain that no hospital holds more than 90 % of the people.

    The (1, k) dominance rule (Hundepool et al. 2012, "Statistical Disclosure Control", chapter 4) with hospitals as
    contributors: beyond it the sum is in all but name one hospital's own figure, which is what the secure sum hides.
    Off where fewer than three hospitals are enough, since they have then agreed to be seen.
    """
    name, percent = "one-hospital", round(100 * LARGEST_HOSPITAL)
    if limits.min_contributors < 3:
        text = Text(
            "The hospitals have agreed that sums of single hospitals may be seen.",
            "各医院已同意可以看到单家医院的总和。",
        )
        return found(name, "off", text)
    if census.people < 1 or census.contributors < 1:
        return found(name, "off", Text("Nobody is in the cohort.", "队列中没有人。"))
    if largest_share(census.people, census.people_squared, census.contributors) > LARGEST_HOSPITAL:
        text = Text(
            f"One hospital may hold more than {percent} % of the people, so the sum would show that hospital's own "
            "figures. Ask more hospitals, or narrow the cohort to what several of them have.",
            f"可能有一家医院占总人数的 {percent}% 以上，总和将显露该院自身数据。"
            "请邀请更多医院，或将队列限定为多家医院共有的患者。",
        )
        return found(name, "refused", text)
    text = Text(f"No hospital holds more than {percent} % of the people.", f"没有一家医院占总人数的 {percent}% 以上。")
    return found(name, "passed", text)


def check_differencing(census: Census, limits: Limits) -> Check:
    """Refuse a cohort that differs from an earlier one of the same asker by one to min_cell - 1 people: the difference
    of two results would be a result on these few (tracker attack: Denning and Schlörer 1980, ACM TODS 5).

    Pairs only: three cohorts that together single somebody out are not seen; for askers of many overlapping cohorts,
    differential privacy is the protection that adds up. The refusal itself tells that the difference is small.
    """
    name, least = "differencing", limits.min_cell
    close = sorted(study for study, people in census.differences.items() if 0 < people < least)
    if close:
        text = Text(
            f"The cohort differs by fewer than {least} people from that of an earlier study ({', '.join(close)}), so "
            "the two results together would show these few. Use the earlier cohort as it was, or one that differs by "
            f"{least} people or more.",
            f"该队列与先前研究（{'、'.join(close)}）的队列相差不足 {least} 人，两次结果相减会显露这几个人。"
            f"请沿用先前的队列，或使其相差至少 {least} 人。",
        )
        return found(name, "refused", text)
    text = Text(
        f"No earlier cohort of this asker differs by one to {least - 1} people.",
        f"该申请方先前的队列均不与本队列相差 1 至 {least - 1} 人。",
    )
    return found(name, "passed", text)


def check_single_hospitals(census: Census, limits: Limits) -> Check:  # noqa: ARG001
    """Say whether each hospital tells something of itself beside its rows: where the deed pays by effect, one power of
    two (`Tally.misfit`). It is never a sum with a hospital set against one without it."""
    name = "single-hospitals"
    if limits.effect == "none":
        text = Text(
            "Of single hospitals nothing is told but how many people and rows they have, and their quality.",
            "除人数、行数与质量外，不透露任何单家医院的信息。",
        )
        return found(name, "off", text)
    text = Text(
        "Since the deed pays by effect, each hospital tells once whether its rows stray further from the joint model "
        "than chance takes them, and if so how far, in powers of two. Sums are opened over all hospitals only.",
        "由于契约按贡献付酬，各医院仅一次性报告其数据偏离联合模型是否超出随机范围；若超出，则以 2 的幂分档报告程度。"
        "求和仅对全部医院公开。",
    )
    return found(name, "passed", text)
