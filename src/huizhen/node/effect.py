"""What a node tells of itself where the deed pays by effect: once in a study, of the last model, in powers of two."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from huizhen.adapters.node_book import NodeBook
from huizhen.kit import wire
from huizhen.kit.errors import Refused
from huizhen.kit.text import Text
from huizhen.model.method import State


def question_of(state: State) -> bytes:
    """Digest of what a round asked, by which it is known again, past a restart."""
    return hashlib.sha256(wire.encode(state)).digest()


def tell(book: NodeBook, study: str, state: State | None, measured: Callable[[State], int]) -> int:
    """How far the rows here stray from the model of `state`.

    The hub cannot put questions of its own: `state` must be that of the last round, one that the hospitals were all
    asked about, and whatever is asked later in the study, the answer stays the first one. Raises Refused.
    """
    if state is None or book.get(f"asked:{study}") != question_of(state).hex():
        raise Refused(
            "another-model",
            Text(
                "The hub asks how the rows here suit another model than that of the last round.",
                "中心询问的模型并非最后一轮的模型。",
            ),
            Text("Ask the trustee why the hub sent this.", "请询问受托方原因。"),
        )
    told = book.get(f"misfit:{study}")
    if told is None:
        told = str(measured(state))
        book.put(f"misfit:{study}", told)
    return int(told)
