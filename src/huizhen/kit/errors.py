"""The tree of errors. Each has a stable code, an HTTP status, an exit code, and a remedy.

    HuizhenError
    ├── BadInput        400  exit 2   what was given is not what is allowed
    ├── NotFound        404  exit 3   there is no such thing
    ├── Conflict        409  exit 4   it is there already, or in another state
    ├── Refused         403  exit 5   a rule, a policy or a check says no
    ├── Unable          422  exit 6   the computation has no answer (collinear, separated, ...)
    ├── Lost            503  exit 7   a node or a store did not answer
    └── Tampered        500  exit 8   bytes are not what they were when they were recorded

A message never holds a value from a row, nor anything that identifies a person.
"""

from __future__ import annotations

from typing import ClassVar

from huizhen.kit.text import Language, Text


class HuizhenError(Exception):
    """An error with a stable code, a message and a remedy in two languages.

    Raise the class that says whose move it is; `code` says what happened, in kebab-case.
    """

    http: ClassVar[int] = 500
    exit: ClassVar[int] = 1

    def __init__(self, code: str, what: Text, remedy: Text) -> None:
        super().__init__(what.en)
        self.code = code
        self.what = what
        self.remedy = remedy
        self.add_note(remedy.en)  # so that a traceback says what to do

    def say(self, language: Language = "en") -> str:
        return f"{self.what.say(language)} {self.remedy.say(language)}"

    def at(self, place: str | Text) -> HuizhenError:
        """The same error, saying where it happened."""
        where = Text(place, place) if isinstance(place, str) else place
        what = Text(f"{where.en}: {self.what.en}", f"{where.zh}：{self.what.zh}")
        return type(self)(self.code, what, self.remedy)

    def as_dict(self) -> dict[str, str]:
        return {
            "code": self.code,
            "message": self.what.en,
            "message_zh": self.what.zh,
            "remedy": self.remedy.en,
            "remedy_zh": self.remedy.zh,
        }


class BadInput(HuizhenError):
    http, exit = 400, 2


class NotFound(HuizhenError):
    http, exit = 404, 3


class Conflict(HuizhenError):
    http, exit = 409, 4


class Refused(HuizhenError):
    http, exit = 403, 5


class Unable(HuizhenError):
    http, exit = 422, 6


class Lost(HuizhenError):
    http, exit = 503, 7


class Tampered(HuizhenError):
    http, exit = 500, 8


_CLASSES: dict[str, type[HuizhenError]] = {
    c.__name__: c for c in (BadInput, NotFound, Conflict, Refused, Unable, Lost, Tampered)
}


def to_wire(error: HuizhenError) -> dict[str, str]:
    """An error as a plain mapping that `from_wire` turns back into the same class of the tree."""
    kind = next((c.__name__ for c in type(error).__mro__ if c.__name__ in _CLASSES), HuizhenError.__name__)
    return {"class": kind, **error.as_dict()}


def from_wire(value: dict[str, str]) -> HuizhenError:
    """The error that `to_wire` wrote; an unknown class becomes a plain HuizhenError."""
    kind = _CLASSES.get(value["class"], HuizhenError)
    return kind(
        value["code"],
        Text(value["message"], value["message_zh"]),
        Text(value["remedy"], value["remedy_zh"]),
    )
