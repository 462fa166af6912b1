"""Words in Chinese of the commands on papers: reviews, the blacklist, alarms and reports. Part of `cli.chinese`."""

from __future__ import annotations

COMMANDS: dict[str, str] = {
    "huizhen review": "非求和结果在发布前的双人审查。",
    "huizhen review enrol": "登记某机构的审查人。由受托方登记；账本留有记录，节点在每份授权中均可看到。",
    "huizhen review dismiss": "解除审查人：此后不得再封存意见；此前已封存的仍可开封。",
    "huizhen review reviewers": "列出审查人及其所属机构。",
    "huizhen review waive": "自下一项研究起，在全区域免除某类非求和结果的审查。由受托方作出；账本留有记录，"
    "每份授权均有说明，策略中要求审查的医院仍可获得审查。数据行始终须经审查。",
    "huizhen review restore": "自下一项研究起，恢复此前免除的双人审查。",
    "huizhen review waivers": "列出并非求和的内容，以及其在发布前是否须经双人审查。",
    "huizhen review list": "列出待审查及已审查的结果。",
    "huizhen review show": "显示待审内容原文：申请、出口检查报告、拟发布的结果，以及审查进展。"
    "各份意见在审查有结论后才显示。",
    "huizhen review seal": "对待审结果封存您的意见：中心只得到无人能读的承诺值。"
    "在两名审查人均封存之前，意见本身保存在您机器上的文件中。",
    "huizhen review open": "两份意见均封存后，开封您的意见。两人均同意则结果自动发布；"
    "不一致则由另一机构的第三名审查人决定。",
    "huizhen blacklist": "黑名单：谁在各处被拒、理由为何、至何日止。",
    "huizhen blacklist add": "以签名文件将主体列入黑名单并定明期限：由登记册中的主管机关用其自己的密钥签署，"
    "或由受托方签署。"
    "自此各关口均予拒绝；每家医院的节点都保存该文件，中心无法悄悄删除。",
    "huizhen blacklist appeal": "对列入记录提出申诉：由被列主体用其自己的密钥签署，或由受托方代为记录。"
    "作出决定之前记录仍然有效。",
    "huizhen blacklist decide": "维持或撤销列入记录；只能使用签署该记录的密钥。未撤销的，期限届满自动失效。",
    "huizhen blacklist list": "列出所有列入记录及其今日状态。",
    "huizhen blacklist show": "显示某一主体的列入记录：理由、期限、申诉与决定。",
    "huizhen blacklist take": "不经中心，将主管机关直接送达的签名列入文件存入医院自己的节点。",
    "huizhen study stop": "以签名文件叫停正在进行或结果暂缓发布的研究：由登记册中的主管机关用其自己的密钥签署，"
    "或由受托方签署。其结果不再发布；已发布者无法收回。",
    "huizhen watch": "监察：访问行为、警报、偏离合同、信誉。",
    "huizhen watch scan": "将各方所提研究与其自身历史及同类比较评分，对异常者发出警报。"
    "提供服务的中心在每项研究后自动执行。",
    "huizhen watch list": "列出尚未处理的警报：监管视图。",
    "huizhen watch show": "显示一条警报及其理由与核查结论。",
    "huizhen watch acknowledge": "说明警报属实与否：已说明或已证实。由主管机关用其自己的密钥签署，或由受托方签署；"
    "不可更改。",
    "huizhen watch report": "举报某方将结果用于合同约定以外的用途：发出警报。证实后计入合同约定的自动中止。",
    "huizhen watch credibility": "仅依据账本显示各方信誉及每一构成项，并附审计报告。",
    "huizhen watch node": "医院自身的监察：本院人员与向本院提出申请者。",
    "huizhen watch node scan": "将查看病历的人员及申请方与其自身历史及同类比较评分。警报留在节点；"
    "账本只得到不具名的承诺值。",
    "huizhen watch node list": "列出医院自身尚未处理的警报。",
    "huizhen watch node acknowledge": "说明警报属实与否；须由当事人以外的人员处理。不可更改。",
    "huizhen audit": "审计方对各主体的签名报告。",
    "huizhen audit file": "提交审计方对某主体的签名报告。账本保存其哈希；报告原文由持有者自存。",
    "huizhen audit list": "列出审计报告；给出 --report 时仅列出针对该文件签署的报告。",
}

