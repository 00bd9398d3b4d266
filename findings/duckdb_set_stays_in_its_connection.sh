#!/usr/bin/env bash
# DuckDB 2.0.1 in Python: a cursor of a connection does not have all settings that were made on the connection.
#
# One would expect that SET without a scope takes the scope that fits the setting, as its documentation says of GLOBAL ones, so that a
# cursor (a further connection to the same database) sees it. For settings that may have either scope it is LOCAL, and cursor() begins
# with the defaults: code that turns the reading of Python variables as tables off turns it off for one connection only. SET GLOBAL
# reaches them.
#
# Seen:
#   SET False True
#   SET GLOBAL False False
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check duckdb==2.0.1

cat > shown.py <<'PYTHON'
import duckdb

for how in ("SET", "SET GLOBAL"):
    connection = duckdb.connect()
    connection.execute(f"{how} python_enable_replacements = false")
    (here,) = connection.execute("select current_setting('python_enable_replacements')").fetchone()
    (there,) = connection.cursor().execute("select current_setting('python_enable_replacements')").fetchone()
    print(how, here, there)
PYTHON
cat > seen.txt <<'SEEN'
SET False True
SET GLOBAL False False
SEEN
venv/bin/python shown.py > said.txt
diff seen.txt said.txt && echo "as before"
