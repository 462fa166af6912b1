"""Whatever a result holds as a list of records comes back from its pandas table; hidden figures are missing."""

from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from huizhen.client.frames import frames
from huizhen.client.summary import WIDTH, summary

FIGURES = st.none() | st.floats(allow_nan=False, allow_infinity=False, width=32) | st.integers(0, 10**6)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.text("abc", min_size=1), FIGURES, FIGURES), min_size=1, max_size=6))
def test_records_come_back(rows: list[tuple[str, float | None, float | None]]) -> None:
    found = frames({"n": 3, "steps": [{"group": g, "a": a, "b": b} for g, a, b in rows]})
    assert list(found) == ["steps"]
    for (g, a, b), (_, back) in zip(rows, found["steps"].iterrows(), strict=True):
        assert back["group"] == g
        for told, held in ((a, back["a"]), (b, back["b"])):
            assert math.isnan(held) if told is None else held == told
    assert max(map(len, summary("t", {"Method": "x"}, {"n": 3}, found).splitlines())) <= WIDTH


def test_lists_inside_are_led_by_what_they_belong_to() -> None:
    curve = [{"time": 1.0, "at_risk": 9}, {"time": 2.0, "at_risk": None}]
    found = frames({"groups": [{"group": "f", "n": 9, "curve": curve}, {"group": "m", "n": 4, "curve": curve[:1]}]})
    assert found["groups"].to_dict("list") == {"group": ["f", "m"], "n": [9, 4]}
    assert found["groups.curve"]["group"].tolist() == ["f", "f", "m"]
    assert found["groups.curve"]["at_risk"].isna().tolist() == [False, True, False]
    only = frames({"baseline": [{"stratum": None, "steps": curve}]})
    assert list(only) == ["baseline.steps"] and list(only["baseline.steps"]) == ["time", "at_risk"]


def test_counts_stand_beside_what_they_count() -> None:
    assert frames({"by": "sex", "levels": ["f", None], "counts": [3, None]})["counts"].index.tolist() == [
        "f",
        "(missing)",
    ]
    assert list(frames({"edges": [None, 1.0, None], "counts": [3, 4]})["counts"]) == ["from", "to", "count"]
    crossed = frames(
        {"row": "a", "col": "b", "row_levels": ["x", "y"], "col_levels": [1, 2], "table": [[1, 2], [3, 4]]}
    )
    assert crossed["table"].loc["y", 2] == 4
