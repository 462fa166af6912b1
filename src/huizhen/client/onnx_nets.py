"""A released net in an ONNX graph: its columns on the scale of the net, filters, layers, and the risk.

Layers are in doubles; filters (cnn1d, cnn2d) in single precision, seven digits, since runtimes have no other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from huizhen.statistics.nets import Net

if TYPE_CHECKING:
    from huizhen.client.onnx_export import Graph


def net(graph: Graph, values: Mapping[str, Any]) -> str:
    """(rows, 1) the risk. values: the result of the method `nn`."""
    shape = Net.read(values["net"], len(values["inputs"]))
    tensors = [np.array(part, dtype=np.float64) for part in values["weights"]]
    x = graph.op("Concat", *(_input(graph, told) for told in values["inputs"]), axis=1)
    if shape.module != "mlp":
        x, tensors = _filtered(graph, x, shape, tensors), tensors[2:]
    for weights, bias in zip(tensors[::2], tensors[1::2], strict=True):
        x = graph.op("Add", graph.op("MatMul", x, graph.array(weights.T)), graph.array(bias[None]))
        if bias is not tensors[-1]:
            x = graph.op("Relu", x)
    return graph.op("Sigmoid", x)


def _input(graph: Graph, told: Mapping[str, Any]) -> str:
    if "level" in told:
        return graph.double(graph.is_level(told["column"], told["level"]))
    value = graph.column(told["column"])
    if "low" in told:
        low, high = (graph.constant(float(told[end])) for end in ("low", "high"))
        value = graph.op("Max", graph.op("Min", value, high), low)
    return graph.op("Div", graph.op("Sub", value, graph.constant(told["centre"])), graph.constant(told["size"]))


def _filtered(graph: Graph, x: str, shape: Net, tensors: list[Any]) -> str:
    """(rows, wide) doubles: what comes out of the filters."""
    kinds = graph.onnx.TensorProto
    x = graph.op("Cast", x, to=kinds.FLOAT)
    around = shape.kernel // 2
    if shape.image is None:
        x = graph.op("Reshape", x, graph.array(np.array([-1, 1, shape.inputs])))
        pads = [around, around]
    else:
        x = graph.op("Reshape", x, graph.array(np.array([-1, *shape.image])))
        x = graph.op("Transpose", x, perm=[0, 3, 1, 2])
        pads = [around] * 4
    weights, bias = (graph.array(t.astype(np.float32)) for t in tensors[:2])
    x = graph.op("Relu", graph.op("Conv", x, weights, bias, pads=pads))
    if shape.image is not None:
        x = graph.op("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
    return graph.op("Cast", graph.op("Flatten", x, axis=1), to=kinds.DOUBLE)
