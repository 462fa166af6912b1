"""An access file: what a caller was given by the trustee, once and on another way than the network.

It holds the token, the authority that the hub's certificate must come from, and the keys of hub and hospitals that the
ledger is verified with. Nothing of it is learned from the hub itself, so nobody in between can pass for the hub.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from huizhen.kit.errors import BadInput, NotFound
from huizhen.kit.text import Text

_BEGIN = "-----BEGIN CERTIFICATE-----"


@dataclass(frozen=True)
class Access:
    """`authority` is a certificate in PEM; `keys` are verifier keys (C2SP signed-note), the hub's first."""

    name: str
    role: str
    token: str
    authority: str
    keys: tuple[str, ...]

    def text(self) -> str:
        """The file's text."""
        head = "# Huizhen access file. Keep it to yourself: whoever has it can ask in this name.\n"
        who = f"name {self.name}\nrole {self.role}\ntoken {self.token}\n"
        return head + who + "".join(f"key {key}\n" for key in self.keys) + self.authority.strip() + "\n"

    @classmethod
    def parse(cls, text: str) -> Access:
        """Raises BadInput for what `text` did not write."""
        head, begin, rest = text.partition(_BEGIN)
        found: dict[str, list[str]] = {"name": [], "role": [], "token": [], "key": []}
        try:
            for line in (x for x in head.splitlines() if x and not x.startswith("#")):
                word, value = line.split()
                found[word].append(value)
            (name,), (role,), (token,) = found["name"], found["role"], found["token"]
            if not begin or not found["key"] or not token.isascii():
                raise ValueError("incomplete")
        except (ValueError, KeyError) as error:
            raise BadInput(
                "bad-access-file",
                Text("This is not an access file.", "这不是访问文件。"),
                Text("Ask the trustee for a new one (`huizhen hub token add`).",
                     "请向受托方索取新的访问文件（`huizhen hub token add`）。"),
            ) from error  # fmt: skip
        return cls(name, role, token, begin + rest, tuple(found["key"]))


def read(path: Path) -> Access:
    """Raises NotFound without the file, BadInput for another one."""
    if not path.is_file():
        raise NotFound(
            "no-access-file",
            Text(f"There is no access file {path}.", f"没有访问文件 {path}。"),
            Text(
                "Give --token FILE, the file that the trustee made for you.", "请用 --token 给出受托方为您生成的文件。"
            ),
        )
    return Access.parse(path.read_text(encoding="utf-8"))


def write(path: Path, access: Access) -> None:
    """A new file that only its owner can read. Raises FileExistsError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(access.text())
