"""Words in Chinese for the commands on tables of rows: anonymise, mask, mark, and what a study gives out."""

from __future__ import annotations

COMMANDS: dict[str, str] = {
    "huizhen intake": "收入：从医院已有的记录到表格。",
    "huizhen intake fhir": "收入 FHIR R4：bundle 与批量导出的 NDJSON。"
    "中断后或有新文件时重新运行即可：已读内容不会重复读取。"
    "\n\n"
    "无法收入的记录连同原因完整保留，不影响其他记录。STU3 与 R5 会被识别并拒绝。",
    "huizhen intake show": "已收入的内容，以及被拒记录的数量与原因。不显示任何记录。",
    "huizhen intake refused": "写出被拒记录及其文件、位置与原因（每行一个 JSON），以便更正。"
    "其内容为患者记录：文件仅您本人可读。",
    "huizhen intake views": "自带的视图；给出名称则显示其定义，可据以编写自己的视图。",
    "huizhen intake table": "写出视图的表格：SQL on FHIR v2，覆盖所有已收入的资源。可用 dataset add 由其建立数据集。",
    "huizhen study sign": "签署提供数据行的研究：数据行封装给该密钥，凡与所签内容不逐字一致的研究，医院均不读取数据。"
    "密钥不离开本机；每次修改后须重新签署。",
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
    "huizhen synthesize": "由您自己的文件生成合成文件：各行不属于任何人，由单列及列对的含噪计数抽得，满足差分隐私。"
    "正式命名之前与原文件比较，并加以攻击。\n\n"
    "未说明的列，包括其有哪些取值，均以含噪方式求得。比较结果仅供您自己使用：它直接查看原文件，未加噪声。",
    "huizhen series": "系列：逐日进行的匿名化发布，合并之后仍守承诺。",
    "huizhen series start": "开始一个系列。其文件夹保存已发布者（加密钥的散列）与等待中的记录，不得交予他人；"
    "其中的发布文件则可交付。",
    "huizhen series add": "收入新记录，并将可发布者写入单独的文件。\n\n"
    "每人只发布一次。无法归入 k 人等价类的记录等待他人；等待期满者放弃。"
    "一切要么全部发生，要么全不发生：同一文件不会收入两次。",
    "huizhen series show": "每个文件的处理结果。",
    "huizhen series check": "重新核验整个系列，所用 SQL 与生成程序毫无共用："
    "每次发布及全部合并后均守承诺，无人被发布两次，"
    "无记录丢失，无文件被改动。",
}
OPTIONS: dict[str, str] = {
    "Files of .csv or .parquet that belong together.": "彼此关联的 .csv 或 .parquet 文件。",
    "Synthetic rows to draw; else about as many.": "抽取的合成行数；不给出则与原数据大致相同。",
    "Draw the same synthetic rows again; the noise stays.": "重新抽取相同的合成行；噪声不变。",
    "The folder of taken-in records; it stays here.": "已收入记录的文件夹，留在本机。",
    "Files or folders: .ndjson, .json, .gz, .zip.": "文件或文件夹：.ndjson、.json、.gz、.zip。",
    "The folder of taken-in records.": "已收入记录的文件夹。",
    "The file to write, for its owner only.": "要写出的文件，仅其所有者可读。",
    "A view, to print its definition.": "视图名称，显示其定义。",
    "A view by its name, or a ViewDefinition in a .json file.": "视图名称，或含 ViewDefinition 的 .json 文件。",
    "The table to write: .parquet or .csv.": "要写出的表格：.parquet 或 .csv。",
    "The synthetic file to write.": "要写出的合成文件。",
    "synthesize.yaml: what is known of columns beforehand.": "synthesize.yaml：事先已知的各列情况。",
    "The whole budget; 1 if not said.": "全部预算；未给出时为 1。",
    "With what chance it may fail; 1e-8.": "允许失效的概率；默认 1e-8。",
    "Rows to draw; else about as many.": "抽取的行数；未给出时与原文件大致相同。",
    "Whose row it is, where people have several.": "一人有多行时，标明该行属于谁的列。",
    "Of what is drawn; the noise is never repeatable.": "抽样的随机种子；噪声不可重复。",
    "Learn from every row; nothing is compared or attacked.": "用全部行学习；不比较，也不攻击。",
    "Folder of the series; it stays with the holder.": "系列的文件夹，由持有方保管。",
    "series.yaml: whose record it is, and what to promise.": "series.yaml：记录属于谁，以及要承诺什么。",
    "New records: .csv or .parquet.": "新记录：.csv 或 .parquet。",
    "The asker's own key file, with which its contract is signed.": "申请方自己的密钥文件，即签署其合同所用者。",
    "The key file that the study was signed with.": "签署该研究所用的密钥文件。",
    "Write the rows it gives out: .csv or .parquet.": "写出其提供的数据行：.csv 或 .parquet。",
    "Find k, suppression and weights for --risk, and for --for if said.": "按 --risk（及 --for）选定 k、抑制与权重。",
    "With --auto: nobody is found with a greater chance; 0.05 if not said.": "与 --auto 同用：单人风险上限，默认 0.05",
    "A .csv or .parquet file, or postgresql://..., spark:DIR or duckdb:FILE.": ".csv、.parquet 文件，"
    "或 postgresql://...、spark:文件夹、duckdb:文件。",
    "The table or view in the warehouse; its rows are brought here.": "数据仓库中的表或视图；其数据行会取到本机。",
    "What the file is for: columns that tell this one stay finer.": "文件的用途：能说明该列的列保留得更细。",
    "How much the loss of each column counts.": "各列信息损失的权重。",
    "Differential privacy, by sampling; with --delta.": "以抽样实现差分隐私；须与 --delta 同用。",
    "With --epsilon: how often it may fail.": "与 --epsilon 同用：失效概率上限。",
}
