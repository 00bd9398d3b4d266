#!/usr/bin/env bash
# sqlglot 30.30.0, read and written as DuckDB: a JSON key with a dot becomes a path.
#
# In DuckDB what does not begin with $ or / is the name of a key, dots and all. sqlglot reads it as a path and writes it as one: the
# key "a.b" is written as '$.a.b', which is b within a. It runs, and gives NULL, or another value where both are there. Write the path
# with quotes yourself: '$."a.b"'.
#
# The value as written by the author, as written by sqlglot, and what sqlglot wrote:
#
# Seen:
#   1 2 '$.a.b'
#   1 1 '$."a.b"'
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check sqlglot==30.30.0 duckdb==2.0.1

cat > shown.py <<'PYTHON'
import duckdb
import sqlglot

for key in ("a.b", '$."a.b"'):
    text = f"""select '{{"a.b": 1, "a": {{"b": 2}}}}'::json ->> '{key}'"""
    written = sqlglot.parse_one(text, read="duckdb").sql("duckdb")
    print(*duckdb.sql(text).fetchall()[0], *duckdb.sql(written).fetchall()[0], written.split(" ->> ")[1])
PYTHON
cat > seen.txt <<'SEEN'
1 2 '$.a.b'
1 1 '$."a.b"'
SEEN
venv/bin/python shown.py > said.txt
diff seen.txt said.txt && echo "as before"
