"""A hub that wants one hospital's own figures: it lies about who gives theirs away, or asks before a sum is opened."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from huizhen.cli.region import Region
from huizhen.kit.clock import stamp
from huizhen.model.study import Study
from huizhen.model.tally import Tally
from huizhen.path.link import Link
from huizhen.path.models import filled
from huizhen.path.propose import propose
from regions import make_region, patients, request, run

NODES = ("h0", "h1", "h2", "h3", "h4")
WITHHELD = "h4"
"""All others give their own figures: with theirs and the total, the hub would have this one's too."""


@pytest.fixture(scope="module")
def region(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Region]:
    made = make_region(tmp_path_factory.mktemp("own") / "r", patients(900, 5), waived=["own-figures"])
    for name in NODES:
        text = "own_figures: true\n" if name != WITHHELD else ""
        (made.folder / "nodes" / name / "policy.yaml").write_text(text)
    yield made
    made.close()


def granted(region: Region) -> tuple[Study, dict[str, Any]]:
    model = run(region, method="glm", params={"formula": "ill ~ age + sex", "family": "binomial"})["study"]
    road = region.road()
    asked = filled(road.store, request(method="evaluate", params={"model": model, "outcome": "ill"}))
    study = propose(asked, 0, stamp(datetime.now(UTC)))
    return study, road._authorise(study, road._link()).as_json()


def refusals(region: Region, study: Study, grant: dict[str, Any]) -> dict[str, str]:
    road = region.road()
    link = Link(road.federation, region.hub.key.sign, region.hub.store.node_keys())
    body = {"study": study.as_json(), "grant": grant, "earlier": list(road.store.earlier(study))}
    return {node: problem.code for node, problem in link.ask("open", dict.fromkeys(NODES, body)).refusals.items()}


def test_the_hub_learns_nothing_of_the_one_that_withholds_from_what_the_others_show(region: Region) -> None:
    model = run(region, method="glm", params={"formula": "ill ~ age", "family": "binomial"})["study"]
    found = run(region, method="evaluate", params={"model": model, "outcome": "ill"})
    assert found["status"] == "released" and set(found["own"].values()) == {None}


def test_a_hub_that_says_two_more_withhold_theirs_is_refused_by_these_two(region: Region) -> None:
    study, grant = granted(region)
    for p in grant["limits"]["participants"]:
        if p["name"] in ("h2", "h3"):
            p.pop("own_figures")
    assert refusals(region, study, grant) == {"h2": "own-figures-denied", "h3": "own-figures-denied"}


def test_a_hub_that_says_the_withholding_one_gives_its_own_is_refused_by_it(region: Region) -> None:
    study, grant = granted(region)
    for p in grant["limits"]["participants"]:
        p["own_figures"] = True
    assert refusals(region, study, grant) == {WITHHELD: "own-figures"}


def test_a_node_told_another_story_than_the_others_shows_nothing_before_a_sum_is_opened(
    region: Region,
) -> None:
    """The lie is told to one node only, which alone would believe it: no sum opens under two grants, and without one it
    shows nothing, whenever it is asked."""
    study, grant = granted(region)
    lie = {**grant, "limits": {**grant["limits"], "participants": [
        {k: v for k, v in p.items() if k != "own_figures" or p["name"] == "h0"} for p in grant["limits"]["participants"]
    ]}}  # fmt: skip
    road = region.road()
    link = Link(road.federation, region.hub.key.sign, region.hub.store.node_keys())
    body = {"study": study.as_json(), "grant": lie, "earlier": list(road.store.earlier(study))}
    assert not link.ask("open", {"h0": body}).refusals
    agent = region.agent("h0")
    sitting = agent._sittings[study.id]
    agent.runner.census(sitting)
    state = sitting.method.start()
    while sitting.own is None:
        step = sitting.method.combine(agent.runner.partial(sitting, state), state)
        state = getattr(step, "state", state)
    assert sitting.own.rows > 100
    told = Tally.read(link.ask("tally", {"h0": {"study": study.id}}).answers["h0"])
    assert told.own is None
