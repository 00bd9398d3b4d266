#!/usr/bin/env bash
# DuckDB 2.0.1: a decimal in a late row of a CSV file is rounded to a whole number.
#
# read_csv guesses types from the first 20,480 rows. One would expect an error where a later value is not of that type; a text is
# one, but 10.75 in a column that began with whole numbers is read as 11, and 1e3 as 1000. With sample_size = -1 all rows are looked at.
#
# Seen:
#   BIGINT 11
#   DOUBLE 10.75
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check duckdb==2.0.1

cat > shown.py <<'PYTHON'
import duckdb

with open("amounts.csv", "w") as file:
    file.write("amount\n" + "1\n" * 30_000 + "10.75\n")
for options in ("", ", sample_size = -1"):
    print(*duckdb.sql(f"select typeof(max(amount)), max(amount) from read_csv('amounts.csv'{options})").fetchall()[0])
PYTHON
cat > seen.txt <<'SEEN'
BIGINT 11
DOUBLE 10.75
SEEN
venv/bin/python shown.py > said.txt
diff seen.txt said.txt && echo "as before"
