"""Every command through its real entry point: what it says, in both languages and to machines, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import typer.main
from rich.cells import cell_len

from commands import NAMES, PRICE, Region, chinese, done, huizhen, in_both, patients
from huizhen import __version__
from huizhen.cli import app, manual
from huizhen.cli.chinese import COMMANDS, OPTIONS
from huizhen.cli.chinese_ledger import FACTS, KINDS
from huizhen.ledger.order import STUDY_ORDER, Order

PATHS = [path for path, _ in manual.leaves(typer.main.get_command(app), "huizhen")]


# -- help


def test_the_commands_that_people_rely_on_are_there():
    assert set(PATHS) >= {
        f"huizhen {words}"
        for words in (
            "init", "doctor", "node add", "dataset add", "consent grant", "consent withdraw", "consent import",
            "study check", "study run", "study show", "study list", "study result", "ledger list", "ledger prove",
            "ledger verify", "money statement", "money postings", "patient uses", "node log", "node score",
            "node enrol", "node run",
            "node revoke", "hub serve", "hub invite", "hub token add", "hub token list", "hub token revoke", "up",
            "model list", "model show", "model drift", "model score", "model export", "anonymize",
            "ledger export", "ledger anchor", "chain key", "chain deploy", "chain receive", "chain pay", "chain split",
            "chain balance", "rules export", "rules check", "witness init",
            "synthesize", "series start", "series add", "series show", "series check",
            "mask key", "mask find", "mask propose", "mask copy", "mask query", "watermark embed", "watermark trace",
            "witness run", "witness show", "witness evidence", "witness add", "witness remove", "witness list",
            "consent ask", "consent refuse",
            "consent delegate add", "consent delegate list", "consent delegate revoke", "consent wording list",
            "consent wording show", "care access", "care check", "care review list", "care review decide",
            "patient consents", "patient data", "patient verify", "patient delete", "patient deletions",
            "patient confirm-deletion", "consent export",
            "patient consents", "patient claim", "act due", "act show", "act exported", "study assess",
            "breach declare", "breach status", "breach affected", "breach notices", "breach bundle", "breach verify",
            "review enrol", "review dismiss", "review reviewers", "review list", "review show", "review seal",
            "review open", "blacklist add", "blacklist appeal", "blacklist decide", "blacklist list", "blacklist show",
            "blacklist take", "watch scan", "watch list", "watch show", "watch acknowledge", "watch report",
            "watch credibility", "watch node scan", "watch node list", "watch node acknowledge", "audit file",
            "audit list",
        )
    }  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_every_command_has_a_manual_with_an_example(path: str):
    en, zh = in_both(*path.split()[1:], "--help")
    assert en.startswith(f"Usage: {path}") and "Example" in en and f"  {path} " in en.replace("\n", "  ")
    assert "示例" in zh and "用法" in zh
    assert all(cell_len(line) <= 100 for line in (en + zh).splitlines() if not line.startswith("  huizhen"))
    narrow = huizhen(*path.split()[1:], "--help", COLUMNS="60").out
    assert all(cell_len(line) <= 60 for line in narrow.splitlines() if not line.startswith("  huizhen"))


def test_every_word_of_the_manual_is_there_in_chinese():
    tree = typer.main.get_command(app)
    options = {p.help for _, command in manual.leaves(tree, "huizhen") for p in command.params if p.name != "help"}
    options |= {p.help for p in tree.params if p.name != "help"}
    assert options == set(OPTIONS)
    groups = {" ".join(words[:i]) for words in map(str.split, PATHS) for i in range(1, len(words))}
    assert {*PATHS, *groups} == set(COMMANDS)


def test_every_entry_of_the_ledger_is_named_in_chinese(asked: tuple[Region, dict[str, Any]]):
    entries = done("ledger", "list", "--json", "--region", asked[0].path).json()
    order = Order()
    assert set(KINDS) == {order.first, *order.any_time, *(kind for kind in STUDY_ORDER if kind)}
    assert {key for e in entries for key in e["facts"]} <= set(FACTS)
    said = done("ledger", "list", "--region", asked[0].path, HUIZHEN_LANG="zh").out
    assert "研究申请" in said and "study-proposed" not in said


def test_the_program_lists_its_commands():
    en, zh = in_both("--help")
    assert all(path in en and path in zh for path in PATHS)
    assert huizhen().code == huizhen("study").code == 2
    assert "huizhen study check" in huizhen("study").out
    assert "Options" in en and "Options" not in huizhen("study").out
    assert done("--version").out == f"huizhen {__version__}\n"
    said = [manual.about(command)[0] for _, command in manual.leaves(typer.main.get_command(app), "huizhen")]
    assert all("\n" not in text.replace("\n\n", "") for text in said), "folded where the source is folded"


# -- what is said of words that do not fit


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("studdy list", "no-such-command", "did you mean 'study'"),
        ("study lisst", "no-such-command", "did you mean 'list'"),
        ("study list --regoin x", "no-such-option", "did you mean '--region'"),
        ("study list", "no-region-given", "HUIZHEN_REGION"),
        ("study run --region x", "option-missing", "STUDY.yaml is missing"),
        ("study list --region", "option-without-value", "--region needs a value"),
        ("ledger prove many --out x --region y", "bad-option", "ENTRY"),
        ("study list too much --region x", "bad-words", "extra argument"),
        ("study list --lang fr", "no-such-language", "--lang en or --lang zh"),
    ],
)
def test_words_that_do_not_fit_are_met_with_what_would(words: str, code: str, said: str):
    en, zh = in_both(*words.split(), code=2) if "fr" not in words else (huizhen(*words.split()).err,) * 2
    assert f"[{code}]" in en and said in en
    assert f"[{code}]" in zh


def test_the_language_may_be_asked_for_anywhere(asked: tuple[Region, dict[str, Any]]):
    region = asked[0].path
    assert "研究" in done("--lang", "zh", "study", "list", "--region", region).out
    assert "研究" in done("study", "list", "--region", region, "--lang=zh").out
    assert "Studies" in done("study", "list", "--region", region, "--lang", "en", HUIZHEN_LANG="zh").out
    assert "研究" in done("study", "list", "--region", region, HUIZHEN_LANG="", LANG="zh_CN.UTF-8").out


def test_the_region_may_come_from_the_environment(asked: tuple[Region, dict[str, Any]]):
    assert asked[1]["study"] in done("study", "list", HUIZHEN_REGION=str(asked[0].path)).out
    en, _ = in_both("study", "list", "--region", "nowhere", code=3)
    assert "huizhen init" in en
    error = huizhen("study", "list", "--json", "--region", "nowhere").json()["error"]
    assert (error["code"], set(error)) == ("no-region", {"code", "message", "message_zh", "remedy", "remedy_zh"})


# -- setting up


def test_a_region_is_made_once(tmp_path: Path):
    made = done("init", "--region", tmp_path / "r", "--json").json()
    assert made["ledger"].startswith("huizhen-region-")
    en, _ = in_both("init", "--region", tmp_path / "r", code=4)
    assert "already" in en
    node = done("node", "add", "north", "--region", tmp_path / "r", "--json").json()
    assert node["node"] == "north" and len(node["key"]) == 64
    in_both("node", "add", "north", "--region", tmp_path / "r", code=4)
    in_both("node", "add", "no/rth", "--region", tmp_path / "r", code=2)


def test_a_dataset_is_shown_as_it_was_understood(asked: tuple[Region, dict[str, Any]]):
    said = asked[0].said["north"]
    assert "identifier, never used" in said and "f, m" in said and "consents recorded" in said
    assert "To correct and pin them" in said


def test_a_level_that_holds_a_comma_is_shown_in_quotes(tmp_path: Path):
    done("init", "--region", tmp_path / "r")
    done("node", "add", "north", "--region", tmp_path / "r")
    patients().assign(ward=["B", "C, left"] * 120).to_csv(tmp_path / "t.csv", index=False)
    words = ["--node", "north", "--from", tmp_path / "t.csv", "--subject", "patient", "--region", tmp_path / "r"]
    assert "B, 'C, left'" in done("dataset", "add", "lung", *words).out


def test_a_dataset_for_machines_and_its_schema_file(tmp_path: Path):
    region, table = tmp_path / "r", tmp_path / "t.csv"
    done("init", "--region", region)
    for name in ("north", "south"):
        done("node", "add", name, "--region", region)
    patients().to_csv(table, index=False, na_rep="n/a")
    words = ["dataset", "add", "lung", "--from", table, "--subject", "patient", "--region", region]
    added = done(*words, "--node", "north", "--json").json()
    assert (added["card"]["rows"], added["consents"]) == (240, 0)
    score = next(c for c in added["card"]["table"]["columns"] if c["name"] == "score")
    assert score["missing_codes"] == ["n/a"]
    assert any("'n/a' taken for missing" in note["en"] and chinese(note["zh"]) for note in added["notes"])
    schema = Path(added["schema"])
    assert "levels: [f, m]" in schema.read_text(encoding="utf-8")
    done(*words, "--node", "south", "--schema", schema)
    schema.write_text(schema.read_text(encoding="utf-8").replace("[f, m]", "[f, w]"), encoding="utf-8")
    en, zh = in_both(*words, "--node", "south", "--schema", schema, code=4)
    assert "column 'sex': levels at north, not at south: m" in en
    assert f"Begin from {region}/nodes/north/schemas/lung.yaml" in en and "列“sex”" in zh


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        (["--node", "nort"], 3, "did you mean 'north'"),
        (["--from", "nothing.csv"], 3, "nothing.csv"),
        (["--subject", "who"], 2, "Its columns are: patient, age"),
        (["--consent", "nothing.csv"], 3, "nothing.csv"),
        (["--schema", "nothing.yaml"], 3, "nothing.yaml"),
        (["--from", "."], 3, "'.' is a folder, not a file"),
    ],
)
def test_what_is_wrong_with_a_dataset_is_said_and_nothing_kept(
    change: list[str], code: int, said: str, asked: tuple[Region, dict[str, Any]]
):
    where = asked[0]
    given = {"--node": "north", "--from": str(where.folder / "north.csv"), "--subject": "patient"}
    given |= {change[0]: change[1]}
    before = huizhen("ledger", "list", "--json", "--region", where.path).out
    en, _ = in_both(
        "dataset", "add", "lung", *(w for pair in given.items() for w in pair), "--region", where.path, code=code
    )
    assert said in en
    assert huizhen("ledger", "list", "--json", "--region", where.path).out == before


# -- consent


def test_consents_one_by_one_and_their_strangers(copied: Path):
    person = ["--node", "north", "--subject", "P998", "--region", copied]
    granted = huizhen("consent", "grant", *person, "--purpose", "HMB")
    assert granted.code == 0 and "is recorded at north" in granted.out and "no dataset at north knows" in granted.err
    assert "已撤回" in done("consent", "withdraw", *person, "--purpose", "HMB", "--lang", "zh").out
    assert set(done("consent", "withdraw", *person, "--purpose", "HMB", "--json").json()) == {
        "node",
        "epoch",
        "changes",
    }
    en, _ = in_both("consent", "grant", *person, "--purpose", "HBM", code=2)
    assert "HMB (health" in en
    assert "did you mean 'HMB'" in huizhen("consent", "grant", *person, "--purpose", "hmb").err
    again = huizhen("consent", "grant", *person, "--purpose", "HMB")
    assert again.code == 5 and "of their own accord" in again.err
    early = huizhen("consent", "grant", *person, "--purpose", "HMB", "--dataset", "lnug", "--unasked")
    assert early.code == 0 and "there is no dataset lnug at north" in early.err
    en, _ = in_both("consent", "withdraw", *person, "--purpose", "HMB", "--dataset", "lnug", code=2)
    assert "did you mean 'lung'" in en and "Without --dataset the withdrawal holds for all" in en
    unknown = ["--node", "north", "--subject", "nobody", "--region", copied]
    in_both("consent", "withdraw", *unknown, "--purpose", "HMB", code=3)


def test_consents_from_a_file_all_or_none(copied: Path, tmp_path: Path):
    file = tmp_path / "c.csv"
    file.write_text("subject;purpose;until\nP001;GRU;2030-01-01\nP002;HBM;\n;GRU;tomorrow\n", encoding="gb18030")
    words = ["consent", "import", "--node", "north", "--from", file, "--region", copied]
    en, zh = in_both(*words, code=2)
    assert "line 3: unknown purpose" in en and "line 4: no subject" in en and "Nothing was imported" in en
    assert "第 3 行" in zh
    file.write_text("subject,purpose\nP001,GRU\nX001,GRU\n", encoding="utf-8")
    imported = huizhen(*words)
    assert "2 consents recorded" in imported.out and "of 2 people" in imported.err


# -- asking


STUDY = """\
title: How many?
asker: acme
purpose: HMB
dataset: lung
cohort: "age > 50"
method: kaplan_meier
params:
  duration: time
  event: died
  group: sex
