"""Keys of a central type, with what each may hold, its default and what it means."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from huizhen.intake.document import _expected as expected
from huizhen.model.document import Document
from pages.markdown import code, field_texts, table


def keys(kind: type[Document]) -> str:
    """A table of the keys, and one below it for each document that a key holds."""
    texts = field_texts(kind)
    rows = [
        (code(name), _allowed(field), _default(field), texts.get(name, "")) for name, field in kind.model_fields.items()
    ]
    return table(("key", "may be", "default", "meaning"), rows)


def inner(kind: type[Document]) -> Iterator[tuple[str, type[Document]]]:
    """(key, document) for each key that holds a document or a list of them."""
    for name, field in kind.model_fields.items():
        for member in _flat(field.annotation):
            if isinstance(member, type) and issubclass(member, Document):
                yield name, member


def _flat(annotation: Any) -> Iterator[Any]:
    if get_origin(annotation) in {Union, UnionType, tuple, list}:
        for member in get_args(annotation):
            yield from _flat(member)
    else:
        yield annotation


def _allowed(field: FieldInfo) -> str:
    if any(isinstance(m, type) and issubclass(m, Document) for m in _flat(field.annotation)):
        return "a list of the keys below" if get_origin(field.annotation) is tuple else "the keys below"
    words = expected(field.annotation, tuple(field.metadata))
    return f"{words.en} / {words.zh}"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if isinstance(value, Document) or value is PydanticUndefined:
        return "as below"
    return code(json.dumps(value, ensure_ascii=False))
