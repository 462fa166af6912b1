"""Wordings as files: those that come with Huizhen, and a hospital's own; every version of a scene in one file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from huizhen.intake.document import read_yaml
from huizhen.kit.errors import BadInput, Conflict, NotFound
from huizhen.kit.text import Text, did_you_mean
from huizhen.model.wording import Edition, Wording

BUILT_IN = Path(__file__).parent / "scenes"


def read_wordings(own: Path | None = None) -> dict[str, Wording]:
    """By scene, the wordings that come with Huizhen and those in the hospital's folder `own`, where it is there.

    Raises BadInput for a file that says something else than its name, Conflict for a scene of ours told anew.
    """
    found: dict[str, Wording] = {}
    for path in sorted(BUILT_IN.glob("*.yaml")) + (sorted(own.glob("*.yaml")) if own and own.is_dir() else []):
        wording = read_yaml(path, Wording)
        if wording.scene != path.stem:
            raise BadInput(
                "wording-misnamed",
                Text(f"{path.name} holds the scene '{wording.scene}'.", f"{path.name} 中的场景为“{wording.scene}”。"),
                Text("Name the file after its scene.", "请以场景名称命名文件。"),
            )
        if wording.scene in found:
            raise Conflict(
                "wording-taken",
                Text(f"The scene '{wording.scene}' comes with Huizhen.", f"场景“{wording.scene}”由系统自带。"),
                Text("Give your own scene another name.", "请为本院场景另取名称。"),
            )
        found[wording.scene] = wording
    return found


def find_edition(wordings: Mapping[str, Wording], name: str, day: str) -> tuple[str, Edition]:
    """(scene, version) of SCENE@VERSION, or of SCENE as it is shown on this day. Raises NotFound."""
    scene, at, version = name.partition("@")
    wording = wordings.get(scene)
    if wording is None:
        hint = did_you_mean(scene, list(wordings))
        raise NotFound(
            "no-such-wording",
            Text(f"There is no wording '{scene[:64]}'{hint.en}.", f"没有文本“{scene[:64]}”{hint.zh}。"),
            Text(f"There are: {', '.join(wordings)}.", f"可用：{'、'.join(wordings)}。"),
        )
    edition = next((e for e in wording.editions if str(e.version) == version), None) if at else wording.on(day)
    if edition is None:
        known = ", ".join(f"{scene}@{e.version}" for e in wording.editions)
        raise NotFound(
            "no-such-version",
            Text(f"There is no version '{version[:16]}' of {scene} that is shown today.",
                 f"{scene} 没有当前可展示的“{version[:16]}”版本。"),
            Text(f"There are: {known}.", f"可用：{known}。"),
        )  # fmt: skip
    return scene, edition
