"""breach and study assess on the command line: what they say in both languages, to machines, and what they refuse."""

from __future__ import annotations

from pathlib import Path

import pytest

from commands import done, huizhen, in_both

BREACH = """\
holder: north
known_utc: "2026-11-01T08:00:00+08:00"
kinds: [lost]
datasets: [d]
what: {en: A disk was lost., zh: 一块硬盘丢失。}
harm: {en: None is known., zh: 暂无。}
remedy: {en: The key was destroyed., zh: 已销毁密钥。}
advice: {en: Nothing., zh: 无。}
contact: dpo@north.example
"""
STUDY = "title: t\nasker: lab\npurpose: HMB\ndataset: d\nmethod: count\n"


@pytest.fixture(scope="module")
def region(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("breach") / "r"
    done("init", "--region", folder)
    done("node", "add", "north", "--region", folder)
    (folder.parent / "t.csv").write_text("id,age\n" + "".join(f"{i},{20 + i % 50}\n" for i in range(60)))
    done("dataset", "add", "d", "--node", "north", "--from", folder.parent / "t.csv", "--subject", "id",
         "--region", folder)  # fmt: skip
    (folder.parent / "breach.yaml").write_text(BREACH, encoding="utf-8")
    (folder.parent / "study.yaml").write_text(STUDY)
    return folder


@pytest.fixture(scope="module")
def breach(region: Path) -> str:
    done("breach", "declare", region.parent / "breach.yaml", "--region", region)
    (found,) = done("breach", "status", "--json", "--region", region).json()
    return str(found["breach"])


def refused(words: tuple[str | Path, ...], code: str, exit_: int) -> None:
    ran = huizhen(*words)
    assert (ran.code, f"[{code}]" in ran.err) == (exit_, True), ran


def test_the_course_of_a_breach_in_both_languages(region: Path, breach: str) -> None:
    en, zh = in_both("breach", "status", breach, "--region", region)
    assert "open" in en and "- CN13 Overdue" in en and "处置中" in zh and "已逾期" in zh
    at = ("--region", region)
    numbers, out = region.parent / "numbers.txt", region.parent / "affected.txt"
    numbers.write_text("7\n8\nnobody\n")
    words = ["breach", "affected", breach, "--node", "north", "--among", numbers, "--out", out, *at]
    en, zh = in_both(*words)
    assert "60 persons" in en and "60 人" in zh and out.read_text() == "7\n8\n"
    assert out.stat().st_mode & 0o077 == 0, "nobody else reads the list"
    found = done(*words, "--json").json()
    assert (found["people"], found["listed"], found["datasets"]) == (60, 2, {"d": 60})
    refused(("breach", "close", breach, "--note", "x", *at), "breach-duties-open", 5)
    for step in ("contained", "authority-told", "persons-told", "reported"):
        done("breach", "note", breach, step, "--note", "n", *at)
    assert "closed" in done("breach", "close", breach, "--note", "all told", *at).out
    assert "open" in done("breach", "reopen", breach, "--note", "more was found", *at).out
    done("breach", "revise", breach, region.parent / "breach.yaml", *at)
    found = done("breach", "status", breach, "--json", *at).json()
    assert found["people"] == {"north": 60} and found["events"][-1]["step"] == "revised"


def test_notices_and_evidence_are_files(region: Path, breach: str) -> None:
    at, folder = ("--region", region), region.parent / "notices"
    en, zh = in_both("breach", "notices", breach, "--out", folder, "--format", "pdf", *at)
    assert "Read them" in en and "审阅" in zh
    assert {p.name for p in folder.iterdir()} == {
        f"{w}.{x}.pdf" for w in ("authority", "persons") for x in ("en", "zh")
    }
    assert all(p.read_bytes()[:5] == b"%PDF-" for p in folder.iterdir())
    bundle, keys = region.parent / "b.zip", region.parent / "keys.txt"
    in_both("breach", "bundle", breach, "--out", bundle, *at)
    done("ledger", "prove", "0", "--out", region.parent / "p", "--keys", keys, *at)
    en, zh = in_both("breach", "verify", bundle, "--keys", keys)
    assert f"Proven: {breach}" in en and "已证实" in zh
    bundle.write_bytes(bundle.read_bytes()[:-30])
    refused(("breach", "verify", bundle, "--keys", keys), "bad-bundle", 8)


@pytest.mark.parametrize(
    ("words", "code", "exit_"),
    [
        (("breach", "status", "br-0"), "unknown-breach", 3),
        (("breach", "note", "br-0", "told", "--note", "x"), "unknown-breach-step", 2),
        (("breach", "notices", "br-0", "--out", "x", "--format", "doc"), "unknown-format", 2),
        (("act", "show", "0" * 16), "unknown-assessment", 3),
    ],
)
def test_what_cannot_be_is_refused(region: Path, words: tuple[str, ...], code: str, exit_: int) -> None:
    refused((*words, "--region", region), code, exit_)


def test_a_declaration_that_is_wrong_is_refused_with_its_line(region: Path) -> None:
    bad = region.parent / "bad.yaml"
    bad.write_text(BREACH.replace("kinds: [lost]", "kinds: [gone]"), encoding="utf-8")
    assert "bad.yaml line 3" in huizhen("breach", "declare", bad, "--region", region).err
    bad.write_text(BREACH.replace("datasets: [d]", "datasets: [x]"), encoding="utf-8")
    refused(("breach", "declare", bad, "--region", region), "breach-of-nothing", 2)


def test_an_assessment_is_written_concluded_and_shown(region: Path) -> None:
    at, out = ("--region", region), region.parent / "pia.html"
    study = region.parent / "study.yaml"
    en, zh = in_both("study", "assess", study, *at)
    assert "Purpose and necessity" in en and "A draft" in en and "目的与必要性" in zh
    concluded = ["--conclude", "granted", "--by", "Li", "--note", "ok"]
    made = done("study", "assess", study, *concluded, "--json", *at).json()
    (act,) = done("act", "list", "--json", *at).json()
    assert act["assessed"]["document"] == made["digest"] and made["opinion"]["by"] == "Li"
    en, zh = in_both("act", "show", made["digest"][:16], "--out", out, *at)
    assert f"Written: {out}" in en and "已写出" in zh and made["digest"] in out.read_text(encoding="utf-8")
    entries = done("ledger", "list", "--json", *at).json()
    assert [e for e in entries if e["facts"].get("document") == made["digest"]]
    for words, code in (
        (("--conclude", "granted"), "half-a-conclusion"),
        (("--conclude", "perhaps", "--by", "x", "--note", "y"), "unknown-outcome"),
        (("--out", "x.doc"), "no-paper-format"),
        ((*concluded, "--until", "2001-01-01"), "assessment-over"),
    ):
        refused(("study", "assess", study, *words, *at), code, 2)
