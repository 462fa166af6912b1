"""Small networks for a 0/1 outcome, by PyTorch: the approved modules, training at a hospital, and scores.

PyTorch is an extra and is imported when it is first needed. Weights are one vector of doubles, in the order of the
module's parameters; nothing of PyTorch's is ever stored or sent.
"""

from __future__ import annotations

import importlib.util
import math
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from huizhen.kit.errors import BadInput, Unable
from huizhen.kit.text import Text

Floats = npt.NDArray[np.float64]
Module = Literal["mlp", "cnn1d", "cnn2d"]
_ALONE = threading.Lock()
"""How many threads PyTorch uses is a matter of the process."""


@dataclass(frozen=True)
class Net:
    """mlp: layers of `hidden` units with ReLU between. cnn1d: before them, `channels` filters of `kernel` neighbouring
    inputs, zeros beyond the ends, and ReLU. cnn2d: the inputs are the pixels of an `image` of (height, width, channels
    of a pixel), row by row, those of a pixel side by side; before the layers `channels` filters of `kernel` x `kernel`
    pixels, zeros beyond the edges, ReLU, and the largest of each 2 x 2. At the end one number, the log-odds."""

    module: Module
    inputs: int
    hidden: tuple[int, ...]
    channels: int
    kernel: int
    image: tuple[int, int, int] | None = None

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """Of each tensor, in the order of the module's parameters."""
        first: list[tuple[int, ...]] = []
        wide = self.inputs
        if self.module == "cnn1d":
            first = [(self.channels, 1, self.kernel), (self.channels,)]
            wide = self.channels * self.inputs
        elif self.image is not None:
            height, width, colours = self.image
            first = [(self.channels, colours, self.kernel, self.kernel), (self.channels,)]
            wide = self.channels * (height // 2) * (width // 2)
        sizes = [wide, *self.hidden, 1]
        for before, after in pairwise(sizes):
            first += [(after, before), (after,)]
        return tuple(first)

    @property
    def sizes(self) -> npt.NDArray[np.int64]:
        return np.array([math.prod(shape) for shape in self.shapes])

    def initial(self, seed: int) -> Floats:
        """(weights,) to begin with: uniform within sqrt(6 / inputs of the unit), biases zero (He et al. 2015, "Delving
        deep into rectifiers", ICCV)."""
        dice = np.random.default_rng([seed, 0])
        drawn = []
        for shape in self.shapes:
            bound = math.sqrt(6 / math.prod(shape[1:])) if len(shape) > 1 else 0.0
            drawn.append(dice.uniform(-bound, bound, math.prod(shape)))
        return np.concatenate(drawn)

    def told(self, weights: Floats) -> list[Any]:
        """The tensors as nested lists; the first of them, where there are no more weights."""
        parts = np.split(weights, np.cumsum(self.sizes)[:-1])
        return [part.reshape(shape).tolist() for part, shape in zip(parts, self.shapes, strict=True) if part.size]

    @property
    def body(self) -> int:
        """How many weights lie before the last layer, the head."""
        return int(self.sizes[:-2].sum())

    def as_told(self) -> dict[str, Any]:
        """What `read` reads."""
        shape = {k: v for k, v in vars(self).items() if k != "image" or v is not None}
        return {**shape, **{k: list(v) for k, v in shape.items() if isinstance(v, tuple)}}

    @classmethod
    def read(cls, told: Mapping[str, Any], inputs: int) -> Net:
        image = tuple(told["image"]) if "image" in told else None
        return cls(told["module"], inputs, tuple(told["hidden"]), told["channels"], told["kernel"], image)

    def arranged(self, x: Floats) -> Floats:
        """(rows, inputs) as the module takes them: channel by channel."""
        if self.image is None:
            return x.copy()
        return x.reshape(-1, *self.image).transpose(0, 3, 1, 2).reshape(len(x), self.inputs)


@dataclass(frozen=True)
class Plan:
    """How a hospital trains: stochastic gradient descent with steps of `rate` on the mean loss of `batch_rows` rows
    (None: all), plus l2 / 2 of the squared weights, plus proximal / 2 of the squared way from where it began (Li et al.
    2020, "Federated optimization in heterogeneous networks", MLSys)."""

    epochs: int
    batch_rows: int | None
    rate: float
    l2: float
    proximal: float


def check_there() -> None:
    """Raises BadInput('torch-missing')."""
    if importlib.util.find_spec("torch") is None:
        raise BadInput(
            "torch-missing",
            Text(
                "This method needs PyTorch, which is not installed here.",
                "该方法需要 PyTorch，而此处尚未安装。",
            ),
            Text("Install it: pip install 'huizhen[torch]'.", "请安装：pip install 'huizhen[torch]'。"),
        )


def trained(net: Net, weights: Floats, x: Floats, y: Floats, plan: Plan, dice: np.random.Generator) -> Floats:
    """(weights,) after training on x (rows, inputs) and y (rows,) from these. Rows are shuffled by `dice`."""
    if not len(x):
        return weights
    size = len(x) if plan.batch_rows is None else min(plan.batch_rows, len(x))
    with _torch() as torch:
        module = _built(torch, net, weights)
        inputs, outcomes = torch.from_numpy(net.arranged(x)), torch.from_numpy(y.copy())
        parameters = list(module.parameters())
        began = [p.detach().clone() for p in parameters]
        for _ in range(plan.epochs):
            order = torch.from_numpy(np.arange(len(x)) if size == len(x) else dice.permutation(len(x)))
            for start in range(0, len(x), size):
                at = order[start : start + size]
                loss = torch.nn.functional.binary_cross_entropy_with_logits(module(inputs[at]).squeeze(1), outcomes[at])
                slopes = torch.autograd.grad(loss, parameters)
                with torch.no_grad():
                    for p, slope, origin in zip(parameters, slopes, began, strict=True):
                        p.sub_(plan.rate * (slope + plan.l2 * p + plan.proximal * (p - origin)))
        found: Floats = torch.nn.utils.parameters_to_vector(parameters).detach().numpy().copy()
    return found


def slopes(net: Net, weights: Floats, x: Floats, y: Floats) -> Floats:
    """(rows, weights) of the loss of each row by itself."""
    with _torch() as torch:
        module = _built(torch, net, weights)
        names = [name for name, _ in module.named_parameters()]

        def loss(parts: tuple[Any, ...], row: Any, outcome: Any) -> Any:
            score = torch.func.functional_call(module, dict(zip(names, parts, strict=True)), (row.unsqueeze(0),))
            return torch.nn.functional.binary_cross_entropy_with_logits(score.squeeze(), outcome)

        parts = tuple(p.detach() for p in module.parameters())
        each = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0, 0))
        told = each(parts, torch.from_numpy(net.arranged(x)), torch.from_numpy(y.copy()))
        found: Floats = torch.cat([part.flatten(1) for part in told], dim=1).numpy().copy()
    return found


