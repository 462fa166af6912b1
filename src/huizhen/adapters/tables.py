"""Where the rows of each dataset of a node are: in its own file, or in a warehouse of the hospital."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from huizhen.adapters import warehouse
from huizhen.adapters.engine import Engine
from huizhen.adapters.rows import Rows, table
from huizhen.adapters.table import Table
from huizhen.adapters.warehouse import Place, Warehouse

Indices = Callable[[Sequence[str]], Sequence[int]]
"""`NodeBook.indices`."""


class Tables:
    """The tables of one node, on its folder. Not for several threads at once."""

    def __init__(self, folder: Path, indices: Indices, engine: Engine | None = None) -> None:
        """`engine`: a DuckDB to share with other nodes in this process."""
        self.own = Rows(folder / "node.duckdb", engine)
        self._folder, self._indices = folder, indices
        self._open: dict[str, tuple[Place, Warehouse]] = {}

    def of(self, dataset: str) -> Table:
        """The dataset's table, where it is now."""
        place = warehouse.kept(self._folder, dataset)
        known = self._open.get(dataset)
        if known is not None and known[0] != place:
            self._open.pop(dataset)[1].close()
            known = None
        if place is None:
            return self.own
        if known is None:
            known = self._open[dataset] = place, self.reach(place)
        return known[1]

    def reach(self, place: Place) -> Warehouse:
        """The table at that place. Raises HuizhenError where it cannot be read."""
        if place.address.startswith("spark:"):
            from huizhen.adapters.rows_spark import SparkRows

            return SparkRows(place, self._indices)
        from huizhen.adapters.rows_postgresql import PostgresRows

        return PostgresRows(place, self._indices)

    def move_out(self, dataset: str, place: Place) -> None:
        """From now on the dataset is at that place; rows of it that the node kept are gone."""
        warehouse.keep(self._folder, dataset, place)
        if (self._folder / "node.duckdb").exists():
            with self.own.writing() as connection:
                connection.execute(f"DROP TABLE IF EXISTS {table(dataset)}")

    def moved_in(self, dataset: str) -> None:
        """From now on the dataset is in the node's own file."""
        warehouse.forget(self._folder, dataset)

    def close(self) -> None:
        for _, opened in self._open.values():
            with suppress(Exception):
                opened.close()
        self._open.clear()
        self.own.close()
