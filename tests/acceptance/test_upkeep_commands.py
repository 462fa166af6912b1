"""act due and patient claim: what the law asks from time to time, and what it answers to who claims a right."""

from __future__ import annotations

from pathlib import Path

import pytest

from commands import done, huizhen, in_both


@pytest.fixture(scope="module")
def region(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("upkeep") / "r"
    done("init", "--region", folder)
    done("node", "add", "north", "--region", folder)
    table = folder.parent / "t.csv"
    table.write_text("id,age\n1001,40\n1002,50\n1003,60\n")
    done("dataset", "add", "d", "--node", "north", "--from", table, "--subject", "id", "--region", folder)
    return folder


def test_what_is_due_is_said_until_it_is_on_file(region: Path) -> None:
    en, zh = in_both("act", "due", "--region", region, code=5)
    assert "? CN25" in en and "north" in en and "? CN26" in en and "合规审计" in zh
    for kind in ("log-retention", "protection-level"):
        done("act", "add", kind, "--for", "north", "--region", region)
    done("act", "add", "compliance-audit", "--for", "hub", "--region", region)
    assert "+ CN25" in done("act", "due", "--region", region).out
    done("act", "add", "compliance-audit", "--for", "hub", "--refused", "--region", region)
    found = huizhen("act", "due", "--json", "--region", region)
    assert found.code == 5 and {r["rule"]: r["verdict"] for r in found.json()} == {"CN25": "allow", "CN26": "deny"}


def test_persons_exported_are_shown(region: Path) -> None:
    en, zh = in_both("act", "exported", "--region", region)
    assert "In all 0" in en and "10,000" in en and "合计 0" in zh
    assert done("act", "exported", "--json", "--region", region).json() == []


def test_a_claim_is_answered_with_the_article_and_noted(region: Path) -> None:
    at = ("--node", "north", "--subject", "1001", "--region", region)
    en, zh = in_both("patient", "claim", "view", *at, code=5)
    assert "Verdict: needs more" in en and "PIPL 45" in en and "核验" in zh
    assert "Verdict: allow" in done("patient", "claim", "view", "--identified", *at).out
    kept = huizhen("patient", "claim", "delete", "--identified", "--keep-until", "2199-12-31", *at)
    assert kept.code == 5 and "no study reads them" in kept.out
    asked = ["patient", "claim", "delete", "--identified", "--keep-until", "none"]
    assert done(*asked, "--check", *at).code == 0
    assert done("patient", "deletions", "--json", *at).json() == [], "only asked"
    assert "dataset add" in done("patient", "claim", "correct", "--identified", *at).out
    lines = done("node", "log", "north", "--json", "--region", region).json()["lines"]
    noted = [x for x in lines if x["kind"] == "right-claimed"]
    assert len(noted) == 6 and "1001" not in str(noted)
    assert [x["decision"] for x in noted].count("refused") == 3


def test_a_claim_that_is_granted_is_carried_out_with_a_signed_record_on_the_ledger(region: Path) -> None:
    """As `patient delete`, and as any withdrawal: by the same rules, with the same proof."""
    policy = region / "nodes" / "north" / "policy.yaml"
    policy.write_text("jurisdiction: CN\n", encoding="utf-8")
    at = ("--node", "north", "--region", region)
    asked = ["patient", "claim", "delete", "--identified", "--keep-until", "none", "--subject", "1002", "--json"]
    (case,) = done(*asked, *at).json()["deletions"]
    assert (case["record"]["state"], case["record"]["cause"]) == ("deleted", "request")
    assert done(*asked, *at).json()["deletions"] == [], "done once"
    policy.write_text("jurisdiction: CN\nretained: {d: 'medical record, 30 years'}\n", encoding="utf-8")
    widow = ["--kin", "spouse", "--by", "kin:77", "--died", "2026-10-01"]
    done("patient", "claim", "withdraw", *widow, "--subject", "1003", *at)
    (kept,) = done("patient", "deletions", "--subject", "1003", "--json", *at).json()
    assert (kept["record"]["state"], kept["record"]["duty"]) == ("stored", "medical record, 30 years")
    told = done("ledger", "list", "--json", "--region", region).json()
    there = {e["refs"].get("commitment") or e["facts"].get("commitment") for e in told if e["kind"] == "data-deleted"}
    assert {case["commitment"], kept["commitment"]} <= there
    assert done("ledger", "verify", "--region", region).code == 0


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("erase",), "unknown-right"),
        (("port", "--basis", "wish"), "unknown-basis"),
        (("delete", "--keep-until", "soon"), "bad-day"),
    ],
)
def test_what_cannot_be_claimed_is_refused(region: Path, words: tuple[str, ...], code: str) -> None:
    en, _ = in_both("patient", "claim", *words, "--node", "north", "--subject", "1001", "--region", region, code=2)
    assert f"[{code}]" in en
