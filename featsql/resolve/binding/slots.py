"""Which arguments of a tree's nodes are names that refer to nothing, and which parts of a query are followed.

It is a rule, and no list of what is dangerous: a word that stands in any other place may be a column, and a query with
any other part is not followed at all. What only nodes make of which all is known need not be shown to the engine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlglot import exp

from featsql.resolve.lineage.flow import MisledError

# Words that name something, choose among ways to compute, or are units that were texts (those that are columns have
# been told apart before the text was read).
NAMING: Mapping[type[exp.Expr], frozenset[str]] = {
    exp.Alias: frozenset({"alias"}),
    exp.Anonymous: frozenset({"this"}),
    exp.AnonymousAggFunc: frozenset({"this"}),
    exp.Collate: frozenset({"expression"}),
    exp.Column: frozenset({"this", "table", "db", "catalog"}),
    exp.Comprehension: frozenset({"expression"}),
    exp.CTE: frozenset({"alias"}),
    exp.DataType: frozenset({"kind", "this"}),
    exp.DateAdd: frozenset({"unit"}),
    exp.DateBin: frozenset({"unit"}),
    exp.DateDiff: frozenset({"unit"}),
    exp.DateSub: frozenset({"unit"}),
    exp.DateTrunc: frozenset({"unit"}),
    exp.Dot: frozenset({"expression"}),
    exp.Extract: frozenset({"this"}),
    exp.Identifier: frozenset({"this"}),
    exp.Interval: frozenset({"unit"}),
    exp.IntervalSpan: frozenset({"this", "expression"}),
    exp.Join: frozenset({"kind", "method", "side"}),
    exp.JSONPathKey: frozenset({"this"}),
    exp.JSONPathSubscript: frozenset({"this"}),
    exp.Kwarg: frozenset({"this"}),
    exp.Lambda: frozenset({"expressions"}),
    exp.Literal: frozenset({"this"}),
    exp.PropertyEQ: frozenset({"this"}),
    exp.Table: frozenset({"this", "db", "catalog"}),
    exp.TableAlias: frozenset({"this", "columns"}),
    exp.TableColumn: frozenset({"this"}),
    exp.TableSample: frozenset({"method"}),
    exp.TimestampTrunc: frozenset({"unit"}),
    exp.Trim: frozenset({"position"}),
    exp.Var: frozenset({"this"}),
    exp.Window: frozenset({"alias", "over", "this"}),
    exp.WindowSpec: frozenset({"kind", "start", "start_side", "end", "end_side", "exclude"}),
}
NO_NAMES: frozenset[str] = frozenset()
# The parts of a query that are followed; any other may do what is not known.
TAIL = frozenset({"with_", "order", "limit", "offset"})
FOLLOWED: Mapping[type[exp.Expr], frozenset[str]] = {
    exp.Select: TAIL
    | {"expressions", "from_", "joins", "where", "group", "having", "qualify", "distinct", "windows", "sample"},
    exp.Union: TAIL | {"this", "expression", "distinct", "by_name"},
    exp.Except: TAIL | {"this", "expression", "distinct", "by_name"},
    exp.Intersect: TAIL | {"this", "expression", "distinct", "by_name"},
    exp.Subquery: TAIL | {"this", "alias", "sample"},
    exp.Table: frozenset({"this", "db", "catalog", "alias", "sample", "ordinality"}),
    exp.Lateral: frozenset({"this", "alias"}),
    exp.Unnest: frozenset({"expressions", "alias", "offset"}),
    exp.Values: frozenset({"expressions", "alias"}),
    exp.Join: frozenset({"this", "on", "method", "side", "kind"}),
}
# Joins whose rows meet by what is written in them.
METHODS = frozenset({"", "ASOF", "NATURAL"})  # the columns of a natural one are written out before
# Of these nodes all is known: a model that has no others need not be shown to the engine.
UNDERSTOOD = frozenset(
    {
        exp.Add,
        exp.Alias,
        exp.And,
        exp.ArgMax,
        exp.ArgMin,
        exp.Avg,
        exp.Between,
        exp.Boolean,
        exp.Case,
        exp.Cast,
        exp.Coalesce,
        exp.Column,
        exp.Count,
        exp.CountIf,
        exp.Distinct,
        exp.Div,
        exp.DPipe,
        exp.EQ,
        exp.Exists,
        exp.Filter,
        exp.Greatest,
        exp.Group,
        exp.GT,
        exp.GTE,
        exp.Having,
        exp.If,
        exp.In,
        exp.Interval,
        exp.Is,
        exp.Lag,
        exp.Lead,
        exp.Least,
        exp.Limit,
        exp.Lower,
        exp.LT,
        exp.LTE,
        exp.Max,
        exp.Min,
        exp.Mul,
        exp.Neg,
        exp.NEQ,
        exp.Not,
        exp.Null,
        exp.Nullif,
        exp.Offset,
        exp.Or,
        exp.Order,
        exp.Ordered,
        exp.Paren,
        exp.Qualify,
        exp.Round,
        exp.RowNumber,
        exp.Star,
        exp.Stddev,
        exp.Sub,
        exp.Sum,
        exp.Upper,
        exp.Var,
        exp.Where,
        exp.Window,
        exp.WindowSpec,
    }
)
INSTANT = "as_of"


def is_understood(node: exp.Expr) -> bool:
    """Whether all is known of what a node does with its arguments."""
    return type(node) in UNDERSTOOD or (isinstance(node, exp.Anonymous) and node.name.casefold() == INSTANT)


def words_of(value: exp.Expr) -> Iterator[exp.Expr]:
    """The words among the arguments of a node that may be columns."""
    names = NAMING.get(type(value), NO_NAMES)
    for slot, argument in value.args.items():
        if slot in names or argument is None or argument is True or argument is False:
            continue
        for part in argument if isinstance(argument, list) else [argument]:
            if isinstance(part, exp.Identifier | exp.Var):
                yield part
            elif isinstance(part, str):
                yield exp.to_identifier(part)


def hold_to_parts(node: exp.Expr) -> None:
    """Raise MisledError where a query, or what stands in its FROM, has a part that is not followed."""
    known = FOLLOWED.get(type(node))
    if known is None:
        return
    for part, argument in node.args.items():
        if argument and part not in known:
            raise MisledError(f"{part.rstrip('_').upper()} in a {node.key.upper()} may do what cannot be told")
    if isinstance(node, exp.Join) and node.method.upper() not in METHODS:
        raise MisledError(f"a {node.method.upper()} JOIN does not say how rows meet")
