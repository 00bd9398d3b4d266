"""An author's text with other names or queries where it names relations, and nothing else of it changed."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct
from sqlglot import exp

from featsql.read.model import Model
from featsql.temporal import column

# Stands for a text while a query is made around it.
TEXT = "__text_of_its_author"


class Instead(Struct, frozen=True):
    """What takes the place of a relation: the SQL of a query, or of another name."""

    sql: str
    is_query: bool


def replaced(model: Model, instead: Mapping[str, Instead]) -> str:
    """The text of a model with what is given `instead` of relations, by their keys: at each place where the tree says
    that one is named, as a relation or before a column of it."""
    spots: dict[tuple[int, int], str] = {}
    names: dict[tuple[str, ...], Instead] = {}
    for table in model.tree.find_all(exp.Table):
        other = instead.get(table.meta.get("relation", ""))
        if other is None:
            continue
        alias = "" if table.alias or not other.is_query else f" AS {quoted(table.name)}"
        spots[span(table.parts)] = (f"({other.sql}\n)" if other.is_query else other.sql) + alias
        names[folded(table.parts)] = other
    for each in model.tree.find_all(exp.Column):
        if each.args.get("catalog") and (other := names.get(folded(each.parts[:-1]))) is not None:
            spots[span(each.parts[:-1])] = quoted(each.table) if other.is_query else other.sql
    text = model.rendered.text
    for (start, end), sql in sorted(spots.items(), reverse=True):
        text = text[:start] + sql + text[end:]
    return text


def around(query: exp.Query, text: str) -> str:
    """A query of `named()` as SQL, with a text in place of that name."""
    return query.sql("duckdb").replace(TEXT, f"({text}\n)")


def named() -> exp.Query:
    """A query of a text that is put in later."""
    return exp.select("*").from_(TEXT)


def span(parts: list[exp.Expr]) -> tuple[int, int]:
    """Where in its text a name of several parts begins and ends."""
    return parts[0].meta["start"], parts[-1].meta["end"] + 1


def folded(parts: list[exp.Expr]) -> tuple[str, ...]:
    """The parts of a name as SQL compares them."""
    return tuple(part.name.casefold() for part in parts)


def quoted(name: str) -> str:
    """One name as SQL."""
    return column(name).sql("duckdb")
