#!/usr/bin/env bash
# sqlglot 30.30.0, read and written as DuckDB: a column that says by what to truncate becomes the word of its name.
#
# In DuckDB the part of date_trunc is any expression, such as a column that holds 'month' or 'year'. sqlglot takes an unquoted name there for
# a unit: with a column called day, date_trunc(day, t) is written as DATE_TRUNC('DAY', t), which runs and cuts to days whatever the
# column holds. The tree has no column there either, so lineage does not see it.
#
# Seen:
#   2024-01-01 00:00:00
#   2024-01-17 00:00:00
#   ['t']
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check sqlglot==30.30.0 duckdb==2.0.1

cat > shown.py <<'PYTHON'
import duckdb
import sqlglot
from sqlglot import exp

text = "select date_trunc(day, t)::varchar from (select 'month' as day, timestamp '2024-01-17 10:00:00' as t)"
tree = sqlglot.parse_one(text, read="duckdb")
print(*duckdb.sql(text).fetchall()[0])
print(*duckdb.sql(tree.sql("duckdb")).fetchall()[0])
print([column.name for column in tree.expressions[0].find_all(exp.Column)])
PYTHON
cat > seen.txt <<'SEEN'
2024-01-01 00:00:00
2024-01-17 00:00:00
['t']
SEEN
venv/bin/python shown.py > said.txt
diff seen.txt said.txt && echo "as before"