OPTIONS: dict[str, str] = {
    "own-figures or memorising-model.": "own-figures（单家医院的数值）或 memorising-model（能够记住数据行的模型）。",
    "Why; anyone can read it.": "理由；任何人均可读取。",
    "Name of the reviewer.": "审查人名称。",
    "The reviewer, as enrolled.": "审查人，与登记一致。",
    "The reviewer's own key file, from `party key`; it is only read.": "审查人自己的密钥文件（由 `party key` 生成），"
    "仅读取。",
    "Where the verdict is kept until it is opened; else beside the key.": "开封前保存意见的文件；否则放在密钥旁。",
    "The organisation that the reviewer is of.": "审查人所属机构。",
    "Public key of the reviewer, as `party key` printed it.": "审查人的公钥，即 `party key` 的输出。",
    "Why.": "理由。",
    "approve or reject.": "approve（同意）或 reject（反对）。",
    "Why; read once the review is decided.": "理由；审查有结论后方可读取。",
    "The party that signs, as in the register; else the trustee.": "签署的主体，与登记册一致；否则为受托方。",
    "The party that it is about.": "所涉主体。",
    "Which listing, by the start of its number; else the last.": "哪份列入记录（编号开头）；否则为最后一份。",
    "Why it is listed.": "列入理由。",
    "The last day of the term.": "期限的最后一日。",
    "The first day of the term; else today.": "期限的第一日；否则为今天。",
    "upheld or lifted.": "upheld（维持）或 lifted（撤销）。",
    "Papers, as `blacklist add --json` printed them.": "文件，即 `blacklist add --json` 的输出。",
    "The alarm's id, e.g. al-0123456789abcdef.": "警报编号，如 al-0123456789abcdef。",
    "So many days back, with today.": "回溯天数，含今天。",
    "Those that were acknowledged, too.": "包括已处理的。",
    "Why it is stopped; its asker is shown it.": "叫停理由，申请方可见。",
    "explained or confirmed.": "explained（已说明）或 confirmed（已证实）。",
    "What was found.": "核查结果。",
    "The contract that was departed from.": "所偏离的合同。",
    "What was seen.": "所见情况。",
    "The study whose result it is about.": "所涉结果的研究编号。",
    "One party; else all.": "某一主体；否则为全部。",
    "clean, qualified or adverse.": "clean（无保留）、qualified（保留）或 adverse（否定）。",
    "First day of the period.": "期间的第一日。",
    "Last day of the period.": "期间的最后一日。",
    "The auditor, as in the register.": "审计方，与登记册一致。",
    "The auditor's own key file; it is only read.": "审计方自己的密钥文件，仅读取。",
    "The full report: its SHA-256 is signed.": "报告全文：对其 SHA-256 签名。",
    "Only those that this very file belongs to.": "仅限针对该文件的报告。",
    "Number of the alarm.": "警报编号。",
}

KINDS: dict[str, str] = {
    "reviewer-enrolled": "登记审查人",
    "reviewer-dismissed": "解除审查人",
    "review-sealed": "封存审查意见",
    "review-opened": "开封审查意见",
    "review-waived": "免除双人审查",
    "review-restored": "恢复双人审查",
    "party-listed": "列入黑名单",
    "listing-appealed": "黑名单申诉",
    "listing-decided": "黑名单决定",
    "alarm-raised": "发出警报",
    "alarm-acknowledged": "处理警报",
    "departure-reported": "举报偏离用途",
    "audit-reported": "审计报告",
    "study-stopped": "叫停研究",
    "staff-alarmed": "医院警报",
    "staff-alarm-reviewed": "医院警报复核",
}

FACTS: dict[str, str] = {"alarm": "警报", "behaviour": "行为", "from": "自", "until": "至", "opinion": "意见"}
