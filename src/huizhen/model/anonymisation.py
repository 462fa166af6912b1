"""What a data holder decides about a file to be anonymised."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from huizhen.model.document import Document

Positive = Annotated[int, Field(ge=1)]


class Generalisation(Document):
    """How one column is made coarser."""

    by: Literal[
        "flat",
        "prefix",
        "interval",
        "quantile",
        "date",
        "icd10",
        "division",
        "ethnic",
        "education",
        "occupation",
        "file",
        "microaggregate",
    ]
    """flat: the value or nothing; prefix: codes by their first characters; interval: whole numbers; quantile: numbers,
    in parts that hold equally many rows; date: month, quarter, year; icd10: category, block of letter and digit,
    chapter; division: Chinese administrative divisions of 6 digits by city and province; ethnic (GB/T 3304), education
    (GB/T 4658), occupation (GB/T 6565): codes or Chinese words, by their classes; file: a hierarchy written out;
    microaggregate: numbers, each replaced by the mean of at least k rows that are otherwise alike."""
    lengths: tuple[Positive, ...] = ()
    """For prefix: how many characters remain, as 2 and 4."""
    widths: tuple[Positive, ...] = ()
    """For interval: each a multiple of the one below, as 5, 10, 20."""
    parts: tuple[Annotated[int, Field(ge=2)], ...] = ()
    """For quantile: how many parts, each number a multiple of the one before, as 4, 16, 64."""
    file: str | None = None
    """For file: CSV separated by semicolons, beside this document; a row for each value, up to *."""
    weight: float = Field(default=1.0, gt=0, le=1000)
    """How much the loss of this column counts beside the others'."""
    level: int | None = Field(default=None, ge=0, le=50)
    """Under `differential`, the level at which every row has this column: 0 nothing, 1 the coarsest labels, and so on;
    above the last, the value itself. Where it is not said, a part of epsilon is spent on finding it."""

    @property
    def in_words(self) -> str:
        """As it stands in a configuration: `interval [5, 10, 20]`."""
        more = self.lengths or self.widths or self.parts
        return " ".join([self.by, *([str(list(more))] if more else []), *([self.file] if self.file else [])])


class Variety(Document):
    distinct: int | None = Field(default=None, ge=2)
    """Different values in every class."""
    entropy: float | None = Field(default=None, gt=1)
    """Entropy l-diversity."""
    c: float | None = Field(default=None, gt=0)
    """With l, recursive (c, l)-diversity."""
    l: int | None = Field(default=None, ge=2)  # noqa: E741
    """With c."""
    t: float | None = Field(default=None, ge=0, le=1)
    """t-closeness: how far the values of a class may be from those of the whole file."""
    distance: Literal["equal", "ordered", "hierarchical"] = "equal"
    """For t, how far two values are apart: all alike; by steps in their order (numbers by size, else as text); by how
    high up `hierarchy` puts them together."""
    hierarchy: Generalisation | None = None
    """For the hierarchical distance."""
    beta: float | None = Field(default=None, gt=0)
    """beta-likeness: by how much a value's share of a class may exceed its share of the file, as a part of the latter;
    never by more than minus the logarithm of the latter."""


class Population(Document):
    file: str
    """Beside this document, of the same kind as the file: people among whom those in the file are, with the same
    quasi-identifiers and everyone in the file as well."""
    k_map: int | None = Field(default=None, ge=2)
    """People of the population who share each combination, at least. k then still counts the rows of the file."""
    present_least: float = Field(default=0, ge=0, le=1)
    """delta-presence: of the people who share a combination, at least this share is in the file."""
    present_most: float = Field(default=1, gt=0, le=1)
    """And at most this."""


class Differential(Document):
    """Differential privacy by sampling and generalisation (Li, Qardaji and Su 2012; SafePub, 2018): each row is drawn
    by chance, every column has one level for all rows, and combinations of fewer than k drawn rows are left out."""

    epsilon: float = Field(gt=0, le=10)
    delta: float = Field(gt=0, lt=0.01)
    search: float = Field(default=0.1, ge=0, lt=1)
    """The part of epsilon that is spent on finding levels; nothing is where every column has its `level`."""
    sample: float | None = Field(default=None, gt=0, lt=1)
    """With what chance each row is drawn. If not said the most that epsilon allows; k then follows from delta."""


class Attacks(Document):
    """How the release is attacked before it is given its name, and what an attack may gain."""

    run: bool = True
    """false: no attack is made, and nothing is known of what one would gain."""
    outside: str | None = None
    """A file beside this document, of the same kind: people as an attacker knows them. Its columns that the release
    also has are what is known of them. Where there is none, rows of the original are drawn."""
    unknown: tuple[str, ...] = ()
    """Columns of `keep` that nobody outside can know of a person: the holder's word, on which an attack without an
    outside file is made. All others of `keep` count as known, as the quasi-identifiers do."""
    targets: int = Field(default=1000, ge=10, le=100_000)
    """People attacked, and control people, at most."""
    linkage: float | None = Field(default=None, ge=0, le=1)
    """How often a person's own row may be picked, or singled out; 1/k if not said."""
    attribute: float | None = Field(default=None, ge=0, le=1)
    """How much more often a sensitive value may be guessed of people in the file than of others, as a part of what is
    left to be gained; if not said, 0.1 and what classes of this size leave, or less where t allows less."""
    membership: float = Field(default=0.1, ge=0, le=1)
    """The advantage of telling who is in the file."""


class Anonymisation(Document):
    """What each column of a file is, and what its release promises."""

    quasi_identifiers: dict[str, Generalisation] = Field(min_length=1)
    """Columns that may be known from elsewhere, and how each is made coarser."""
    sensitive: dict[str, Variety] = {}
    """Columns nobody may learn about a person."""
    keep: tuple[str, ...] = ()
    """Columns released as they are."""
    drop: tuple[str, ...] = ()
    """Columns left out, as names and numbers of people. Every column has to be named somewhere."""
    k: int = Field(default=10, ge=2)
    """Rows that share each combination of quasi-identifiers, at least."""
    suppress: float = Field(default=0, ge=0, le=0.5)
    """The share of rows that may be left out, where keeping them would cost the others more."""
    algorithm: Literal["topdown", "lattice"] = "topdown"
    """topdown: each class as fine as it can be; lattice: one rule for each column, the best there is."""
    population: Population | None = None
    """For k-map and delta-presence."""
    differential: Differential | None = None
    """For differential privacy. Every column that is released is then a quasi-identifier, and k may come out larger."""
    mode: Literal["public", "controlled", "enclave"] | None = None
    """Who gets the file. Each person's risk is then at most 1/20, 1/5 or 1/3: k (or k_map) is at least 20, 5 or 3."""
    population_size: int | None = Field(default=None, ge=2)
    """How many people the file was drawn from, for an estimate of how many of them are unique; not needed with
    `population`."""
    attacks: Attacks = Attacks()

    @property
    def special(self) -> bool:
        """Is something asked that more than counts of combinations has to show?"""
        return self.differential is not None or any(
            how.by == "microaggregate" for how in self.quasi_identifiers.values()
        )
