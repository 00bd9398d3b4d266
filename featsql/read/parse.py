"""Stage 3: from rendered SQL to a tree in which every relation of the project is known as such."""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from functools import partial

from msgspec.structs import replace
from sqlglot import exp
from sqlglot.errors import ParseError, SqlglotError
from sqlglot.tokenizer_core import Token, TokenType

from featsql.engine import DUCKDB
from featsql.errors import Diagnostic, FeatsqlError, raise_errors
from featsql.read.model import Model, Rendered
from featsql.read.project import Project
from featsql.read.sql.arguments import bared, shielded
from featsql.read.sql.notes import take_notes
from featsql.read.sql.quoting import EngineSyntax, meant_as_name
from featsql.read.sql.restore import RESTORED, kept, restore
from featsql.read.template.words import SOURCES
from featsql.secrets import redact

ACROSS_LINES = re.compile(r"\s*\n\s*")


def parse(rendered: tuple[Rendered, ...], project: Project, engine_syntax: EngineSyntax) -> tuple[Model, ...]:
    """Parse every model.

    `engine_syntax` tells what the engine's own parser says against a text, and at which offset: sqlglot
    repairs broken SQL in silence. Raises FeatsqlError with every FS3xx.
    """
    reading = partial(read_model, relations=Relations(project), engine_syntax=engine_syntax)
    models: list[Model] = []
    found: list[Diagnostic] = []
    for each in rendered:
        try:
            models.append(Model(*reading(each)))
        except FeatsqlError as error:
            found.extend(error.diagnostics)
    raise_errors(found)
    return tuple(models)


def read_model(rendered: Rendered, relations: Relations, engine_syntax: EngineSyntax) -> tuple[Rendered, exp.Query]:
    """Parse one model: its one statement, and the tree. Raises FeatsqlError."""
    problem = engine_syntax(rendered.text)
    if problem is not None:
        message, offset = problem
        message = ACROSS_LINES.sub(" ", message.removeprefix("Parser Error: "))
        name = meant_as_name(rendered.text, offset, engine_syntax)
        hint = f'`{name}` is a word of SQL: if a name is meant, put it in quotes, `"{name}"`' if name else None
        raise finding("FS301", f"this is not SQL that DuckDB can read: {message}", rendered, offset, hint)
    rendered, tokens = one_statement(rendered)
    tree = read(rendered, tokens)
    nodes = take_notes(tree, exp.CTE, exp.Table, *RESTORED)
    restore(nodes)
    local = {node.alias.casefold() for node in nodes if isinstance(node, exp.CTE)}
    tables = [node for node in nodes if isinstance(node, exp.Table)]
    found = [wrong for table in tables if (wrong := relations.mark(table, rendered, local))]
    raise_errors(found)
    return rendered, tree


def finding(code: str, message: str, rendered: Rendered, offset: int, hint: str | None = None) -> FeatsqlError:
    """A diagnostic at an offset of the rendered text."""
    return FeatsqlError(diagnostic(code, message, rendered, offset, hint))


def diagnostic(code: str, message: str, rendered: Rendered, offset: int, hint: str | None = None) -> Diagnostic:
    """What is wrong at an offset of the rendered text."""
    place, trail = rendered.origin(min(offset, max(len(rendered.text) - 1, 0)))
    return Diagnostic(code, redact(message, rendered.secrets), place, hint, trail=trail)


def one_statement(rendered: Rendered) -> tuple[Rendered, list[Token]]:
    """The model without a semicolon at its end, and its words. Raises FeatsqlError FS302 unless it is one
    statement."""
    tokens = tokens_of(rendered)
    if tokens and ";" not in rendered.text:
        return rendered, tokens
    ends = [i for i, token in enumerate(tokens) if token.token_type == TokenType.SEMICOLON]
    words = [token for token in tokens if token.token_type != TokenType.SEMICOLON]
    if not words:
        raise finding("FS303", f"the model `{rendered.name}` is empty", rendered, 0, "a model is one SELECT")
    second = next((token for token in words if ends and token.start > tokens[ends[0]].start), None)
    if second is not None:
        message = f"the model `{rendered.name}` has more than one statement"
        raise finding("FS304", message, rendered, second.start, "a model is one SELECT: make two models of it")
    return (replace(rendered, text=rendered.text[: tokens[ends[0]].start]) if ends else rendered), words


def tokens_of(rendered: Rendered) -> list[Token]:
    """The words of a text. Raises FeatsqlError FS302."""
    try:
        return DUCKDB.tokenize(rendered.text)
    except SqlglotError as error:
        raise finding("FS302", f"featsql cannot read this SQL, though DuckDB can: {error}", rendered, 0) from None


