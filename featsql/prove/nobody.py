"""What the reference says where a model has no row: the author's own text, run over nothing.

A SELECT that groups is given no rows and one more grouping set, that of all rows together: its one row says what
aggregates say of no rows, and NULL for everything that is grouped by.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlglot import exp

from featsql.resolve.aggregates import has_aggregate

Queries = Mapping[str, exp.CTE]


def over_no_rows(tree: exp.Query, keys: Sequence[str], aggregates: frozenset[str]) -> exp.Query | None:
    """The one row of a query over no rows; None where none of its columns is made of aggregates, or a key is."""
    query = tree.copy()
    made = NoRows(aggregates).select(query, {}) if isinstance(query, exp.Select) else set()
    return query if made and not made & {key.casefold() for key in keys} else None


def with_all_groups(tree: exp.Query, aggregates: frozenset[str]) -> exp.Query | None:
    """A query with the groups that its filters leave out; None where they leave out none."""
    query = tree.copy()
    walk = AllGroups(aggregates)
    found = isinstance(query, exp.Select) and walk.select(query, {})
    return query if found and walk.left_out else None


class Walk:
    """A way from a SELECT to the one that groups, each of which reads the next one and nothing else."""

    def __init__(self, aggregates: frozenset[str]) -> None:
        self.aggregates = aggregates

    def groups(self, select: exp.Select) -> bool:
        """Whether a SELECT groups."""
        return bool(select.args.get("group")) or any(map(self.aggregated, select.expressions))

    def aggregated(self, value: exp.Expr) -> bool:
        """Whether an expression aggregates rows of its own SELECT."""
        return has_aggregate(value, self.aggregates)

    def next(self, select: exp.Select, known: Queries) -> tuple[exp.Subquery, Queries] | None:
        """The one SELECT that a SELECT reads, as a subquery of its own in place, and the CTEs that it can see."""
        clause, below = select.args.get("from_"), select.args.get("with_")
        seen = {**known, **{cte.alias.casefold(): cte for cte in (below.expressions if below else ())}}
        if clause is None or select.args.get("joins") or select.args.get("laterals"):
            return None
        source = clause.this
        if any(source.args.get(part) for part in ("joins", "laterals", "pivots", "sample")):
            return None
        if isinstance(source, exp.Table) and not source.db and source.name.casefold() in seen:
            cte = seen[source.name.casefold()]
            names = source.alias_column_names or cte.alias_column_names
            columns = [exp.to_identifier(name, quoted=True) for name in names]
            alias = exp.TableAlias(this=exp.to_identifier(source.alias_or_name, quoted=True), columns=columns)
            source = exp.Subquery(this=cte.this.copy(), alias=alias)
            clause.set("this", source)
        return (source, seen) if isinstance(source, exp.Subquery) and isinstance(source.this, exp.Select) else None


class NoRows(Walk):
    """Makes a query say what it says of no rows. `last` tells by position which columns of the SELECT before are made
    of aggregates, if none stands for several."""

    last: list[bool] | None = None

    def select(self, select: exp.Select, known: Queries) -> set[str]:
        """Change a SELECT, in place; gives its columns that are made of aggregates."""
        for part in ("having", "qualify", "order", "limit", "offset", "sample", "distinct"):
            select.set(part, None)
        if self.groups(select):
            return self.total(select)
        found = self.next(select, known)
        if found is None:
            return set()
        source, seen = found
        made = self.select(source.this, seen)
        select.set("where", None)
        if made and source.alias_column_names:
            own = self.last or [True] * len(source.alias_column_names)
            made = {name.casefold() for name, one in zip(source.alias_column_names, own, strict=False) if one}
        return self.projections(select, made, source.alias) if made else made

    def total(self, select: exp.Select) -> set[str]:
        """Let a SELECT that groups make one group of no rows."""
        terms = self.terms(select)
        columns = self.projections(select, set(), None)
        select.where(exp.false(), append=False, copy=False)
        if not terms:
            select.set("group", None)
        elif select.args.get("group"):
            sets = exp.GroupingSets(expressions=[exp.Tuple(expressions=terms), exp.Tuple(expressions=[])])
            select.set("group", exp.Group(grouping_sets=[sets]))
        return columns

    def terms(self, select: exp.Select) -> list[exp.Expr]:
        """What a SELECT groups by."""
        group = select.args.get("group") or exp.Group()
        values = [value.unalias() for value in select.expressions]
        if group.args.get("all"):
            made = self.made(select, set(), None)
            chosen = [value for value, own in zip(values, made, strict=True) if not own and not many(value)]
        else:
            nested = [each for part in ("rollup", "cube", "grouping_sets") for each in group.args.get(part) or ()]
            inner = [term for each in nested for term in each.expressions]
            written = [one for term in (*group.expressions, *inner) for one in flat(term)]
            chosen = [
                values[int(term.name) - 1] if isinstance(term, exp.Literal) and term.is_int else term
                for term in written
            ]
        return [term.copy() for term in chosen if term.find(exp.Column)]

    def made(self, select: exp.Select, known: set[str], source: str | None) -> list[bool]:
        """Of each expression whether it is made of aggregates: its own, or those behind `known` columns of what is
        read, or behind columns before it, which the columns of what is read hide."""
        before: set[str] = set()
        answers: list[bool] = []
        hiding = set() if source is None else self.hiding(select)
        for each in select.expressions:
            value = each.unalias()
            own = self.aggregated(value) or any(
                speaks_of(column, known, source, value) or speaks_of(column, before - hiding, None, value)
                for column in columns(value)
            )
            answers.append(own and not many(value))
            before |= {each.alias_or_name.casefold()} if answers[-1] else set()
        return answers

    def hiding(self, select: exp.Select) -> set[str]:
        """The names of the columns of the one SELECT that a SELECT reads."""
        source = select.args["from_"].this
        names = source.alias_column_names or source.this.named_selects
        return {name.casefold() for name in names}

    def projections(self, select: exp.Select, known: set[str], source: str | None) -> set[str]:
        """Make NULL of what is not made of aggregates, in place; gives the names of what is."""
        found: set[str] = set()
        flags = self.made(select, known, source)
        stars = any(each.is_star or each.find(exp.Columns) for each in select.expressions)
        self.last = None if stars else flags
        values: list[exp.Expr] = []
        for each, own in zip(select.expressions[:], flags, strict=True):
            if each.is_star or (isinstance(each.unalias(), exp.Columns) and not own):
                values.append(each)
                found |= passed(each, known)
            elif own:
                values.append(each)
                found.add(each.alias_or_name.casefold())
            else:
                value = each.unalias().copy()
                nothing = exp.null() if many(value) else exp.Case(ifs=[exp.If(this=exp.false(), true=value)])
                values.append(exp.alias_(nothing, each.alias_or_name, quoted=True) if each.alias_or_name else nothing)
        select.set("expressions", values)
        return found


class AllGroups(Walk):
    """Makes a query give the groups that its filters leave out, too."""

    left_out = False

    def select(self, select: exp.Select, known: Queries) -> bool:
        """Change a SELECT, in place; tells whether it comes to one that groups."""
        last = self.groups(select)
        distinct = select.args.get("distinct")
        chosen = ["distinct"] if distinct is not None and distinct.args.get("on") else []
        for part in ("having", "qualify", "limit", "offset", "sample", *chosen, *([] if last else ["where"])):
            self.left_out = self.left_out or bool(select.args.get(part))
            select.set(part, None)
        select.set("order", None)
        found = None if last else self.next(select, known)
        return last or (found is not None and self.select(found[0].this, found[1]))


def columns(value: exp.Expr) -> list[exp.Column]:
    """The columns that an expression names."""
    return list(value.find_all(exp.Column))


def speaks_of(column: exp.Column, names: set[str], source: str | None, value: exp.Expr) -> bool:
    """Whether a column of an expression is one of some names: under the alias of their source, or bare and in no
    subquery of the expression, which may have a column of that name."""
    if column.name.casefold() not in names:
        return False
    if column.table:
        return source is not None and column.table.casefold() == source.casefold()
    query = column.find_ancestor(exp.Query)
    return query is None or not any(each is query for each in value.find_all(exp.Query))


def passed(star: exp.Expr, names: set[str]) -> set[str]:
    """Which names a star passes on, and as what."""
    inner = star.this if isinstance(star, exp.Column) else star
    gone = {each.name.casefold() for each in inner.args.get("except_") or ()}
    renamed = {each.this.name.casefold(): each.alias.casefold() for each in inner.args.get("rename") or ()}
    return {renamed.get(name, name) for name in names - gone}


def many(value: exp.Expr) -> bool:
    """Whether an expression compares groups, or makes many rows of one."""
    found = value.walk(prune=lambda node: isinstance(node, exp.Query))
    return any(isinstance(node, exp.Window | exp.Unnest | exp.Explode) for node in found)


def flat(term: exp.Expr) -> list[exp.Expr]:
    """The expressions of a tuple, or one by itself."""
    if isinstance(term, exp.Tuple | exp.Paren):
        return [one for each in (term.expressions or [term.this]) for one in flat(each)]
    return [term]
