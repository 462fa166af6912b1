"""Settlement: from the price of a study to integer fen for operator, hospitals and patients, summing to the price."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from huizhen.kit.canonical import digest
from huizhen.kit.errors import BadInput
from huizhen.kit.money import largest_remainder
from huizhen.kit.text import Text
from huizhen.model.settlement import Effects, Line, Role, Settlement, Shares

OPERATOR = "operator"
_DECIMAL = re.compile(r"(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,18})?", re.ASCII)


@dataclass(frozen=True)
class Contribution:
    """What one node put into a study: rows used, quality from 0 to 1, people included, effect on the joint model.

    Quality is a Fraction or a decimal string such as "0.9731"; a float is refused, since its last bits would depend on
    the machine (see `decimal_quality`).
    """

    rows: int
    quality: Fraction | str
    people: int
    effect: str = "1"
    """A decimal above 0 (`market.effect`); 1 where the deed does not pay by effect."""

    def weight(self) -> Fraction:
        """rows x quality x effect, exactly. Raises BadInput("bad-contribution")."""
        quality = self.quality
        if isinstance(quality, str):
            if not _DECIMAL.fullmatch(quality):
                raise _bad_contribution()
            quality = Fraction(quality)
        if not isinstance(quality, Fraction) or not 0 <= quality <= 1:
            raise _bad_contribution()
        if not _is_count(self.rows) or not _is_count(self.people):
            raise _bad_contribution()
        if not _DECIMAL.fullmatch(self.effect) or not Fraction(self.effect):
            raise _bad_contribution()
        return self.rows * quality * Fraction(self.effect)


def decimal_quality(quality: float) -> str:
    """A quality score as the decimal string, to six places, by which it is recorded and paid."""
    return f"{quality:.6f}"


def settle(
    study_id: str,
    asker: str,
    price_fen: int,
    shares: Shares,
    contributions: Mapping[str, Contribution],
    *,
    for_profit: bool,
    effects: Effects | None = None,
) -> Settlement:
    """Share the price of a study among those who made it possible.

    The price is split once, by largest remainder: operator `operator_percent`, the rest hospitals to patients as
    `hospital_parts` to `patient_parts`. Hospitals share theirs by rows x quality x effect (`effects`, kept beside the
    lines, says why), patients theirs equally per person included: one line per node, party `patients@NODE`, which the
    node passes on (`patients.share_out`). A share that has nobody to receive it goes back to the asker, and without
    any contribution the whole price does. Where the purpose forbids profit see `_at_cost`.

    Fen that do not divide go to the largest remainders, and between equal ones by a hash of study and node, so that
    no hospital gains by its name. Lines of zero fen are left out; all are non-negative and sum to the price.
    Raises BadInput for a negative price, shares that cannot be, or a contribution that cannot be.
    """
    check_shares(shares)
    if not _is_count(price_fen):
        raise BadInput(
            "bad-price",
            Text("A price is a whole number of fen, not negative.", "价格须为非负整数分。"),
            Text("Give price_fen as a whole number.", "请以整数填写 price_fen。"),
        )
    weights = {node: each.weight() for node, each in contributions.items()}
    contributing = [node for node, each in contributions.items() if each.rows > 0]
    if not contributing:
        lines = [Line(party=asker, role="refund", fen=price_fen)]
    elif for_profit:
        people = {node: Fraction(each.people) for node, each in contributions.items()}
        operator, hospitals, patients = _split(price_fen, shares)
        lines = [Line(party=OPERATOR, role="operator", fen=operator)]
        lines += _by_node(study_id, asker, hospitals, weights, "hospital")
        lines += _by_node(study_id, asker, patients, people, "patients")
    else:
        lines = _at_cost(study_id, asker, price_fen, shares, contributing)
    return Settlement(study=study_id, asker=asker, price_fen=price_fen, lines=_tidy(lines), effects=effects)


def patient_percent(shares: Shares, for_profit: bool) -> int:
    """Of a price, the whole percent that goes to the patients by these shares; none where the purpose forbids profit.

    Raises BadInput for shares that cannot be.
    """
    check_shares(shares)
    parts = shares.hospital_parts + shares.patient_parts
    return (100 - shares.operator_percent) * shares.patient_parts // parts if for_profit else 0


def _split(price_fen: int, shares: Shares) -> list[int]:
    """Fen for operator, hospitals and patients."""
    rest, parts = 100 - shares.operator_percent, shares.hospital_parts + shares.patient_parts
    return largest_remainder(
        price_fen, (shares.operator_percent * parts, rest * shares.hospital_parts, rest * shares.patient_parts)
    )


def _at_cost(study_id: str, asker: str, price_fen: int, shares: Shares, contributing: list[str]) -> list[Line]:
    """Cost only (HGR Regulation Art 10): no share of a price, nothing for patients, nothing kept beyond the cost.

    Each contributing node receives `cost_fen_per_node`, the operator its percentage of these costs, rounded down; all
    else goes back to the asker. A price below the cost is split in proportion, so nobody ever receives more than cost.
    """
    cost = shares.cost_fen_per_node
    operator = cost * len(contributing) * shares.operator_percent // 100
    order = _by_hash(study_id, contributing)
    due = [operator, *(cost for _ in order)]
    paid = due if sum(due) <= price_fen else largest_remainder(price_fen, due)
    lines = [Line(party=OPERATOR, role="operator", fen=paid[0])]
    lines += [Line(party=node, role="hospital", fen=fen) for node, fen in zip(order, paid[1:], strict=True)]
    lines.append(Line(party=asker, role="refund", fen=price_fen - sum(paid)))
    return lines


def _by_node(study_id: str, asker: str, fen: int, weights: Mapping[str, Fraction], role: Role) -> list[Line]:
    if not any(weights.values()):
        return [Line(party=asker, role="refund", fen=fen)]
    order = _by_hash(study_id, weights)
    parts = largest_remainder(fen, [weights[node] for node in order])
    prefix = "patients@" if role == "patients" else ""
    return [Line(party=prefix + node, role=role, fen=part) for node, part in zip(order, parts, strict=True)]


def _by_hash(study_id: str, nodes: Mapping[str, Fraction] | list[str]) -> list[str]:
    return sorted(nodes, key=lambda node: digest([study_id, node]))


def _tidy(lines: list[Line]) -> tuple[Line, ...]:
    """One line per party and role, in a fixed order, none of zero fen."""
    roles: tuple[Role, ...] = ("operator", "hospital", "patients", "refund")
    total: dict[tuple[int, str], int] = {}
    for line in lines:
        place = (roles.index(line.role), line.party)
        total[place] = total.get(place, 0) + line.fen
    return tuple(Line(party=party, role=roles[role], fen=fen) for (role, party), fen in sorted(total.items()) if fen)


def _is_count(value: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def check_shares(shares: Shares) -> None:
    """Raises BadInput("bad-deed") for shares that cannot be paid out."""
    fair = 0 <= shares.operator_percent <= 100 and min(shares.hospital_parts, shares.patient_parts) >= 0
    if not fair or shares.hospital_parts + shares.patient_parts == 0 or shares.cost_fen_per_node < 0:
        raise BadInput(
            "bad-deed",
            Text("The deed's shares cannot be paid out.", "信托契约的分成比例无法执行。"),
            Text(
                "Use 0 to 100 percent, parts that are not negative, not both zero, and a cost that is not negative.",
                "百分比须在 0 至 100 之间，各份额不得为负且不得同时为零，成本不得为负。",
            ),
        )


def _bad_contribution() -> BadInput:
    return BadInput(
        "bad-contribution",
        Text(
            "A contribution needs rows and people that are not negative, a quality from 0 to 1 and an effect above 0, "
            "both in exact form.",
            "贡献须包含非负的行数与人数、0 至 1 之间的质量以及大于 0 的贡献系数，后两者须以精确形式给出。",
        ),
        Text('Write the quality as a decimal string such as "0.97".', '请以十进制字符串（如 "0.97"）填写质量。'),
    )
