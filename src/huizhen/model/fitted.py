"""A released model as a study carries it to where the data lie, and the distributions that it was once seen with."""

from __future__ import annotations

from typing import Any

from huizhen.model.dataset import Level, Schema
from huizhen.model.document import Document


class Fitted(Document):
    """The hub puts it where a study names a model by id, so that the signed study holds all that is computed."""

    study: str
    """The id of the study that released it."""
    method: str
    version: str
    params: dict[str, Any]
    """All parameters of the method, defaults too."""
    table: Schema
    """The columns that the fit read, as they were agreed on then."""
    values: dict[str, Any]
    """The part of the released result that rows are scored from."""


class Distribution(Document):
    """Rows by bin. Of numbers `edges`: bin i holds what is at or above edge i - 1 and below edge i. Of categories
    `levels`: those that share a bin. A last bin beyond these is of missing values."""

    counts: tuple[int, ...]
    edges: tuple[float, ...] | None = None
    levels: tuple[tuple[Level, ...], ...] | None = None


class Profile(Document):
    """The distributions of an earlier evaluation, put in by the hub as the model is."""

    study: str
    """The id of that evaluation."""
    model: str
    score: Distribution | None
    inputs: dict[str, Distribution]
