"""What a hub tells of itself: meters in Prometheus' form, and a log whose lines bear the request's id. No names."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from huizhen.kit.told import REQUEST, to_stderr
from reached import NODES, Reached, code


@pytest.fixture(scope="module")
def reached(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reached]:
    made = Reached(tmp_path_factory.mktemp("metered"))
    try:
        yield made
    finally:
        made.close()


def meters(reached: Reached) -> dict[tuple[str, str], float]:
    """Value by name and labels."""
    heard = reached.caller("watch", "auditor").get("/v1/metrics")
    assert heard.status_code == 200 and heard.headers["content-type"].startswith("text/plain")
    return {
        (s.name, " ".join(f"{k}={v}" for k, v in sorted(s.labels.items()))): s.value
        for family in text_string_to_metric_families(heard.text)
        for s in family.samples
    }


def test_meters_count_what_was_asked_and_say_how_things_stand(reached: Reached) -> None:
    acme = reached.caller("acme", "asker")
    before = meters(reached)
    for _ in range(3):
        assert acme.get(f"/v1/studies/{reached.study}").status_code == 200
    assert acme.get("/v1/studies/st-0000000000000000").status_code == 404
    assert acme.get("/nowhere/" + "x" * 40).status_code == 404
    now = meters(reached)
    route = "method=GET route=/v1/studies/{study} status="

    def more(name: str, labels: str) -> float:
        return now[name, labels] - before.get((name, labels), 0)

    assert more("huizhen_http_requests_total", route + "200") == 3
    assert more("huizhen_http_requests_total", route + "404") == 1
    assert more("huizhen_http_seconds_count", "method=GET route=/v1/studies/{study}") == 4
    assert now["huizhen_studies", "status=released"] == 1
    assert now["huizhen_nodes_enrolled", ""] == len(NODES) and now["huizhen_nodes_connected", ""] == 0
    assert now["huizhen_ledger_entries", ""] == reached.hub.store.size()
    assert now["huizhen_http_under_way", ""] >= 1
    told = " ".join(f"{name} {labels}" for name, labels in now)
    assert reached.study not in told and "acme" not in told and "xxxx" not in told


@pytest.mark.parametrize("role", ["asker", "node"])
def test_meters_are_for_those_who_see_all(reached: Reached, role: str) -> None:
    who = reached.node("h0") if role == "node" else reached.caller("acme", role)
    assert code(who.get("/v1/metrics")) == (403, "wrong-role")
    assert reached.client("none").get("/v1/metrics").status_code in {401, 403}


def test_every_answer_bears_the_id_of_its_request(reached: Reached) -> None:
    acme = reached.caller("acme", "asker")
    assert acme.get("/v1/who", headers={"X-Request-Id": "abc-1.2_3"}).headers["x-request-id"] == "abc-1.2_3"
    made = [acme.get("/v1/who").headers["x-request-id"] for _ in range(2)]
    assert made[0] != made[1] and all(len(m) == 16 for m in made)
    for crooked in ("a b", "x" * 65, "ä".encode(), "<script>"):
        heard = acme.get("/v1/who", headers={"X-Request-Id": crooked})
        assert len(heard.headers["x-request-id"]) == 16
    assert acme.get("/none").headers["x-request-id"]


def test_lines_of_the_log_bear_it_as_text_and_as_json(
    reached: Reached, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    root = logging.getLogger()
    held = list(root.handlers)
    try:
        to_stderr("json")
        to_stderr("text")
        heard = reached.caller("acme", "asker").get(
            "/v1/studies/st-0000000000000000", headers={"X-Request-Id": "asked-7"}
        )
        assert heard.status_code == 404
        mark = REQUEST.set("")
        logging.getLogger("huizhen").info("outside of a request")
        REQUEST.reset(mark)
    finally:
        for handler in root.handlers[:]:
            if handler not in held:
                root.removeHandler(handler)
    lines = capsys.readouterr().err.splitlines()
    parsed = [json.loads(line) for line in lines if line.startswith("{")]
    (line,) = [p for p in parsed if p.get("request") == "asked-7"]
    assert line["level"] == "info" and line["message"].startswith("GET /v1/studies/{study} 404, ")
    assert "request" not in next(p for p in parsed if p["message"] == "outside of a request")
    assert any(text.endswith("[asked-7]") and " INFO GET /v1/studies/{study} 404" in text for text in lines)
    assert "st-0000000000000000" not in "".join(lines)