"""


_KM = STUDY[STUDY.index("method:") :]


@pytest.mark.parametrize(
    ("wrong", "right", "line", "said"),
    [
        ("purpose: HMB", "purpos: HMB", 3, "did you mean 'purpose'"),
        ("purpose: HMB", "purpose: HBM", 3, "there is no purpose 'HBM' (did you mean 'HMB'?)"),
        ("dataset: lung", "dataset: lnug", 4, "there is no dataset 'lnug' (did you mean 'lung'?)"),
        ("dataset: lung", "dataset: lung\nparticipants: [north, sout]", 5, "did you mean 'south'"),
        ("dataset: lung", "dataset: lung\nparticipants: []", 5, "'participants' names nobody"),
        ("purpose: HMB", "purpose: hmb", 3, "did you mean 'HMB'"),
        ("asker: acme", "asker: a b", 2, "must be text, not empty, of letters (A to Z), digits"),
        ("age > 50", "agee > 50", 5, "there is no column 'agee' (did you mean 'age'?)"),
        ("age > 50", "sex = 'w'", 5, "has no level 'w'"),
        ("age > 50", "patient = 'P1'", 5, "is an identifier and cannot be used"),
        ("method: kaplan_meier", "method: kaplan_meyer", 6, "did you mean 'kaplan_meier'"),
        ("event: died", "evnt: died", 9, "unknown key 'evnt' (did you mean 'event'?)"),
        ("event: died", "event: 7", 9, "'params.event' must be text"),
        ("event: died", "event: age", 9, "does not hold 0 and 1 only"),
        ("group: sex", "group: sexx", 10, "There is no column 'sexx'"),
        ("group: sex", "confidence: 2", 10, "'params.confidence' must be a number, greater than 0, less than 1"),
        (_KM, "method: histogram\nparams: {column: age, range: [1]}\n", 7, "'params.range' must be a list of 2"),
        (_KM, "method: histogram\nparams: {column: age, range: [1, 2, 3]}\n", 7, "'params.range' must be a list of 2"),
        ("  duration: time\n", "", 7, "key 'params.duration' is missing"),
    ],
)
def test_a_mistake_in_a_study_is_named_with_its_line(
    wrong: str, right: str, line: int, said: str, asked: tuple[Region, dict[str, Any]], tmp_path: Path
):
    study, out = tmp_path / "study.yaml", tmp_path / "out.json"
    study.write_text(STUDY.replace(wrong, right), encoding="utf-8")
    before = huizhen("ledger", "list", "--json", "--region", asked[0].path).out
    en, zh = in_both("study", "check", study, "--region", asked[0].path, code=2)
    assert f"study.yaml line {line}: " in en and said in en
    assert f"study.yaml 第 {line} 行：" in zh
    assert huizhen("study", "run", study, "--region", asked[0].path, "--json", out).code == 2
    written = json.loads(out.read_text(encoding="utf-8"))
    assert set(written) == set(asked[1]) and written["status"] == "failed"
    assert str(line) in written["problem"]["message"]
    assert huizhen("ledger", "list", "--json", "--region", asked[0].path).out == before


def test_a_study_is_checked_without_being_asked(asked: tuple[Region, dict[str, Any]]):
    where = asked[0]
    noisy = where.write_study(
        "noisy", method="count", params={"by": "sex"}, protection={"epsilon": 0.5}, price_fen=20000
    )
    en, zh = in_both("study", "check", noisy, "--region", where.path)
    assert "Verdict: allow" in en and "+ CN01" in en and "[PIPL" in en and "Price: 200.00 yuan." in en
    assert "epsilon 0.5; spent so far 0, with this study 0.5 of 3" in en and "The hub would see" in en
    assert "结论：准许" in zh and "价格：200.00 元" in zh
    checked = done("study", "check", noisy, "--region", where.path, "--json").json()
    assert checked["grant"]["verdict"] == "allow" and checked["price_fen"] == 20000
    assert checked["budget"] == {"before": 0.0, "after": 0.5, "cap": 3.0}
    denied = where.write_study("denied", method="count", purpose="HMARKT")
    en, _ = in_both("study", "check", denied, "--region", where.path, code=5)
    assert "Verdict: deny" in en and "- EU06" in en


def test_the_outcome_is_the_object_that_the_issue_names(asked: tuple[Region, dict[str, Any]]):
    _, found = asked
    assert found["status"] == "released"
    assert set(found["grant"]) == {"verdict", "reasons", "limits"}
    assert all({"rule", "verdict", "source", "en", "zh"} <= set(r) for r in found["grant"]["reasons"])
    assert all(c["check"] and c["outcome"] and c["en"] and chinese(c["zh"]) for c in found["guard"])
    assert found["evidence"]["entries"] == sorted(found["evidence"]["entries"])
    assert found["evidence"]["checkpoint"].startswith("huizhen-region-")
    assert all(set(line) == {"party", "role", "fen"} for line in found["settlement"]["lines"])
    assert sum(line["fen"] for line in found["settlement"]["lines"]) == PRICE
    assert found["timings"]["seconds"] > found["timings"]["steps"]["compute"] > 0 and found["rounds"] > 3
    assert found["bytes_up"] > 0 < found["bytes_down"]
    result = found["result"]
    assert (result["n"], result["n_missing"]) == (240, 0) and result["loglik"] < 0
    assert [c["name"] for c in result["coefficients"]] == ["age", "sex[T.m]"]
    for c in result["coefficients"]:
        assert {"name", "estimate", "std_error", "z", "p", "ci_low", "ci_high"} <= set(c)
        assert c["ci_low"] < c["estimate"] < c["ci_high"]
        assert c["z"] == pytest.approx(c["estimate"] / c["std_error"], rel=1e-12)


def test_an_outcome_on_a_terminal_and_on_standard_output(asked: tuple[Region, dict[str, Any]]):
    where, found = asked
    en, zh = in_both("study", "show", found["study"], "--region", where.path)
    for part in ("Does sex change survival?", "Verdict: allow", "released", "hazard ratio (95 %)", "sex[T.m]"):
        assert part in en, part
    for part in ("log-likelihood: ", "Guard, curves", "Settlement", "patients@north", "Evidence: ledger entries"):
        assert part in en, part
    for part in ("结论：准许", "已发布", "风险比（95 %）", "对数似然：", "出口检查", "结算", "存证：账本第"):
        assert part in zh, part
    assert done("study", "show", found["study"], "--region", where.path, "--json").json() == found
    again = done("study", "run", where.write_study(method="count"), "--region", where.path, "--json", "-")
    assert again.json()["result"]["n"] == 240 and again.err == ""


def test_numbers_dates_and_levels_are_shown_as_such(asked: tuple[Region, dict[str, Any]]):
    where = asked[0]
    study = where.write_study(method="describe", params={"columns": ["age", "seen", "sex"]})
    en, zh = in_both("study", "run", study, "--region", where.path)
    table = patients()
    assert f"{table['age'].mean():.7g}" in en and str((table["sex"] == "f").sum()) in en and "均值" in zh
    days = pd.to_datetime(table["seen"])
    assert days.median().date().isoformat()[:-1] in en and days.mean().round("D").date().isoformat() in zh


def test_a_denied_study_says_why_and_ends_with_five(asked: tuple[Region, dict[str, Any]]):
    where = asked[0]
    study = where.write_study("two", method="count", participants=["north", "south"])
    en, zh = in_both("study", "run", study, "--region", where.path, code=5)
    assert "denied" in en and "HZ01" in en and "被拒绝" in zh
    ended = where.outcome(method="count", participants=["north", "south"])
    assert (ended["status"], ended["result"], ended["settlement"]) == ("denied", None, None)
    en, _ = in_both("study", "result", ended["study"], "--region", where.path, code=3)
    assert "has no result" in en and "huizhen study show" in en


def test_where_the_outcome_goes_is_looked_at_first(asked: tuple[Region, dict[str, Any]]):
    where = asked[0]
    before = huizhen("study", "list", "--json", "--region", where.path).out
    study = where.write_study(method="count")
    in_both("study", "run", study, "--region", where.path, "--json", where.folder / "no" / "out.json", code=2)
    assert huizhen("study", "list", "--json", "--region", where.path).out == before


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_lists_fit_any_terminal_and_never_break_an_id(width: int, asked: tuple[Region, dict[str, Any]]):
    where, found = asked
    for words in (["study", "list"], ["ledger", "list"], ["money", "statement", "--party", "operator"],
                  ["study", "show", found["study"]]):  # fmt: skip
        lines = done(*words, "--region", where.path, COLUMNS=str(width)).out.splitlines()
        assert any(found["study"] in line for line in lines), words
        drawn = [line for line in lines if line[:1] in "┃│┏┡└"]
        assert all(cell_len(line.rstrip()) <= width for line in drawn), words


def test_a_report_opens_without_a_network(asked: tuple[Region, dict[str, Any]], tmp_path: Path):
    where, found = asked
    for language, word in (("en", "hazard ratio"), ("zh", "风险比")):
        page = tmp_path / f"{language}.html"
        done("study", "result", found["study"], "--html", page, "--region", where.path, HUIZHEN_LANG=language)
        assert word in page.read_text(encoding="utf-8")
    in_both("study", "result", found["study"], "--html", tmp_path / "no" / "x.html", "--region", where.path, code=2)
    assert done("study", "result", found["study"], "--json", "--region", where.path).json() == found["result"]


# -- ledger, money, patient


def test_the_ledger_is_listed_proven_and_verified(asked: tuple[Region, dict[str, Any]], tmp_path: Path):
    where, found = asked
    entry = str(found["evidence"]["entries"][0])
    assert "study-proposed" in in_both("ledger", "list", "--region", where.path)[0]
    listed = done("ledger", "list", "--json", "--region", where.path).json()
    assert listed[int(entry)]["subject"] == found["study"]
    proof, keys = tmp_path / "e.proof", tmp_path / "keys.txt"
    en, zh = in_both("ledger", "prove", entry, "--out", proof, "--keys", keys, "--region", where.path)
    assert f"huizhen ledger verify --proof {proof} --keys {keys}" in en and str(proof) in zh
    en, zh = in_both("ledger", "verify", "--proof", proof, "--keys", keys)
    assert f"entry {entry} (study-proposed, {found['study']})" in en and "north" in zh
    assert done("ledger", "verify", "--proof", proof, "--keys", keys, "--json").json()["entry"] == int(entry)
    whole = proof.read_bytes()
    for at in range(10, len(whole), 97):
        proof.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        changed = huizhen("ledger", "verify", "--proof", proof, "--keys", keys)
        assert changed.code in {2, 8} or len(changed.out.split("co-signed by")[1].split(",")) < len(NAMES), at
        assert "unexpected" not in changed.err
    assert "own copies agree" in in_both("ledger", "verify", "--region", where.path)[0]
    assert done("ledger", "verify", "--region", where.path, "--json").json()["wrong"] == []
    in_both("ledger", "prove", "9999", "--out", proof, "--region", where.path, code=2)
    in_both("ledger", "verify", code=2)


def test_a_changed_byte_is_told_by_verify_and_by_doctor(copied: Path):
    database = copied / "hub" / "hub.sqlite"
    data = bytearray(database.read_bytes())
    data[data.find(b'"verdict":"allow"') + 12] ^= 1
    database.write_bytes(data)
    en, zh = in_both("ledger", "verify", "--region", copied, code=8)
    assert "does NOT hold" in en and "study-authorised" in en and "账本不完好" in zh
    assert not huizhen("ledger", "verify", "--region", copied, "--json").json()["ok"]
    en, _ = in_both("doctor", "--region", copied, code=1)
    assert "BAD" in en and "study-authorised" in en


def test_money_is_told_to_the_fen(asked: tuple[Region, dict[str, Any]]):
    where, found = asked
    en, zh = in_both("money", "statement", "--party", "operator", "--region", where.path)
    assert found["study"] in en and "180.00" in en and "运营方分成" in zh
    lines = done("money", "statement", "--party", "patients@north", "--json", "--region", where.path).json()
    share = next(x["fen"] for x in found["settlement"]["lines"] if x["party"] == "patients@north")
    assert lines[0]["balance_fen"] == share
    en, _ = in_both("money", "postings", "--study", found["study"], "--region", where.path)
    assert "Debits 1,200.00, credits 1,200.00." in en
    posted = done("money", "postings", "--study", found["study"], "--json", "--region", where.path).json()
    assert sum(p["debit_fen"] for p in posted) == sum(p["credit_fen"] for p in posted) == PRICE
    en, _ = in_both("money", "statement", "--party", "oprator", "--region", where.path, code=3)
    assert "did you mean 'operator'" in en
    in_both("money", "postings", "--study", "st-none", "--region", where.path, code=3)


def test_a_patient_sees_every_use(asked: tuple[Region, dict[str, Any]]):
    where, found = asked
    person = str(pd.read_csv(where.folder / "north.csv")["patient"].iloc[0])
    words = ["patient", "uses", "--node", "north", "--subject", person, "--region", where.path]
    en, zh = in_both(*words)
    assert "Does sex change" in en and "acme" in en and "Earned in all" in en and "累计收益" in zh
    first = done(*words, "--json").json()[0]
    assert (first["study"], first["purpose"], first["asker"]) == (found["study"], "HMB", "acme")
    assert first["fen"] > 0 and first["date_utc"].startswith("20")
    in_both("patient", "uses", "--node", "north", "--subject", "nobody", "--region", where.path, code=3)
