"""What would help where the engine cannot bind a model's text, when featsql knows better than the engine."""

from __future__ import annotations

import re

from sqlglot import exp

from featsql.names import nearest
from featsql.read.model import Model
from featsql.resolve.graph import Graph

NO_TABLE = re.compile(r'Table with name "?([^"\s]+?)"? does not exist')
NO_FUNCTION = re.compile(r"No function matches .*TIMESTAMPTZ_NS")
NO_INSTANT = re.compile(r'Referenced column "as_of" not found', re.IGNORECASE)


def advice(message: str, model: Model, graph: Graph) -> str | None:
    """A hint for an error of the engine; None where its own is as good."""
    if NO_INSTANT.search(message) and model.config.kind in {"features", "training_set"}:
        return "the instant is a function: write `as_of()`"
    if NO_FUNCTION.search(message):
        return "the engine has no such function of nanoseconds in a time zone: cast them, as in `x::timestamptz`"
    table = NO_TABLE.search(message)
    return asked_for(table[1], model, graph) if table is not None else None


def asked_for(name: str, model: Model, graph: Graph) -> str:
    """How a model writes the relation, or the query of its own, that a name may mean."""
    calls = {name: f"{{{{ ref('{name}') }}}}" for name in graph.models}
    for key in graph.sources:
        kind, _, full = key.partition(":")
        schema, _, table = full.rpartition(".")
        call = f"{{{{ source('{schema}', '{table}') }}}}" if kind == "source" else f"{{{{ ref('{full}') }}}}"
        calls |= {full: call, table: calls.get(table, call)}
    calls |= {cte.alias: f"`{cte.alias}`" for cte in model.tree.find_all(exp.CTE)}
    found = nearest(name, calls) or nearest(name.rpartition(".")[2], calls)
    if found is None:
        return "relations of the project are asked for: {{ ref('model') }} or {{ source('source', 'table') }}"
    same = found.casefold() in {name.casefold(), name.rpartition(".")[2].casefold()}
    return f"write {calls[found]}" if same else f"did you mean {calls[found]}?"