def scores(net: Net, weights: Floats, x: Floats) -> Floats:
    """(rows,) log-odds of x (rows, inputs)."""
    if not len(x):
        return np.empty(0)
    with _torch() as torch, torch.no_grad():
        found: Floats = _built(torch, net, weights)(torch.from_numpy(net.arranged(x))).squeeze(1).numpy().copy()
    return found


def losses(score: Floats, y: Floats) -> Floats:
    """(rows,) the log loss of log-odds."""
    return np.logaddexp(0, score) - y * score


def check_whole(model: Mapping[str, Any]) -> None:
    """Raises Unable('head-stays') for a result without the last layer, which each hospital keeps."""
    if "personal" in model["net"]:
        raise Unable(
            "head-stays",
            Text(
                "The last layer of this net is another at each hospital and stays there.",
                "该网络的最后一层在各医院各不相同，且不离开医院。",
            ),
            Text(
                "A hospital scores with its own: `huizhen node score`.",
                "医院可用自己的模型评分：`huizhen node score`。",
            ),
        )


def predict(model: Mapping[str, Any], columns: Mapping[str, npt.NDArray[Any]]) -> Floats:
    """(rows,) the risk that a released model of the method `nn` foretells.

    model: the values of its result. columns: by name, numbers as float64, categories as arrays of levels; rows must be
    complete. Raises KeyError for a column that is not there, BadInput('torch-missing'), Unable('head-stays') for a
    model whose head is at the hospitals.
    """
    check_there()
    check_whole(model)
    x = []
    for told in model["inputs"]:
        column = columns[told["column"]]
        if "level" in told:
            x.append((column == told["level"]).astype(np.float64))
        else:
            value = np.asarray(column, dtype=np.float64)
            value = np.clip(value, told["low"], told["high"]) if "low" in told else value
            x.append((value - told["centre"]) / told["size"])
    net = Net.read(model["net"], len(x))
    weights = np.concatenate([np.ravel(part) for part in model["weights"]]).astype(np.float64)
    return 1 / (1 + np.exp(-scores(net, weights, np.stack(x, axis=1))))


def _built(torch: Any, net: Net, weights: Floats) -> Any:
    """The module with these weights, as doubles."""
    nn = torch.nn
    parts: list[Any] = []
    wide = net.inputs
    if net.module == "cnn1d":
        conv = nn.Conv1d(1, net.channels, net.kernel, padding=net.kernel // 2)
        parts = [nn.Unflatten(1, (1, net.inputs)), conv, nn.ReLU(), nn.Flatten()]
        wide = net.channels * net.inputs
    elif net.image is not None:
        height, width, colours = net.image
        conv = nn.Conv2d(colours, net.channels, net.kernel, padding=net.kernel // 2)
        parts = [nn.Unflatten(1, (colours, height, width)), conv, nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()]
        wide = net.channels * (height // 2) * (width // 2)
    parts += _dense(nn, wide, net.hidden)
    module = nn.Sequential(*parts).double()
    nn.utils.vector_to_parameters(torch.from_numpy(np.array(weights, dtype=np.float64)), module.parameters())
    return module


def _dense(nn: Any, wide: int, hidden: Sequence[int]) -> list[Any]:
    parts: list[Any] = []
    for size in hidden:
        parts += [nn.Linear(wide, size), nn.ReLU()]
        wide = size
    return [*parts, nn.Linear(wide, 1)]


def together(mean: Floats, spread: Floats) -> tuple[Floats, Floats]:
    """The mean and the spread of all pixels as one, for each of them: a filter is the same all over the image."""
    middle = float(mean.mean())
    size = float(np.sqrt((spread**2).mean() + ((mean - middle) ** 2).mean()))
    return np.full(len(mean), middle), np.full(len(mean), size)


@contextmanager
def _torch() -> Iterator[Any]:
    """PyTorch on one thread and with deterministic algorithms only, and as it was afterwards."""
    import torch

    with _ALONE:
        threads, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
        torch.set_num_threads(1)
        torch.use_deterministic_algorithms(True)
        # `_built` draws weights that are thrown away: whoever else draws here must not notice.
        dice = torch.get_rng_state()
        try:
            yield torch
        finally:
            torch.set_rng_state(dice)
            torch.use_deterministic_algorithms(strict)
            torch.set_num_threads(threads)
