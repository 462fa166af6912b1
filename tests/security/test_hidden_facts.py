"""A hub that hides a fact of law, or bends one, is refused by the node as far as the node can know better.

Each case takes an honest grant for a registered party, changes one fact in the hub's favour, signs it with the hub's
real key and sends it to one node.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from huizhen.adapters.register import put_act, put_party
from huizhen.cli.region import Region
from huizhen.kit.clock import stamp, utc_now
from huizhen.kit.errors import Refused
from huizhen.model.party import Act, Party
from huizhen.model.study import Study
from huizhen.path.link import Link
from huizhen.path.propose import propose
from regions import make_region, patients, request, run

LEAVE = ("standard-contract", "impact-assessment", "export-consent")


@pytest.fixture(scope="module")
def region(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Region]:
    made = make_region(tmp_path_factory.mktemp("law") / "r", patients(240, 3))
    made.hub.touch()
    abroad = {"name": "acme", "kind": "academic", "jurisdiction": "SG", "foreign_controlled": True, "contact": "x"}
    home = {**abroad, "name": "home", "jurisdiction": "CN", "foreign_controlled": False}
    with made.hub.store.record() as record:
        put_party(record, Party.read(abroad))
        put_party(record, Party.read(home))
        for kind in LEAVE:
            put_act(record, Act.read({"kind": kind, "party": "acme", "from_day": "2020-01-01"}))
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _open_policy(region: Region) -> None:
    policy(region, "")


def policy(region: Region, text: str) -> None:
    (region.folder / "nodes" / "h0" / "policy.yaml").write_text(text)


def open_with(region: Region, change: Callable[[dict[str, Any]], None], **asked: Any) -> None:
    road = region.road()
    study: Study = propose(request(**asked), 0, stamp(utc_now()))
    grant = road._authorise(study, road._link()).as_json()
    assert grant["verdict"] == "allow"
    change(grant)
    link = Link(road.federation, region.hub.key.sign, region.hub.store.node_keys())
    heard = link.ask(
        "open", {"h0": {"study": study.as_json(), "grant": grant, "earlier": list(region.hub.store.earlier(study))}}
    )
    for problem in heard.refusals.values():
        raise problem


def refused(region: Region, change: Callable[[dict[str, Any]], None], **asked: Any) -> str:
    with pytest.raises(Refused) as caught:
        open_with(region, change, **asked)
    return caught.value.code


def honest(_grant: dict[str, Any]) -> None:
    pass


def hide_party(grant: dict[str, Any]) -> None:
    grant["legal"].update(party=None, register_kept=False)


def say_domestic(grant: dict[str, Any]) -> None:
    grant["legal"]["party"].update(jurisdiction="CN", foreign_controlled=False)


def of_another(grant: dict[str, Any]) -> None:
    grant["legal"]["party"].update(name="home", jurisdiction="CN", foreign_controlled=False)
    grant["legal"]["register_kept"] = False


def no_facts(grant: dict[str, Any]) -> None:
    grant["legal"] = None


def other_law(grant: dict[str, Any]) -> None:
    grant["legal"]["jurisdiction"] = "SG"


def an_act_short(grant: dict[str, Any]) -> None:
    grant["legal"]["acts"] = [a for a in grant["legal"]["acts"] if a["kind"] != "standard-contract"]


def an_act_that_ended(grant: dict[str, Any]) -> None:
    grant["legal"]["today"] = "2020-06-01"
    for act in grant["legal"]["acts"]:
        act["until_day"] = "2020-12-31"


def nothing_sent(grant: dict[str, Any]) -> None:
    grant["legal"]["exported"] = []


def test_an_honest_grant_is_taken(region: Region) -> None:
    open_with(region, honest, title="honest abroad")
    open_with(region, honest, title="honest at home", asker="home")


def test_domestic_only_refuses_who_is_not_shown_to_be_domestic(region: Region) -> None:
    policy(region, "domestic_only: true\n")
    assert refused(region, honest, title="abroad") == "domestic-only"
    assert refused(region, hide_party, title="hidden") == "domestic-only"
    open_with(region, honest, title="at home", asker="home")


def test_a_foreign_flag_taken_off_is_noticed_by_the_hospital_that_knows_the_asker(region: Region) -> None:
    policy(region, "askers_foreign: [acme]\n")
    assert refused(region, say_domestic, title="said to be domestic") == "foreign-asker-hidden"
    assert refused(region, hide_party, title="hidden again") == "foreign-asker-hidden"
    open_with(region, honest, title="not hidden")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (of_another, "facts-of-another"),
        (no_facts, "facts-missing"),
        (an_act_short, "law-not-met"),
        (an_act_that_ended, "law-not-met"),
    ],
)
def test_facts_that_do_not_carry_the_grant_are_refused(
    region: Region, change: Callable[[dict[str, Any]], None], code: str
) -> None:
    assert refused(region, change, title=code) == code


def test_another_law_than_the_hospitals_is_refused(region: Region) -> None:
    policy(region, "jurisdiction: CN\n")
    assert refused(region, other_law, title="another law") == "jurisdiction-changed"


def test_persons_left_out_of_the_count_are_noticed_by_the_hospital_they_are_of(region: Region) -> None:
    assert run(region, title="counted")["status"] == "released"
    open_with(region, honest, title="counted on")
    assert refused(region, nothing_sent, title="counted anew") == "export-undercounted"


def test_the_refusal_ends_the_study_and_says_why(region: Region) -> None:
    policy(region, "domestic_only: true\n")
    found = run(region, title="refused by one hospital")
    assert found["status"] == "denied" and found["problem"]["code"] == "domestic-only"
    assert isinstance(found["problem"]["message_zh"], str)
