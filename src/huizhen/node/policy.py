"""A hospital's policy.yaml, as its node reads it at every study."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text
from huizhen.model.policy import Policy

_SAFE: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""Safe, and ten times faster where libyaml is there."""


def read_policy(folder: Path) -> Policy:
    """The policy as it stands in policy.yaml now; the defaults where there is no such file. Raises BadInput."""
    path, name = folder / "policy.yaml", folder.name
    try:
        raw = yaml.load(path.read_text(encoding="utf-8"), _SAFE) if path.exists() else None  # noqa: S506
        return Policy.read(raw or {})
    except (ValueError, yaml.YAMLError) as error:
        raise BadInput(
            "bad-policy",
            Text(f"policy.yaml of {name} cannot be read.", f"{name} 的 policy.yaml 无法读取。"),
            Text(f"Its keys are: {', '.join(Policy.model_fields)}.", f"可用键：{'、'.join(Policy.model_fields)}。"),
        ) from error
