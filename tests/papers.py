"""Papers in small regions: reviewers, verdicts, listings, alarms, filed by real calls with the keys of the casebook."""

from __future__ import annotations

from typing import Any

from huizhen.cli.region import Region
from huizhen.hub.caller import OWNER
from huizhen.model.casebook import key_of
from huizhen.model.paper import Paper, ReviewOpened, sealed
from huizhen.model.policy import Policy

SALT = "5a" * 32


def paper(region: Region, kind: str, subject: str, by: str, body: dict[str, Any], **more: Any) -> Paper:
    """A paper of this region, dated today, signed by a party or reviewer of the casebook."""
    key = key_of(more.pop("signer", by))
    said = {"region": more.pop("origin", region.hub.origin), "kind": kind, "subject": subject, "by": by, "body": body}
    said |= {"day": region.desk.papers.today(), "key": key.public.hex(), **more}
    return Paper.read(said).signed(key.sign)


def file(region: Region, *args: Any, **more: Any) -> Paper:
    made = paper(region, *args, **more)
    region.desk.papers.file(OWNER, made)
    return made


def enrol(region: Region, **organisations: str) -> None:
    """Reviewers by name, each of an organisation."""
    for name, organisation in organisations.items():
        body = {"organisation": organisation, "key": key_of(name).public.hex()}
        region.desk.papers.say(OWNER, "reviewer-enrolled", name, body)


def verdict(region: Region, study: str, verdict: str = "approve", note: str = "Looked at it.") -> ReviewOpened:
    release = region.desk.papers.review(OWNER, study)["release"]
    return ReviewOpened.read({"release": release, "verdict": verdict, "note": note, "salt": SALT})


def seal(region: Region, study: str, reviewer: str, said: str = "approve", **more: Any) -> Paper:
    opened = verdict(region, study, said)
    key = key_of(more.get("signer", reviewer)).public.hex()
    body = {"release": opened.release, "commitment": sealed(region.hub.origin, study, reviewer, key, opened)}
    return file(region, "review-sealed", study, reviewer, body, **more)


def unseal(region: Region, study: str, reviewer: str, said: str = "approve", **more: Any) -> Paper:
    body = verdict(region, study, said).as_json()
    return file(region, "review-opened", study, reviewer, body, **more)


def reviewed(region: Region, study: str, **verdicts: str) -> str:
    """Each reviewer seals, then each opens; the state after it."""
    for name, said in verdicts.items():
        seal(region, study, name, said)
    for name, said in verdicts.items():
        unseal(region, study, name, said)
    region.road().go_on()
    return str(region.desk.papers.review(OWNER, study)["state"])


def set_policy(region: Region, node: str, **changes: Any) -> None:
    """Write a hospital's policy.yaml."""
    said = Policy.read({**region.agent(node).policy().as_json(), **changes})
    (region.folder / "nodes" / node / "policy.yaml").write_text(said.model_dump_json(), encoding="utf-8")
