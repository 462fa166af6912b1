"""Studies at a hub: whatever a study waits for may come while it is being driven, and is not missed."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from federations import until
from huizhen.hub.studies import Studies


class Waiting:
    """A desk with one study that waits for `needed` papers; each drive looks, and then takes its time to end."""

    def __init__(self, needed: int) -> None:
        self.needed, self.papers, self.drives, self.status = needed, 0, 0, "awaiting"
        self.looked, self.may_end = threading.Semaphore(0), threading.Semaphore(0)
        study = SimpleNamespace(id="st-1")
        store = SimpleNamespace(awaiting=lambda: [study], status=lambda _: self.status)
        self.hub = SimpleNamespace(store=store, clock=lambda: datetime(2026, 1, 1, tzinfo=UTC))
        self.watching = SimpleNamespace(scan=lambda _: 0)

    def drive(self, _study: Any, _say: Any) -> None:
        self.drives += 1
        enough = self.papers >= self.needed
        self.looked.release()
        assert self.may_end.acquire(timeout=60)
        if enough:
            self.status = "released"


def test_what_comes_after_a_study_looked_and_before_it_stops_is_not_missed() -> None:
    desk = Waiting(needed=2)
    studies = Studies(desk)  # type: ignore[arg-type]
    desk.papers = 1
    studies.go_on()
    assert desk.looked.acquire(timeout=60)
    desk.papers = 2
    studies.go_on()
    assert desk.drives == 1, "one at a time"
    desk.may_end.release()
    assert desk.looked.acquire(timeout=60), "it looks again"
    desk.may_end.release()
    until(lambda: desk.status == "released")
    studies.close()
    assert desk.drives == 2


def test_a_study_that_nobody_drove_on_meanwhile_is_driven_once() -> None:
    desk = Waiting(needed=1)
    studies = Studies(desk)  # type: ignore[arg-type]
    studies.go_on()
    assert desk.looked.acquire(timeout=60)
    desk.may_end.release()
    studies.close()
    assert (desk.drives, desk.status) == (1, "awaiting")
