"""A hub that widens what was granted, in any way, is refused by the node, and the refusal is on the ledger.

Each case takes an honest grant, changes one thing in the hub's favour, signs it with the hub's real key and sends it.
"""

from __future__ import annotations

import ast
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from huizhen import methods
from huizhen.cli.region import Region
from huizhen.kit.clock import stamp
from huizhen.kit.errors import HuizhenError, Refused
from huizhen.kit.keys import SigningKey
from huizhen.ledger.story import read_leaf
from huizhen.model.grant import Grant
from huizhen.model.study import Study
from huizhen.path import message, run
from huizhen.path.link import HUB, Link
from huizhen.path.propose import propose
from regions import load, make_region, patients, request

Change = Callable[[dict[str, Any]], None]


@pytest.fixture(scope="module")
def region(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Region]:
    made = make_region(tmp_path_factory.mktemp("checks") / "r", patients(90, 4))
    yield made
    made.close()


ASKED = request(
    method="histogram", params={"column": "age", "edges": [20, 50, 90]}, cohort="age > 30",
    participants=["h0", "h1", "h2"], protection={"min_cell": 12, "epsilon": 0.5},
)  # fmt: skip


def granted(region: Region) -> tuple[Study, dict[str, Any]]:
    study = propose(ASKED, 0, stamp(datetime.now(UTC)))
    road = region.road()
    return study, road._authorise(study, road._link()).as_json()


def ask_open(region: Region, study: Study, grant: dict[str, Any], key: SigningKey | None = None) -> None:
    road = region.road()
    link = Link(road.federation, (key or region.hub.key).sign, region.hub.store.node_keys())
    heard = link.ask("open", {"h0": {"study": study.as_json(), "grant": grant, "earlier": []}})
    for problem in heard.refusals.values():
        raise problem


def limits(**changes: Any) -> Change:
    return lambda grant: grant["limits"].update(changes)


def add_participant(grant: dict[str, Any]) -> None:
    grant["limits"]["participants"].append({"name": "h3", "key": "ab" * 32, "consent_epoch": 0})


def drop_this_node(grant: dict[str, Any]) -> None:
    grant["limits"]["participants"] = [p for p in grant["limits"]["participants"] if p["name"] != "h0"]


def swap_own_key(grant: dict[str, Any]) -> None:
    grant["limits"]["participants"][0]["key"] = SigningKey(b"\1" * 32).public.hex()


def one_participant_twice(grant: dict[str, Any]) -> None:
    ps = grant["limits"]["participants"]
    ps[2] = {**ps[1], "name": "h2"}


def newer_epoch(grant: dict[str, Any]) -> None:
    grant["limits"]["participants"][0]["consent_epoch"] += 1


def usable_identifier(grant: dict[str, Any]) -> None:
    for column in grant["limits"]["dataset_schema"]["columns"]:
        column["identifier"] = False


def lower_grade(grant: dict[str, Any]) -> None:
    for column in grant["limits"]["dataset_schema"]["columns"]:
        column["grade"] = 1


def text_made_usable(grant: dict[str, Any]) -> None:
    for column in grant["limits"]["dataset_schema"]["columns"]:
        if column["type"] == "text":
            column.update(type="category", levels=["P1", "P2"])


def drop_a_column(grant: dict[str, Any]) -> None:
    grant["limits"]["dataset_schema"]["columns"].pop()


def deny_turned_allow(grant: dict[str, Any]) -> None:
    grant["reasons"][0]["verdict"] = "deny"


def no_reasons(grant: dict[str, Any]) -> None:
    grant["reasons"] = []


