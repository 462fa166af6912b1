"""A text in both languages as part of a document: what is recorded can be read in either."""

from __future__ import annotations

from pydantic import Field

from huizhen.kit.text import Text
from huizhen.model.document import Document


class Words(Document):
    en: str = Field(min_length=1, max_length=2000)
    zh: str = Field(min_length=1, max_length=2000)

    @classmethod
    def of(cls, text: Text) -> Words:
        return cls(en=text.en, zh=text.zh)

    @property
    def text(self) -> Text:
        return Text(self.en, self.zh)
