#!/usr/bin/env bash
# sqlglot 30.30.0, read and written as DuckDB: the upper end of a slice, where it is a column and there is no lower end, becomes a
# parameter of a prepared statement.
#
# :n is how some dialects write a parameter, and behind a bracket it is taken for one: l[:n] is written as l[$n], which is no slice but one
# element, and DuckDB asks for the value of n. With a blank, or a lower end (l[1:n]), the column stays one.
#
# Seen:
#   [1, 2] | SELECT l[$n] | InvalidInputException
#   [1, 2] | SELECT l[1:n] | [1, 2]
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check sqlglot==30.30.0 duckdb==2.0.1

cat > shown.py <<'PYTHON'
import duckdb
import sqlglot

for slice in ("l[:n]", "l[1:n]"):
    text = f"select {slice} from (select [1, 2, 3] as l, 2 as n)"
    written = sqlglot.parse_one(text, read="duckdb").sql("duckdb")
    try:
        found = duckdb.sql(written).fetchall()[0][0]
    except duckdb.Error as error:
        found = type(error).__name__
    print(duckdb.sql(text).fetchall()[0][0], "|", written.split(" FROM ")[0], "|", found)
PYTHON
cat > seen.txt <<'SEEN'
[1, 2] | SELECT l[$n] | InvalidInputException
[1, 2] | SELECT l[1:n] | [1, 2]
SEEN
venv/bin/python shown.py > said.txt
diff seen.txt said.txt && echo "as before"
