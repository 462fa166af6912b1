"""A hub that follows an honest study to its first rounds, then asks on its own."""

from __future__ import annotations

from typing import Any

from huizhen.cli.region import Region
from huizhen.kit.clock import stamp, utc_now
from huizhen.model.study import Request
from huizhen.path.authorise import plan
from huizhen.path.compute import census_layout, open_study, round_layout
from huizhen.path.link import Link
from huizhen.path.propose import propose
from huizhen.path.secure_round import Round
from regions import request


class CuriousHub:
    """Follows an honest study to its first rounds, then asks on its own."""

    def __init__(self, region: Region, asked: Request | None = None) -> None:
        self.region = region
        road = region.road()
        self.link: Link = road._link()
        self.asked = asked or request(method="glm", params={"formula": "time ~ age", "family": "gaussian"})
        self.study = propose(self.asked, 0, stamp(utc_now()))
        self.grant = road._authorise(self.study, self.link)
        assert self.grant.limits is not None
        self.method = plan(self.asked, self.grant.limits.dataset_schema)
        open_study(self.study, self.grant, (), region.names(), self.link)

    def ask(self, members: tuple[str, ...], state: dict[str, Any] | None, number: int = 1, whole: bool = False) -> Any:
        """The total of a sum of these; `whole`: by the protocol of later rounds, which recovers nothing."""
        layout = census_layout(0) if state is None else round_layout(self.method, state)
        return Round(
            self.study.id, self.grant.digest(), number, members, state, layout, whole=whole, check=lambda *_: None
        ).masked(self.link).total  # fmt: skip
