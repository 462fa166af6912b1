"""The life of deeds and contracts: a page and a drawing, both made from the table that hub and nodes decide by."""

from __future__ import annotations

from html import escape

from huizhen.kit.text import Text
from huizhen.model.lifecycle import MOVES, STATES, STEPS, Move, State, Who
from pages.markdown import code, table

HEAD = """\
# Deeds and contracts

A data-trust deed and a contract live by one table. A step that is not in it is refused by the hub, by every node and by
`huizhen ledger verify`. What a party does it signs with its own key (Ed25519, RFC 8032) over the canonical bytes (RFC
8785) of all terms; each step is an entry of the ledger. The keys of both files are under [files](files.md).

信托契约与合同共用下表。表中没有的步骤，中心、每个节点以及 `huizhen ledger verify` 均予拒绝。当事方的行为由其自己的密钥
（Ed25519）对全部条款的规范字节签名；每一步都是账本的一个条目。

![The life of a deed or contract, drawn from the table below](deed-states.svg)

"""
_WHO: dict[Who, str] = {"trustee": "the trustee / 受托方", "party": "a party / 当事方", "clock": "by itself / 自动"}
_WIDE, _GAP, _TOP, _TALL = 132, 62, 92, 54


def page() -> str:
    moves = [
        (
            code(m.state),
            code(m.step),
            _slashed(STEPS[m.step]),
            code(m.to),
            ", ".join(map(_who, m.by)),
        )
        for m in MOVES
    ]
    states = [(code(state), _slashed(word)) for state, word in STATES.items()]
    return (
        HEAD
        + "## States\n\n" + table(("state", "means"), states)
        + "## Steps\n\n" + table(("from", "step", "means", "to", "by"), moves)
        + "`end` after it has begun only where the exit clause asks for no notice; else it becomes `notice`.\n"
    )  # fmt: skip


def _slashed(text: Text) -> str:
    return f"{text.en} / {text.zh}"


def _who(who: Who) -> str:
    return _WHO[who]


# -- the drawing

STYLE = """\
  <style>
    .card { fill: #ffffff; stroke: #c9d2dc; }
    .state { fill: #e4f0fb; stroke: #2f74b5; stroke-width: 1.3; }
    .force { fill: #e9f5ea; stroke: #3a8a4d; stroke-width: 1.3; }
    .ink { fill: #1c2733; font-weight: 600; }
    .soft { fill: #52606d; font-size: 12.5px; }
    .line { stroke: #52606d; stroke-width: 1.6; fill: none; marker-end: url(#arrow); }
    #arrow path { fill: #52606d; }
    @media (prefers-color-scheme: dark) {
      .card { fill: #161c23; stroke: #3a4653; }
      .state { fill: #1d3449; stroke: #6fb1ec; }
      .force { fill: #1d3524; stroke: #72c686; }
      .ink { fill: #e8eef4; }
      .soft { fill: #aab7c4; }
      .line { stroke: #aab7c4; }
      #arrow path { fill: #aab7c4; }
    }
  </style>
  <defs>
    <marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">
      <path d="M0 0 8 4 0 8z"/>
    </marker>
  </defs>
"""


def drawing() -> str:
    """The states in a row, the last one below them all. Raises ValueError for a table that cannot be drawn so."""
    *row, last = STATES
    width = 48 + len(row) * _WIDE + (len(row) - 1) * _GAP
    parts = [_box(row.index(s), s) for s in row]
    parts += [_last(last, width, _most(last))]
    for pair in dict.fromkeys((m.state, m.to) for m in MOVES):
        steps = [m for m in MOVES if (m.state, m.to) == pair]
        parts.append(_edge(row, last, steps))
    height = _bottom(_most(last)) + _TALL + 20
    said = "; ".join(f"{m.state} to {m.to} by {m.step}" for m in MOVES)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        "aria-labelledby=\"title desc\" font-family=\"system-ui, -apple-system, 'Segoe UI', 'Noto Sans CJK SC', "
        'sans-serif" font-size="14">\n'
        '  <title id="title">The life of a deed or contract</title>\n'
        f'  <desc id="desc">{escape(said)}.</desc>\n{STYLE}'
        f'  <rect class="card" x="1" y="1" width="{width - 2}" height="{height - 2}" rx="14"/>\n'
        '  <g text-anchor="middle">\n' + "".join(parts) + "  </g>\n</svg>\n"
    )


def _most(last: State) -> int:
    """The most steps that lead from one state to the last: so many lines of words stand below the row."""
    return max(sum(m.to == last and m.state == s for m in MOVES) for s in STATES)


def _bottom(lines: int) -> int:
    return _TOP + _TALL + 34 + 18 * lines


def _left(place: int) -> int:
    return 24 + place * (_WIDE + _GAP)


def _middle(place: int) -> int:
    return _left(place) + _WIDE // 2


def _box(place: int, state: State) -> str:
    kind = "force" if state == "active" else "state"
    x, y = _left(place), _TOP
    return f'    <rect class="{kind}" x="{x}" y="{y}" width="{_WIDE}" height="{_TALL}" rx="8"/>\n' + _words(
        _middle(place), y, state
    )


def _words(x: int, y: int, state: State) -> str:
    word = STATES[state]
    return (
        f'    <text class="ink" x="{x}" y="{y + 24}">{escape(word.en)}</text>\n'
        f'    <text class="soft" x="{x}" y="{y + 42}">{escape(word.zh)}</text>\n'
    )


def _last(state: State, width: int, lines: int) -> str:
    y = _bottom(lines)
    return f'    <rect class="state" x="24" y="{y}" width="{width - 48}" height="{_TALL}" rx="8"/>\n' + _words(
        width // 2, y, state
    )


def _edge(row: list[State], last: State, steps: list[Move]) -> str:
    start, to = row.index(steps[0].state), steps[0].to
    names = [m.step for m in steps]
    x, y = _middle(start), _TOP
    if to == last:
        said = "".join(_label(x + 8, y + _TALL + 24 + 18 * i, name, "start") for i, name in enumerate(names))
        return f'    <path class="line" d="M{x} {y + _TALL}V{_bottom(_most(last)) - 2}"/>\n' + said
    end, word = row.index(to), ", ".join(names)
    if end == start:
        loop = f"M{x - 24} {y}C{x - 30} {y - 40} {x + 30} {y - 40} {x + 24} {y - 2}"
        return f'    <path class="line" d="{loop}"/>\n' + _label(x, y - 36, word)
    if end == start + 1:
        line = f"M{_left(start) + _WIDE} {y + 18}H{_left(end) - 2}"
        return f'    <path class="line" d="{line}"/>\n' + _label(_left(end) - _GAP // 2, y + 10, word)
    if end == start - 1:
        line = f"M{_left(start)} {y + 38}H{_left(end) + _WIDE + 2}"
        return f'    <path class="line" d="{line}"/>\n' + _label(_left(start) - _GAP // 2, y + 53, word)
    raise ValueError(f"{steps[0].state} to {to} cannot be drawn")


def _label(x: int, y: int, word: str, anchor: str = "middle") -> str:
    return f'    <text class="soft" x="{x}" y="{y}" text-anchor="{anchor}">{escape(word)}</text>\n'
