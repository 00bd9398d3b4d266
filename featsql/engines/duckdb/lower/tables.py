"""The common table expressions of one query."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlglot import exp

from featsql.engines.duckdb.lower.latest import rows_known
from featsql.engines.duckdb.lower.over import Frames
from featsql.plan import names
from featsql.plan.known import validity_intervals
from featsql.plan.plan import AsOf, Over, Scan
from featsql.resolve.nanoseconds import type_of
from featsql.temporal import Boundary


class Parts:
    """The common table expressions of one query, each made once however often it is needed; `kinds` are the types of
    the instants of probes, where they are known."""

    def __init__(self, boundary: Boundary) -> None:
        self.boundary = boundary
        self.tables: dict[str, tuple[exp.Query, bool | None]] = {}
        self.probes: dict[str, str] = {}
        self.kinds: dict[str, str] = {}
        self.validity_intervals: dict[str, str] = {}
        self.known: dict[str, str] = {}

    def add(self, name: str, query: exp.Query, *, materialized: bool | None = None) -> str:
        """Add a common table expression and give its name; whether it is kept the engine decides, unless it is told."""
        self.tables[name] = (query, materialized)
        return name

    def versions(self, scans: Iterable[Scan]) -> Mapping[str, str]:
        """The names of the validity intervals of every versioned relation among `scans`, by relation key."""
        found: dict[str, str] = {}
        for scan in scans:
            clock = scan.relation.clock
            if clock is None or not clock.versioned:
                continue
            key = scan.relation.key
            if key not in self.validity_intervals:
                name = f"__versions_{len(self.validity_intervals) + 1}"
                self.validity_intervals[key] = self.add(
                    name, validity_intervals(scan.relation, scan.table), materialized=True
                )
            found[key] = self.validity_intervals[key]
        return found

    def rows(self, features: AsOf) -> str:
        """The rows of a relation with the instant from which each is known. Where they are not stored they are kept,
        since they are read thrice."""
        key = features.relation.key
        if key not in self.known:
            name = f"__known_{len(self.known) + 1}"
            self.known[key] = self.add(name, rows_known(features), materialized=not features.stored)
        return self.known[key]

    def probe(self, keys: Sequence[exp.Expr], as_of: exp.Expr, spine: str) -> str:
        """The distinct instants and keys that a spine asks about."""
        signature = ", ".join(each.sql("duckdb") for each in (as_of, *keys))
        if signature not in self.probes:
            columns = [exp.alias_(as_of.copy(), names.AS_OF)]
            columns += [exp.alias_(key.copy(), names.key(i)) for i, key in enumerate(keys)]
            query = exp.select(*columns).distinct(copy=False).from_(aliased(names.SPINE, spine), copy=False)
            name = f"{names.PROBE}_{len(self.probes) + 1}"
            self.probes[signature], self.kinds[name] = self.add(name, query), type_of(as_of)
        return self.probes[signature]

    def around(self, query: exp.Select) -> exp.Select:
        """`query` under all of the common table expressions."""
        for name, (table, materialized) in self.tables.items():
            query = query.with_(name, as_=table, materialized=materialized, copy=False)
        return query


def aliased(table: str, alias: str) -> exp.Table:
    """A table under an alias, quoted."""
    return exp.Table(this=exp.to_identifier(table), alias=exp.TableAlias(this=exp.to_identifier(alias, quoted=True)))


def asked(features: Over, probe: str, parts: Parts) -> Frames:
    """The frames of a model for the probes of a common table expression, numbered and with their ends in another."""
    frames = Frames(features, f"__asking_{len(parts.tables)}", parts.boundary)
    parts.add(frames.asking, frames.bounded(exp.select(exp.Star()).from_(probe, copy=False)), materialized=True)
    return frames
