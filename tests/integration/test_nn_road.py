"""A network on the road: under secure sums, with what waits at the nodes from round to round."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

from drive import schema_of, trace
from huizhen.adapters.local import LocalFederation
from huizhen.model.consent import Use
from huizhen.model.grant import Limits
from huizhen.model.method import Method
from huizhen.model.partial import Partial
from huizhen.model.study import Study
from huizhen.node.runner import Sitting
from regions import make_region, patients, run, silence

PARAMS = {
    "outcome": "ill", "columns": ["age", "score"], "hidden": [2], "rounds": 12, "precision": "quantised", "keep": 0.4,
}  # fmt: skip


def test_sparse_updates_under_masks_come_to_what_they_come_to_without_a_road(tmp_path: Path) -> None:
    frames = patients(400, 4)
    region = make_region(tmp_path / "r", frames, waived=["memorising-model"])
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


def test_what_is_kept_outlives_an_answer_that_got_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The study is opened anew at every node then; the head of each must be the one that it had."""
    asked = {**PARAMS, "personal": "head", "precision": "exact", "keep": 1.0, "rounds": 6}
    frames, found, lost = patients(300, 3), [], set[int]()

    def loses(node: str, kind: str, body: dict[str, Any]) -> bool:
        if node != "h2" or kind != "mask" or body["round"] in lost | {0}:
            return False
        lost.add(body["round"])
        return len(lost) > 1

    for name in ("whole", "lossy"):
        region = make_region(tmp_path / name, frames, waived=["memorising-model"])
        if name == "lossy":
            monkeypatch.setattr(LocalFederation, "wait", lambda *_: True)
            silence(region, monkeypatch, loses)
        found.append(run(region, method="nn", params=asked))
        models = [region.agent(n).book.own_model(found[-1]["study"]) for n in ("h0", "h1", "h2")]
        found[-1]["heads"] = [model["result"]["weights"][-2:] for model in models if model]
        region.close()
    assert len(lost) > 5 and found[0]["result"]["weights"] == found[1]["result"]["weights"]
    assert len(found[0]["heads"]) == 3 and found[0]["heads"] == found[1]["heads"]


def test_the_head_of_a_study_that_is_denied_is_let_go(tmp_path: Path) -> None:
    region = make_region(tmp_path / "r", patients(300, 3), waived=["memorising-model"])
    found = run(region, method="nn", params={**PARAMS, "personal": "head", "hidden": [64], "rounds": 2})
    assert found["status"] == "denied" and found["problem"]["code"] == "guard-refused"
    assert region.agent("h0").book.own_model(found["study"]) is None
    region.close()


class Counting:
    """Adds one to what it kept."""

    def finish(self, total: Partial, state: dict[str, Any], kept: dict[str, Any]) -> tuple[Partial, dict[str, Any]]:
        n = kept.get("n", 0) + 1
        return Partial({"n": np.asarray(n)}), {"n": n}


def test_a_round_that_is_asked_again_begins_where_it_began() -> None:
    sitting = Sitting(cast(Study, None), "", cast(Limits, None), cast(Method, Counting()), (), cast(Use, None))
    asked = [{"round": 0}, {"round": 1}, {"round": 1}, {"round": 1}, {"round": 2, "w": np.ones(3)}]
    assert [int(sitting.finish(Partial({}), state, repr(state).encode())["n"]) for state in asked] == [1, 2, 2, 2, 3]
