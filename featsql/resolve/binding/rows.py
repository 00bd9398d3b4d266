"""Whole rows as values in a bound tree (`arg_max(s, t)`), written out as the columns that they have.

Where only a field is taken of a row again, `(arg_max(s, t)).amount`, that column alone is written in its place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlglot import exp

from featsql.resolve.catalog.catalog import RelationInfo
from featsql.resolve.scope import cte_of, select_around, sources

# The note on a SELECT with the folded aliases of those of its sources whose rows are values in it.
WHOLE = "whole"
# What gives one of the values that it is given, or a list of them: (the node, the argument that has them).
CHOOSING = (
    exp.AnyValue,
    exp.ArgMax,
    exp.ArgMin,
    exp.ArrayAgg,
    exp.Filter,
    exp.First,
    exp.FirstValue,
    exp.IgnoreNulls,
    exp.Lag,
    exp.Last,
    exp.LastValue,
    exp.Lead,
    exp.NthValue,
    exp.Order,
    exp.Paren,
    exp.RespectNulls,
    exp.Window,
)
CHOOSING_CALLS = frozenset({"any_value", "arg_max_null", "arg_min_null", "first", "last", "list", "list_extract"})
AS_JSON = frozenset({"to_json", "row_to_json"})
FIELD_OF_JSON = (exp.JSONExtract, exp.JSONExtractScalar)


def write_out(tree: exp.Query, scans: Mapping[int, RelationInfo]) -> None:
    """Write out every whole row of a bound tree. One whose columns cannot be told stays as it is."""
    for row in list(tree.find_all(exp.TableColumn)):
        select = select_around(row, row.name.casefold())
        names = names_of(sources(select)[row.name.casefold()], scans) if select is not None else []
        if select is None or not names:
            continue
        select.meta.setdefault(WHOLE, []).append(row.name.casefold())
        call = exploded(row)
        if call is not None:
            explode(call, row, names)
            continue
        top, field = taken(row)
        wanted = next((name for name in names if name.casefold() == field), None) if field else None
        if wanted is None:
            row.replace(whole(row.name, names))
        elif top.unnest() is row and top.parent is not None:
            top.parent.replace(column(row.name, wanted))
        else:
            row.replace(column(row.name, wanted))


def names_of(source: exp.Expr, scans: Mapping[int, RelationInfo]) -> list[str]:
    """The names of what stands in a FROM or JOIN."""
    renamed = source.alias_column_names
    found: list[str] = []
    if isinstance(source, exp.Table) and "scan" in source.meta:
        found = [name.casefold() for name in scans[source.meta["scan"]].names]
    elif isinstance(source, exp.Subquery | exp.Lateral):
        inner = source.this.this if isinstance(source.this, exp.Subquery) else source.this
        found = list(inner.named_selects) if isinstance(inner, exp.Query) else []
    elif (cte := cte_of(source)) is not None and isinstance(cte.this, exp.Query):
        found = list(cte.this.named_selects)
        found = [*cte.alias_column_names, *found[len(cte.alias_column_names) :]]
    return [*renamed, *found[len(renamed) :]]


def taken(row: exp.Expr) -> tuple[exp.Expr, str | None]:
    """The farthest expression around a row that still is that row, or one of those that it is one of, and the folded
    name of the field that is taken of it."""
    node = row
    while (parent := node.parent) is not None:
        field = field_of(parent, node)
        if field is not None:
            return node, field.casefold()
        if not passes_on(parent, node):
            break
        node = parent
    return node, None


def passes_on(parent: exp.Expr, node: exp.Expr) -> bool:
    """Whether an expression gives a row that it is given, or a list of such."""
    if isinstance(parent, exp.Array):
        return True
    if isinstance(parent, exp.Bracket):
        return node.arg_key == "this" and field_of(parent, node) is None
    if isinstance(parent, exp.Anonymous):
        name = parent.name.casefold()
        return name in CHOOSING_CALLS | AS_JSON and bool(parent.expressions) and parent.expressions[0] is node
    return isinstance(parent, CHOOSING) and node.arg_key == "this"


def field_of(parent: exp.Expr, node: exp.Expr) -> str | None:
    """The field that an expression takes of a row, or of what JSON is made of one."""
    if parent.this is not node:
        return None
    given = parent.expressions[0] if isinstance(parent, exp.Bracket) and len(parent.expressions) == 1 else None
    match parent:
        case exp.Dot(expression=exp.Identifier() as name):
            return str(name.name)
        case exp.Bracket() if isinstance(given, exp.Literal) and given.is_string:
            return str(given.name)
        case exp.StructExtract(expression=exp.Literal() as name) if name.is_string:
            return str(name.name)
    if not isinstance(parent, FIELD_OF_JSON):
        return None
    path = parent.expression
    keys = path.expressions if isinstance(path, exp.JSONPath) else []
    first = keys[1].this if len(keys) > 1 and isinstance(keys[1], exp.JSONPathKey) else None
    return first if isinstance(first, str) else None


def exploded(row: exp.Expr) -> exp.Expr | None:
    """The `unnest` of a row that is an output of a SELECT by itself."""
    top, _ = taken(row)
    call = top.parent
    if not isinstance(call, exp.Explode | exp.Unnest):
        return None
    output = call.parent if isinstance(call.parent, exp.Alias) else call
    return output if isinstance(output.parent, exp.Select) and output.arg_key == "expressions" else None


def explode(output: exp.Expr, row: exp.Expr, names: Iterable[str]) -> None:
    """Write the columns into which a row is exploded in place of the one output."""
    row.meta["row"] = True
    found: list[exp.Expr] = []
    for name in names:
        value = output.unalias().copy()
        inner = next(each for each in value.find_all(exp.TableColumn) if each.meta.get("row"))
        inner.replace(column(row.name, name))
        found.append(exp.alias_(value, name, quoted=False, copy=False))
    select = output.parent
    assert select is not None
    outputs, place = list(select.expressions), output.index or 0
    select.set("expressions", [*outputs[:place], *found, *outputs[place + 1 :]])


def whole(alias: str, names: Iterable[str]) -> exp.Struct:
    """A row as the structure of its columns."""
    fields = [exp.PropertyEQ(this=exp.to_identifier(name), expression=column(alias, name)) for name in names]
    return exp.Struct(expressions=fields)


def column(alias: str, name: str) -> exp.Column:
    """A column of a source by its names."""
    return exp.Column(this=exp.to_identifier(name), table=exp.to_identifier(alias))