WIDENED: dict[str, Change] = {
    "another cohort": limits(cohort='"age" > 0'),
    "no cohort": limits(cohort=None),
    "another purpose": limits(purpose="GRU"),
    "another method": limits(method="describe"),
    "other code of the method": limits(method_code="0" * 64),
    "another version of the method": limits(method_version="2"),
    "more columns": limits(columns=["age", "sex"]),
    "an identifier column": limits(columns=["age", "patient"]),
    "a smaller cell": limits(min_cell=3),
    "no masks": limits(secure_sum=False),
    "fewer contributors": limits(min_contributors=1),
    "less noise": limits(epsilon=5.0),
    "no noise": limits(epsilon=None),
    "more rounds": limits(max_rounds=10_000),
    "a smaller quorum": limits(quorum=0),
    "a quorum of more than there are": limits(quorum=99),
    "a deadline put off": limits(expires_utc=stamp(datetime.now(UTC) + timedelta(days=1))),
    "an expired grant": limits(expires_utc=stamp(datetime.now(UTC) - timedelta(days=1))),
    "a participant nobody asked for": add_participant,
    "this node left out": drop_this_node,
    "another key for this node": swap_own_key,
    "the same key twice": one_participant_twice,
    "an epoch from the future": newer_epoch,
    "identifiers made usable": usable_identifier,
    "a lower grade": lower_grade,
    "free text made a category": text_made_usable,
    "another set of columns": drop_a_column,
    "a reason that denies": deny_turned_allow,
    "no reason at all": no_reasons,
    "a verdict of needs": lambda grant: grant.update(verdict="needs"),
    "a grant for another study": lambda grant: grant.update(study="0" * 64),
}


def test_the_honest_grant_is_accepted(region: Region) -> None:
    ask_open(region, *granted(region))


@pytest.mark.parametrize("name", WIDENED)
def test_a_widened_grant_is_refused(region: Region, name: str) -> None:
    study, grant = granted(region)
    WIDENED[name](grant)
    with pytest.raises(HuizhenError):
        ask_open(region, study, grant)


def test_another_study_under_an_honest_grant_is_refused(region: Region) -> None:
    study, grant = granted(region)
    other = Study(
        request=study.request.model_copy(update={"cohort": None}), number=1, submitted_utc=study.submitted_utc
    )
    with pytest.raises(Refused):
        ask_open(region, other, grant)


def test_a_grant_that_the_hub_did_not_sign_is_refused(region: Region) -> None:
    with pytest.raises(HuizhenError):
        ask_open(region, *granted(region), key=SigningKey(b"\7" * 32))


