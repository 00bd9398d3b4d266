#!/usr/bin/env bash
# DuckDB 2.0.1: 2.5 is 3 as a whole number, and 2, by the type it had.
#
# A cast of DECIMAL or text to an integer rounds halves away from zero; a cast of DOUBLE rounds them to the even neighbour, though round()
# of the same DOUBLE does not. So a column that moves from DECIMAL to DOUBLE (in pandas, or as the result of a division) changes its
# whole numbers. Call round() before the cast: it means the same for both.
#
# Seen:
#   2.5 3
#   '2.5' 3
#   2.5::double 2
#   round(2.5::double) 3
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check duckdb==2.0.1

cat > shown.py <<'PYTHON'
import duckdb

for value in ("2.5", "'2.5'", "2.5::double", "round(2.5::double)"):
    print(value, *duckdb.sql(f"select ({value})::integer").fetchall()[0])
PYTHON
cat > seen.txt <<'SEEN'
2.5 3
'2.5' 3
2.5::double 2
round(2.5::double) 3
SEEN
venv/bin/python shown.py > said.txt
diff seen.txt said.txt && echo "as before"
