"""The file formats that `dataset add` reads."""

from __future__ import annotations

from huizhen.intake import formats
from pages.markdown import code, table

HEAD = """\
# File formats

What `huizhen dataset add --from FILE` reads, by the end of the file's name. Columns are checked against the schema
before a row is kept; identifiers and free text are never kept at all.

`huizhen dataset add --from FILE` 可读取的文件，按文件名后缀识别。各列先经模式检查才会保存；标识符与自由文本从不保存。

"""


def page() -> str:
    rows = [(code(f.name), ", ".join(map(code, f.suffixes)), f.summary.en, f.summary.zh) for f in formats().values()]
    return HEAD + table(("format", "suffixes", "what it reads", "说明"), rows)
