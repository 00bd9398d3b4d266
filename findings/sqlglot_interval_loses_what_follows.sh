#!/usr/bin/env bash
# sqlglot 30.30.0, read and written as DuckDB: a span is another span, and nothing says so.
#
# One would expect that text of a dialect that is written in the same dialect means the same, or that an error is raised. The first
# number and the first unit of a literal are kept, and the rest is dropped: "1 day 02:00" loses two hours, "2 days ago" its sign. Keep
# the author's literal as a cast: '1 day 02:00'::interval.
#
# Seen:
#   1 day 02:00:00 | 1 day
#   -2 days | 2 days
#   1 day 02:00:00 | 1 day 02:00:00
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check sqlglot==30.30.0 duckdb==2.0.1

cat > shown.py <<'PYTHON'
import duckdb
import sqlglot

for span in ("interval '1 day 02:00'", "interval '2 days ago'", "'1 day 02:00'::interval"):
    written = sqlglot.parse_one(f"select {span}", read="duckdb").sql("duckdb").removeprefix("SELECT ")
    print(*duckdb.sql(f"select ({span})::varchar, ({written})::varchar").fetchall()[0], sep=" | ")
PYTHON
cat > seen.txt <<'SEEN'
1 day 02:00:00 | 1 day
-2 days | 2 days
1 day 02:00:00 | 1 day 02:00:00
SEEN
venv/bin/python shown.py > said.txt
diff seen.txt said.txt && echo "as before"
