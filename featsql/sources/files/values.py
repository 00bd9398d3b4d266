"""What is asked about the values of a CSV or JSON column, and what is answered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct
from sqlglot import exp

from featsql.sources.files import fit

FILE = "__featsql_file"
QUOTE = "'"

Found = tuple[str, str]  # a file, and a value in it


class Values(Struct):
    """What the values of a column are like: how many there are, the first that do not fit its type, have another sort
    of instant or too many digits, and how many cannot be read in each of the forms that its days may have."""

    count: int
    unfit: Found | None = None
    zone: Found | None = None
    digits: Found | None = None
    misfits: Mapping[str, int] = {}
    differs: Found | None = None


def questions(value: exp.Expr, text: exp.Expr, kind: str, forms: Sequence[str], *, declared: bool) -> list[exp.Expr]:
    """What is asked about one column and its values as SQL writes them; NULL where there is nothing to ask."""
    asked: list[exp.Expr] = [exp.Count(this=value)]
    tests = [f(kind, declared=declared) for f in (fit.unfit, fit.zone_lost, fit.digits_lost)]
    if forms:
        none = [f"TRY_STRPTIME(v, '{form.replace(QUOTE, QUOTE * 2)}') IS NULL" for form in forms]
        tests = [" AND ".join(none), None, None]
    asked += [first(value, fit.of(test, text) if test else None) for test in tests]
    for form in forms:
        nothing = both(not_null(value), exp.Is(this=read(value, form), expression=exp.null()))
        asked.append(exp.Filter(this=exp.Count(this=exp.Star()), expression=exp.Where(this=nothing)))
    if len(forms) > 1:
        asked.append(first(value, differs(value, forms)))
    return asked


def answer(forms: Sequence[str], answers: Iterator[Any]) -> Values:
    """What was answered about one column."""
    count, *pairs = next(answers), next(answers), next(answers), next(answers)
    unfit, zone, digits = ((each["f"], each["v"]) if each else None for each in pairs)
    misfits = {form: next(answers) for form in forms}
    other = next(answers) if len(forms) > 1 else None
    return Values(count, unfit, zone, digits, misfits, (other["f"], other["v"]) if other else None)


def first(value: exp.Expr, condition: exp.Expr | None) -> exp.Expr:
    """The first value for which a condition holds, with its file."""
    if condition is None:
        return exp.null()
    parts = [
        exp.PropertyEQ(this=exp.to_identifier(name), expression=each)
        for name, each in (("f", exp.column(FILE, quoted=True)), ("v", value.copy()))
    ]
    taken = exp.Anonymous(this="first", expressions=[exp.Struct(expressions=parts)])
    return exp.Filter(this=taken, expression=exp.Where(this=both(not_null(value), condition)))


def read(value: exp.Expr, form: str) -> exp.Expr:
    """A text as an instant, NULL where it is not written in a form."""
    return exp.Anonymous(this="try_strptime", expressions=[value.copy(), exp.Literal.string(form)])


def differs(value: exp.Expr, forms: Sequence[str]) -> exp.Expr:
    """Whether a text means different instants when it is read in different forms."""
    others = (exp.NEQ(this=read(value, forms[0]), expression=read(value, form)) for form in forms[1:])
    return exp.paren(exp.or_(*others, copy=False), copy=False)


def not_null(value: exp.Expr) -> exp.Expr:
    """Whether there is a value."""
    return exp.Not(this=exp.Is(this=value.copy(), expression=exp.null()))


def both(one: exp.Expr, other: exp.Expr) -> exp.Expr:
    """Two conditions that nobody else holds."""
    return exp.And(this=one, expression=other)
