"""Words in Chinese for the commands on single people: their data, their rights, breaches that concern them."""

from __future__ import annotations

COMMANDS: dict[str, str] = {
    "huizhen hub account": "可在浏览器中登录中心控制台的人员。",
    "huizhen hub account add": "为某人开设控制台账户，并打印只能登录一次的链接；登录后请添加通行密钥，"
    "或密码加一次性验证码。",
    "huizhen hub account close": "关闭账户：自下一次请求起会话终止，且无法再登录。",
    "huizhen hub account link": "为丢失通行密钥或密码者打印新的一次性登录链接；先前的链接作废。",
    "huizhen hub account list": "列出全部账户，不含可用于登录的内容。",
    "huizhen node account": "可在浏览器中登录本院页面的人员：患者，以及节点运行人员。",
    "huizhen node account add": "为某人开设本院页面的账户，并打印只能登录一次的链接：请交给已核验身份的本人。"
    "患者账户名随机生成，其编号加密存于节点。",
    "huizhen node account link": "为丢失通行密钥或密码者打印新的一次性登录链接；先前的链接作废。",
    "huizhen node account list": "列出本院页面的账户，不含可用于登录的内容，也不含所关联的记录。",
    "huizhen node account close": "关闭账户：自下一次请求起会话终止，且无法再登录。",
    "huizhen node console": "提供本院自己的页面，直至 Ctrl-C 或 SIGTERM：患者可见其数据的去向与授权；"
    "节点运行人员可见数据、研究、请求、收益、"
    "警报与运行状况。与 `node run` 并行，仅供本院网络使用：节点本身仍只向外连接。",
    "huizhen breach": "个人信息泄露事件：申报、统计、通知、举证。",
    "huizhen breach declare": "申报泄露事件：自此载入账本，不可移除，并显示各项法定时限。",
    "huizhen breach revise": "补正已知情况。数据集与研究只增不减；知悉时间只能更正为更早。",
    "huizhen breach note": "记录刚完成的事项：contained、authority-told、persons-told、persons-spared、"
    "persons-ordered、media-told、media-spared、reported。以记录时刻为完成时刻，别无他法。",
    "huizhen breach close": "在全部规则均已满足后结案。无论是否结案，均保留在账本与列表中。",
    "huizhen breach reopen": "重启已结案的事件。",
    "huizhen breach status": "显示各项时限、已统计的医院、规则要求与经过。",
    "huizhen breach affected": "在医院查明受影响者，并仅向中心告知人数。"
    "名单留在本院：假名，或用 --among 得到本院编号。",
    "huizhen breach notices": "起草致主管部门与个人的通知，中英文各一份。",
    "huizhen breach bundle": "将证据写成一个文件：账本中有关的每一条及其证明、文件与通知。可离线且不依赖本程序核验。",
    "huizhen breach verify": "用您自己的公钥核验泄露事件证据：无需区域、中心或网络。不成立时退出码为 8。",
    "huizhen patient claim": (
        "某人对其数据主张权利时，法律如何规定：附条文依据，并记入节点日志。准许即办理：删除同 `patient delete`；"
        "撤回则终止全部同意并启动相应删除；更正则立案由医院决定；其他权利给出办理命令。未准许时退出码为 5。"
    ),
    "huizhen patient": "患者可以看到自己的数据如何被使用。",
    "huizhen patient uses": "此人数据的每一次使用：用途、申请方、日期、所得（分）；以及每一次因紧急诊疗被打开。",
    "huizhen patient consents": "此人或他人代其所作的全部表示、其中有效的，以及当时展示的内容。",
    "huizhen consent export": "将所作表示写成 FHIR R4 Consent 资源，`consent import` 可读回并得出相同结论。"
    "节点只保存假名，故由医院提供编号。",
    "huizhen patient data": "此人数据的全部去向：每一次使用由谁、为何、以何方法、得出什么、收益多少；代其拒绝的申请；"
    "每一次紧急访问。用 --bundle 写出逐项证明，无需医院即可核验。",
    "huizhen patient verify": "核验医院关于此人数据的陈述；无需医院，除 --ledger URL 外也无需网络。"
    "不实时退出码为 8，未能证明时为 7。",
    "huizhen patient delete": "终止此人的全部同意，并删除其数据，法律要求保存的除外。数据仓库中的数据仍属医院："
    "写出删除指令，执行后确认。每次删除均有签名记录，其哈希在账本上；备份不会使数据恢复。",
    "huizhen patient deletions": "列出删除记录，以及仍保留的内容及其依据。",
    "huizhen patient corrections": "列出所提出的更正：进展、期限与未准许的理由。",
    "huizhen patient decide-correction": "对某人提出的更正作出决定并说明理由；决定经签名记入账本。",
    "huizhen patient confirm-correction": "确认已准许的更正已完成。节点会查看数据行：只要该列的值仍与提出时相同，"
    "即视为未更正。",
    "huizhen patient confirm-deletion": "查看数据仓库是否已执行删除指令；已执行的写入账本。",
}

