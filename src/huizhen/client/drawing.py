"""The figures of an answer, as a notebook shows them and as SVG files that stand alone."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

from markupsafe import Markup, escape

from huizhen.client.block import Figure
from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text


@dataclass(frozen=True)
class Drawing:
    """One figure or several; a notebook shows them, `save` writes them."""

    figures: Sequence[Figure]

    def svgs(self) -> tuple[str, ...]:
        """Each figure as an SVG document with its own style, in light and dark."""
        return tuple(_alone(figure) for figure in self.figures)

    def save(self, path: str | Path) -> tuple[Path, ...]:
        """Write forest.svg; where there are several figures, forest-1.svg, forest-2.svg and so on. Raises BadInput."""
        path = Path(path)
        if path.suffix.lower() != ".svg":
            raise BadInput(
                "not-an-svg-name",
                Text(f"'{path.name}' is not the name of an SVG file.", f"“{path.name}”不是 SVG 文件名。"),
                Text("End it in .svg.", "文件名请以 .svg 结尾。"),
            )
        many = len(self.figures) > 1
        paths = [path.with_stem(f"{path.stem}-{i}") if many else path for i in range(1, len(self.figures) + 1)]
        for place, svg in zip(paths, self.svgs(), strict=True):
            place.write_text(svg, encoding="utf-8")
        return tuple(paths)

    def _repr_html_(self) -> str:
        """As pictures, so that no style of theirs reaches the page around them."""
        return "".join(
            Markup(
                '<figure style="margin:0 0 1em"><img alt="{}" style="max-width:100%;width:760px" src="{}"></figure>'
            ).format(figure.title, "data:image/svg+xml;base64," + b64encode(svg.encode()).decode())
            for figure, svg in zip(self.figures, self.svgs(), strict=True)
        )

    def __repr__(self) -> str:
        return "\n".join(f"<figure: {figure.title}>" for figure in self.figures)


def _alone(figure: Figure) -> str:
    style = f"<style>{escape(_style())}</style>"
    head, _, rest = str(figure.svg).partition(">")
    return f'{head} xmlns="http://www.w3.org/2000/svg">{style}{rest}'


@cache
def _style() -> str:
    """Colours and lines of the figures, as the report has them."""
    folder = files("huizhen.client") / "templates"
    return (folder / "colours.css").read_text(encoding="utf-8") + (folder / "figures.css").read_text(encoding="utf-8")
