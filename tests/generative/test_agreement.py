"""However the rows of one table fall to hospitals, these agree on what its columns are, and each file fits."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from huizhen.intake import open_source
from huizhen.intake.conform import conform
from huizhen.intake.infer import infer
from huizhen.model.agreement import agree, so_far
from huizhen.model.dataset import Dataset, Schema

KINDS = {
    "whole": ["0", "1"],
    "stage": ["0", "1", "2", "3", ""],
    "age": [str(i) for i in range(20, 90)],
    "dose": ["1", "2.5", "3.75", "NA"],
    "sex": ["f", "m"],
    "arm": ["yes", "no", "no phone"],
    "alive": ["TRUE", "FALSE"],
    "drug": [f"drug {i}" for i in range(45)],
    "remark": [f"said {i}" for i in range(400)],
    "seen": ["2020-01-31", "2021-02-28", ""],
    "nothing": ["", "NA"],
}
TYPES = {
    "whole": {"integer"}, "stage": {"integer"}, "age": {"integer"}, "dose": {"number", "integer"},
    "sex": {"category", "text"}, "arm": {"category", "text"}, "alive": {"boolean"}, "drug": {"category", "text"},
    "remark": {"category", "text"}, "seen": {"date"},
}  # fmt: skip


def card(holder: str, table: Schema) -> Dataset:
    return Dataset(
        name="d", holder=holder, table=table, pinned=False, rows=1, subjects=1, quality=1.0, version="0" * 64
    )


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.lists(st.sampled_from([1, 2, 3, 7, 19, 40, 120]), min_size=1, max_size=5))
def test_hospitals_of_any_size_in_any_order_agree(seed: int, sizes: list[int]) -> None:
    dice = random.Random(seed)
    cards: list[Dataset] = []
    with tempfile.TemporaryDirectory() as folder:
        for i, size in enumerate(sizes):
            path = Path(folder) / f"h{i}.csv"
            rows = [[f"{i}-{k}", *(dice.choice(v) for v in KINDS.values())] for k in range(size)]
            path.write_text("\n".join(",".join(r) for r in [["sid", *KINDS], *rows]) + "\n", encoding="utf-8")
            found = infer(open_source(path), "sid", so_far(cards))
            cards.append(card(f"h{i}", found.schema))
            assert sum(b.num_rows for b in conform(open_source(path), found.reading, "sid")) == size
            joint = agree(cards)
    for name, types in TYPES.items():
        column = joint.column(name)
        filled = [c.table.column(name) for c in cards if c.table.column(name).levels != () or column.type == "integer"]
        assert column.type in types or not filled or column.identifier
        assert column.type != "category" or column.levels or not filled
        listed = {level for c in cards for level in c.table.column(name).levels or ()}
        assert column.levels is None or set(column.levels) == listed
    assert max(sizes) < 40 or (joint.column("sex").levels, joint.column("whole").levels) == (("f", "m"), (0, 1))
