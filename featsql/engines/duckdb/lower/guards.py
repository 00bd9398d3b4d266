"""Conditions that stop a query where it would not give one row for one row."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from featsql.plan import names
from featsql.plan.plan import Lifted, Plan
from featsql.temporal import column

MANY_ROWS = "FS801: features model `{name}` has more than one row for an entity"
OTHER_ROWS = "FS805: `{name}` joins {relations}, which multiplies or drops rows of its labels"


def sacred(query: exp.Select, plan: Plan) -> exp.Select:
    """Stop where a relation that the author joins has several rows for one of the spine's, or an inner join
    finds none: one row out for each row in, always."""
    if not plan.readings:
        return query
    found = []
    for read in plan.readings:
        missed = exp.Is(this=column(names.HIT, read.alias), expression=exp.null())
        if not read.outer:
            found.append(exp.If(this=missed, true=stop(OTHER_ROWS, name=plan.name, relations=f"`{read.alias}`")))
    copies = exp.Window(this=exp.Count(this=exp.Star()), partition_by=[column(names.ROW, plan.spine.alias)])
    multiplied = exp.GT(this=copies, expression=exp.Literal.number(1))
    relations = " and ".join(f"`{read.alias}`" for read in plan.readings)
    found.append(exp.If(this=multiplied, true=stop(OTHER_ROWS, name=plan.name, relations=relations)))
    return query.qualify(exp.Case(ifs=found, default=exp.true()))


def guarded(query: exp.Select, features: Lifted, keys: Sequence[exp.Expr]) -> exp.Select:
    """Stop where a model turns out to have several rows for an entity: the spine's rows never multiply."""
    partition = [column(names.AS_OF, names.PROBE), *(key.copy() for key in keys)]
    rows = exp.Window(this=exp.Count(this=exp.Star()), partition_by=partition)
    several = exp.GT(this=rows, expression=exp.Literal.number(1))
    found = exp.If(this=several, true=stop(MANY_ROWS, name=features.name))
    return query.qualify(exp.Case(ifs=[found], default=exp.true()))


def stop(message: str, **said: str) -> exp.Expr:
    """A condition that ends the query with a message."""
    text = exp.Literal.string(message.format(**said))
    return exp.cast(exp.Anonymous(this="error", expressions=[text]), "boolean")
