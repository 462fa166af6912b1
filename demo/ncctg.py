"""The first minute: a trial of lung cancer at real institutions, asked together, with no patient record leaving any.

Everything here is done by the same commands that a user types; each is printed before it runs. HUIZHEN_LANG=zh speaks
Chinese. Ends with an error where a promise is not kept.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from lifelines import CoxPHFitter, KaplanMeierFitter
from lifelines.datasets import load_lung
from stage import OUT, aligned, chapter, check, done, huizhen, say, show

from console import open_console
from huizhen.cli.voice import VOICE
from huizhen.kit.money import yuan
from huizhen.kit.text import Text

FEW = 10
"""Institutions with fewer patients than this are grouped into one node, 'small-hospitals'."""
NEAR = 1e-6
"""How far a federated figure may be from the pooled one."""
COX = """\
title: Does sex change survival?
asker: acme-pharma
purpose: HMB                 # health, medical or biomedical research
dataset: lung
participants: all
cohort: "age >= 18"
method: cox
params: {duration: time, event: status_died, formula: "age + sex + ph_ecog", ties: efron, strata: node}
protection: {min_cell: 10, epsilon: null, secure_sum: true}
price_fen: 120000            # 1,200 yuan, shared out when the answer is released
"""


def lung() -> pd.DataFrame:
    """The NCCTG trial (Loprinzi et al. 1994), 228 patients, with names that fit a formula."""
    raw = load_lung()
    raw.columns = [c.replace(".", "_") for c in raw.columns]
    raw = raw.rename(columns={"status": "status_died"})
    raw.insert(0, "patient", [f"P{i:04d}" for i in range(1, len(raw) + 1)])
    size = raw.groupby("inst")["patient"].transform("size")
    named = "institution-" + raw["inst"].fillna(0).astype(int).astype(str).str.zfill(2)
    raw["node"] = np.where(size >= FEW, named, "small-hospitals")
    return raw.drop(columns="inst")


class Demo:
    """The chapters in order; each uses what the earlier ones left in the folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.region = str(folder / "region")
        self.table = lung()
        self.nodes = sorted(self.table["node"].unique())
        self.largest = 0.0

    def ask(self, name: str, **request: Any) -> dict[str, Any]:
        """Write STUDY.yaml, run it, read what it wrote."""
        path = self.folder / f"{name}.yaml"
        base = {"asker": "acme-pharma", "purpose": "HMB", "dataset": "lung", "cohort": "age >= 18"}
        path.write_text(yaml.safe_dump({**base, **request}, sort_keys=False, allow_unicode=True), encoding="utf-8")
        return self.run(path)

    def run(self, path: Path) -> dict[str, Any]:
        out = path.with_suffix(".json")
        huizhen("study", "run", str(path), "--region", self.region, "--json", str(out))
        found: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
        return found

    def beside(self, what: str, federated: str, pooled: str, difference: float) -> None:
        """One figure from the hospitals together, beside the same from all rows in one table."""
        self.largest = max(self.largest, difference)
        show(aligned(what, federated, pooled, f"{difference:.1e}"))

    def heading(self) -> None:
        words = [Text("", ""), Text("federated", "联邦计算"), Text("pooled", "汇集计算"), Text("difference", "差值")]
        show(aligned(*(w.say(VOICE.language) for w in words)), "bold")

    # -- the chapters

    def build(self) -> None:
        chapter(1, "A region of hospitals", "建立由多家医院组成的区域")
        say(
            "A region is a folder. It holds the hub, where questions arrive, and for each hospital a node: its own "
            "database, its own keys, its own policy. There is no service to install or to start.",
            "区域就是一个文件夹：其中有接收问题的中心，以及每家医院各自的节点——独立的数据库、密钥和策略。无需安装或启动任何服务。",
        )
        done("init", "--region", self.region)
        say(
            f"The trial had 18 institutions. Each with {FEW} patients or more becomes a node of its own; the smaller "
            "ones share one, small-hospitals. First a node is added, then its table, with the list of who consented to "
            "health research (HMB). Rows of anybody else are never read.",
            f"该试验有 18 家机构：患者达到 {FEW} 人的各成一个节点，较小的合用节点 small-hospitals。先添加节点，"
            "再读入其数据表以及同意健康研究（HMB）的名单；名单以外的人，其数据行永远不会被读取。",
        )
        (self.folder / "files").mkdir()
        for i, node in enumerate(self.nodes):
            file, consents = (str(self.folder / "files" / f"{node}{end}.csv") for end in ("", "-consents"))
            rows = self.table[self.table["node"] == node].drop(columns="node")
            rows.to_csv(file, index=False)
            pd.DataFrame({"subject": rows["patient"], "purpose": "HMB"}).to_csv(consents, index=False)
            done("node", "add", node, "--region", self.region, quiet=i > 0)
            words = ["--from", file, "--subject", "patient", "--consent", consents, "--region", self.region]
            printed = done("dataset", "add", "lung", "--node", node, *words, quiet=i > 0)
            if i == 0:
                show(printed)
        say(f"And the same at the {len(self.nodes) - 1} other nodes.", f"其余 {len(self.nodes) - 1} 个节点同样操作。")

    def catalogue(self) -> None:
        chapter(2, "The catalogue: all that the hub knows", "目录：中心所知道的全部")
        say(
            "The rows stayed where they are. The hub learned which columns there are, how many rows, and how many "
            "consents; no name, no row. Everything that happens is an entry in a ledger, "
            "which `huizhen ledger list` shows; of the datasets it says:",
            "数据行都留在原处。中心只知道有哪些列、多少行、多少条同意；不知道姓名，也没有任何数据行。每件事都记入账本，"
            "可用 `huizhen ledger list` 查看；其中关于数据集的有：",
        )
        entries = json.loads(done("ledger", "list", "--json", "--region", self.region, quiet=True))
        rows = {e["actor"]: e["facts"]["rows"] for e in entries if e["kind"] == "dataset-registered"}
        consents = {e["actor"]: e["facts"]["changes"] for e in entries if e["kind"] == "consent-changed"}
        for node in self.nodes:
            show(
                Text(
                    f"lung at {node:<16} {rows[node]:>3} rows, {consents[node]:>3} consents",
                    f"lung @ {node:<16} {rows[node]:>3} 行，{consents[node]:>3} 条同意",
                ).say(VOICE.language)
            )
        check(sum(rows.values()) == len(self.table), "every row is held by one node")

    def may_i(self) -> None:
        chapter(3, "May I ask? The verdict before anything is computed", "可以问吗？计算之前先有结论")
        say("A study is a file: who asks, what for, of which data, how, and for what price.",
            "研究是一个文件：谁问、为何问、问哪些数据、怎么算、出价多少。")  # fmt: skip
        (self.folder / "cox.yaml").write_text(COX, encoding="utf-8")
        show(COX, "green")
        say(
            "Every rule is asked and answers with its article (PIPL and NDR are China's laws on personal information "
            "and network data); the last line says what the hub would get to see.",
            "逐条询问每项规则，并给出所依据的条款（PIPL 为《个人信息保护法》，NDR 为《网络数据安全管理条例》）；"
            "最后一行说明中心将能看到什么。",
        )
        show(done("study", "check", str(self.folder / "cox.yaml"), "--region", self.region))

    def questions(self) -> tuple[str, str]:
        """Three studies; answers the ids of the two that have something to draw."""
        chapter(4, "Three questions, answered together", "三个问题，共同作答")
        say(
            "Each hospital computes on its own rows and sends a masked sum; the hub can open only the total. Beside "
            "each answer stands the one that lifelines gives on all 228 rows in one table, which nobody outside this "
            "demonstration could have made.",
            "每家医院用自己的数据行计算，发出加了掩码的求和；中心只能打开总和。每个答案旁边，是 lifelines 对全部 228 行"
            "汇集计算的结果——在本演示之外，没有人能这样汇集。",
        )
        say("How many adults are there?", "成年患者有多少？")
        count = self.ask("count", title="How many adults?", method="count", price_fen=20000)
        self.heading()
        n, whole = count["result"]["n"], len(self.table)
        self.beside(Text("patients", "患者数").say(VOICE.language), str(n), str(whole), abs(n - whole))
        say(
            "How long do men and women live? Kaplan-Meier curves: the median in days, and the share alive at the last "
            "step.",
            "男性和女性各能存活多久？Kaplan-Meier 曲线：中位天数，以及最后一个台阶处的存活比例。",
        )
        params = {"duration": "time", "event": "status_died", "group": "sex"}
        curves = self.ask(
            "survival", title="Survival of men and women", method="kaplan_meier", params=params, price_fen=50000
        )
        self.compare_curves(curves["result"])
        say("Does sex change survival, at equal age and fitness? The Cox model from above.",
            "年龄与体能状态相同时，性别是否影响生存？即上面的 Cox 模型。")  # fmt: skip
        cox = self.run(self.folder / "cox.yaml")
        self.compare_cox(cox["result"])
        OUT.print(
            Text(
                f"   The largest difference in all of this: {self.largest:.1e}", f"   最大差值：{self.largest:.1e}"
            ).say(VOICE.language),
            style="bold green",
        )
        check(self.largest < NEAR, "federated equals pooled")
        return curves["study"], cox["study"]

    def compare_curves(self, values: dict[str, Any]) -> None:
        """Medians, and the largest difference over every released step."""
        self.heading()
        for group in values["groups"]:
            rows = self.table[self.table["sex"] == group["group"]]
            pooled = KaplanMeierFitter().fit(rows["time"], rows["status_died"])
            steps = group["curve"]
            expected = pooled.survival_function_at_times([s["time"] for s in steps]).to_numpy()
            worst = float(np.max(np.abs(expected - [s["survival"] for s in steps])))
            who = Text("men", "男性") if group["group"] == 1 else Text("women", "女性")
            what = Text(f"{who.en}: median", f"{who.zh}：中位数").say(VOICE.language)
            median = pooled.median_survival_time_
            self.beside(what, f"{group['median']:.0f}", f"{median:.0f}", abs(group["median"] - median))
            last = f"{steps[-1]['time']:.0f}"
            what = Text(f"{who.en}: alive, day {last}", f"{who.zh}：第 {last} 天存活").say(VOICE.language)
            self.beside(what, f"{steps[-1]['survival']:.12f}", f"{expected[-1]:.12f}", worst)
        say(
            "The last difference of each is the largest over its whole curve. Steps that would show fewer than 10 "
            "deaths were left out by the guard, which looks at every answer.",
            "各组末行的差值为整条曲线上的最大差值。会显露少于 10 例死亡的台阶已被出口检查略去；每个答案都要经过它。",
        )

    def compare_cox(self, values: dict[str, Any]) -> None:
        """Strata are nodes; the pooled model is stratified by the same column."""
        used = self.table[["time", "status_died", "age", "sex", "ph_ecog", "node"]].dropna()
        pooled = CoxPHFitter().fit(used, "time", "status_died", strata="node", fit_options={"precision": 1e-12})
        self.heading()
        for c in values["coefficients"]:
            expected = float(pooled.params_[c["name"]])
            self.beside(c["name"], f"{c['estimate']:.14f}", f"{expected:.14f}", abs(c["estimate"] - expected))
        self.beside(
            Text("log-likelihood", "对数似然").say(VOICE.language), f"{values['loglik']:.10f}",
            f"{pooled.log_likelihood_:.10f}", abs(values["loglik"] / pooled.log_likelihood_ - 1),
        )  # fmt: skip
        sex = next(c for c in values["coefficients"] if c["name"] == "sex")
        say(
            f"Women die at {sex['hazard_ratio']:.2f} times the rate of men (p {sex['p']:.2g}); "
            f"{values['n_missing']} patient was left out for a missing value.",
            f"女性的死亡风险是男性的 {sex['hazard_ratio']:.2f} 倍（p {sex['p']:.2g}）；"
            f"{values['n_missing']} 名患者因缺失值未纳入。",
        )

    def withdraw(self) -> None:
        chapter(5, "A patient withdraws", "一名患者撤回同意")
        node = self.nodes[0]
        subject = str(self.table[self.table["node"] == node]["patient"].iloc[0])
        say("One word at the own hospital is enough. The next run is without this person.",
            "在自己的医院说一声即可。下一次计算就不再包含此人。")  # fmt: skip
        person = ("--node", node, "--subject", subject)
        show(done("consent", "withdraw", *person, "--purpose", "HMB", "--region", self.region))
        again = self.ask("count", title="How many adults?", method="count", price_fen=20000)
        n, whole = again["result"]["n"], len(self.table)
        show(Text(f"{n} patients now, {whole} before", f"现为 {n} 人，此前 {whole} 人").say(VOICE.language), "bold")
        check(n == whole - 1, "a withdrawn patient is not read")
        say(
            "This patient can see every use of their data, who asked, and what it earned; the last run is not there.",
            "此患者可以看到自己的数据每次被谁、为何使用、所得多少；最后一次计算不在其中。",
        )
        show(done("patient", "uses", *person, "--region", self.region))

    def denied(self) -> None:
        chapter(6, "Two questions that are denied, and why", "两个被拒绝的问题及理由")
        say("Nobody can consent to marketing with health data: the law forbids it.",
            "健康数据不得用于市场营销；即使本人同意，法律也不允许。")  # fmt: skip
        found = self.ask("marketing", title="Who buys pills?", purpose="HMARKT", method="count", price_fen=900000)
        self.refused(found)
        say(
            "The same count again, but without the youngest: subtract it from the earlier one, and only they are left.",
            "再次计数，但去掉最年轻的几人：与先前结果相减，就只剩下这几个人。",
        )
        found = self.ask("difference", title="How many over 40?", method="count", cohort="age > 40", price_fen=20000)
        self.refused(found)

    def refused(self, found: dict[str, Any]) -> None:
        problem = found["problem"] or {}
        show(Text(problem.get("message", ""), problem.get("message_zh", "")).say(VOICE.language), "yellow")
        check(found["status"] == "denied" and found["result"] is None, "what is denied gives no figure")

    def verify(self) -> None:
        chapter(7, "The ledger, and someone who tampers with it", "账本，以及篡改它的人")
        say(
            "Every step above is an entry that the hospitals co-signed. Anyone can compute it all again, offline, and "
            "need not believe the hub.",
            "以上每一步都是由各医院联署的条目。任何人都可以离线重算全部内容，不必相信中心。",
        )
        show(done("ledger", "verify", "--region", self.region), "green")
        say("Now, in a copy, one byte of a verdict is changed: 'allow' becomes 'ellow'.",
            "现在在副本中改动一个字节：把结论 allow 改成 ellow。")  # fmt: skip
        copy = self.folder / "tampered"
        shutil.copytree(self.region, copy)
        database = copy / "hub" / "hub.sqlite"
        data = bytearray(database.read_bytes())
        data[data.find(b'"verdict":"allow"') + len('"verdict":"')] ^= ord("a") ^ ord("e")
        database.write_bytes(data)
        code, printed = huizhen("ledger", "verify", "--region", str(copy))
        show("\n".join(printed.splitlines()[:2]), "red")
        check(code == 8, "tampering is found")

    def money(self) -> None:
        chapter(8, "Who earned what, to the fen", "谁得了多少，精确到分")
        say(
            "Of each price 15 % goes to the operator; of the rest 40 parts to the hospitals, by rows and quality, and "
            "60 to the patients who were included, in equal shares. The lines always sum to the price.",
            "每份价款的 15 % 归运营方；其余按 40 : 60 分给医院（按行数与质量）和被纳入的患者（人人均等）。"
            "各行之和恒等于价款。",
        )
        show(done("money", "statement", "--party", "operator", "--region", self.region))
        paid = 0
        for node in self.nodes:
            own, patients = (self.balance(party) for party in (node, f"patients@{node}"))
            paid += own + patients
            show(
                Text(
                    f"{node:<16} {yuan(own):>8} yuan, its patients together {yuan(patients):>8} yuan",
                    f"{node:<16} {yuan(own):>8} 元，其患者合计 {yuan(patients):>8} 元",
                ).say(VOICE.language)
            )
        asked = -self.balance("acme-pharma")
        total = paid + self.balance("operator")
        check(total == asked, "every fen that was paid was received")
        said = Text(
            f"acme-pharma paid {yuan(asked)} yuan; all of the above receive {yuan(total)} yuan.",
            f"acme-pharma 支付 {yuan(asked)} 元；以上各方共得 {yuan(total)} 元。",
        )
        show(said.say(VOICE.language), "bold")
        one = str(self.table[self.table["node"] == self.nodes[0]]["patient"].iloc[1])
        say("And one patient who stayed:", "再看一名没有撤回的患者：")
        printed = done("patient", "uses", "--node", self.nodes[0], "--subject", one, "--region", self.region)
        show(printed.rstrip().splitlines()[-1])

    def balance(self, party: str) -> int:
        lines = json.loads(done("money", "statement", "--party", party, "--json", "--region", self.region, quiet=True))
        return int(lines[-1]["balance_fen"]) if lines else 0

    def report(self, studies: tuple[str, str]) -> None:
        chapter(9, "Reports to look at", "可以查看的报告")
        say("One page each, with the curves, the guard's words and the money; they open without a network.",
            "每份一页，含曲线、出口检查的说明和结算；无需联网即可打开。")  # fmt: skip
        for name, study in zip(("survival", "cox"), studies, strict=True):
            page = str(self.folder / f"{name}.html")
            done("study", "result", study, "--html", page, "--region", self.region)
        say(
            f"Reports: {self.folder / 'survival.html'} and {self.folder / 'cox.html'}\n"
            f"Look around: .venv/bin/huizhen study list --region {self.region}",
            f"报告：{self.folder / 'survival.html'} 和 {self.folder / 'cox.html'}\n"
            f"继续探索：.venv/bin/huizhen --lang zh study list --region {self.region}",
        )


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "build/demo")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    started = time.perf_counter()
    OUT.print(Text("Huizhen: many hospitals, one answer", "会诊：多家医院，一个答案").say(VOICE.language), style="bold")
    say(
        "228 patients with advanced lung cancer were treated at 18 institutions of one trial (NCCTG, 1994; real "
        "patients). Together the hospitals can answer what none can alone, and no record leaves any of them. All of it "
        "is done by the commands shown; type them yourself afterwards.",
        "某试验（NCCTG，1994 年，真实患者）的 18 家机构收治了 228 名晚期肺癌患者。各医院合起来能回答任何一家都无法回答"
        "的问题，而没有一条记录离开医院。一切都由所示命令完成，之后您可以自己输入。",
    )
    demo = Demo(folder)
    demo.build()
    demo.catalogue()
    demo.may_i()
    studies = demo.questions()
    demo.withdraw()
    demo.denied()
    demo.verify()
    demo.money()
    demo.report(studies)
    seconds = time.perf_counter() - started
    OUT.print(Text(f"Done in {seconds:.0f} s.", f"用时 {seconds:.0f} 秒。").say(VOICE.language), style="bold")
    if sys.stdin.isatty() and sys.stdout.isatty():
        raise SystemExit(open_console(demo.region))


if __name__ == "__main__":
    main()
