"""What a study says of the net that it asks for, and whether that is a net: checked before anything runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text
from huizhen.model.dataset import Column, Schema
from huizhen.model.document import Document
from huizhen.statistics import nets, updates
from huizhen.statistics.columns import usable
from huizhen.statistics.nets import Net

MOST_WEIGHTS = 100_000
COLOURED = 3
"""Numbers in `image` that say its channels, too."""


class Params(Document):
    """Defaults are of a small network and plain federated averaging, every update exact."""

    outcome: str
    """0/1, boolean, or a category with two levels, of which the second is the one modelled."""
    columns: Annotated[tuple[str, ...], Field(min_length=1)]
    """Numbers, dates and booleans, brought to mean 0 and spread 1; categories, as 0/1 for each level but the first. A
    name that ends in * stands for all columns that begin so, in their order. For cnn1d and cnn2d, numbers only: in the
    order in which they were measured; or the pixels, row by row."""
    module: nets.Module = "mlp"
    hidden: Annotated[tuple[Annotated[int, Field(ge=1, le=512)], ...], Field(max_length=4)] = (8,)
    """Units of each hidden layer; none: logistic regression."""
    channels: Annotated[int, Field(ge=1, le=64)] = 4
    """cnn1d, cnn2d: how many filters."""
    kernel: Annotated[int, Field(ge=1, le=31)] = 3
    """cnn1d, cnn2d: how many neighbouring columns, or pixels each way, a filter sees; an odd number."""
    image: Annotated[tuple[Annotated[int, Field(ge=1, le=512)], ...], Field(min_length=2, max_length=3)] | None = None
    """cnn2d: height and width in pixels; and channels, where a pixel has several columns, which stand side by side. All
    pixels are brought to one scale together."""
    ranges: dict[str, Annotated[tuple[float, ...], Field(min_length=2, max_length=2)]] | None = None
    """By column (or name with *), the least and the largest value that is to be expected, from knowledge and not from
    these data: numbers are brought to -2 to 2 by it, and what lies beyond is taken as the end. Needed for every number
    where the study asks for noise (protection.epsilon)."""
    personal: Literal["head"] | None = None
    """head: the last layer is each hospital's own and never leaves it; what is averaged and released is the rest. A
    hospital scores with its own by `huizhen node score`."""
    algorithm: Literal["fedavg", "fedprox", "fedadam"] = "fedavg"
    rounds: Annotated[int, Field(ge=1, le=500)] = 30
    """How often hospitals train from the common weights."""
    local_epochs: Annotated[int, Field(ge=1, le=100)] = 1
    """How often a hospital goes through its rows in a round."""
    batch_rows: Annotated[int, Field(ge=1)] | None = 32
    """Rows per step; null: all rows of the hospital, as always with noise."""
    learning_rate: Annotated[float, Field(gt=0, le=10)] = 0.1
    l2: Annotated[float, Field(ge=0)] = 0.0
    proximal: Annotated[float, Field(ge=0)] = 0.1
    """fedprox: how strongly a hospital is held to the common weights."""
    server_learning_rate: Annotated[float, Field(gt=0, le=10)] | None = None
    """How far the common weights follow the mean update: 1 if null, for fedadam 0.02."""
    precision: updates.Precision = "exact"
    """Of the updates in a secure sum: exact takes 24 bytes a weight, single 8, quantised 1 (from 29 hospitals on 2);
    and of the weights on their way to a hospital: 8, 4 and 1."""
    keep: Annotated[float, Field(gt=0, le=1)] = 1.0
    """The share of the weights that a round sends, drawn anew each time; what is not sent waits at the hospital."""
    clip: Annotated[float, Field(gt=0, le=1000)] = 1.0
    """With noise: the longest gradient of one person, to which longer ones are cut."""
    holdout: Annotated[float, Field(ge=0.05, le=0.5)] = 0.2
    """The share of the different rows that is not trained on. Who it is follows from the values of the row in `columns`
    and the seed, alike at every hospital."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    """Of the first weights, the order of rows, the held-out rows, and the compression."""


def named(columns: Sequence[str], schema: Schema) -> tuple[str, ...]:
    """The columns asked for, names with * written out. Raises as `usable` does, and BadInput('no-such-prefix')."""
    found: list[str] = []
    for asked in columns:
        if not asked.endswith("*"):
            found.append(usable(schema, asked).name)
            continue
        meant = [name for name in schema.names() if name.startswith(asked[:-1])]
        if not meant:
            raise BadInput(
                "no-such-prefix",
                Text(f"No column begins with '{asked[:-1]}'.", f"没有以“{asked[:-1]}”开头的列。"),
                Text(f"The columns are: {', '.join(schema.names())}.", f"可用的列：{'、'.join(schema.names())}。"),
            )
        found += [usable(schema, name).name for name in meant]
    return tuple(found)


def ranges(p: Params, numbers: list[Column], private: bool) -> dict[str, tuple[float, float]]:
    """The range of each number that has one; with noise booleans are 0 to 1. Raises BadInput('bad-range')."""
    found = {c.name: (0.0, 1.0) for c in numbers if c.type == "boolean"} if private else {}
    for asked, (least, largest) in (p.ranges or {}).items():
        meant = [c.name for c in numbers if c.name == asked or (asked.endswith("*") and c.name.startswith(asked[:-1]))]
        if not meant or not least < largest:
            raise BadInput(
                "bad-range",
                Text(
                    f"ranges.{asked} is no range of a number among columns.",
                    f"ranges.{asked} 不是 columns 中某一数值列的取值范围。",
                ),
                Text(
                    "Give the least and the largest value, as in {age: [18, 100]}, of a column that is used.",
                    "请为所用的列给出最小值与最大值，例如 {age: [18, 100]}。",
                ),
            )
        found |= dict.fromkeys(meant, (least, largest))
    return found


def net_of(p: Params, numbers: list[Column], categories: list[Column], inputs: int) -> Net:
    """Raises BadInput('outcome-among-columns', 'bad-net', 'bad-image')."""
    if p.outcome in {c.name for c in (*numbers, *categories)}:
        raise BadInput(
            "outcome-among-columns",
            Text(f"The outcome {p.outcome} is also among columns.", f"结局 {p.outcome} 同时列在 columns 中。"),
            Text("Leave it out of columns.", "请将其从 columns 中去掉。"),
        )
    if p.module != "mlp" and (categories or p.kernel % 2 == 0):
        raise bad_net(
            Text(f"{p.module} takes columns of numbers and an odd kernel", f"{p.module} 只接受数值列和奇数 kernel"),
            Text("Leave categories out, and set kernel: 3.", "请去掉分类列，并设 kernel: 3。"),
        )
    net = Net(p.module, inputs, p.hidden, p.channels, p.kernel, _image(p, inputs))
    size = int(net.sizes.sum())
    if not inputs or size > MOST_WEIGHTS:
        raise bad_net(
            Text(
                f"The net would have {inputs} inputs and {size} weights", f"该网络将有 {inputs} 个输入和 {size} 个权重"
            ),
            Text(
                f"Use columns with two values at least, and at most {MOST_WEIGHTS} weights.",
                f"请使用至少有两个取值的列，且权重不超过 {MOST_WEIGHTS} 个。",
            ),
        )
    if p.personal is not None and net.body == 0:
        raise bad_net(
            Text("A net of one layer is all head: nothing would be shared", "单层网络只有头部：没有可共享的部分"),
            Text("Add a hidden layer, or leave personal out.", "请增加隐藏层，或去掉 personal。"),
        )
    return net


def _image(p: Params, inputs: int) -> tuple[int, int, int] | None:
    if (p.image is not None) != (p.module == "cnn2d"):
        raise _bad_image(
            Text("cnn2d, and no other net, needs `image`", "cnn2d（且仅 cnn2d）需要 image"),
            Text("Set module: cnn2d and image: [height, width].", "请设 module: cnn2d 和 image: [高, 宽]。"),
        )
    if p.image is None:
        return None
    height, width = p.image[:2]
    colours = p.image[2] if len(p.image) == COLOURED else 1
    if height * width * colours != inputs or min(height, width) < 2:
        said = " x ".join(map(str, p.image))
        raise _bad_image(
            Text(
                f"An image of {said} has {height * width * colours} numbers, and columns has {inputs}",
                f"{said} 的图像有 {height * width * colours} 个数值，而 columns 有 {inputs} 列",
            ),
            Text(
                "Make height x width (x channels) the number of columns, and each side 2 at least.",
                "请使高 × 宽（× 通道数）等于列数，且每边至少为 2。",
            ),
        )
    return height, width, colours


def check_private(p: Params, numbers: list[Column], known: dict[str, tuple[float, float]]) -> None:
    """Raises BadInput('not-with-noise', 'ranges-missing') for what a study with noise cannot ask for."""
    asked = [
        name
        for name, there in (
            ("personal", p.personal is not None),
            ("fedprox", p.algorithm == "fedprox"),
            ("local_epochs", p.local_epochs > 1),
            ("batch_rows", "batch_rows" in p.model_fields_set and p.batch_rows is not None),
            ("precision", p.precision == "quantised"),
            ("keep", p.keep < 1),
        )
        if there
    ]
    if asked:
        raise BadInput(
            "not-with-noise",
            Text(
                f"With noise a hospital takes one step on all rows in a round, so these have no place: "
                f"{', '.join(asked)}.",
                f"在加噪的情况下，医院每轮对全部行只走一步，因此不适用：{'、'.join(asked)}。",
            ),
            Text("Leave them out, or leave epsilon out.", "请去掉这些参数，或去掉 epsilon。"),
        )
    missing = [c.name for c in numbers if c.name not in known]
    if missing:
        raise BadInput(
            "ranges-missing",
            Text(
                f"With noise, what values a number may have must be known beforehand; of these it is not said: "
                f"{', '.join(missing[:10])}.",
                f"在加噪的情况下，须事先知道数值列的取值范围；以下各列未给出：{'、'.join(missing[:10])}。",
            ),
            Text(
                "Add them to params.ranges, as in {age: [18, 100]}.",
                "请加入 params.ranges，例如 {age: [18, 100]}。",
            ),
        )


def bad_net(what: Text, remedy: Text) -> BadInput:
    return BadInput("bad-net", Text(f"{what.en}.", f"{what.zh}。"), remedy)


def _bad_image(what: Text, remedy: Text) -> BadInput:
    return BadInput("bad-image", Text(f"{what.en}.", f"{what.zh}。"), remedy)
