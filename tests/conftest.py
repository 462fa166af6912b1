"""What several tests need: a PostgreSQL server, whose absence is a failure in CI and a skip elsewhere; and a region
that was asked one question, for all who look at what commands say of it."""

from __future__ import annotations

import functools
import importlib.util
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn
from uuid import uuid4

import pytest
import typer.testing
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from commands import Region

SERVER = os.environ.get("HUIZHEN_POSTGRESQL", "postgres@127.0.0.1:5432")
"""user@host:port of a server that trusts this machine; the test makes and drops its own database there."""

settings.register_profile("loaded", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("loaded")
"""How long an example takes says how loaded the machine is, and nothing of what is tested."""

typer.testing._get_command = functools.cache(typer.testing._get_command)  # type: ignore[attr-defined]
"""The tree of all commands is built once a process, as a program does it, and not anew for each command typed."""


def absent(what: str) -> NoReturn:
    """Skip for the want of a service; fail where services are required (HUIZHEN_REQUIRE_SERVICES=1, set by .ci/run)."""
    if os.environ.get("HUIZHEN_REQUIRE_SERVICES") == "1":
        pytest.fail(f"{what}, and HUIZHEN_REQUIRE_SERVICES=1 says it must be there")
    pytest.skip(what)


@contextmanager
def database() -> Iterator[str]:
    """URL of an empty database, as libpq takes it; dropped afterwards."""
    import psycopg
    from psycopg import sql

    try:
        server = psycopg.connect(f"postgresql://{SERVER}/postgres", autocommit=True, connect_timeout=20)
    except psycopg.OperationalError:
        absent(f"no PostgreSQL answers at {SERVER}")
    name = f"huizhen_{uuid4().hex}"
    with server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield f"postgresql://{SERVER}/{name}"
        finally:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def postgresql_url() -> Iterator[str]:
    """URL of an empty database for SQLAlchemy, dropped afterwards."""
    with database() as url:
        yield url.replace("postgresql://", "postgresql+psycopg://", 1)


@pytest.fixture(scope="module")
def warehouse() -> Iterator[str]:
    """URL of an empty database for all tests of a module."""
    with database() as url:
        yield url


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A browser without a window, for all tests of a module."""
    from browser import chromium

    with chromium() as found:
        yield found


@pytest.fixture(scope="session")
def spark() -> None:
    """Spark on this machine, which takes Java and pyspark; neither is part of the set-up."""
    if importlib.util.find_spec("pyspark") is None or shutil.which("java") is None:
        absent("no pyspark and Java on this machine")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Whatever is asked of the method `nn`, by its name or its file, takes PyTorch, which `make` does without; a page
    about chains takes a chain."""
    asked = getattr(item, "callspec", None)
    values = asked.params.values() if asked else ()
    names = {value.stem if isinstance(value, Path) else value for value in values if isinstance(value, str | Path)}
    of_nn = any(re.match(r"nn\b|nn_", name) for name in names)
    if (of_nn or item.path.stem.startswith("test_nn")) and importlib.util.find_spec("torch") is None:
        absent("no PyTorch on this machine")
    if any(re.search(r"-chain$", name) for name in names):
        from anvil import check_there

        check_there()


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Region, dict[str, Any]]:
    """A region of four hospitals and the outcome of the Cox study that was run in it, by commands only."""
    from commands import COX, NAMES, Region, patients, split

    rows = dict(zip(NAMES, split(patients()), strict=True))
    where = Region(tmp_path_factory.mktemp("asked"), rows, "patient", "lung")
    return where, where.outcome(**COX)


@pytest.fixture
def copied(asked: tuple[Region, dict[str, Any]], tmp_path: Path) -> Path:
    """A copy of that region, to be broken."""
    shutil.copytree(asked[0].path, tmp_path / "copy")
    return tmp_path / "copy"
