"""A network on the road: under secure sums, with what waits at the nodes from round to round."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

from drive import schema_of, trace
from huizhen.model.consent import Use
from huizhen.model.grant import Limits
from huizhen.model.method import Method
from huizhen.model.partial import Partial
from huizhen.model.study import Study
from huizhen.node.runner import Sitting
from regions import make_region, patients, run

PARAMS = {
    "outcome": "ill", "columns": ["age", "score"], "hidden": [2], "rounds": 12, "precision": "quantised", "keep": 0.4,
}  # fmt: skip


def test_sparse_updates_under_masks_come_to_what_they_come_to_without_a_road(tmp_path: Path) -> None:
    frames = patients(400, 4)
    region = make_region(tmp_path / "r", frames)
    found = run(region, method="nn", params=PARAMS)
    region.close()
    assert found["status"] == "released", found["problem"]
    schema = schema_of(pd.concat(frames.values()))
    plain = trace("nn", PARAMS, schema, list(frames.values())).result.values

    def weights(values: dict[str, Any]) -> np.ndarray[Any, Any]:
        return np.concatenate([np.ravel(part) for part in values["weights"]])

    np.testing.assert_allclose(weights(found["result"]), weights(plain), rtol=1e-7, atol=1e-9)
    for figure in ("auc", "log_loss"):
        assert found["result"]["holdout"][figure] == pytest.approx(plain["holdout"][figure], rel=1e-7)


class Counting:
    """Adds one to what it kept."""

    def finish(self, total: Partial, state: dict[str, Any], kept: dict[str, Any]) -> tuple[Partial, dict[str, Any]]:
        n = kept.get("n", 0) + 1
        return Partial({"n": np.asarray(n)}), {"n": n}


def test_a_round_that_is_asked_again_begins_where_it_began() -> None:
    sitting = Sitting(cast(Study, None), "", cast(Limits, None), cast(Method, Counting()), (), cast(Use, None))
    asked = [{"round": 0}, {"round": 1}, {"round": 1}, {"round": 1}, {"round": 2, "w": np.ones(3)}]
    assert [int(sitting.finish(Partial({}), state, repr(state).encode())["n"]) for state in asked] == [1, 2, 2, 2, 3]
