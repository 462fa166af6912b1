"""A released model as an ONNX file, for any runtime: the whole way from the columns as they stand to the score.

Each column is an input of shape (rows, 1): a category is text, everything else a double (NaN where missing; a boolean
0 or 1; a date in days since 1970-01-01). The one output has the name and the values that `model score` writes (the
name with _ behind it where a column has that name), NaN where that has none.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import numpy as np

from huizhen.client.licence import one_line
from huizhen.client.onnx_nets import net
from huizhen.client.onnx_trees import trees
from huizhen.client.scorer import bound
from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text
from huizhen.methods.cox import Cox
from huizhen.methods.gbdt import Gbdt
from huizhen.methods.glm import Glm
from huizhen.methods.nn import Nn
from huizhen.model.method import Method
from huizhen.statistics import columns as cols
from huizhen.statistics import expression, nets
from huizhen.statistics.applied import coefficients, of_glm, spreads
from huizhen.statistics.design import Design, Levels
from huizhen.statistics.expression import Spread

OPSET, ML_OPSET, IR_VERSION = 19, 3, 9
"""The first in which text can be compared: runtimes of 2023, such as ONNX Runtime 1.15, and later."""
Found = dict[str, Any]


def needs_onnx() -> BadInput:
    return BadInput(
        "no-onnx",
        Text("Writing ONNX needs a package that is not installed.", "写出 ONNX 所需的软件包未安装。"),
        Text("Install it: pip install 'huizhen[onnx]'", "请安装：pip install 'huizhen[onnx]'"),
    )


def export(found: Found) -> bytes:
    """The file's bytes. found: the outcome of the model's study.

    Raises BadInput('no-onnx') without the extra, BadInput('no-onnx-for-method') for kmeans and pca, and as
    `scorer.scorer` does.
    """
    method = bound(found)
    build = _OF.get(method.name)
    if build is None:
        raise BadInput(
            "no-onnx-for-method",
            Text(f"Models of {method.name} are not written as ONNX.", f"{method.name} 模型不支持写成 ONNX。"),
            Text(f"Those of {', '.join(_OF)} are; or use `huizhen model score`.",
                 f"支持的方法：{'、'.join(_OF)}；或使用 `huizhen model score`。"),
        )  # fmt: skip
    try:
        graph = Graph(method)
    except ImportError:
        raise needs_onnx() from None
    return graph.finish(*build(graph, method, found["result"]), found)


class Graph:
    """An ONNX graph that grows node by node; each call gives the name of what it computes, (rows, 1)."""

    def __init__(self, method: Method) -> None:
        import onnx

        self.onnx, self.schema = onnx, method.schema
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self.inputs: dict[str, str] = {}
        """By column, the name of its input: that of the column."""

    def op(self, kind: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """One node; the name of what it computes begins with a colon."""
        name = f":{len(self._nodes)}"
        self._nodes.append(self.onnx.helper.make_node(kind, list(inputs), [name], domain=domain, **attributes))
        return name

    def constant(self, value: float | str) -> str:
        name = f":c{len(self._constants)}"
        array = np.array([value], dtype=object if isinstance(value, str) else np.float64)
        self._constants.append(self.onnx.numpy_helper.from_array(array, name))
        return name

    def array(self, values: np.ndarray[Any, Any]) -> str:
        """A constant of any shape and type."""
        name = f":c{len(self._constants)}"
        self._constants.append(self.onnx.numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def column(self, name: str) -> str:
        self.inputs[name] = name
        return name

    def is_level(self, name: str, level: Any) -> str:
        """Boolean: whether the column has this level."""
        text = self.schema.column(name).type == "category"
        return self.op("Equal", self.column(name), self.constant(str(level) if text else float(level)))

    def missing(self, name: str) -> str:
        """Boolean: whether the column has no value, or one that is none of its levels where it has levels."""
        column = self.schema.column(name)
        if column.type != "category":
            return self.op("IsNaN", self.column(name))
        known = self.is_level(name, cols.levels(column)[0])
        for level in cols.levels(column)[1:]:
            known = self.op("Or", known, self.is_level(name, level))
        return self.op("Not", known)

    def double(self, truth: str) -> str:
        return self.op("Cast", truth, to=self.onnx.TensorProto.DOUBLE)

    def finish(self, value: str, output: str, found: Found) -> bytes:
        """The checked model with inputs in order of need, and where it comes from as metadata."""
        helper, kinds = self.onnx.helper, self.onnx.TensorProto
        while output in self.inputs:
            output += "_"
        self._nodes.append(helper.make_node("Identity", [value], [output]))
        text = {name: self.schema.column(name).type == "category" for name in self.inputs}
        inputs = [
            helper.make_tensor_value_info(name, kinds.STRING if text[name] else kinds.DOUBLE, ["rows", 1])
            for name in self.inputs
        ]
        outputs = [helper.make_tensor_value_info(output, kinds.DOUBLE, ["rows", 1])]
        graph = helper.make_graph(self._nodes, found["request"]["method"], inputs, outputs, self._constants)
        sets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)]
        model = helper.make_model(graph, opset_imports=sets, ir_version=IR_VERSION, producer_name="huizhen")
        told = {"study": found["study"], "title": found["request"]["title"], "purpose": found["request"]["purpose"]}
        told["licence"] = one_line(found)
        helper.set_model_props(model, told)
        self.onnx.checker.check_model(model, full_check=True)
        written: bytes = model.SerializeToString(deterministic=True)
        return written


def _glm(graph: Graph, method: Method, values: Found) -> tuple[str, str]:
    fitted = cast(Glm, method)
    known = spreads(values)
    eta = _linear(graph, fitted.design, values, known)
    if fitted.offset is not None:
        eta = graph.op("Add", eta, _expression(graph, fitted.offset.text, known))
    mean = {"binomial": "Sigmoid", "poisson": "Exp"}.get(values["family"])
    score = eta if mean is None else graph.op(mean, eta)
    return _where_whole(graph, score, of_glm(fitted.design, fitted.offset)), "prediction"


def _cox(graph: Graph, method: Method, values: Found) -> tuple[str, str]:
    fitted = cast(Cox, method)
    eta = _linear(graph, fitted.design, values, spreads(values))
    return _where_whole(graph, eta, fitted.design.columns), "linear_predictor"


def _gbdt(graph: Graph, method: Method, values: Found) -> tuple[str, str]:
    fitted = cast(Gbdt, method)
    for name in fitted.p.columns:
        graph.column(name)
    score = trees(graph, values)
    return (graph.op("Sigmoid", score) if values["objective"] == "logistic" else score), "prediction"


def _nn(graph: Graph, method: Method, values: Found) -> tuple[str, str]:
    nets.check_whole(values)
    return _where_whole(graph, net(graph, values), cast(Nn, method).names), "prediction"


def _where_whole(graph: Graph, score: str, names: Sequence[str]) -> str:
    """The score; NaN where one of the columns has no value, as such a row had no part in the fit."""
    gaps = [graph.missing(name) for name in names]
    if not gaps:
        return score
    some = gaps[0]
    for gap in gaps[1:]:
        some = graph.op("Or", some, gap)
    return graph.op("Where", some, graph.constant(float("nan")), score)


def _linear(graph: Graph, design: Design, values: Found, known: Mapping[str, Spread]) -> str:
    """Each column of the design, a product of factors, by its coefficient, in the order in which scores are added."""
    total = graph.constant(0.0)
    made: dict[tuple[int, int], str] = {}
    for weight, parts in zip(coefficients(values, design.names), design.plan, strict=True):
        term = graph.constant(float(weight))
        for place, level in parts:
            if (place, level) not in made:
                made[place, level] = _factor(graph, design, place, level, known)
            term = graph.op("Mul", term, made[place, level])
        total = graph.op("Add", total, term)
    return total


def _factor(graph: Graph, design: Design, place: int, level: int, known: Mapping[str, Spread]) -> str:
    factor = design.factors[place]
    if isinstance(factor, Levels):
        return graph.double(graph.is_level(factor.column, factor.levels[level]))
    return _expression(graph, factor.text, known)


_UNARY: Mapping[str, Callable[[Graph, str], str]] = {
    "log": lambda g, x: g.op("Log", x),
    "log10": lambda g, x: g.op("Div", g.op("Log", x), g.constant(np.log(10.0))),
    "log2": lambda g, x: g.op("Div", g.op("Log", x), g.constant(np.log(2.0))),
    "log1p": lambda g, x: g.op("Log", g.op("Add", x, g.constant(1.0))),
    "exp": lambda g, x: g.op("Exp", x),
    "sqrt": lambda g, x: g.op("Sqrt", x),
    "abs": lambda g, x: g.op("Abs", x),
    "I": lambda _, x: x,
}
_BINARY = {ast.Add: "Add", ast.Sub: "Sub", ast.Mult: "Mul", ast.Div: "Div", ast.Pow: "Pow"}
_COMPARE = {
    ast.Lt: "Less", ast.LtE: "LessOrEqual", ast.Gt: "Greater", ast.GtE: "GreaterOrEqual", ast.Eq: "Equal",
    ast.NotEq: "Equal",
}  # fmt: skip


def _expression(graph: Graph, text: str, known: Mapping[str, Spread]) -> str:
    """The same text that `statistics.expression` reads, which has been read there: only what that allows occurs."""
    node, names = expression.tree(text)
    return _read(graph, node, names, known)


def _read(graph: Graph, node: ast.expr, names: Mapping[str, str], known: Mapping[str, Spread]) -> str:  # noqa: PLR0911
    def inner(part: ast.expr) -> str:
        return _read(graph, part, names, known)

    match node:
        case ast.Name(id=name):
            return graph.column(names.get(name, name))
        case ast.Constant(value=number):
            return graph.constant(float(cast(float, number)))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return graph.op("Neg", inner(operand))
        case ast.UnaryOp(operand=operand):
            return inner(operand)
        case ast.BinOp(left=left, op=operator, right=right):
            return graph.op(_BINARY[type(operator)], inner(left), inner(right))
        case ast.Compare(left=left, ops=[operator], comparators=[right]):
            holds = graph.op(_COMPARE[type(operator)], inner(left), inner(right))
            return graph.double(graph.op("Not", holds) if isinstance(operator, ast.NotEq) else holds)
        case ast.Call(func=function, args=[argument]):
            name = function.id if isinstance(function, ast.Name) else cast(ast.Attribute, function).attr
            return _called(graph, name, inner(argument), known.get(expression.said(argument, names)))
    raise AssertionError("an expression that statistics.expression does not read")


def _called(graph: Graph, name: str, value: str, spread: Spread | None) -> str:
    if name in _UNARY:
        return _UNARY[name](graph, value)
    assert spread is not None
    centred = graph.op("Sub", value, graph.constant(spread.mean))
    if name == "center":
        return centred
    size = spread.sd if name == "scale" else spread.sd * np.sqrt((spread.n - 1) / spread.n)
    return graph.op("Div", centred, graph.constant(size))


_OF: Mapping[str, Callable[[Graph, Method, Found], tuple[str, str]]] = {
    "glm": _glm, "cox": _cox, "gbdt": _gbdt, "nn": _nn,
}  # fmt: skip
