"""Wording: what a person is shown before a yes, in three layers, in two languages, in numbered versions.

The layers are one sentence to choose by, the scene (what is hidden, what is used, what is left), and the full text.
What somebody saw is named by the digest of all of it: scene, version, language, purposes, terms and words.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from pydantic import Field, model_validator

from huizhen.kit.text import Language
from huizhen.model.consent import ANY, Terms
from huizhen.model.document import Document
from huizhen.model.purpose import PURPOSES

SCENE = r"^[a-z][a-z0-9-]{0,62}$"


class Layers(Document):
    """What is shown in one language, from the shortest to the longest."""

    choice: str = Field(min_length=1, max_length=200)
    """One sentence, to choose by."""
    scene: str = Field(min_length=1, max_length=1000)
    """What happens: what is hidden, what is used, what is left afterwards."""
    full: str = Field(min_length=1)


class Edition(Document):
    """One version of a scene's wording. Once somebody was shown it, it is never changed: a change is a new version."""

    version: int = Field(ge=1)
    since: str = Field(pattern=r"^\d{4}-\d{2}-\d{2}$")
    """The day from which it is shown."""
    purposes: tuple[str, ...] = Field(min_length=1)
    """Purpose codes that a yes to it may be for."""
    terms: Terms = ANY
    """What it promises: a yes to it is never wider than this."""
    en: Layers
    zh: Layers

    @model_validator(mode="after")
    def _can_be(self) -> Edition:
        date.fromisoformat(self.since)
        if not set(self.purposes) <= set(PURPOSES):
            raise ValueError("there is no such purpose")
        return self


class Wording(Document):
    """wording/SCENE.yaml: every version that there ever was, oldest first."""

    scene: str = Field(pattern=SCENE)
    editions: tuple[Edition, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _in_order(self) -> Wording:
        numbers = [e.version for e in self.editions]
        if numbers != list(range(1, len(numbers) + 1)):
            raise ValueError("versions are numbered 1, 2, 3 and so on, and none is left out")
        if [e.since for e in self.editions] != sorted(e.since for e in self.editions):
            raise ValueError("a later version is not shown earlier")
        return self

    def on(self, day: str) -> Edition | None:
        """The newest version that is shown on this day; None where the first is yet to come."""
        shown = [e for e in self.editions if e.since <= day]
        return shown[-1] if shown else None


def shown(scene: str, edition: Edition, language: Language) -> dict[str, Any]:
    """All that somebody sees who is asked in this language. Its digest (`kit.canonical.digest`) names it for good."""
    layers = edition.zh if language == "zh" else edition.en
    return {
        "scene": scene,
        "version": edition.version,
        "language": language,
        "purposes": list(edition.purposes),
        "terms": edition.terms.as_json(),
        "layers": layers.as_json(),
    }
