"""Writes a small made-up dataset: 400 patients of a clinic for diabetes at four hospitals, and everybody's consent.

    python examples/clinic.py FOLDER

FOLDER then holds north.csv, south.csv, east.csv, west.csv, and a file of consents for each.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd


def patients(rows: int = 400) -> pd.DataFrame:
    """The same people every time; older smokers relapse sooner, and one value in twenty is missing."""
    dice = np.random.default_rng(2024)
    age = dice.integers(30, 85, rows)
    smoker = dice.random(rows) < 0.35
    years = dice.uniform(0.5, 4, rows).round(2)
    risk = np.exp(0.03 * (age - 57) + 0.5 * smoker)
    until = dice.exponential(700 / risk)
    watched = dice.uniform(100, 1200, rows)
    return pd.DataFrame(
        {
            "patient_id": [f"C{i:04d}" for i in range(1, rows + 1)],
            "age": age,
            "sex": dice.choice(["female", "male"], rows),
            "smoker": np.where(smoker, "yes", "no"),
            "stage": dice.choice([1, 2, 3], rows, p=[0.5, 0.3, 0.2]),
            "bmi": dice.normal(27, 4, rows).round(1),
            "hba1c": np.where(dice.random(rows) < 0.05, np.nan, dice.normal(7.2, 1.1, rows).round(1)),
            "visits": dice.poisson(2 * years),
            "years": years,
            "days": np.ceil(np.minimum(until, watched)).astype(int),
            "relapsed": (until <= watched).astype(int),
        }
    )


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    table = patients()
    for i, hospital in enumerate(["north", "south", "east", "west"]):
        rows = table.iloc[i::4]
        rows.to_csv(folder / f"{hospital}.csv", index=False)
        consents = pd.DataFrame({"subject": rows["patient_id"], "purpose": "HMB"})
        consents.to_csv(folder / f"{hospital}-consents.csv", index=False)


if __name__ == "__main__":
    main()
