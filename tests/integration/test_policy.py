"""policy.yaml: what a hospital allows can only narrow a study, and a refusal says what would help."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from huizhen.cli.region import Region
from huizhen.node.check import _is_within
from regions import make_region, patients, run


@pytest.fixture
def region(tmp_path: Path) -> Region:
    return make_region(tmp_path / "r", patients(240, 4))


def policy(region: Region, text: str) -> None:
    (region.folder / "nodes" / "h2" / "policy.yaml").write_text(text)


@pytest.mark.parametrize(
    ("text", "code", "asked"),
    [
        ("askers: [university]\n", "asker-refused", {}),
        ("askers_refused: [acme]\n", "asker-refused", {}),
        ("purposes: [PUBHLTH]\n", "purpose-refused", {}),
        ("methods: [cox]\n", "method-refused", {}),
        ("min_cell: 20\n", "cell-too-small", {}),
        ("studies_per_day: 0\n", "day-full", {}),
        ("epsilon_per_day: 0.5\n", "day-budget-exceeded", {"protection": {"epsilon": 1.0}}),
        ("epsilon_cap: 0.5\n", "budget-exceeded", {"protection": {"epsilon": 1.0}}),
    ],
)
def test_a_study_beyond_it_is_refused_by_that_node(region: Region, text: str, code: str, asked: dict[str, Any]) -> None:
    policy(region, text)
    found = run(region, **asked)
    assert found["status"] == "denied" and found["problem"]["code"] == code
    assert found["problem"]["message"].startswith("h2 refuses") and found["problem"]["remedy"]
    policy(region, "")
    assert run(region, **asked)["status"] == "released"
    region.close()


def test_so_many_studies_a_day_and_no_more(region: Region) -> None:
    policy(region, "studies_per_day: 2\n")
    status = [run(region, title=str(i))["status"] for i in range(3)]
    other = run(region, asker="somebody-else")["status"]
    region.close()
    assert status == ["released", "released", "denied"] and other == "released"


def test_outside_its_hours_a_hospital_begins_nothing(region: Region) -> None:
    now = datetime.now().astimezone()
    wrong = f"{(now.hour + 2) % 24:02}:00-{(now.hour + 3) % 24:02}:00"
    policy(region, f'hours: "{wrong}"\n')
    found = run(region)
    region.close()
    assert found["status"] == "denied" and found["problem"]["code"] == "outside-hours"
    assert wrong in found["problem"]["message"]


@pytest.mark.parametrize(
    ("at", "hours", "inside"),
    [
        ("09:00", "08:00-18:00", True),
        ("18:00", "08:00-18:00", False),
        ("07:59", "08:00-18:00", False),
        ("23:00", "20:00-06:00", True),
        ("05:59", "20:00-06:00", True),
        ("06:00", "20:00-06:00", False),
    ],
)
def test_hours_may_go_past_midnight(at: str, hours: str, inside: bool) -> None:
    hour, minute = map(int, at.split(":"))
    assert _is_within(datetime(2026, 11, 22, hour, minute).astimezone(), hours) is inside


@pytest.mark.parametrize("text", ["hours: 8-18\n", "studies_per_day: -1\n", "colour: red\n", "- a list\n"])
def test_a_policy_that_cannot_be_read_refuses_everything(region: Region, text: str) -> None:
    policy(region, text)
    found = run(region)
    region.close()
    assert found["status"] in {"failed", "denied"} and found["problem"]["code"] == "bad-policy"
    assert found["result"] is None
