"""Words in Chinese for the commands on a hospital's own files: anonymise, mask, mark."""

from __future__ import annotations

COMMANDS: dict[str, str] = {
    "huizhen mask": "脱敏：测试用副本，以及各角色所见。",
    "huizhen mask key": "生成脱敏密钥。同一密钥在所有表中给出同样的脱敏值；"
    "持有者可还原脱敏后的号码，故密钥不离开生成之处。",
    "huizhen mask find": "找出可识别个人的列：依据列名、内容及校验位。不显示任何取值。未找出的列仍可能识别个人。",
    "huizhen mask propose": "根据各列的识别结果写出脱敏策略草案。使用前请先核对。",
    "huizhen mask copy": "写出测试用副本：身份证号仍有效，号码格式不变，姓名地址为虚构，日期按人平移。"
    "同一密钥在各表结果一致，"
    "故副本仍可关联。这不是匿名化：知道某人其他信息者仍可在其中找到此人。",
    "huizhen mask query": "按角色与用途所见查询一张表。"
    "脱敏先于查询，条件、关联与排序均无法绕过。角色归属由调用方确认。",
    "huizhen watermark": "水印：表的副本来自哪个接收方。",
    "huizhen watermark embed": "为某一接收方写出带水印的副本：部分数值按所给容差改动，绝不超出。"
    "剂量与标识符从不加水印，匿名化有所承诺的列亦然。",
    "huizhen watermark trace": "判定一张表出自谁的副本，以及误判的概率：行列可缺失、打乱、改名、取整或由两份混合。"
    "概率为精确值，涵盖登记的所有接收方。",
    "huizhen anonymize": "匿名化您自己的文件：每 k 行或更多行不可相互区分，信息损失尽可能小。"
    "写出的内容先仅凭文件本身核验，并加以攻击，再正式命名。\n\n"
    "各列的用途写在文件中，或用选项给出；后一种情况下，如何概括由取值推定，并予以说明。",
}
OPTIONS: dict[str, str] = {
    "Find k, suppression and weights for --risk, and for --for if said.": "按 --risk（及 --for）选定 k、抑制与权重。",
    "With --auto: nobody is found with a greater chance; 0.05 if not said.": "与 --auto 同用：单人风险上限，默认 0.05",
    "What the file is for: columns that tell this one stay finer.": "文件的用途：能说明该列的列保留得更细。",
    "How much the loss of each column counts.": "各列信息损失的权重。",
    "Differential privacy, by sampling; with --delta.": "以抽样实现差分隐私；须与 --delta 同用。",
    "With --epsilon: how often it may fail.": "与 --epsilon 同用：失效概率上限。",
}
