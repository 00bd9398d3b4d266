"""A project's relations as they stood on an earlier day: rows that nobody knew yet are not there."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from msgspec.structs import replace
from sqlglot import exp

from featsql.compiler import Compiled
from featsql.engine import Engine
from featsql.errors import Diagnostic, FeatsqlError
from featsql.read.project import Project
from featsql.resolve.catalog.catalog import RelationInfo
from featsql.resolve.catalog.describe import instant_type, three_part
from featsql.sources.locations import ALL, source_table
from featsql.temporal import Boundary, available_at, column, end_available_at, reached

NO_DIGIT = re.compile(r"\D")


def read_instant(text: str) -> str:
    """An instant that a person typed (ISO 8601), in UTC as DuckDB prints it; one without a zone is in UTC.

    The engine does not read it: what it takes for an instant differs between its versions. Raises FeatsqlError FS725.
    """
    try:
        instant = datetime.fromisoformat(text.strip())
    except ValueError:
        message = f"`{text}` is not an instant"
        raise FeatsqlError(Diagnostic("FS725", message, hint="write it like 2024-03-31 18:00:00")) from None
    zoned = instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    return zoned.replace(tzinfo=None).isoformat(sep=" ") + "+00"


def beside(project: Project, instant: str) -> Project:
    """The project as what was known at an instant is built of it: into a schema, a target path and published paths of
    their own, so that nobody takes it for the present."""
    name = name_of(instant)
    target = replace(project.target, schema=f"{project.target.schema}_{name}")
    return replace(project, target=target, target_path=f"{project.target_path}/{name}", as_known=name)


def name_of(instant: str) -> str:
    """An instant of `read_instant` as a part of names: `known_at_20240331`, or with its time of day, if that is not
    midnight, `known_at_20240331_180000`."""
    day, time = instant.removesuffix("+00").split(" ")
    parts = [day, *([] if time == "00:00:00" else time.split("."))]
    return "_".join(["known_at", *(NO_DIGIT.sub("", part) for part in parts)])


class Knowledge:
    """What was known at one instant (`at`, as text), by the project's boundary."""

    def __init__(self, at: str, boundary: Boundary) -> None:
        self.at = at
        self.boundary = boundary

    def was_known(self, instant: exp.Expr, info: RelationInfo) -> exp.Expr:
        """Whether an instant of a relation was reached."""
        assert info.clock is not None
        now = exp.cast(exp.Literal.string(self.at), instant_type(info.type_of(info.clock.start)))
        return reached(instant, now, self.boundary)

    def learnt_later(self, info: RelationInfo) -> dict[str, exp.Expr]:
        """The columns of a row that are told after it, with whether each had been told."""
        clock = info.clock
        found: dict[str, exp.Expr] = {}
        if clock is None or clock.kind == "static":
            return found
        if clock.retracted_at:
            found[clock.retracted_at] = self.was_known(column(clock.retracted_at), info)
        if clock.valid_to:
            found[clock.valid_to] = self.was_known(end_available_at(clock), info)
        if clock.valid_to_available_at:
            found[clock.valid_to_available_at] = self.was_known(column(clock.valid_to_available_at), info)
        return found

    def rows(self, query: exp.Query, info: RelationInfo) -> exp.Query:
        """A relation's rows as they were known: `query` gives all of them. What has no clock is as it is now."""
        clock = info.clock
        if clock is None or clock.kind == "static":
            return query
        told = [
            exp.alias_(exp.Case(ifs=[exp.If(this=there, true=column(name))]), name, quoted=True)
            for name, there in self.learnt_later(info).items()
        ]
        star = exp.Star(replace=told) if told else exp.Star()
        return exp.select(star).from_(query.subquery("__all")).where(self.was_known(available_at(clock), info))

    def forget(self, table: exp.Table, info: RelationInfo) -> list[exp.Expr]:
        """The statements that take from a table what was not known."""
        clock = info.clock
        if clock is None or clock.kind == "static":
            return []
        told = exp.func("coalesce", self.was_known(available_at(clock), info), exp.false())
        statements: list[exp.Expr] = [exp.Delete(this=table.copy(), where=exp.Where(this=exp.not_(told)))]
        changes = [
            exp.EQ(this=column(name), expression=exp.Case(ifs=[exp.If(this=there, true=column(name))]))
            for name, there in self.learnt_later(info).items()
        ]
        if changes:
            statements.append(exp.Update(this=table.copy(), expressions=changes))
        return statements

    def open_sources(self, compiled: Compiled, engine: Engine) -> None:
        """Let every source of the session show only what was known."""
        for key, source in compiled.graph.sources.items():
            info = compiled.checked.catalog.relations[key]
            if key.startswith("seed:") or info.clock is None or info.clock.kind == "static":
                continue
            table = source_table(source)
            hidden = three_part("sources", source.source, source.table + ALL)
            query = exp.select(exp.column("table_type")).from_("information_schema.tables")
            named = zip(("catalog", "schema", "name"), ("sources", source.source, source.table), strict=True)
            query = query.where(*(exp.column(f"table_{part}").eq(value) for part, value in named))
            kind = "VIEW" if engine.rows(query.sql("duckdb")) == [("VIEW",)] else "TABLE"
            rename = exp.AlterRename(this=exp.to_identifier(hidden.name, quoted=True))
            engine.execute(exp.Alter(this=table, kind=kind, actions=[rename]).sql("duckdb"))
            rows = self.rows(exp.select("*").from_(hidden), info)
            engine.create_as("OR REPLACE VIEW", table, rows.sql("duckdb"))
