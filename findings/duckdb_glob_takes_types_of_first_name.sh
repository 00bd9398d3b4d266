#!/usr/bin/env bash
# DuckDB 2.0.1: what a column of several Parquet files sums up to depends on the names of the files.
#
# The types of the file whose name comes first are taken for all. Where that has whole numbers, the decimals of the others are rounded
# in silence; with the names swapped nothing is. One would expect the wider type, or an error. union_by_name = true takes the wider
# type.
#
# Seen:
#   31 30.75
#   30.75 30.75
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check duckdb==2.0.1

cat > shown.py <<'PYTHON'
import duckdb

for whole, decimals in (("1.parquet", "2.parquet"), ("2.parquet", "1.parquet")):
    duckdb.sql(f"copy (select 10 as amount) to '{whole}'")
    duckdb.sql(f"copy (select 20.75::double as amount) to '{decimals}'")
    print(*duckdb.sql("select sum(amount) from read_parquet('*.parquet')").fetchall()[0], end=" ")
    print(*duckdb.sql("select sum(amount) from read_parquet('*.parquet', union_by_name = true)").fetchall()[0])
PYTHON
cat > seen.txt <<'SEEN'
31 30.75
30.75 30.75
SEEN
venv/bin/python shown.py > said.txt
diff seen.txt said.txt && echo "as before"
