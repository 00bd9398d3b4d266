"""Stage 3: from rendered SQL to a tree in which every relation of the project is known as such."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, SqlglotError
from sqlglot.tokenizer_core import Token, TokenType

from featsql.errors import Diagnostic, FeatsqlError, raise_errors
from featsql.names import did_you_mean
from featsql.read.model import Model, Rendered
from featsql.read.project import Project
from featsql.read.words import SOURCES
from featsql.temporal import DIALECT

EngineSyntax = Callable[[str], tuple[str, int] | None]
ACROSS_LINES = re.compile(r"\s*\n\s*")


def parse(rendered: tuple[Rendered, ...], project: Project, engine_syntax: EngineSyntax) -> tuple[Model, ...]:
    """Parse every model.

    `engine_syntax` tells what the engine's own parser says against a text, and at which offset: sqlglot
    repairs broken SQL in silence. Raises FeatsqlError with every FS3xx.
    """
    relations = Relations(project)
    models: list[Model] = []
    found: list[Diagnostic] = []
    for each in rendered:
        try:
            models.append(parse_model(each, relations, engine_syntax))
        except FeatsqlError as error:
            found.extend(error.diagnostics)
    raise_errors(found)
    return tuple(models)


def parse_model(rendered: Rendered, relations: Relations, engine_syntax: EngineSyntax) -> Model:
    """Parse one model. Raises FeatsqlError."""
    problem = engine_syntax(rendered.text)
    if problem is not None:
        message, offset = problem
        message = ACROSS_LINES.sub(" ", message.removeprefix("Parser Error: "))
        raise finding("FS301", f"this is not SQL that DuckDB can read: {message}", rendered, offset)
    rendered = one_statement(rendered)
    tree = read(rendered)
    found = [wrong for table in tree.find_all(exp.Table) if (wrong := relations.mark(table, rendered))]
    raise_errors(found)
    return Model(rendered, tree)


def finding(code: str, message: str, rendered: Rendered, offset: int, hint: str | None = None) -> FeatsqlError:
    """A diagnostic at an offset of the rendered text."""
    return FeatsqlError(diagnostic(code, message, rendered, offset, hint))


def diagnostic(code: str, message: str, rendered: Rendered, offset: int, hint: str | None = None) -> Diagnostic:
    """What is wrong at an offset of the rendered text."""
    place, trail = rendered.origin(min(offset, max(len(rendered.text) - 1, 0)))
    return Diagnostic(code, message, place, hint, trail=trail)


def one_statement(rendered: Rendered) -> Rendered:
    """The model without a semicolon at its end. Raises FeatsqlError FS302 unless it is one statement."""
    tokens = tokens_of(rendered)
    ends = [i for i, token in enumerate(tokens) if token.token_type == TokenType.SEMICOLON]
    words = [token for token in tokens if token.token_type != TokenType.SEMICOLON]
    if not words:
        raise finding("FS303", f"the model `{rendered.name}` is empty", rendered, 0, "a model is one SELECT")
    second = next((token for token in words if ends and token.start > tokens[ends[0]].start), None)
    if second is not None:
        message = f"the model `{rendered.name}` has more than one statement"
        raise finding("FS304", message, rendered, second.start, "a model is one SELECT: make two models of it")
    return replace(rendered, text=rendered.text[: tokens[ends[0]].start]) if ends else rendered


def tokens_of(rendered: Rendered) -> list[Token]:
    """The words of a text. Raises FeatsqlError FS302."""
    try:
        return sqlglot.tokenize(rendered.text, read=DIALECT)
    except SqlglotError as error:
        raise finding("FS302", f"featsql cannot read this SQL, though DuckDB can: {error}", rendered, 0) from None


def read(rendered: Rendered) -> exp.Query:
    """The tree of one statement. Raises FeatsqlError FS302 and FS305."""
    try:
        tree = sqlglot.parse_one(rendered.text, read=DIALECT)
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
        first = tokens_of(rendered)[0]
        message = f"the model `{rendered.name}` is not a SELECT but {first.text.upper()}"
        hint = "write only the query: featsql makes the table or the view"
        raise finding("FS305", message, rendered, first.start, hint)
    restore(tree, rendered.text)
    return tree


def restore(tree: exp.Query, text: str) -> None:
    """Put back the functions for which sqlglot would write others, whose values are not quite the same."""
    for node in list(tree.find_all(exp.Log)):
        start, end = node.meta.get("start", 0), node.meta.get("end", -1)
        if text[start : end + 1].lower() == "log2":
            node.replace(exp.Anonymous(this="LOG2", expressions=[node.expression]))


def offset_of(text: str, line: int, column: int) -> int:
    """The offset of a line's column, which sqlglot counts at the end of a word."""
    lines = text.split("\n")
    before = sum(len(each) + 1 for each in lines[: line - 1])
    return max(0, before + column - 1)


class Relations:
    """Which three-part name stands for which relation of a project."""

    def __init__(self, project: Project) -> None:
        self.target = (project.target.database.casefold(), project.target.schema.casefold())
        self.sources: Mapping[str, str] = {name.casefold(): name for name in project.sources}
        self.seeds = {seed.table for seed in project.seeds}
        self.models = {file.name for file in project.models}

    def mark(self, table: exp.Table, rendered: Rendered) -> Diagnostic | None:
        """Note on a table which relation it stands for, or say that its name was written by hand."""
        key = self.key(table)
        if key is None or (key == f"model:{rendered.name}" and not self.asked(key, rendered)):
            return None
        kind, _, name = key.partition(":")
        if self.asked(key, rendered):
            table.meta["relation"] = key
            return None
        if kind == "source":
            source, _, relation = name.partition(".")
            near = did_you_mean(name, self.sources.values())
            hint = f"write {{{{ source('{source}', '{relation}') }}}}" if name.casefold() in self.sources else near
        elif name in self.models or name in self.seeds:
            hint = f"write {{{{ ref('{name}') }}}}"
        else:
            return None
        message = f"`{table.sql(DIALECT)}` is a relation of the project, named by hand"
        return diagnostic("FS306", message, rendered, table.this.meta.get("start", 0), hint)

    def key(self, table: exp.Table) -> str | None:
        """The key of the relation that a name may stand for."""
        parts = [part.name for part in table.parts]
        if len(parts) != 3:
            return None
        if parts[0].casefold() == SOURCES:
            return f"source:{parts[1]}.{parts[2]}"
        if (parts[0].casefold(), parts[1].casefold()) != self.target:
            return None
        seed = parts[2] in self.seeds and parts[2] not in self.models
        return f"{'seed' if seed else 'model'}:{parts[2]}"

    def asked(self, key: str, rendered: Rendered) -> bool:
        """Whether the model's template asked for a relation, by `ref` or `source`."""
        kind, _, name = key.partition(":")
        wanted = "source" if kind == "source" else "ref"
        return any(each.kind == wanted and each.name == name for each in rendered.references)
