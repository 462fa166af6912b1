"""A copy to test with: same form, same joins, same intervals, nobody's values; and what is refused."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from commands import done, in_both
from huizhen.privacy.masking.identity import valid, with_check

POLICY = """\
person: patient_id
until: 2026-11-28
columns:
  patient_id: {kind: code, start: 2}
  id_card: {kind: id_number}
  name: {kind: name}
  phone: {kind: phone}
  address: {kind: address}
  email: {kind: email}
  born: {kind: birth_date, of: id_card}
  admitted: {kind: date}
  discharged: {kind: date}
  note: {kind: blank}
  dose: {kind: keep}
"""


def frame(rows: int = 300, seed: int = 5) -> pd.DataFrame:
    chance = np.random.default_rng(seed)
    born = pd.to_datetime("1930-01-01") + pd.to_timedelta(chance.integers(0, 33_000, rows), unit="D")
    serial = chance.integers(0, 1000, rows)
    numbers = with_check([f"310104{b:%Y%m%d}{s:03d}" for b, s in zip(born, serial, strict=True)])
    admitted = pd.to_datetime("2024-01-01") + pd.to_timedelta(chance.integers(0, 700, rows), unit="D")
    return pd.DataFrame(
        {
            "patient_id": [f"ZY{20240000 + i}" for i in range(rows)],
            "id_card": numbers,
            "name": ["张伟", "欧阳娜娜", "Ann Lee", "阿依古丽·买买提"] * (rows // 4),
            "phone": [f"1380000{i:04d}" if i % 2 else f"+86 138-0000-{i:04d}" for i in range(rows)],
            "address": ["上海市徐汇区漕溪北路1号2栋301室", "12 Long Road"] * (rows // 2),
            "email": [f"P{i}@hospital.cn" for i in range(rows)],
            "born": [f"{b:%Y/%m/%d}" for b in born],
            "admitted": [f"{a:%Y-%m-%d} 08:30" for a in admitted],
            "discharged": [f"{a:%Y年%m月%d日}" for a in admitted + pd.to_timedelta(chance.integers(1, 30, rows), "D")],
            "note": [f"患者：张伟，电话1391234{i:04d}，建议复诊随访" for i in range(rows)],
            "dose": chance.integers(1, 99, rows).astype(str),
        }
    )


@pytest.fixture(scope="module")
def laid(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pd.DataFrame, pd.DataFrame, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("mask")
    before = frame()
    before.to_csv(folder / "in.csv", index=False, encoding="gb18030", sep=";")
    done("mask", "key", folder / "mask.key")
    (folder / "mask.yaml").write_text(POLICY, encoding="utf-8")
    words = ["mask", "copy", folder / "in.csv", "--policy", folder / "mask.yaml", "--out", folder / "out.csv", "--json"]
    told = done(*words).json()
    return folder, before, pd.read_csv(folder / "out.csv", sep=";", dtype=str, keep_default_na=False), told


def test_every_value_is_of_the_same_form_and_nobodys(laid: Any) -> None:
    _, before, after, told = laid
    assert list(after) == list(before) and told["rows"] == len(after) == 300
    assert valid(after.id_card.tolist()).all() and after.patient_id.str.fullmatch(r"ZY\d{8}").all()
    assert after.patient_id.is_unique and after.id_card.is_unique and (after.dose == before.dose).all()
    assert after.address.str.startswith("上海市徐汇区").sum() == 150 and not after.address.str.contains("漕溪").any()
    assert after.email.str.endswith("@example.com").all() and (after.note == "").all()
    assert after.phone.str.match(r"(\+86 138-\d{4}-\d{4}|138\d{8})$").all()
    script = [re.sub(r"[\u3400-\u9fff]", "汉", n) for n in after.name.str.replace("·", "")]
    assert {len(n) for n in script[::4]} == {2} and {len(n) for n in script[1::4]} == {4}
    for name in ("patient_id", "id_card", "name", "phone", "address", "email"):
        assert not set(after[name]) & set(before[name])
        assert told["columns"][name]["changed"] == 300


def test_intervals_stay_and_days_do_not_and_birth_agrees_with_the_number(laid: Any) -> None:
    _, before, after, _ = laid
    was, now = (
        (pd.to_datetime(t.discharged, format="%Y年%m月%d日") - pd.to_datetime(t.admitted)).dt.days
        for t in (before, after)
    )
    assert (was == now).all() and after.admitted.str.endswith(" 08:30").all()
    moved = (pd.to_datetime(after.admitted) - pd.to_datetime(before.admitted)).dt.days
    assert (moved != 0).all() and moved.abs().max() <= 365 and moved.nunique() > 150
    assert (after.born.str.replace("/", "") == after.id_card.str[6:14]).all()


def test_masks_agree_across_tables_and_writings(laid: Any, tmp_path: Path) -> None:
    folder, before, after, _ = laid
    other = before[["patient_id", "admitted"]].sample(50, random_state=1)
    other["tel"] = [p.replace("+86 ", "0086") for p in before.phone[other.index]]
    other["id_card"] = before.id_card[other.index].str.lower()
    other.to_parquet(tmp_path / "visits.parquet", index=False)
    policy = POLICY.replace("  dose: {kind: keep}", "  dose: {kind: keep}\n  tel: {kind: phone}")
    (folder / "two.yaml").write_text(policy, encoding="utf-8")
    done("mask", "copy", tmp_path / "visits.parquet", "--policy", folder / "two.yaml", "--out", tmp_path / "o.parquet")
    masked = pd.read_parquet(tmp_path / "o.parquet").set_index(other.index)
    same = after.loc[other.index]
    assert (masked.patient_id == same.patient_id).all() and (masked.admitted == same.admitted).all()
    assert (masked.id_card == same.id_card).all()
    digits = [s.str.replace(r"\D", "", regex=True).str[-11:] for s in (masked.tel, same.phone)]
    assert (digits[0] == digits[1]).all()


def test_another_key_gives_others(laid: Any, tmp_path: Path) -> None:
    folder, _, after, _ = laid
    done("mask", "key", tmp_path / "mask.key")
    (tmp_path / "mask.yaml").write_text(POLICY, encoding="utf-8")
    done("mask", "copy", folder / "in.csv", "--policy", tmp_path / "mask.yaml", "--out", tmp_path / "o.csv")
    other = pd.read_csv(tmp_path / "o.csv", sep=";", dtype=str)
    assert all((other[n] == after[n]).mean() < 0.03 for n in ("patient_id", "id_card", "phone", "email", "admitted"))


@pytest.mark.parametrize(
    ("was", "becomes", "code", "said"),
    [
        ("  note: {kind: blank}\n", "", 2, "'note' is not named"),
        ("dose: {kind: keep}", "dose: {kind: code}", 2, "Column 'dose': There are only"),
        ("person: patient_id", "person: who", 2, "no column that tells people apart"),
        ("of: id_card", "of: name", 2, "`of` has to name a column of kind id_number"),
        ("until: 2026-11-28", "until: 2026-02-30", 2, "there is no such day"),
        ("person: patient_id", "key: other.key\nperson: patient_id", 3, "no key file"),
    ],
)
def test_what_cannot_be_masked_is_said_and_nothing_written(
    was: str, becomes: str, code: int, said: str, laid: Any
) -> None:
    folder = laid[0]
    (folder / "wrong.yaml").write_text(POLICY.replace(was, becomes), encoding="utf-8")
    words = ["mask", "copy", folder / "in.csv", "--policy", folder / "wrong.yaml", "--out", folder / "wrong.csv"]
    en, _ = in_both(*words, code=code)
    assert said in en and not (folder / "wrong.csv").exists() and list(folder.glob(".*")) == []


def test_the_key_is_its_owners_and_is_never_written_over(laid: Any) -> None:
    key = laid[0] / "mask.key"
    assert key.stat().st_mode & 0o777 == 0o600
    en, _ = in_both("mask", "key", key, code=4)
    assert "never written over" in en
    words = ["mask", "copy", laid[0] / "in.csv", "--policy", laid[0] / "mask.yaml", "--out", laid[0] / "again.csv"]
    os.chmod(key, 0o644)  # noqa: PTH101
    try:
        en, _ = in_both(*words, code=5)
        assert "chmod 600" in en
    finally:
        os.chmod(key, 0o600)  # noqa: PTH101
    secret = key.read_text().strip()
    assert all(secret not in p.read_text("utf-8", "ignore") for p in laid[0].iterdir() if p != key)


def test_without_a_policy_one_is_proposed_that_works(laid: Any) -> None:
    folder, before = laid[0], laid[1]
    en, _ = in_both("mask", "copy", folder / "in.csv", "--out", folder / "p.csv", code=2)
    assert "patient_id, id_card, name, phone, address, email, note" in en and "mask propose" in en
    done("mask", "propose", folder / "in.csv", "--out", folder / "proposed.yaml")
    done("mask", "copy", folder / "in.csv", "--policy", folder / "proposed.yaml", "--out", folder / "p.csv")
    after = pd.read_csv(folder / "p.csv", sep=";", dtype=str, keep_default_na=False)
    kept = [n for n in before if (after[n] == before[n]).any()]
    assert kept == ["dose"] and (after.born.str.replace("/", "") == after.id_card.str[6:14]).all()
    en, zh = in_both("mask", "find", folder / "in.csv")
    assert "resident identity number" in en and "居民身份证号" in zh and "13800000001" not in en


def test_numbers_that_are_none_stay_none_and_empty_stays_empty(laid: Any, tmp_path: Path) -> None:
    folder = laid[0]
    odd = pd.DataFrame({"id_card": ["110101194912310021", "", "H0812345678901", "11010519491231002X"]})
    odd.to_csv(tmp_path / "in.csv", index=False)
    (tmp_path / "m.yaml").write_text(f"key: {folder / 'mask.key'}\n" + POLICY, "utf-8")
    done("mask", "copy", tmp_path / "in.csv", "--policy", tmp_path / "m.yaml", "--out", tmp_path / "o.csv")
    after = pd.read_csv(tmp_path / "o.csv", dtype=str, keep_default_na=False).id_card
    assert valid(after.tolist()).tolist() == [False, False, False, True]
    assert (
        after[1] == "" and re.fullmatch(r"[A-Z]\d{13}", after[2]) and after[0].isdigit() and after[0] != odd.id_card[0]
    )


def test_one_policy_is_proposed_for_tables_that_belong_together_and_keeps_the_time_between_them(tmp_path: Path) -> None:
    """A person is told apart by what both tables have, and by no number of a visit; so joined intervals stay."""
    from huizhen.privacy.masking.identity import with_check

    numbers = with_check([f"1101051950{1 + i % 12:02d}15{i:03d}" for i in range(40)])
    people = pd.DataFrame({"患者编号": [f"MRN{i:06d}" for i in range(40)], "身份证号": numbers})
    people["入院日期"] = [f"2024-03-{1 + i % 28:02d}" for i in range(40)]
    visits = pd.DataFrame({"就诊号": [f"V{i:07d}" for i in range(120)], "身份证号": numbers * 3})
    visits["就诊日期"] = [f"2024-05-{1 + i % 28:02d}" for i in range(120)]
    people.to_csv(tmp_path / "people.csv", index=False)
    visits.to_csv(tmp_path / "visits.csv", index=False)
    done("mask", "key", tmp_path / "mask.key")
    said = done("mask", "propose", tmp_path / "people.csv", tmp_path / "visits.csv", "--out", tmp_path / "m.yaml")
    assert "'身份证号'" in said.out
    done("mask", "propose", tmp_path / "visits.csv", "--out", tmp_path / "alone.yaml")
    assert "person: 身份证号" in (tmp_path / "alone.yaml").read_text("utf-8")
    found = []
    for names in (("people", "visits"), ("people-m", "visits-m")):
        if names[0].endswith("-m"):
            for name in ("people", "visits"):
                done("mask", "copy", tmp_path / f"{name}.csv", "--policy", tmp_path / "m.yaml",
                     "--out", tmp_path / f"{name}-m.csv")  # fmt: skip
        one, other = (pd.read_csv(tmp_path / f"{name}.csv", dtype=str) for name in names)
        joined = other.merge(one, on="身份证号")
        apart = pd.to_datetime(joined["就诊日期"]) - pd.to_datetime(joined["入院日期"])
        found.append((len(joined), sorted(apart.dt.days), set(joined["身份证号"])))
    assert found[0][:2] == found[1][:2] and not found[0][2] & found[1][2]
