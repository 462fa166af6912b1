"""A node begins: its folder, its two keys, its policy, and the key of the hub it will believe."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from huizhen.adapters.node_book import NodeBook
from huizhen.kit.errors import BadInput, Conflict
from huizhen.kit.keys import SigningKey
from huizhen.kit.text import Text

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", re.ASCII)

_POLICY = """\
# What this hospital allows, whatever a study asks. It can only narrow what law and consent allow; read at every study.
# 本院允许的范围；只能收紧，不能放宽。每次研究都会重新读取。
allow_plain: false     # true: this node may send sums without masks, when a study says secure_sum: false
min_cell: 3            # the smallest cell a study may set (3 or more)
epsilon_cap: 10.0      # differential privacy: what one asker may spend here on one dataset, added up
delta_cap: 1.0e-5      # the most that delta may be in a study with noise in its sums
purposes: all          # or a list of codes, e.g. [HMB, PUBHLTH]
methods: all           # or a list of names, e.g. [count, cox]
askers: all            # or a list of names: who may ask
askers_refused: []     # names of askers that this hospital refuses
hours: null            # when studies may begin, e.g. "20:00-06:00", by the clock of this machine
studies_per_day: null  # how many studies one asker may begin here in a day
epsilon_per_day: null  # differential privacy: what one asker may spend here in a day, added up
domestic_only: false   # true: only askers registered at the hub as domestic and not under foreign control
askers_foreign: []     # names of askers that this hospital itself knows to be foreign, whatever the hub says
jurisdiction: null     # whose law holds here, e.g. CN; a grant under another is refused
"""


def check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise BadInput(
            "bad-node-name",
            Text(f"'{name[:40]}' cannot be the name of a node.", f"“{name[:40]}”不能作为节点名称。"),
            Text(
                "Use letters, digits, dots, hyphens and underscores, at most 63, beginning with a letter or digit.",
                "请使用字母、数字、点、连字符和下划线，最多 63 个字符，以字母或数字开头。",
            ),
        )


def write_key(path: Path) -> SigningKey:
    """A new key in a file that only its owner can read: 32 raw bytes."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    seed = os.urandom(32)
    with os.fdopen(descriptor, "wb") as file:
        file.write(seed)
    return SigningKey(seed)


def create_node(folder: Path, hub_key: bytes, hub_vkey: str, enrolled: bool = False) -> bytes:
    """Make the node's folder, whole or not at all; answers its public identity key (32 bytes).

    A folder that is there already but was not `enrolled` at the hub is what a crash left between the two: it is taken
    as it is. Raises Conflict where the node is enrolled.
    """
    check_name(folder.name)
    if enrolled:
        raise Conflict(
            "node-exists",
            Text(f"There is a node '{folder.name}' already.", f"已有名为“{folder.name}”的节点。"),
            Text("Choose another name.", "请换一个名称。"),
        )
    if folder.exists():
        return SigningKey((folder / "identity.key").read_bytes()).public
    new = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    key = furnish(new)
    believe(new, hub_key, hub_vkey)
    new.rename(folder)
    return key.public


def furnish(folder: Path) -> SigningKey:
    """The folder with keys and policy; what is there already is kept. Answers the identity key."""
    folder.mkdir(parents=True, mode=0o700, exist_ok=True)
    keys = [folder / "identity.key", folder / "pseudonym.key"]
    for path in keys:
        if path.exists() and path.stat().st_size == 0:
            path.unlink()
        if not path.exists():
            write_key(path)
    if not (folder / "policy.yaml").exists():
        (folder / "policy.yaml").write_text(_POLICY, encoding="utf-8")
    return SigningKey(keys[0].read_bytes())


def believe(folder: Path, hub_key: bytes, hub_vkey: str) -> None:
    """Keep the key of the hub whose messages the node will believe."""
    book = NodeBook(folder / "node.sqlite", (folder / "pseudonym.key").read_bytes())
    book.put_all({"hub_key": hub_key.hex(), "hub_vkey": hub_vkey})
    book.close()
