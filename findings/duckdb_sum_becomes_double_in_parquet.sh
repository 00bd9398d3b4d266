#!/usr/bin/env bash
# DuckDB 2.0.1: a sum of whole numbers is another number after a round trip through Parquet.
#
# sum() of a BIGINT is a HUGEINT. Parquet has no such type, and COPY writes a DOUBLE without a word: beyond 2 to the 53rd the number
# is rounded. One would expect an error, or a DECIMAL(38, 0), which Parquet has. Cast it before COPY.
#
# Seen:
#   HUGEINT 9007199254740993 DECIMAL(38,0) 9007199254740993
#   DOUBLE 9007199254740992.0 DECIMAL(38,0) 9007199254740993
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check duckdb==2.0.1

cat > shown.py <<'PYTHON'
import duckdb

duckdb.sql("create table sums as select sum(x) as s, sum(x)::decimal(38, 0) as d from (values (9007199254740993), (0)) t(x)")
duckdb.sql("copy sums to 'sums.parquet'")
print(*duckdb.sql("select typeof(s), s, typeof(d), d from sums").fetchall()[0])
print(*duckdb.sql("select typeof(s), s::varchar, typeof(d), d from 'sums.parquet'").fetchall()[0])
PYTHON
cat > seen.txt <<'SEEN'
HUGEINT 9007199254740993 DECIMAL(38,0) 9007199254740993
DOUBLE 9007199254740992.0 DECIMAL(38,0) 9007199254740993
SEEN
venv/bin/python shown.py > said.txt
diff seen.txt said.txt && echo "as before"
