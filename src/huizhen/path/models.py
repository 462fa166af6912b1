"""A study that names a released model by its id gets the model itself put in before nodes see it."""

from __future__ import annotations

from typing import Any

from huizhen import methods
from huizhen.kit.errors import BadInput, Conflict, NotFound
from huizhen.kit.text import Text
from huizhen.model.fitted import Distribution, Fitted, Profile
from huizhen.model.release import Release
from huizhen.model.study import Request
from huizhen.path.outcome import GIVEN
from huizhen.path.ports import Store
from huizhen.statistics import applied

EVALUATE = "evaluate"


def names_a_model(request: Request) -> bool:
    """Whether a released study has to be put in before the request can be planned."""
    return request.method == EVALUATE and "model" in request.params


def filled(store: Store, request: Request) -> Request:
    """The request with the model, and the reference where there is one, in the place of their ids.

    Raises BadInput: 'model-by-id', 'not-an-evaluable-model', 'not-an-evaluation'; NotFound('no-model') for a study that
    is not there, is another asker's, or released nothing; Conflict('model-of-another-version').
    """
    if not names_a_model(request):
        return request
    params = dict(request.params)
    params["model"] = _fitted(store, request.asker, _named(params, "model")).as_json()
    if params.get("reference") is not None:
        params["reference"] = _profile(store, request.asker, _named(params, "reference")).as_json()
    return request.model_copy(update={"params": params})


def _named(params: dict[str, Any], key: str) -> str:
    value = params[key]
    if not isinstance(value, str):
        raise BadInput(
            "model-by-id",
            Text(f"params.{key} is not the id of a study.", f"params.{key} 不是研究编号。"),
            Text("Name the study by its id, st-…; the hub puts in what it released.",
                 "请以研究编号 st-… 指定；由中心填入其发布的内容。"),
        )  # fmt: skip
    return value


def _released(store: Store, asker: str, study: str) -> tuple[Request, dict[str, Any], dict[str, Any]]:
    """Request, limits and result of a released study of this asker."""
    absent = NotFound(
        "no-model",
        Text(f"{asker} has no released study {study}.", f"{asker} 没有已发布的研究 {study}。"),
        Text("`huizhen model list` and `huizhen study list` name those there are.",
             "`huizhen model list` 与 `huizhen study list` 列出现有的研究。"),
    )  # fmt: skip
    try:
        found = store.study(study)
    except NotFound:
        raise absent from None
    journal = store.journal(study)
    release = Release.read(journal["release"]) if "release" in journal else None
    kept_back = store.status(study) not in GIVEN
    if found.request.asker != asker or kept_back or release is None or release.result is None:
        raise absent
    return found.request, journal["grant"]["limits"], release.result


def _fitted(store: Store, asker: str, study: str) -> Fitted:
    request, limits, result = _released(store, asker, study)
    if request.method not in applied.NEEDED:
        raise BadInput(
            "not-an-evaluable-model",
            Text(
                f"Study {study} asks for {request.method}, which fits no model.",
                f"研究 {study} 的方法为 {request.method}，不产生模型。",
            ),
            Text(f"Name a model of {', '.join(applied.NEEDED)}.", f"请指定 {'、'.join(applied.NEEDED)} 的模型。"),
        )
    kind = methods.find(request.method)
    if kind.version != limits["method_version"]:
        raise Conflict(
            "model-of-another-version",
            Text(
                f"The model was fitted by version {limits['method_version']} of {kind.name}; here is {kind.version}.",
                f"该模型由 {kind.name} 的版本 {limits['method_version']} 拟合，而此处为版本 {kind.version}。",
            ),
            Text("Use the version of Huizhen that fitted it.", "请使用拟合该模型的会诊版本。"),
        )
    table = dict(limits["dataset_schema"])
    table["columns"] = [c for c in table["columns"] if c["name"] in set(limits["columns"])]
    return Fitted.read(
        {
            "study": study,
            "method": kind.name,
            "version": kind.version,
            "params": kind.read_params(request.params).as_json(),
            "table": table,
            "values": {k: result[k] for k in applied.NEEDED[kind.name] if k in result},
        }
    )


def _profile(store: Store, asker: str, study: str) -> Profile:
    request, _, result = _released(store, asker, study)
    if request.method != EVALUATE:
        raise BadInput(
            "not-an-evaluation",
            Text(f"Study {study} is no evaluation of a model.", f"研究 {study} 不是对模型的评估。"),
            Text("Name an evaluation of this model as reference.", "请在 reference 中指定对本模型的评估。"),
        )
    profile = result["profile"]
    inputs = {name: _distribution(part) for name, part in profile["inputs"].items()}
    return Profile.read(
        {
            "study": study,
            "model": result["model"],
            "score": _distribution(profile["score"]),
            "inputs": {name: part for name, part in inputs.items() if part is not None},
        }
    )


def _distribution(part: dict[str, Any]) -> dict[str, Any] | None:
    """None where the guard has hidden a count."""
    if part["counts"] is None or any(count is None for count in part["counts"]):
        return None
    return Distribution.read(part).as_json()
