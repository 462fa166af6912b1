"""Recognises how the text of a file is encoded: UTF-8 (with or without BOM), UTF-16 or GB18030; anything else is
refused by name, because a wrong guess would be read without complaint."""

from __future__ import annotations

import codecs
from pathlib import Path

from charset_normalizer import from_bytes

from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text

SAMPLE_BYTES = 1 << 18
_CHUNK_BYTES = 1 << 22
_COMMON_SHARE = 0.8


def recognise(path: Path) -> str:
    """The encoding as Python names it: 'utf-8-sig', 'utf-16', 'utf-16-le', 'utf-16-be' or 'gb18030'.

    The whole file is decoded once, so that reading it afterwards cannot fail. Bytes that are not UTF-8 are taken for
    GB18030 when at least four fifths of the characters they give are in the common set of GB 2312: text of another
    encoding gives mostly rare ones. Raises BadInput otherwise.
    """
    with path.open("rb") as file:
        sample = file.read(SAMPLE_BYTES)
    if sample.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        raise _refused(path, "UTF-32")
    if sample.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        candidates = ["utf-16"]
    elif b"\0" in sample:
        if 0 in sample[::2] and 0 in sample[1::2]:
            raise _not_text(path)
        candidates = ["utf-16-be" if 0 in sample[::2] else "utf-16-le"]
    else:
        candidates = ["utf-8-sig", "gb18030"]
    for encoding in candidates:
        foreign = _decode(path, encoding)
        if foreign is not None and (encoding != "gb18030" or _is_chinese(foreign)):
            return encoding
    raise _refused(path, _best_guess(path))


def sample_text(path: Path, encoding: str) -> str:
    """The first quarter of a megabyte as text; a line cut at its end is left out."""
    with path.open("rb") as file:
        text = codecs.getincrementaldecoder(encoding)().decode(file.read(SAMPLE_BYTES))
        whole = not file.read(1)
    return text if whole else text[: text.rfind("\n") + 1] or text


def _decode(path: Path, encoding: str) -> str | None:
    """Characters beyond ASCII from the first chunk that has any, or None when the file is not in this encoding."""
    decoder = codecs.getincrementaldecoder(encoding)()
    foreign = ""
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                text = decoder.decode(chunk)
                if not foreign and not text.isascii():
                    foreign = "".join(c for c in text if not c.isascii())[:SAMPLE_BYTES]
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return None
    return foreign


def _is_chinese(foreign: str) -> bool:
    common = len(foreign.encode("gb2312", errors="ignore")) / 2
    return common >= _COMMON_SHARE * len(foreign)


def _best_guess(path: Path) -> str | None:
    with path.open("rb") as file:
        best = from_bytes(file.read(SAMPLE_BYTES)).best()
    return best.encoding.replace("_", "-") if best else None


def _refused(path: Path, guess: str | None) -> BadInput:
    en = f" It looks like {guess}." if guess else ""
    zh = f"看起来像 {guess}。" if guess else ""
    return BadInput(
        "unknown-encoding",
        Text(
            f"The text of '{path.name}' is not in UTF-8, UTF-16 or GB18030.{en}",
            f"“{path.name}”的文本编码不是 UTF-8、UTF-16 或 GB18030。{zh}",
        ),
        Text("Save the file as UTF-8.", "请将文件另存为 UTF-8 编码。"),
    )


def _not_text(path: Path) -> BadInput:
    return BadInput(
        "not-text",
        Text(f"'{path.name}' is not a text file.", f"“{path.name}”不是文本文件。"),
        Text("Export the table as CSV or Parquet.", "请将表格导出为 CSV 或 Parquet。"),
    )
