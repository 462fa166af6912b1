"""What all central types share: frozen, strict, no unknown keys, one canonical form, one digest."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, model_serializer

from huizhen.kit.canonical import canonical, digest


class Document(BaseModel):
    """A frozen value with canonical bytes (RFC 8785). Two equal documents have the same digest on every machine."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", ser_json_inf_nan="strings")

    def as_json(self) -> dict[str, Any]:
        return self.model_dump(mode="json")

    def canonical(self) -> bytes:
        return canonical(self.as_json())

    def digest(self) -> str:
        return self._digest

    @cached_property
    def _digest(self) -> str:
        return digest(self.as_json())

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        copied = super().model_copy(update=update, deep=deep)
        copied.__dict__.pop("_digest", None)
        return copied

    @classmethod
    def read(cls, value: dict[str, Any]) -> Self:
        """From JSON-like mappings, strictly (arrays become tuples, nothing else is coerced)."""
        return cls.model_validate_json(json.dumps(value))


class GrownDocument(Document):
    """A kind of document that got more fields after the first of it were recorded: these keep their digest."""

    LATER: ClassVar[frozenset[str]] = frozenset()
    """Fields that came later; where one has its default it is not written."""

    @model_serializer(mode="wrap")
    def _as_before(self, plain: SerializerFunctionWrapHandler) -> dict[str, Any]:
        written: dict[str, Any] = plain(self)
        fields = type(self).model_fields
        return {k: v for k, v in written.items() if k not in self.LATER or getattr(self, k) != fields[k].default}