def test_a_message_changed_or_redirected_on_the_way_is_refused(region: Region) -> None:
    study, grant = granted(region)
    body = {"study": study.as_json(), "grant": grant, "earlier": []}
    sealed = message.seal(message.Envelope(HUB, "h0", "open", body, stamp(datetime.now(UTC))), region.hub.key.sign)
    for place in range(0, len(sealed), max(1, len(sealed) // 97)):
        changed = bytearray(sealed)
        changed[place] ^= 1
        with pytest.raises(HuizhenError):
            answer = region.agent("h0").handle(bytes(changed))
            message.result(message.unseal(answer, HUB, "h0", region.agent("h0").key.public).body)
    with pytest.raises(Refused):
        answer = region.agent("h1").handle(sealed)
        message.result(message.unseal(answer, HUB, "h1", region.agent("h1").key.public).body)


def test_an_earlier_study_left_out_is_noticed(region: Region) -> None:
    done = region.road().run(request(title="the first"))
    assert load(region, done)["status"] == "released"
    study, grant = granted(region)
    with pytest.raises(Refused, match="leaves out"):
        ask_open(region, study, grant)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The methods as they are installed, in a place where they can be changed."""
    place = tmp_path / "methods"
    shutil.copytree(methods.__path__[0], place)
    monkeypatch.setattr(methods, "__path__", [str(place)])
    methods.code.cache_clear()
    yield place
    methods.code.cache_clear()


def test_code_that_the_hospital_did_not_approve_does_not_run_though_hub_and_node_have_it(
    tmp_path: Path, installed: Path
) -> None:
    """An update, or a trustee who installs it everywhere, brings other code for a method: hash and grant agree."""
    region = make_region(tmp_path / "r", patients(90, 4))
    approved = {name: methods.code(name) for name in ("histogram", "glm")}
    lines = "".join(f"  {name}: {code}\n" for name, code in approved.items())
    (region.folder / "nodes" / "h0" / "policy.yaml").write_text(f"approved:\n{lines}")
    ask_open(region, *granted(region))
    with (installed / "histogram.py").open("a") as source:
        source.write("\n# also tells who they are\n")
    methods.code.cache_clear()
    with pytest.raises(Refused) as caught:
        ask_open(region, *granted(region))
    assert caught.value.code == "method-not-approved"
    assert f"histogram: {methods.code('histogram')}" in caught.value.remedy.en
    found = load(region, region.road().run(request(title="a method that is not approved at all")))
    region.close()
    assert found["status"] == "denied" and found["problem"]["code"] == "method-not-approved"
    assert found["result"] is None


@pytest.mark.parametrize("name", methods.names())
def test_what_a_hospital_approves_is_all_the_code_that_a_method_runs(name: str) -> None:
    """The engine that makes rows, the noise, a synthetic tree: all that a method imports is in its hash."""
    roots = [f"methods/{name}.py", *(["adapters/extracted.py", "node/extracts.py"] if name == "extract" else [])]
    used = closure(roots, {"privacy", "statistics", "adapters"})
    assert used - set(methods.sources(name)) == set()
    assert name != "extract" or {"adapters/anonymised.py", "privacy/anonymise/kernel.py"} <= used


def test_another_engine_is_other_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(PACKAGE, tmp_path / "huizhen")
    before = methods.code("extract"), methods.code("glm")
    monkeypatch.setattr(methods, "_PACKAGE", tmp_path / "huizhen")
    with (tmp_path / "huizhen/privacy/anonymise/partition.py").open("a") as source:
        source.write("\n# k is what we say\n")
    methods.code.cache_clear()
    after = methods.code("extract"), methods.code("glm")
    methods.code.cache_clear()
    assert after[0] != before[0] and after[1] == before[1]


PACKAGE = Path(methods.__path__[0]).parent


def closure(roots: list[str], floors: set[str]) -> set[str]:
    """Files of the package that these import, by whatever way, as far as they are on those floors."""
    seen, left = set(), list(roots)
    while left:
        place = left.pop()
        if place in seen:
            continue
        seen.add(place)
        for node in ast.walk(ast.parse((PACKAGE / place).read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("huizhen."):
                inside = str(node.module).removeprefix("huizhen.").replace(".", "/")
                wanted = [f"{inside}/{a.name}.py" for a in node.names] + [f"{inside}.py"]
                left += [w for w in wanted if w.split("/")[0] in floors and (PACKAGE / w).is_file()]
    return seen


def test_the_refusal_is_on_the_ledger(region: Region, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = run.authorise

    def widening(*args: Any) -> Grant:
        grant = honest(*args).as_json()
        grant["limits"]["cohort"] = None
        return Grant.read(grant)

    monkeypatch.setattr(run, "authorise", widening)
    found = load(region, region.road().run(request(title="the widened", cohort="age > 40")))
    assert found["status"] == "denied" and found["result"] is None
    leaves = region.hub.store.leaves()
    entries = [read_leaf(leaves[i]) for i in found["evidence"]["entries"]]
    assert "node-refused" in [e.kind for e in entries if e]


def test_plain_figures_are_not_given_where_masks_were_granted(region: Region) -> None:
    study, grant = granted(region)
    region.hub.store.earlier(study)
    road = region.road()
    link = Link(road.federation, region.hub.key.sign, region.hub.store.node_keys())
    earlier = list(region.hub.store.earlier(study))
    opened = link.ask("open", {"h0": {"study": study.as_json(), "grant": grant, "earlier": earlier}})
    assert not opened.refusals
    heard = link.ask("plain", {"h0": {"study": study.id, "round": 0, "attempt": "x", "state": None}})
    assert heard.refusals["h0"].code == "masks-required"
