"""What is encoded once for many messages arrives as if it had been encoded in each."""

from __future__ import annotations

import numpy as np

from huizhen.kit import wire


def test_a_value_encoded_once_arrives_like_any_other():
    state = {"beta": np.array([1.5, -2.0]), "names": ["a", "b"], "phase": None, "inner": {"rows": np.arange(3)}}
    shared = wire.once(state)
    for receiver in ("north", "south"):
        body = {"to": receiver, "state": state}
        assert wire.encode({**body, "state": shared}) == wire.encode(body)
    arrived = wire.decode(wire.encode({"state": shared}))["state"]
    assert arrived["inner"]["rows"].tolist() == [0, 1, 2]
    assert arrived["beta"].dtype == np.float64
