"""The words a cohort expression may be made of: cut by sqlglot, held against a short list, and only then parsed."""

from __future__ import annotations

import sqlglot
from sqlglot import exp
from sqlglot.errors import ErrorLevel, SqlglotError
from sqlglot.tokenizer_core import Token, TokenType

from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text, did_you_mean
from huizhen.model.dataset import Column, Schema

LIMIT_CHARACTERS = 10_000
LIMIT_TOKENS = 2_000
LIMIT_DEPTH = 40
FUNCTIONS = ("abs",)
_DIALECT = "duckdb"

_WORDS = {
    TokenType.AND, TokenType.OR, TokenType.NOT, TokenType.IN, TokenType.IS, TokenType.NULL, TokenType.TRUE,
    TokenType.FALSE, TokenType.BETWEEN,
}  # fmt: skip
_SIGNS = {
    TokenType.L_PAREN, TokenType.R_PAREN, TokenType.COMMA, TokenType.EQ, TokenType.NEQ, TokenType.LT, TokenType.LTE,
    TokenType.GT, TokenType.GTE, TokenType.PLUS, TokenType.DASH, TokenType.STAR, TokenType.SLASH,
}  # fmt: skip
_VALUES = {TokenType.STRING, TokenType.NUMBER}
_PREFIXES = {TokenType.NOT, TokenType.DASH, TokenType.PLUS}
_ALLOWED = Text(
    "Allowed: columns, numbers, 'text', DATE 'year-month-day', TRUE, FALSE, AND, OR, NOT, = <> < <= > >=, BETWEEN, "
    "IN (list), IS [NOT] NULL, + - * /, abs(), parentheses.",
    "可用：列名、数字、'文本'、DATE '年-月-日'、TRUE、FALSE、AND、OR、NOT、= <> < <= > >=、BETWEEN、IN（列表）、"
    "IS [NOT] NULL、+ - * /、abs()、括号。",
)


def refused(at: int | None, en: str, zh: str, remedy: Text = _ALLOWED) -> BadInput:
    """`at` is the position of the first character that is wrong, from zero; None where there is none to name."""
    place = Text("", "") if at is None else Text(f" at character {at + 1}", f"（第 {at + 1} 个字符）")
    return BadInput("bad-cohort", Text(f"The cohort{place.en}: {en}.", f"入组条件{place.zh}：{zh}。"), remedy)


def read(expression: str, schema: Schema) -> exp.Expr:
    """The expression as sqlglot's tree, whose columns all carry a name of the schema.

    Raises BadInput with the position for anything but the words, signs and values of the list above, for functions
    other than `abs`, for columns that are unknown or may not be used, for comments, and beyond the limits of size.
    """
    tokens = _resolved(_tokens(expression), schema)
    dialect = sqlglot.Dialect.get_or_raise(_DIALECT)
    try:
        trees = dialect.parser(error_level=ErrorLevel.RAISE).parse(tokens, expression)
    except (SqlglotError, RecursionError) as error:
        raise refused(_position(error, expression), "this is not a complete condition", "不是完整的条件") from None
    if len(trees) != 1 or trees[0] is None:
        raise refused(None, "there must be one condition", "必须是一个条件")
    return trees[0]


def _tokens(expression: str) -> list[Token]:
    if len(expression) > LIMIT_CHARACTERS:
        raise refused(None, f"longer than {LIMIT_CHARACTERS:,} characters", f"超过 {LIMIT_CHARACTERS:,} 个字符")
    try:
        tokens = sqlglot.Dialect.get_or_raise(_DIALECT).tokenize(expression)
    except SqlglotError:
        raise refused(None, "a quote or a comment is not closed", "引号或注释未闭合") from None
    if not tokens:
        raise refused(None, "it is empty; leave it out to take everybody", "为空；如需全部人群请省略")
    if len(tokens) > LIMIT_TOKENS:
        raise refused(None, f"more than {LIMIT_TOKENS:,} words and signs", f"超过 {LIMIT_TOKENS:,} 个词和符号")
    depth = prefixes = 0
    for token in tokens:
        if token.comments:
            raise refused(token.start, "comments are not allowed", "不允许注释")
        depth += (token.token_type == TokenType.L_PAREN) - (token.token_type == TokenType.R_PAREN)
        prefixes = prefixes + 1 if token.token_type in _PREFIXES else 0
        if depth > LIMIT_DEPTH or prefixes > LIMIT_DEPTH:
            raise refused(token.start, f"nested deeper than {LIMIT_DEPTH}", f"嵌套超过 {LIMIT_DEPTH} 层")
    return tokens


def _resolved(tokens: list[Token], schema: Schema) -> list[Token]:
    """The same tokens, each name replaced by the quoted name of its column, so that no keyword hides in a name."""
    result = []
    for i, token in enumerate(tokens):
        kind, after = token.token_type, tokens[i + 1].token_type if i + 1 < len(tokens) else None
        if kind in _WORDS | _SIGNS | _VALUES or (kind == TokenType.DATE and after == TokenType.STRING):
            result.append(token)
            continue
        called = after == TokenType.L_PAREN and (kind == TokenType.IDENTIFIER or token.text[:1].isalpha())
        if called and kind != TokenType.IDENTIFIER and token.text.lower() in FUNCTIONS:
            result.append(token)
        elif called:
            raise refused(token.start, f"'{token.text}(' is not allowed", f"不允许“{token.text}(”")
        else:
            name = _column(token, schema).name
            result.append(Token(TokenType.IDENTIFIER, name, token.line, token.col, token.start, token.end))
    return result


def _column(token: Token, schema: Schema) -> Column:
    name = token.text
    same = [c for c in schema.columns if c.name == name] or [
        c for c in schema.columns if c.name.casefold() == name.casefold()
    ]
    if not same:
        is_name = token.token_type == TokenType.IDENTIFIER or (name and (name[0].isalpha() or name[0] == "_"))
        if not is_name or token.token_type not in (TokenType.VAR, TokenType.IDENTIFIER):
            raise refused(token.start, f"'{name}' is not allowed", f"不允许“{name}”")
        usable = [c.name for c in schema.columns if not c.identifier and c.type != "text"]
        hint = did_you_mean(name, usable)
        raise refused(
            token.start,
            f"there is no column '{name}'{hint.en}",
            f"没有名为“{name}”的列{hint.zh}",
            Text(
                f"Columns: {', '.join(usable)}. Text goes in single quotes; names with signs in double quotes.",
                f"可用的列：{'、'.join(usable)}。文本用单引号，含符号的列名用双引号。",
            ),
        )
    column = same[0]
    if column.identifier or column.type == "text":
        kind = Text("an identifier", "标识符") if column.identifier else Text("free text", "自由文本")
        raise refused(
            token.start,
            f"column '{column.name}' is {kind.en} and cannot be used",
            f"列“{column.name}”是{kind.zh}，不可使用",
            Text("Use another column.", "请使用其他列。"),
        )
    return column


def _position(error: Exception, expression: str) -> int | None:
    details = getattr(error, "errors", None)
    if not details:
        return None
    line, col, word = (details[0].get(key) for key in ("line", "col", "highlight"))
    if not isinstance(line, int) or not isinstance(col, int):
        return None
    before = sum(len(text) for text in expression.splitlines(keepends=True)[: line - 1])
    return max(0, min(before + col - len(str(word or " ")), len(expression)))
