"""The tables of a node's book, and how a file that is older is brought up to them."""

from __future__ import annotations

import sqlite3

_TABLES = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS person (pseudonym BLOB PRIMARY KEY, idx INTEGER NOT NULL UNIQUE) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS consent (
  seq INTEGER PRIMARY KEY, idx INTEGER NOT NULL, purpose TEXT NOT NULL, dataset TEXT, permit INTEGER NOT NULL,
  from_utc TEXT, until_utc TEXT, at_utc TEXT NOT NULL, category TEXT, terms INTEGER NOT NULL DEFAULT 0,
  given INTEGER NOT NULL DEFAULT 0, anew INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS consent_person ON consent (idx);
CREATE INDEX IF NOT EXISTS consent_moment ON consent (at_utc);
CREATE INDEX IF NOT EXISTS consent_begins ON consent (from_utc) WHERE from_utc IS NOT NULL;
CREATE INDEX IF NOT EXISTS consent_ends ON consent (until_utc) WHERE until_utc IS NOT NULL;
CREATE TABLE IF NOT EXISTS terms (id INTEGER PRIMARY KEY, body TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS given (id INTEGER PRIMARY KEY, body TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS standing (
  purpose TEXT NOT NULL, dataset TEXT NOT NULL, category TEXT NOT NULL, terms INTEGER NOT NULL, epoch INTEGER NOT NULL,
  at_utc TEXT NOT NULL, people BLOB NOT NULL, PRIMARY KEY (purpose, dataset, category, terms));
CREATE TABLE IF NOT EXISTS life (idx INTEGER PRIMARY KEY, born TEXT, died TEXT, incapable TEXT);
CREATE TABLE IF NOT EXISTS delegation (
  number INTEGER PRIMARY KEY, idx INTEGER NOT NULL, delegate TEXT NOT NULL, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS asked (
  seq INTEGER PRIMARY KEY, idx INTEGER NOT NULL, purpose TEXT NOT NULL, wording TEXT, at_utc TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS wording (digest TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS care (
  number INTEGER PRIMARY KEY, idx INTEGER NOT NULL, salt BLOB NOT NULL, body TEXT NOT NULL, review TEXT);
CREATE TABLE IF NOT EXISTS card (dataset TEXT PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS study (
  id TEXT PRIMARY KEY, asker TEXT NOT NULL, dataset TEXT NOT NULL, purpose TEXT NOT NULL, title TEXT NOT NULL,
  method TEXT NOT NULL, grant_digest TEXT NOT NULL, opened_utc TEXT NOT NULL, status TEXT NOT NULL,
  epsilon REAL, census_utc TEXT, cohort BLOB, included BLOB, salt BLOB NOT NULL, counted INTEGER NOT NULL,
  consent_use TEXT, request TEXT, first BLOB);
CREATE TABLE IF NOT EXISTS deletion (
  number INTEGER PRIMARY KEY, idx INTEGER NOT NULL, salt BLOB NOT NULL, body TEXT NOT NULL, confirmed TEXT);
CREATE TABLE IF NOT EXISTS correction (
  seq INTEGER PRIMARY KEY, number INTEGER NOT NULL, idx INTEGER NOT NULL, salt BLOB NOT NULL, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS told (study TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS refused (
  id TEXT PRIMARY KEY, body TEXT NOT NULL, code TEXT NOT NULL, at_utc TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS company (study TEXT PRIMARY KEY, nodes TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS noised (
  study TEXT PRIMARY KEY, step INTEGER NOT NULL, question BLOB NOT NULL, answer BLOB) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS own_model (study TEXT PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS log (number INTEGER PRIMARY KEY, study TEXT, line TEXT NOT NULL, signature BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS earning (
  study TEXT NOT NULL, idx INTEGER NOT NULL, fen INTEGER NOT NULL, PRIMARY KEY (study, idx)) WITHOUT ROWID;
"""
_ADDED = {
    "consent": (
        "category TEXT",
        "terms INTEGER NOT NULL DEFAULT 0",
        "given INTEGER NOT NULL DEFAULT 0",
        "anew INTEGER NOT NULL DEFAULT 0",
    ),
    "study": ("consent_use TEXT", "request TEXT", "first BLOB"),
}
"""Columns that a table did not have when it was made by an older version (decisions 0030, 0042). `first`: who was
included when the study began."""


def prepare(db: sqlite3.Connection) -> None:
    """Make what is missing: tables, and columns of tables that are there. Takes the bitmaps of before away."""
    for table, columns in _ADDED.items():
        there = {row[1] for row in db.execute(f"PRAGMA table_info({table})")}
        for column in columns if there else ():
            if column.split()[0] not in there:
                db.execute(f"ALTER TABLE {table} ADD COLUMN {column}")
    db.executescript(_TABLES)
    db.execute("DROP TABLE IF EXISTS bitmap")
