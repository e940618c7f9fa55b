"""Bias formulas: their contents are checked before OpenMM reads them.

OpenMM compiles formulas with its own parser, which runs no code. But it treats unknown names as
zero, and symbolic derivatives of deeply nested formulas take extremely long.
"""

import re
from collections.abc import Sequence

FUNCTIONS = (
    "abs", "acos", "asin", "atan", "atan2", "ceil", "cos", "cosh", "cot", "csc", "cube", "delta",
    "erf", "erfc", "exp", "floor", "log", "max", "min", "recip", "sec", "select", "sin", "sinh",
    "sqrt", "square", "step", "tan", "tanh",
)  # fmt: skip
"""Functions of OpenMM's formulas."""

MOST_PARTS = 400
"""Most numbers, names and operators of a formula whose definitions are filled in."""

DEEPEST = 20
"""Deepest nesting of parentheses."""

MOST_POWERS = 40
"""Most operators ^; nested powers have huge derivatives."""

OUR_NAMES = re.compile(r"[sv]\d+(_\d+)?")
"""Names of variables inside a job."""


def check_formula(formula: str, variables: Sequence[str]) -> None:
    """Refuse a formula with anything but numbers, operators, known functions and variables.

    Args:
        formula: an expression, and after semicolons definitions of further names in it.
        variables: names of the collective variables that it is a function of.

    Raises:
        ValueError: states what is wrong and what is allowed.
    """
    expression, *rest = [_parts(text, variables) for text in formula.split(";")]
    if not expression:
        raise ValueError("there is no expression")
    rest = [part for part in rest if part]
    definitions: dict[str, list[str]] = {}
    for parts in rest:
        if len(parts) < 3 or parts[1] != "=":
            raise ValueError("text after ';' must be a definition, such as 'a = 2*phi'")
        if parts[0] in definitions or parts[0] in variables or OUR_NAMES.fullmatch(parts[0]):
            raise ValueError(f"'{parts[0]}' is defined already; choose another name")
        definitions[parts[0]] = parts[2:]
    for parts in (expression, *definitions.values()):
        _check_names(parts, variables, definitions)
    if _size(expression, definitions, ()) > MOST_PARTS:
        raise ValueError(f"has more than {MOST_PARTS} numbers, names and operators")


def _parts(text: str, variables: Sequence[str]) -> list[str]:
    """Numbers, names and operators. Variables come first: their names may contain '-'."""
    names = "|".join(re.escape(name) for name in sorted(variables, key=len, reverse=True))
    pattern = re.compile(
        (rf"(?<!\w)(?:{names})(?!\w)|" if names else "")
        + r"(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?!\w)|[A-Za-z_]\w*|[-+*/^(),=]",
        re.ASCII,
    )
    parts, rest = [], text.lstrip(" \t")
    while rest:
        match = pattern.match(rest)
        if match is None:
            raise ValueError(f"{rest[:20]!r} is not allowed in a formula")
        parts.append(match[0])
        rest = rest[match.end() :].lstrip(" \t")
    return parts


def _check_names(
    parts: list[str], variables: Sequence[str], definitions: dict[str, list[str]]
) -> None:
    depth = 0
    for part, following in zip(parts, [*parts[1:], ""], strict=True):
        depth += (part == "(") - (part == ")")
        if depth > DEEPEST:
            raise ValueError(f"has parentheses nested more than {DEEPEST} deep")
        if part == "=":
            raise ValueError("'=' is allowed only after ';', in definitions such as 'a = 2*phi'")
        if not re.match(r"[A-Za-z_]", part) or part in variables:
            continue
        if following == "(" and part not in FUNCTIONS:
            raise ValueError(f"there is no function '{part}'; known: {', '.join(FUNCTIONS)}")
        if following != "(" and part not in definitions:
            raise ValueError(
                f"there is no variable '{part}'; its variables are {', '.join(variables)}"
            )
    if parts.count("^") > MOST_POWERS:
        raise ValueError(f"has more than {MOST_POWERS} operators '^'")


def _size(parts: list[str], definitions: dict[str, list[str]], inside: tuple[str, ...]) -> int:
    """Number of parts with definitions filled in; counting ends when they are too many."""
    size = 0
    for part in parts:
        if part in inside:
            raise ValueError(f"'{part}' is defined by itself")
        if part in definitions:
            size += _size(definitions[part], definitions, (*inside, part))
        size += 1
        if size > MOST_PARTS:
            break
    return size
