"""How near other rows lie to released clusters and components: beside scikit-learn and numpy on the pooled rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.decomposition import PCA

from drive import Trace, hospitals, schema_of, trace
from guarding import census, limits
from huizhen.kit.errors import BadInput
from huizhen.path.guard import guard_result
from huizhen.privacy.noise import OpenDpNoise
from released import fitted, outcome, profile

NAMES = ["radius", "texture", "smoothness", "area"]
CANCER = load_breast_cancer(as_frame=True).data.rename(columns=lambda c: c.removeprefix("mean "))[NAMES]
OLD, NEW = CANCER.iloc[:300], CANCER.iloc[300:]
CLUSTERS = outcome("kmeans", OLD, columns=NAMES, k=3)
RAW = outcome("kmeans", OLD, columns=NAMES, k=2, standardize=False)
PARTS = outcome("pca", OLD, columns=NAMES, components=2)
WHOLE = outcome("pca", OLD, columns=NAMES, standardize=False)


def evaluated(found: dict[str, Any], **params: Any) -> Trace:
    return trace("evaluate", {"model": fitted(found), **params}, schema_of(CANCER), hospitals(NEW))


@pytest.mark.parametrize("found", [CLUSTERS, RAW], ids=["standardised", "raw"])
def test_clusters_are_as_far_from_their_centres_as_the_pooled_rows(found: dict[str, Any]) -> None:
    values, told = evaluated(found).result.values, found["result"]
    unit = np.array([told["sd"][n] for n in NAMES]) if "sd" in told else 1.0
    centres = np.array([[c[n] for n in NAMES] for c in told["centres"]]) / unit
    rows = NEW.to_numpy() / unit
    away = np.sqrt(((rows[:, None] - centres[None]) ** 2).sum(axis=2))
    near, other = np.sort(away, axis=1)[:, :2].T
    assert values["sizes"] == np.bincount(away.argmin(axis=1), minlength=len(centres)).tolist()
    assert values["inertia"] == pytest.approx((near**2).sum(), rel=1e-9)
    assert values["inertia_per_row"] == pytest.approx((near**2).mean(), rel=1e-9)
    spread = ((rows - rows.mean(axis=0)) ** 2).sum()
    assert values["explained"] == pytest.approx(1 - (near**2).sum() / spread, rel=1e-9)
    assert values["silhouette"] == pytest.approx(((other - near) / other).mean(), rel=1e-9)


@pytest.mark.parametrize(("found", "parts"), [(PARTS, 2), (WHOLE, 4)], ids=["two of four", "all"])
def test_components_explain_what_they_explain_of_the_pooled_rows(found: dict[str, Any], parts: int) -> None:
    values = evaluated(found).result.values
    mean, unit = (OLD.mean().to_numpy(), OLD.std().to_numpy() if found is PARTS else 1.0)
    old, new = (OLD.to_numpy() - mean) / unit, (NEW.to_numpy() - mean) / unit
    fit = PCA(parts).fit(old)
    along = fit.transform(new)
    assert [c["variance"] for c in values["components"]] == pytest.approx(along.var(axis=0, ddof=1), rel=1e-8)
    assert values["total_variance"] == pytest.approx(new.var(axis=0, ddof=1).sum(), rel=1e-9)
    assert [c["ratio"] for c in values["components"]] == pytest.approx(
        along.var(axis=0, ddof=1) / new.var(axis=0, ddof=1).sum(), rel=1e-8
    )
    rest = ((new - fit.inverse_transform(along)) ** 2).sum()
    assert values["reconstruction_error"] == pytest.approx(rest / len(new), rel=1e-8, abs=1e-9 * (new**2).mean())
    assert values["explained"] == pytest.approx(1 - rest / (new**2).sum(), rel=1e-9)


def test_they_drift_and_are_guarded_as_any_model() -> None:
    for found in (CLUSTERS, PARTS):
        then = evaluated(found).result.values
        again = evaluated(found, reference=profile(then))
        assert again.result.values["drift"]["score"]["psi"] == 0
        assert guard_result(again.result, census(), limits(), OpenDpNoise()).status == "released"
        few = guard_result(again.result, census(), limits(min_cell=270), OpenDpNoise()).values
        assert few is not None and few["explained"] is None


def test_an_outcome_says_nothing_of_a_shape() -> None:
    with pytest.raises(BadInput) as refused:
        evaluated(CLUSTERS, outcome="area")
    assert refused.value.code == "not-for-this-model"
