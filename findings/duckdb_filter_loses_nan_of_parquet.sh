#!/usr/bin/env bash
# DuckDB 2.0.1 and pyarrow: the same filter on the same Parquet file finds a NaN, or does not.
#
# In DuckDB NaN is greater than every number, so x > 10 is true for it. Statistics of Parquet leave NaN out, as the format asks
# of writers, so a row group of 1, NaN and 5 has the bounds 1 and 5, and DuckDB skips it. BETWEEN gains the row instead: all rows
# are taken to pass. SET parquet_can_have_nan = true (or the reader's can_have_nan) makes both right.
#
# Seen:
#   0
#   3
#   1
#   2
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check duckdb==2.0.1 pyarrow==26.0.1

cat > shown.py <<'PYTHON'
import duckdb
import pyarrow
import pyarrow.parquet

pyarrow.parquet.write_table(pyarrow.table({"x": [1.0, float("nan"), 5.0]}), "x.parquet")
for reader in ("read_parquet('x.parquet')", "read_parquet('x.parquet', can_have_nan = true)"):
    print(*duckdb.sql(f"select count(*) from {reader} where x > 10").fetchall()[0])
    print(*duckdb.sql(f"select count(*) from {reader} where x between 0 and 10").fetchall()[0])
PYTHON
cat > seen.txt <<'SEEN'
0
3
1
2
SEEN
venv/bin/python shown.py > said.txt
diff seen.txt said.txt && echo "as before"
