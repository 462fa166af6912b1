"""The database that a test gets is empty, its own, and required where services are."""

from __future__ import annotations

import pytest
from sqlalchemy import create_engine, text

from conftest import absent


def test_the_database_is_empty_and_may_be_written(postgresql_url: str) -> None:
    engine = create_engine(postgresql_url)
    with engine.begin() as connection:
        tables = "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'"
        assert connection.execute(text(tables)).scalar() == 0
        connection.execute(text("CREATE TABLE t (x int)"))
    engine.dispose()


def test_an_absent_service_skips_on_a_desk_and_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HUIZHEN_REQUIRE_SERVICES", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no server"):
        absent("no server")
    monkeypatch.setenv("HUIZHEN_REQUIRE_SERVICES", "1")
    with pytest.raises(pytest.fail.Exception, match="must be there"):
        absent("no server")
