"""Canonical bytes: the fast way and the long way are one, and a document never answers with another's digest."""

from __future__ import annotations

import math
from typing import Any

import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from huizhen.kit.canonical import canonical
from huizhen.model.study import Request

text = st.text(st.characters(exclude_categories=("Cs",)))
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
    max_leaves=12,
)


@given(value=values)
@example(value={"\uffff": 1, "\U00010000": 2})
@example(value={"b": [1.0, -0.0, 1e-7, 1e21, 123456789012345.6], "a": "1.0"})
@example(value={'\u007f\u2028\t\b\x00\\/"': "é中\U0001f600", "aa": 1, "a": 2, "": 3, "Z": [], "z": {}})
@example(value=[2**53 - 1, -(2**53) + 1, 10**15, "1234567890123456", True, 1, None])
def test_canonical_bytes_are_those_of_rfc_8785(value: Any):
    assert canonical(value) == rfc8785.dumps(value)


@pytest.mark.parametrize(
    "value", [2**53, {1: 2}, {None: 1}, {"a": math.nan}, math.inf, b"a", {1}, "\ud800", {"a": {2: 1}}]
)
def test_what_is_not_json_has_no_canonical_bytes(value: Any):
    with pytest.raises(ValueError):
        canonical(value)


def test_a_changed_copy_has_a_digest_of_its_own():
    asked = Request(title="a", asker="acme", purpose="HMB", dataset="d", method="count")
    before = asked.digest()
    changed = asked.model_copy(update={"title": "b"})
    assert changed.digest() == Request.read(changed.as_json()).digest() != before
    assert asked.digest() == before
    assert asked == Request.read(asked.as_json())
