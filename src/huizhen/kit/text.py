"""A sentence for people, in English and Chinese."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Literal, NamedTuple

Language = Literal["en", "zh"]


class Text(NamedTuple):
    """One sentence in both languages. Never holds a row value or an identifier of a person."""

    en: str
    zh: str

    def say(self, language: Language) -> str:
        return self.zh if language == "zh" else self.en


def did_you_mean(word: str, known: Sequence[str]) -> Text:
    """' (did you mean ...?)' or nothing, to be put behind the word."""
    folded = {name.casefold(): name for name in reversed(known)}
    close = [folded[name] for name in get_close_matches(word.casefold(), folded, n=1, cutoff=0.6)]
    return Text(f" (did you mean '{close[0]}'?)", f"（是否想写“{close[0]}”？）") if close else Text("", "")
