"""The scorer of a released model, from the outcome of its study."""

from __future__ import annotations

from typing import Any

from huizhen import methods
from huizhen.client.registry import check_model
from huizhen.kit.errors import Conflict
from huizhen.kit.text import Text
from huizhen.model.dataset import Schema
from huizhen.model.method import Method
from huizhen.statistics import applied
from huizhen.statistics.applied import Scorer

Found = dict[str, Any]


def scorer(found: Found) -> Scorer:
    """As `statistics.applied.scorer` gives it. Raises BadInput('not-a-model'), Conflict('model-of-another-version'),
    Unable('model-with-gaps')."""
    method = bound(found)
    return applied.scorer(method.name, method.params.as_json(), method.schema, found["result"])


def bound(found: Found) -> Method:
    """The method with the parameters and the schema of the study. Raises as `scorer` does."""
    check_model(found)
    limits = found["grant"]["limits"]
    kind = methods.find(limits["method"])
    if kind.version != limits["method_version"]:
        raise Conflict(
            "model-of-another-version",
            Text(
                f"The model was fitted by version {limits['method_version']} of {kind.name}; here is {kind.version}.",
                f"该模型由 {kind.name} 的版本 {limits['method_version']} 拟合，而此处为版本 {kind.version}。",
            ),
            Text("Use the version of Huizhen that fitted it.", "请使用拟合该模型的会诊版本。"),
        )
    return kind(kind.read_params(found["request"]["params"]), Schema.read(limits["dataset_schema"]))
