"""The drawings of a report: what stands where on the paper is what the numbers say."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from lifelines import KaplanMeierFitter
from markupsafe import Markup

from huizhen.client.figures import bars, forest, strip, survival, svg
from huizhen.client.figures.survival import Line, Step
from page_reader import Element, read
from report_found import lung

NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
WORDS = survival.Words("t", "d", "share", "time", "at risk", "hidden", lambda x: f"{x:g}")


def drawn(markup: Markup) -> Element:
    return read(str(markup)).all("svg")[0]


def points(element: Element) -> list[tuple[float, float]]:
    found = list(map(float, NUMBER.findall(element.attributes["d"])))
    return list(zip(found[::2], found[1::2], strict=True))


@cache
def of_sex(sex: int) -> Line:
    frame, _ = lung()
    part = frame[frame.sex == sex]
    table = KaplanMeierFitter().fit(part.time, part.status_died)
    ends = table.confidence_interval_.to_numpy()[1:]
    steps = [
        Step(time, share, low, high, int(row.at_risk), int(row.removed))
        for (time, share), (low, high), (_, row) in zip(
            table.survival_function_.iloc[1:, 0].items(), ends, table.event_table.iloc[1:].iterrows(), strict=True
        )
    ]
    return Line(f"sex: {sex}", tuple(steps), len(part), float(table.median_survival_time_))


def test_a_complete_curve_is_drawn_as_stairs_at_the_heights_of_the_estimate() -> None:
    line = of_sex(1)
    picture = drawn(survival.survival("k", [line, of_sex(2)], WORDS))
    corners = points(next(e for e in picture.all("path", "line") if e.attributes["d"].count("L") > 5))
    top = corners[0][1]
    assert all(a[0] == b[0] or a[1] == b[1] for a, b in pairwise(corners)), "stairs"
    heights = [top + survival.PLOT_HEIGHT * (1 - s.survival) for s in line.steps]
    reached = {round(y, 1) for _, y in corners}
    assert all(min(abs(h - y) for y in reached) <= 0.06 for h in heights)
    assert all(min(abs(h - y) for h in [top, *heights]) <= 0.06 for y in reached)


@pytest.mark.parametrize("sex", [1, 2])
@given(time=st.integers(-5, 1100))
def test_people_still_observed_are_those_who_have_not_left_before(sex: int, time: int) -> None:
    frame, _ = lung()
    part = frame[frame.sex == sex]
    assert of_sex(sex).at_risk(time) == (int((part.time >= time).sum()), True)


@given(time=st.integers(-5, 1100), keep=st.sets(st.integers(0, 80)))
def test_where_steps_are_left_out_it_says_at_least_and_that_is_true(time: int, keep: set[int]) -> None:
    frame, _ = lung()
    part = frame[frame.sex == 2]
    whole = of_sex(2)
    steps = tuple(s for i, s in enumerate(whole.steps) if i in keep)
    known = Line(whole.label, steps, whole.n).at_risk(time)
    truth = int((part.time >= time).sum())
    if known is not None:
        count, sure = known
        assert count == truth if sure else count <= truth
    else:
        assert all(s.time < time for s in steps)


def test_a_thinned_curve_has_a_mark_at_every_step_kept_and_straight_lines_between() -> None:
    whole = of_sex(1)
    line = Line("g", whole.steps[::7], whole.n)
    picture = drawn(survival.survival("k", [line], WORDS))
    assert len(picture.all("circle", "mark")) == len(line.steps)
    corners = points(picture.all("path", "line")[0])
    assert len(corners) == len(line.steps) + 1


def test_every_line_has_its_own_dash_and_mark_so_that_no_colour_is_needed() -> None:
    seen = {(svg.dash_of(i), i % svg.SERIES) for i in range(36)}
    assert len(seen) == 36
    assert len({svg.dash_of(i) for i in range(6)}) == 6
    forms = {str(svg.marker(0, 0, i, "m")) for i in range(6)}
    assert len(forms) == 6


def term(low: float, estimate: float, high: float) -> forest.Term:
    return forest.Term("t", estimate, low, high, "text")


FOREST = forest.Words("t", "d", "ratio", "less", "more")


@given(st.lists(st.tuples(st.floats(-3, 3), st.floats(0.01, 2)), min_size=1, max_size=8), st.booleans())
def test_in_a_forest_each_square_lies_on_its_line_and_on_its_side_of_no_effect(
    found: list[tuple[float, float]], ratio: bool
) -> None:
    told = np.exp if ratio else lambda x: x
    terms = [term(*(float(told(b + d * e)) for d in (-1, 0, 1))) for b, e in found]
    picture = drawn(forest.forest("k", terms, FOREST, ratio=ratio))
    zero = float(picture.all("line", "zero")[0].attributes["x1"])
    squares, rows = picture.all("rect", "estimate"), [g for g in picture.all("g") if g.all("rect", "estimate")]
    assert len(squares) == len(terms)
    for (b, e), square, row in zip(found, squares, rows, strict=True):
        middle = float(square.attributes["x"]) + 5.5
        whisker = row.all("line", "whisker")[0].attributes
        assert float(whisker["x1"]) - 0.1 <= middle <= float(whisker["x2"]) + 0.1
        assert (middle - zero) * b >= -0.2 and 0 <= float(whisker["x1"]) <= float(whisker["x2"]) <= svg.WIDTH
        assert ("sure" in square.kinds) == (not b - e <= 0 <= b + e)


def test_an_interval_without_end_is_cut_and_shown_with_an_arrow() -> None:
    picture = drawn(forest.forest("k", [term(1e-300, 1.0, 1e300), term(0.5, 0.6, 0.7)], FOREST, ratio=True))
    assert len(picture.all("path", "open")) == 2
    assert all(0 <= float(e.attributes["x1"]) <= svg.WIDTH for e in picture.all("line"))


def test_the_length_of_a_bar_is_in_proportion_and_a_hidden_one_has_none() -> None:
    rows = [bars.Bar("a", 40, "40"), bars.Bar("b", 10, "10"), bars.Bar("c", None, "hidden"), bars.Bar("d", 0, "0")]
    picture = drawn(bars.level_bars("k", rows, bars.Words("t", "d", "hidden")))
    long, short, none = (float(e.attributes["width"]) for e in picture.all("rect", "bar"))
    assert abs(long - 4 * short) < 0.3 and none == 0
    veil = picture.all("rect", "veil")
    assert len(veil) == 1 and veil[0].attributes["fill"] == "url(#k-hatch)"
    assert [e.attributes["id"] for e in picture.all("pattern")] == ["k-hatch"]


def test_intervals_of_unequal_width_have_the_area_of_their_count() -> None:
    inside = [bars.Interval(0, 10, 30.0), bars.Interval(10, 40, 30.0), bars.Interval(40, 45, None)]
    tails = bars.Tail("< 0", 3.0), bars.Tail("> 45", None)
    picture = drawn(bars.interval_bars("k", inside, *tails, bars.Words("t", "d", "hidden"), ("x", "per unit")))
    first, second = (e.attributes for e in picture.all("rect", "bar"))
    areas = [(float(a["width"]) + 1.5) * float(a["height"]) for a in (first, second)]
    assert abs(areas[0] - areas[1]) < 0.01 * areas[0]
    assert "3" in [e.text for e in picture.all("text")] and len(picture.all("rect", "veil")) == 1


def test_shares_fill_the_row_and_what_is_hidden_takes_the_rest() -> None:
    def segments(*values: float | None) -> list[bars.Segment]:
        return [bars.Segment("s", v, "") for v in values]

    rows = [("all", segments(30, 10), 41.0), ("some", segments(30, None), 40.0), ("none", segments(None, None), None)]
    picture = drawn(bars.stacked("k", rows, bars.Words("t", "d", "hidden"), ["s", "t"]))
    top = [e for e in picture.all("rect", "share") if e.attributes["height"] != "15"]
    whole = svg.WIDTH - float(top[0].attributes["x"])
    assert abs(float(top[0].attributes["width"]) + float(top[1].attributes["width"]) + 3 - whole) < 0.3
    hidden = [float(e.attributes["width"]) for e in picture.all("rect", "veil")]
    assert len(hidden) == 2 and abs(hidden[0] - whole / 4) < 0.3 and abs(hidden[1] - whole) < 0.3


def test_a_strip_without_any_quantile_says_that_it_is_hidden() -> None:
    rows = [strip.Spread("a", (), None), strip.Spread("b", ((0.25, 1.0, "1"), (0.5, 2.0, "2"), (0.75, 4.0, "4")), 2.5)]
    picture = drawn(strip.strips("k", rows, strip.Words("t", "d", "hidden", "mean")))
    assert "hidden" in [e.text for e in picture.all("text")]
    box = picture.all("rect", "half")[0].attributes
    low, high = float(box["x"]), float(box["x"]) + float(box["width"])
    median = float(picture.all("line", "median")[0].attributes["x1"])
    assert abs((median - low) / (high - low) - 1 / 3) < 0.01


@given(st.floats(-1e9, 1e9), st.floats(1e-6, 1e9), st.integers(2, 12))
def test_ticks_are_round_ascending_and_within(low: float, width: float, about: int) -> None:
    assume(width > 1e-9 * abs(low))
    high = low + width
    found = svg.ticks(low, high, about)
    slack = (high - low) * 1e-6
    assert found == sorted(set(found)) and len(found) <= about + 2
    assert all(low - slack <= t <= high + slack for t in found)


@given(st.floats(1e-6, 1e6), st.floats(1.05, 1e8))
def test_ticks_of_ratios_are_ascending_and_within(low: float, factor: float) -> None:
    high = low * factor
    found = svg.log_ticks(low, high)
    assert found == sorted(set(found)) and 1 <= len(found) <= 14
    assert all(low * (1 - 1e-6) <= t <= high * (1 + 1e-6) for t in found)


@given(st.text(max_size=40), st.floats(20, 400))
def test_a_label_is_cut_to_the_room_it_has(text: str, room: float) -> None:
    cut = svg.fitted(text, room)
    assert cut == text or (len(cut) <= len(text) + 1 and "…" in cut)
    if cut != text and len(text) <= 12:
        assert svg.text_width(cut) <= max(room, svg.text_width("…"))


@given(st.text(max_size=20), st.text(max_size=20))
def test_whatever_a_drawing_is_given_stays_text(title: str, label: str) -> None:
    markup = svg.picture("k", 10, title, label, svg.label(0, 0, label, title), svg.tag("g", label, x=title))
    root = read(str(markup))
    assert [e.name for e in root.walk()][1:] == ["svg", "title", "desc", "text", "g"]


# -- colours: WCAG 2.2, 1.4.3 and 1.4.11


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _palettes() -> list[dict[str, str]]:
    css = (files("huizhen.client") / "templates" / "colours.css").read_text(encoding="utf-8")
    blocks = re.findall(r":root \{(.*?)\}", css, re.DOTALL)
    found = [dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{6});", block)) for block in blocks]
    assert len(found) == 2 and all(len(palette) >= 6 for palette in found)
    return found


@pytest.mark.parametrize("palette", _palettes(), ids=["light", "dark"])
def test_text_and_lines_stand_out_from_what_lies_behind_them(palette: dict[str, str]) -> None:
    for text, behind in product(("ink", "soft", "accent", "warn", "bad"), ("paper", "card")):
        assert _contrast(palette[text], palette[behind]) >= 4.5, (text, behind)
    for text, behind in (("accent", "tint"), ("warn", "warn-tint"), ("bad", "bad-tint"), ("ink", "warn-tint")):
        assert _contrast(palette[text], palette[behind]) >= 4.5, (text, behind)
    for i in range(svg.SERIES):
        assert _contrast(palette[f"c{i}"], palette["card"]) >= 3
        assert _contrast(palette["on"], palette[f"c{i}"]) >= 4.5
