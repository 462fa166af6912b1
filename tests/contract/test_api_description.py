"""The API against its own description (OpenAPI): whatever it allows, or nearly allows, is answered as it says.

Schemathesis makes the requests; an asker's token goes with each. Nodes do not run, and none is needed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode, checks
from schemathesis.schemas import BaseSchema

from huizhen.hub.api import gate
from reached import Reached

EXAMPLES = 12
"""Requests per endpoint that are made up; those at the edges of what is allowed come on top."""
MOST_ENDPOINTS = 10
"""Of which requests can be made up, at least."""
HELD = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.response_headers_conformance,
    checks.negative_data_rejection,
]
"""Not held: that whatever the description allows is accepted. A study may be well-formed and ask for what is not."""


@pytest.fixture(scope="module")
def reached(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reached]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gate, "BURST", 1e9)
        patch.setattr(gate, "_STRANGER_BURST", 1e9)
        made = Reached(tmp_path_factory.mktemp("described"))
        try:
            yield made
        finally:
            made.close()


@pytest.fixture(scope="module")
def described(reached: Reached) -> BaseSchema:
    with reached.client("none") as client:
        return schemathesis.openapi.from_dict(client.get("/v1/openapi.json").json())


@pytest.fixture(scope="module")
def token(reached: Reached) -> str:
    return reached.token("acme", "asker")


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["as allowed", "not quite"])
def test_every_answer_is_as_described(
    mode: GenerationMode, described: BaseSchema, reached: Reached, token: str, subtests: pytest.Subtests
) -> None:
    headers, authority = {"Authorization": f"Bearer {token}"}, str(reached.folder / "tls" / "ca.pem")
    tried: Counter[str] = Counter()
    for found in described.get_all_operations():
        operation = found.ok()
        strategy = operation.as_strategy(generation_mode=mode)

        @settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
        @given(case=strategy)
        def ask(case: schemathesis.Case) -> None:
            tried[case.operation.label] += 1
            case.call_and_validate(f"{reached.url}/v1", headers=headers, checks=HELD, verify=authority)

        with subtests.test(operation.label), suppress(Unsatisfiable):  # nothing to get wrong where nothing is given
            ask()
    assert len(tried) >= MOST_ENDPOINTS and sum(tried.values()) >= 5 * MOST_ENDPOINTS


def test_the_description_has_words_for_everything(described: BaseSchema) -> None:
    raw = described.raw_schema
    assert raw["openapi"].startswith("3.1") and raw["servers"] == [{"url": "/v1"}]
    for path, verbs in raw["paths"].items():
        for verb, operation in verbs.items():
            place = f"{verb} {path}"
            assert operation["summary"] and operation["description"], place
            assert all(p["description"] for p in operation.get("parameters", [])), place
            assert operation["responses"]["default"]["content"]["application/json"]["schema"]["$ref"].endswith(
                "/Failure"
            )
            assert "422" not in operation["responses"], place
            assert path == "/health" or operation["security"] == [{"HTTPBearer": []}], place