def read(rendered: Rendered, tokens: list[Token]) -> exp.Query:
    """The tree of one statement. Raises FeatsqlError FS302 and FS305."""
    try:
        safe = shielded(tokens)
        (tree,) = DUCKDB.parser().parse(kept(safe, rendered.text), rendered.text)
    except RecursionError:
        raise finding("FS302", "this SQL is nested too deeply", rendered, 0, "split it into several models") from None
    except ParseError as error:
        detail = error.errors[0] if error.errors else {}
        offset = offset_of(rendered.text, detail.get("line") or 1, detail.get("col") or 1)
        reason = str(detail.get("description") or error).rstrip(".")
        hint = "write this construct another way"
        message = f"featsql cannot read this SQL, though DuckDB can: {reason}"
        raise finding("FS302", message, rendered, offset, hint) from None
    if isinstance(tree, (exp.Values, exp.Pivot)):  # a query to DuckDB, if not to sqlglot
        inner = tree if isinstance(tree, exp.Values) else exp.Subquery(this=tree)
        query = exp.Select(expressions=[exp.Star()], from_=exp.From(this=inner))
        query.meta["bare"] = tree
        return query
    if not isinstance(tree, exp.Query):
        first = tokens[0]
        message = f"the model `{rendered.name}` is not a SELECT but {first.text.upper()}"
        hint = "write only the query: featsql makes the table or the view"
        raise finding("FS305", message, rendered, first.start, hint)
    if safe is not tokens:
        bared(tree)
    return tree


def offset_of(text: str, line: int, column: int) -> int:
    """The offset of a line's column, which sqlglot counts at the end of a word."""
    lines = text.split("\n")
    before = sum(len(each) + 1 for each in lines[: line - 1])
    return max(0, before + column - 1)


class Relations:
    """Which name in SQL stands for which relation of a project."""

    def __init__(self, project: Project) -> None:
        database, schema = project.target.database.casefold(), project.target.schema.casefold()
        self.target = (database, schema)
        self.present = (database, schema.removesuffix(f"_{project.as_known}") if project.as_known else schema)
        seeds = [f"seed:{seed.table}" for seed in project.seeds]
        models = [f"model:{file.name}" for file in project.models]
        self.keys = {key.partition(":")[2].casefold(): key for key in (*seeds, *models)}
        self.sources = {name.casefold(): name for name in project.sources}

    def mark(self, table: exp.Table, rendered: Rendered, local: Set[str]) -> Diagnostic | None:
        """Note on a table which relation it stands for, or say that its name was written by hand. `local` are the
        names that the query gives itself."""
        parts = parts_of(table)
        key = self.key(parts)
        if key is not None and len(parts) == 3 and asked(key, rendered):
            table.meta["relation"] = key
            return None
        hint = self.meant(parts, rendered.name, local)
        return None if hint is None else self.by_hand(table, rendered, hint)

    def meant(self, parts: Sequence[str], model: str, local: Set[str]) -> str | None:
        """How to write the relation that a name in a model means, if it means one."""
        small = folded(parts)
        source = self.sources.get(".".join(small[1:])) if len(parts) == 3 and small[0] == SOURCES else None
        if source is not None:
            schema, _, name = source.partition(".")
            return f"write {{{{ source('{schema}', '{name}') }}}}"
        known = self.keys.get(small[-1]) if parts else None
        own = len(parts) == 3 and known == f"model:{model}"  # `{{ this }}`
        if known is None or own or not self.published(small) or (len(parts) == 1 and small[0] in local):
            return None
        return f"write {{{{ ref('{known.partition(':')[2]}') }}}}"

    def published(self, parts: Sequence[str]) -> bool:
        """Whether a name, in small letters, leads to where the project's tables are."""
        return self.leads(parts, self.target) or self.leads(parts, self.present)

    @staticmethod
    def leads(parts: Sequence[str], target: tuple[str, str]) -> bool:
        """Whether a name leads to a schema, as far as it says."""
        return [*target][3 - len(parts) :] == [*parts[:-1]]

    def key(self, parts: Sequence[str]) -> str | None:
        """The key of the relation that a full name stands for, whether or not the project has it."""
        if len(parts) != 3:
            return None
        if parts[0] == SOURCES:
            return f"source:{parts[1]}.{parts[2]}"
        own = self.leads(folded(parts), self.target)
        return self.keys.get(parts[2].casefold(), f"model:{parts[2]}") if own else None

    def by_hand(self, table: exp.Table, rendered: Rendered, hint: str) -> Diagnostic:
        """A relation of the project whose name was not asked for."""
        message = f"`{table.name}` is a relation of the project, named by hand"
        return diagnostic("FS306", message, rendered, table.this.meta.get("start", 0), hint)


def parts_of(table: exp.Table) -> list[str]:
    """The parts of a table's name; none where a function stands in its place."""
    return [part.name for part in table.parts] if isinstance(table.this, exp.Identifier) else []


def strangers(tree: exp.Query) -> list[list[str]]:
    """The names of tables in a marked tree that are neither relations of the project nor given by the query."""
    nodes = list(tree.find_all(exp.CTE, exp.Table))
    local = {node.alias.casefold() for node in nodes if isinstance(node, exp.CTE)}
    names = [parts_of(node) for node in nodes if isinstance(node, exp.Table) and "relation" not in node.meta]
    return [parts for parts in names if parts and not (len(parts) == 1 and parts[0].casefold() in local)]


def folded(parts: Sequence[str]) -> list[str]:
    """Names as SQL compares them."""
    return [part.casefold() for part in parts]


def asked(key: str, rendered: Rendered) -> bool:
    """Whether the model's template asked for a relation, by `ref` or `source`."""
    kind, _, name = key.partition(":")
    wanted = "source" if kind == "source" else "ref"
    return any(each.kind == wanted and each.name == name for each in rendered.references)