OPTIONS: dict[str, str] = {
    "Why a guardian may speak, e.g. custody 2024-17.": "监护人有权代为表示的依据，如 监护 2024-17。",
    "The person's account.": "此人的账户名。",
    "asker, trustee, auditor, regulator or reviewer.": "asker、trustee、auditor、regulator 或 reviewer。",
    "In whose name the person acts; else in their own.": "此人代表的主体；不写即以本人名义。",
    "Address of the hub, as the person's browser reaches it.": "此人浏览器访问中心所用的地址。",
    "Where browsers of the hospital's network reach it.": "本院网络中浏览器访问的地址。",
    "Host by which browsers reach it; may be repeated.": "浏览器所用的主机名；可重复。",
    "The hospital's certificate with its chain, PEM; else one is made.": "医院证书（含证书链，PEM）；不写则自动生成。",
    "Its private key, PEM.": "其私钥（PEM）。",
    "Address of the console, as the person's browser reaches it.": "此人浏览器访问本院页面所用的地址。",
    "Account of a member of staff, who runs the node.": "工作人员（节点运行人员）的账户名。",
    "Or of the person with this number in its tables.": "或数据表中此编号的患者。",
    "Who uses it: person; or guardian:ID or family:ID for them.": (
        "使用人：person；或代为使用的 guardian:编号、family:编号。"
    ),
    "How long the link is valid.": "链接的有效时长（小时）。",
    "Of its role only that: read, an area such as ledger, or ledger:read.": "仅限其角色中的一部分："
    "read、某一区域（如 ledger）或 ledger:read。",
    "view, copy, correct, port, delete or withdraw.": "view、copy、correct、port、delete 或 withdraw。",
    "Of a correction: the dataset that is wrong.": "更正：有误的数据集。",
    "Of a correction: the column, if it is one.": "更正：有误的列（如为某一列）。",
    "Of a correction: what is wrong and what is right; stays here.": "更正：何处有误、正确内容为何；仅留存于本院。",
    "Number of the correction.": "更正编号。",
    "Who at the hospital did it.": "医院经办人。",
    "Why; the person reads it.": "理由；本人可见。",
    "Whether the data will be corrected.": "是否准许更正。",
    "Whether it was verified who claims; not said is not known.": "是否已核验请求人身份；不写即未知。",
    "On what the data were collected: consent, contract or law.": "收集依据：consent、contract 或 law。",
    "Last day on which a law asks to keep the data, or `none`.": "法定保存期限的最后一日，或 `none`。",
    "Whether the data can be sent to where they are wanted.": "是否能将数据转移至所请求之处。",
    "Whether others would be harmed; not said is not known.": "是否损害他人权益；不写即未知。",
    "Near kin claim it for a person who has died; how related.": "近亲属为逝者主张；载明亲属关系。",
    "Only say what the law answers; nothing is deleted or ended.": "仅给出法律结论；不删除、不终止任何内容。",
}
