"""Compiles the contracts. `python tests/compiled.py` writes what comes out beside the sources (`make contracts`)."""

from __future__ import annotations

import json
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "src" / "huizhen" / "adapters" / "contracts"


def compiled(name: str) -> str:
    """The file `NAME.json`, by the Vyper that is installed."""
    import vyper
    from vyper.compiler import compile_code
    from vyper.compiler.settings import Settings

    source = (FOLDER / f"{name}.vy").read_text(encoding="utf-8")
    wanted = ["abi", "bytecode", "bytecode_runtime"]
    made = compile_code(source, output_formats=wanted, settings=Settings(evm_version="paris"))
    value = {
        "compiler": f"vyper {vyper.__version__} --evm-version paris",
        "abi": made["abi"],
        "bytecode": made["bytecode"],
        "runtime": made["bytecode_runtime"],
    }
    return json.dumps(value, indent=1) + "\n"


if __name__ == "__main__":
    for path in sorted(FOLDER.glob("*.vy")):
        path.with_suffix(".json").write_text(compiled(path.stem), encoding="utf-8")
