"""Words in Chinese for what the ledger's entries are, and for their public facts, by their codes."""

from __future__ import annotations

from huizhen.cli import chinese_papers as papers

KINDS: dict[str, str] = {
    "region-created": "建立区域",
    "node-enrolled": "节点登记",
    "node-revoked": "节点吊销",
    "witness-enrolled": "见证方登记",
    "witness-removed": "见证方移除",
    "dataset-registered": "数据集登记",
    "consent-changed": "同意变更",
    "breach-changed": "泄露事件",
    "breach-counted": "受影响人数统计",
    "care-opened": "紧急访问",
    "care-reviewed": "紧急访问复核",
    "data-used": "数据使用",
    "data-deleted": "数据删除",
    "deletion-confirmed": "删除确认",
    "rows-dropped": "封装数据行到期删除",
    "data-correction": "数据更正",
    "party-registered": "主体登记",
    "act-filed": "事项备案",
    "deed-changed": "信托契约变更",
    "contract-changed": "合同变更",
    "payment-received": "收到付款",
    "study-proposed": "研究申请",
    "study-authorised": "研究审批",
    "study-opened": "研究开启",
    "round-summed": "一轮求和",
    "study-guarded": "出口检查",
    "study-committed": "签署承诺",
    "study-released": "结果发布",
    "study-settled": "结算",
    "study-denied": "研究被拒",
    "study-failed": "研究失败",
    "node-refused": "节点拒绝",
    "node-left-out": "节点未参与",
}

FACTS: dict[str, str] = {
    "act": "事项",
    "breach": "泄露事件",
    "changes": "变更数",
    "code": "代码",
    "commitment": "承诺",
    "document": "文件摘要",
    "epoch": "版本",
    "deletion": "删除",
    "inclusion": "参与者承诺",
    "key": "公钥",
    "nodes": "节点数",
    "opening": "紧急访问",
    "outcome": "结果",
    "party_kind": "类别",
    "pieces": "数据块数",
    "people": "人数",
    "round": "轮次",
    "rows": "行数",
    "state": "状态",
    "status": "状态",
    "step": "步骤",
    "tombstone": "删除标记",
    "verdict": "结论",
    "version": "版本",
}

KINDS |= papers.KINDS
FACTS |= papers.FACTS
