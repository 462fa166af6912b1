"""What goes wrong outside the commands' own words: files, disks, databases in use; and defects of ours.

A defect is logged without any value, since a value could be a patient's.
"""

from __future__ import annotations

import errno
import os
import sys
import tempfile
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from huizhen.kit.clock import stamp
from huizhen.kit.errors import BadInput, HuizhenError, Lost, Tampered
from huizhen.kit.text import Text

LOG = "huizhen.log"
"""In the region's folder; beside no data and sealed by nothing."""
_DENIED = {errno.EACCES, errno.EPERM, errno.EROFS}
_FULL = {errno.ENOSPC, errno.EDQUOT}


def foreseen(error: Exception) -> HuizhenError | None:
    """The error in words where its kind is known: files, disks, databases. None: a defect."""
    if isinstance(error, OSError):
        return _of_file(error)
    if type(error).__module__.split(".")[0] in {"sqlite3", "sqlalchemy", "duckdb", "_duckdb"}:
        return _of_database(str(error).lower())
    return None


def _of_file(error: OSError) -> HuizhenError | None:
    name = os.fspath(error.filename) if isinstance(error.filename, str | os.PathLike) else ""
    if error.errno in _FULL:
        return _full()
    if error.errno in _DENIED:
        return BadInput(
            "no-permission",
            Text(f"'{name}' may not be read or written by you.", f"您无权读取或写入“{name}”。"),
            Text("Change its permissions, or choose another place.", "请修改其权限，或换一个位置。"),
        )
    if isinstance(error, FileNotFoundError | NotADirectoryError | IsADirectoryError | FileExistsError):
        return BadInput(
            "no-such-place",
            Text(f"'{name}' is not a place that can be used: {_reason(error)}.", f"无法使用路径“{name}”。"),
            Text("Check the path; a folder to write into must exist.", "请检查路径；要写入的文件夹必须存在。"),
        )
    return None


def _reason(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()


def _full() -> HuizhenError:
    return Lost(
        "disk-full",
        Text("The disk is full.", "磁盘已满。"),
        Text(
            "Free some space and run the command again: what was begun goes on where it stopped.",
            "请腾出空间后重新运行：已开始的工作会从中断处继续。",
        ),
    )


def _of_database(said: str) -> HuizhenError | None:
    """Databases tell what is wrong in words only. What they say further is left out: it may quote a row."""
    if "disk is full" in said or "no space left" in said:
        return _full()
    if "disk i/o" in said:
        return Lost(
            "disk-error",
            Text("A database could not be read from, or written to, its disk.", "数据库无法从磁盘读取或写入磁盘。"),
            Text(
                "Look for errors of the disk in the system's log, then run the command again: what was begun goes on "
                "where it stopped.",
                "请在系统日志中查看磁盘错误，然后重新运行：已开始的工作会从中断处继续。",
            ),
        )
    if "locked" in said or "conflicting lock" in said or "set lock" in said:
        return Lost(
            "store-in-use",
            Text("A database of the region is in use by another command.", "区域的数据库正被另一条命令占用。"),
            Text("Wait until that command has ended, then run this one again.", "请等该命令结束后再试。"),
        )
    if "readonly" in said or "read-only" in said or "permission" in said or "unable to open" in said:
        return BadInput(
            "store-not-writable",
            Text("A database of the region cannot be opened for writing.", "区域的数据库无法以写入方式打开。"),
            Text(
                "`huizhen doctor --region DIR` says which file it is.",
                "`huizhen doctor --region 文件夹` 会指出是哪个文件。",
            ),
        )
    if "not a database" in said or "malformed" in said or "corrupt" in said or "no such table" in said:
        return Tampered(
            "store-damaged",
            Text("A database of the region is damaged.", "区域的数据库已损坏。"),
            Text(
                "`huizhen doctor --region DIR` says which; keep a copy of the folder, then restore a backup.",
                "`huizhen doctor --region 文件夹` 会指出是哪个；请保留文件夹副本，再从备份恢复。",
            ),
        )
    return None


def unforeseen(error: Exception, words: Sequence[str]) -> HuizhenError:
    """A defect: where it happened goes to the log, without the message, which could quote a value."""
    frames = [f"  {f.filename}:{f.lineno} {f.name}\n" for f in traceback.extract_tb(error.__traceback__)]
    command = " ".join(_command(words))
    entry = f"{stamp(datetime.now(UTC))} huizhen {command}: {type(error).__name__}\n{''.join(frames)}"
    place = _write(_folder(words), entry)
    kind = type(error).__name__
    if place is None:
        log = Text("No log could be written.", "无法写入日志。")
    else:
        log = Text(
            f"Please report it with the end of {place}; it holds no patient data.",
            f"请附上 {place} 末尾内容报告此问题；其中不含患者数据。",
        )
    return HuizhenError(
        "unexpected", Text(f"Something failed that should not ({kind}).", f"出现意外故障（{kind}）。"), log
    )


def _command(words: Sequence[str]) -> list[str]:
    """The words of a command before anything that its user named."""
    from huizhen.cli import app

    known = {name for group in app.registered_groups for name in [group.name or ""]}
    return [w for w in words[:1] if w.isalpha()] + [w for w in words[1:2] if words[0] in known and w.isalpha()]


def _folder(words: Sequence[str]) -> Path | None:
    """The region that the command named, where there is one."""
    given = [b for a, b in pairwise(words) if a == "--region"]
    given += [w.partition("=")[2] for w in words if w.startswith("--region=")]
    named = (given or [os.environ.get("HUIZHEN_REGION", "")])[-1]
    return Path(named) if named and (Path(named) / "hub").is_dir() else None


def _write(folder: Path | None, entry: str) -> Path | None:
    for place in (folder, Path(tempfile.gettempdir())):
        if place is None:
            continue
        try:
            with (place / LOG).open("a", encoding="utf-8") as log:
                log.write(entry)
        except OSError:
            continue
        return place / LOG
    return None


def close_quietly() -> None:
    """Whoever read our output has gone (`| head`): nothing more is written, and nobody complains at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
