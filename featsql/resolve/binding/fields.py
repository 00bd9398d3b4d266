"""Fields of whole rows that a subquery or a CTE gives as one of its columns (`q.r.amount` of `select s as r`).

Each becomes an output of that query beside the row, so that it comes from one column alone.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from featsql.resolve.binding.rows import column, names_of, taken
from featsql.resolve.catalog.catalog import RelationInfo
from featsql.resolve.scope import output, query_behind, select_around, sources

# The note on an output that stands here for a field, beside the row itself.
FIELD = "field"


def hand_out(tree: exp.Query, scans: Mapping[int, RelationInfo]) -> None:
    """Let every field that is taken of a row from further within be a column of the query that gives the row. One of
    which it cannot be told stays as it is: it comes from the whole row."""
    if tree.find(exp.TableColumn) is None:
        return
    for row in list(tree.find_all(exp.Column)):
        top, field = taken(row)
        name = given(row, field, scans) if field is not None else None
        if name is None:
            continue
        taking = top.parent if top.unnest() is row else None
        (taking or row).replace(column_of(row.text("table"), name))


def given(row: exp.Expr, field: str, scans: Mapping[int, RelationInfo]) -> str | None:
    """The output that is a field of what a column holds, made where there is none yet."""
    select = select_around(row, row.text("table").casefold())
    query = query_behind(sources(select)[row.text("table").casefold()]) if select is not None else None
    value = output(query, row.name) if isinstance(query, exp.Select) else None
    if not isinstance(query, exp.Select) or value is None:
        return None
    name = f"{row.name.casefold()}.{field}"
    same = [each for each in query.expressions if each.alias_or_name.casefold() == name]
    if same:
        return name if is_handed_out(same[0]) else None
    made = field_of_value(value, field, scans)
    if made is None:
        return None
    alias = exp.Alias(this=made, alias=exp.Identifier(this=name, quoted=False))
    alias.meta[FIELD] = True
    query.append("expressions", alias)
    return name


def is_handed_out(node: exp.Expr) -> bool:
    """Whether an output stands for a field, and is none of the author's."""
    return isinstance(node, exp.Alias) and FIELD in node.meta


def field_of_value(value: exp.Expr, field: str, scans: Mapping[int, RelationInfo]) -> exp.Expr | None:
    """An expression that gives a row, as one that gives a field of it."""
    rows = [each for each in value.find_all(exp.Column, exp.TableColumn) if taken(each)[0] is value]
    if len(rows) != 1:
        return None
    (row,) = rows
    if isinstance(row, exp.Column):
        name = given(row, field, scans)
        wanted = column_of(row.text("table"), name) if name is not None else None
    else:
        select = select_around(row, row.name.casefold())
        names = names_of(sources(select)[row.name.casefold()], scans) if select is not None else []
        known = next((each for each in names if each.casefold() == field), None)
        wanted = column(row.name, known) if known is not None else None
    if wanted is None:
        return None
    if row is value:
        return wanted
    row.meta[FIELD] = True
    made = value.copy()
    row.meta.pop(FIELD)
    next(each for each in made.walk() if each.meta.get(FIELD)).replace(wanted)
    return made


def column_of(alias: str, name: str) -> exp.Column:
    """An output that stands for a field: in messages it looks like the field that its author took."""
    return exp.Column(this=exp.Identifier(this=name, quoted=False), table=exp.to_identifier(alias))
