#!/usr/bin/env bash
# DuckDB 2.0.1: to read the memory limit and to set it again lowers it, each time.
#
# current_setting('memory_limit') is a text that is cut behind one digit, not rounded: 800 MB reads as 762.9 MiB, which is a little less,
# and that reads as 762.8 MiB once it is set. Code that keeps the limit and puts it back (around a large query, say) loses some
# of it at every turn.
#
# Seen:
#   762.9 MiB
#   762.8 MiB
#   762.7 MiB
#   762.6 MiB
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check duckdb==2.0.1

cat > shown.py <<'PYTHON'
import duckdb

connection = duckdb.connect()
connection.execute("set memory_limit = '800MB'")
for _ in range(4):
    (limit,) = connection.execute("select current_setting('memory_limit')").fetchone()
    print(limit)
    connection.execute(f"set memory_limit = '{limit}'")
PYTHON
cat > seen.txt <<'SEEN'
762.9 MiB
762.8 MiB
762.7 MiB
762.6 MiB
SEEN
venv/bin/python shown.py > said.txt
diff seen.txt said.txt && echo "as before"
