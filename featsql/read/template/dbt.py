"""What people bring from dbt's templates, and what is written in its place."""

from __future__ import annotations

import re

PACKAGES = "featsql has no packages of dbt's: write it in SQL, or as a macro of the project's own"
ASKS = "a template asks no database: write the values into `vars:`, or into SQL as a subquery"
SQL = "write it in SQL: "
# By the name that is not defined; with a dot, by what is taken from it.
INSTEAD = {
    "dbt": PACKAGES,
    "dbt_utils": PACKAGES,
    "dbt_date": PACKAGES,
    "dbt_expectations": PACKAGES,
    "codegen": PACKAGES,
    "audit_helper": PACKAGES,
    "metrics": PACKAGES,
    "adapter": "templates have no database connection: write DuckDB's SQL; a macro is called by its own name",
    "adapter.dispatch": "a macro is called by its own name: there is one database, DuckDB",
    "adapter.get_columns_in_relation": "write `* exclude (...)`, or `columns('pattern')`, which DuckDB fills in",
    "adapter.get_relation": "a relation of the project is `ref('model')` or `source('name', 'table')`",
    "adapter.quote": 'write the name in quotes: `"name"`',
    "execute": f"leave it out, with the branch for when there is no database; {ASKS}",
    "run_query": ASKS,
    "statement": ASKS,
    "load_result": ASKS,
    "store_result": ASKS,
    "modules": "templates have no Python modules: " + SQL + "`as_of() - interval 7 days`, `strftime(d, '%Y-%m')`",
    "modules.datetime": SQL + "`as_of() - interval 7 days`, `date_trunc('month', d)`, `strftime(d, '%Y-%m')`",
    "modules.re": SQL + "`regexp_extract(text, pattern)`",
    "modules.itertools": "write nested loops: `{% for a in x %}{% for b in y %}...{% endfor %}{% endfor %}`",
    "builtins": "write the word alone: `ref('model')`, `source('name', 'table')`, `config(...)`",
    "graph": "templates do not see the project's graph: `featsql ls --json` and `featsql lineage` show it",
    "flags": "write a variable, `var('full_refresh', false)`, and set it by --vars",
    "invocation_id": "nothing of a run goes into a model's SQL: the same SQL gives the same rows",
    "run_started_at": "write `as_of()`: the instant at which a row asks; a run's own time would change the rows",
    "dbt_version": "featsql is not dbt: leave the test of its version out",
    "api": SQL + "`cast(x as varchar)`",
    "model": "write `this.name` for the model's name, `config.get('key')` for what is configured",
    "schema": "write `this.schema`, or `target.schema`",
    "database": "write `this.database`, or `target.database`",
    "selected_resources": "templates do not see what was selected",
    "project_name": "write the project's name",
    "doc": "write the description itself",
    "print": "write `{{ log('text', info=true) }}`",
    "fromjson": "write the value as a list or mapping of Jinja's, `{% set x = {'a': 1} %}`",
    "fromyaml": "write the value into `vars:`, or as a list or mapping of Jinja's, `{% set x = {'a': 1} %}`",
    "tojson": "it is a filter here: `{{ value | tojson }}`",
    "toyaml": "it is not there; the filter `{{ value | tojson }}` gives JSON",
    "local_md5": SQL + "`md5(text)`",
    "set": "the filter `| unique` leaves each value once: `{% for x in values | unique %}`",
    "set_strict": "the filter `| unique` leaves each value once: `{% for x in values | unique %}`",
    "zip": "write `{% for a in x %}{% set b = y[loop.index0] %}...{% endfor %}`",
    "zip_strict": "write `{% for a in x %}{% set b = y[loop.index0] %}...{% endfor %}`",
    "date_spine": SQL + "`select unnest(generate_series(date '2024-01-01', date '2024-01-05', interval 1 day))`",
    "generate_surrogate_key": SQL + "`md5(concat_ws('-', a, b))`",
    "star": "write `* exclude (a, b)`",
    "date": SQL + "`date '2024-01-01'`",
    "dateadd": SQL + "`d + interval 1 day`",
    "datediff": SQL + "`date_diff('day', a, b)`",
    "date_trunc": SQL + "`date_trunc('month', d)`",
    "last_day": SQL + "`last_day(d)`",
    "current_timestamp": "write `as_of()`: the instant at which a row asks",
    "safe_cast": SQL + "`try_cast(x as integer)`",
    "cast": SQL + "`cast(x as integer)`",
    "concat": SQL + "`a || b`, or `concat(a, b)`",
    "hash": SQL + "`md5(x)`",
    "listagg": SQL + "`string_agg(x, ', ' order by t)`",
    "split_part": SQL + "`split_part(x, '-', 1)`",
    "string_literal": "write the text in quotes: `'text'`",
    "get_column_values": "write the values into `vars:`, or let DuckDB `pivot` by them",
    "get_filtered_columns_in_relation": "write `* exclude (a, b)`",
    "pivot": "write DuckDB's `pivot`, or `sum(x) filter (where kind = 'a') as a` for each value",
    "unpivot": "write DuckDB's `unpivot`",
    "deduplicate": "write `qualify row_number() over (partition by key order by t desc) = 1`",
    "union_relations": "write `select * from a union all by name select * from b`",
    "group_by": "write `group by all`",
    "safe_divide": SQL + "`a / nullif(b, 0)`",
    "surrogate_key": SQL + "`md5(concat_ws('-', a, b))`",
    "generate_series": SQL + "`generate_series(1, 10)`",
    "type_string": "write the type: `varchar`",
    "type_timestamp": "write the type: `timestamp`",
    "type_int": "write the type: `integer`",
    "type_bigint": "write the type: `bigint`",
    "type_float": "write the type: `double`",
    "type_numeric": "write the type: `decimal(18, 3)`",
    "type_boolean": "write the type: `boolean`",
}
# The names that are only dbt's where they are taken from one of its packages.
TAKEN = frozenset(list(INSTEAD)[list(INSTEAD).index("date_spine") :])
FROM = frozenset(name for name, hint in INSTEAD.items() if hint == PACKAGES)
ATTRIBUTE = re.compile(r"\s*\.\s*(\w+)")
TAGS = {
    "snapshot": "a source with `kind: state` keeps every version, so that no snapshot is needed",
    "test": "featsql has no data tests yet",
    "docs": "write the text as `description:` in a property file",
    "materialization": "`materialized` is table, view, incremental, ephemeral or external",
}
FILTERS = {
    "as_bool": "leave it out: values keep their types",
    "as_number": "write `| int` or `| float`",
    "as_native": "leave it out: values keep their types",
    "as_text": "write `| string`",
}


def instead(name: str, behind: str = "") -> str | None:
    """What to write in place of a name of dbt's; `behind` is the text that follows it."""
    if name in TAKEN:
        return None
    taken = ATTRIBUTE.match(behind)
    part = taken.group(1) if taken else ""
    if name in FROM and part in TAKEN:
        return f"featsql has no packages of dbt's; {INSTEAD[part]}"
    return INSTEAD.get(f"{name}.{part}") or INSTEAD.get(name)
