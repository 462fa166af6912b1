"""Files that a holder would anonymise: quasi-identifiers, a diagnosis, a note with everything that CSV has to quote."""

from __future__ import annotations

import numpy as np
import pandas as pd


def people(rows: int, seed: int) -> pd.DataFrame:
    """Made-up people, one of whom has no age."""
    chance = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "name": [f"N{i}" for i in range(rows)],
            "age": [*map(str, chance.integers(0, 99, rows - 1)), ""],
            "region": chance.choice(["110101", "110102", "310101", "310203"], rows),
            "job": chance.choice(["nurse", "doctor", "cook"], rows),
            "icd": chance.choice(["I10", "E11", "C50", "B20"], rows),
            "note": [f'a,"{i};\n' for i in range(rows)],
        }
    )
