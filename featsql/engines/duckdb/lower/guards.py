"""Conditions that stop a query where it would not give one row for one row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlglot import exp

from featsql.plan import names
from featsql.plan.plan import Lifted, Plan, Reading
from featsql.temporal import column

MANY_ROWS = "FS801: features model `{name}` has more than one row for an entity: "
OTHER_ROWS = "FS805: `{name}` joins {relations}, which multiplies or drops rows of its labels: "
BETWEEN, AT, HAS, ROWS = " = ", " at ", " has ", " rows"


def sacred(query: exp.Select, plan: Plan) -> exp.Select:
    """Stop where a relation that the author joins has several rows for one of the spine's, or an inner join
    finds none: one row out for each row in, always."""
    if not plan.readings:
        return query
    found = []
    for read in plan.readings:
        missed = exp.Is(this=column(names.HIT, read.alias), expression=exp.null())
        if not read.outer:
            said = OTHER_ROWS.format(name=plan.name, relations=f"`{read.alias}`")
            found.append(exp.If(this=missed, true=stop(said, *row_of(plan, [read]), HAS, "none")))
    copies = exp.Window(this=exp.Count(this=exp.Star()), partition_by=[column(names.ROW, plan.spine.alias)])
    multiplied = exp.GT(this=copies, expression=exp.Literal.number(1))
    relations = " and ".join(f"`{read.alias}`" for read in plan.readings)
    said = OTHER_ROWS.format(name=plan.name, relations=relations)
    found.append(exp.If(this=multiplied, true=stop(said, *row_of(plan, plan.readings), HAS, copies, ROWS)))
    return query.qualify(exp.Case(ifs=found, default=exp.true()))


def row_of(plan: Plan, readings: Sequence[Reading]) -> list[str | exp.Expr]:
    """What tells a row of the spine from others, as far as it matters to what it is joined with: the values that are
    compared, and the instant."""
    spine = plan.spine.alias.casefold()
    compared = [
        each.name for read in readings for each in read.on.find_all(exp.Column) if each.table.casefold() == spine
    ]
    used = dict.fromkeys(name for name in compared if name.casefold() != plan.spine.as_of.casefold())
    return named({name: column(name, plan.spine.alias) for name in used}, column(plan.spine.as_of, plan.spine.alias))


def guarded(query: exp.Select, features: Lifted, keys: Sequence[exp.Expr]) -> exp.Select:
    """Stop where a model turns out to have several rows for an entity: the spine's rows never multiply."""
    at = column(names.AS_OF, names.PROBE)
    rows = exp.Window(this=exp.Count(this=exp.Star()), partition_by=[at, *(key.copy() for key in keys)])
    several = exp.GT(this=rows, expression=exp.Literal.number(1))
    said = MANY_ROWS.format(name=features.name)
    whose = named(dict(zip(features.keys, keys, strict=True)), at)
    found = exp.If(this=several, true=stop(said, *whose, HAS, rows, ROWS))
    return query.qualify(exp.Case(ifs=[found], default=exp.true()))


def named(keys: Mapping[str, exp.Expr], at: exp.Expr) -> list[str | exp.Expr]:
    """Keys and an instant, in words."""
    said: list[str | exp.Expr] = []
    for name, value in keys.items():
        said += [", "] if said else []
        said += [f"{name}{BETWEEN}", value]
    return [*said, AT, at]


def stop(*said: str | exp.Expr) -> exp.Expr:
    """A condition that ends the query with a message; the values in it are looked at then alone."""
    parts = [exp.Literal.string(part) if isinstance(part, str) else spoken(part) for part in said]
    text = exp.Anonymous(this="concat", expressions=parts)
    return exp.cast(exp.Anonymous(this="error", expressions=[text]), "boolean")


def spoken(value: exp.Expr) -> exp.Expr:
    """A value as text."""
    return exp.Coalesce(this=exp.cast(value.copy(), "varchar"), expressions=[exp.Literal.string("NULL")])
