"""Differential privacy spends from a durable budget per dataset and asker, and only where the mechanism is proven."""

from huizhen.kit.text import Text
from huizhen.model.casebook import but
from huizhen.model.rule import Answer, Case, Facts, Rule


def decide(facts: Facts) -> Answer | None:
    asked = facts.request.protection.epsilon
    if asked is None:
        return None
    if not facts.method_private:
        return Answer(
            "deny",
            Text(
                f"No proven mechanism of differential privacy exists here for '{facts.request.method}'; "
                "leave epsilon out, or use count, histogram, crosstab or nn.",
                f"“{facts.request.method}”尚无经证明的差分隐私机制；请去掉 epsilon，"
                "或改用 count、histogram、crosstab、nn。",
            ),
        )
    if facts.epsilon_total is None:
        return Answer("needs", Text("The budget has not been looked up.", "尚未查询隐私预算。"))
    if facts.delta_total > facts.delta_cap:
        total, cap = f"{facts.delta_total:.3g}", f"{facts.delta_cap:.3g}"
        return Answer(
            "deny",
            Text(
                f"The deltas of the asker's studies on this dataset would add up to {total}; the region allows {cap}.",
                f"该申请方在此数据集上各研究的 delta 之和将为 {total}，而本区域只准许 {cap}。",
            ),
        )
    spent = f"{facts.epsilon_total:.4g}", f"{facts.epsilon_cap:g}"
    if facts.epsilon_total > facts.epsilon_cap:
        return Answer(
            "deny",
            Text(
                f"With epsilon {asked:g} the asker would have spent {spent[0]} of {spent[1]} on this dataset.",
                f"若再使用 epsilon {asked:g}，该申请方在此数据集上的累计消耗为 {spent[0]}，超过上限 {spent[1]}。",
            ),
        )
    return Answer(
        "allow",
        Text(
            f"Epsilon {asked:g}; the asker will have spent {spent[0]} of {spent[1]} on this dataset.",
            f"使用 epsilon {asked:g}；该申请方在此数据集上累计消耗 {spent[0]}，上限 {spent[1]}。",
        ),
    )


RULE = Rule("HZ02", "House rule: a durable privacy budget", "2026-11-22", decide)
CASES = (
    Case("no noise asked for", but(), None),
    Case("within the budget", but({"protection": {"epsilon": 0.5}}), "allow"),
    Case("beyond the budget", but({"protection": {"epsilon": 2.0}}, epsilon_total=2.0), "deny"),
    Case("a method without a proven mechanism", but({"protection": {"epsilon": 0.5}}, method_private=False), "deny"),
    Case("deltas that add up to too much", but({"protection": {"epsilon": 0.5}}, delta_total=2e-6), "deny"),
    Case("the budget was not looked up", but({"protection": {"epsilon": 0.5}}, epsilon_total=None), "needs"),
)
