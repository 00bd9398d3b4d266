#!/usr/bin/env bash
# DuckDB 2.0.1: whether a row is valid until 9999-12-31 cannot be asked of a nanosecond timestamp.
#
# Where a TIMESTAMP is compared with a TIMESTAMP_NS the former is converted to nanoseconds, which end in the year 2262. So the usual
# end of an open interval raises, while the same comparison with microseconds runs; pandas and Arrow bring nanoseconds along. One
# would expect a comparison of two valid instants to have an answer. Use NULL or 'infinity' for an open end, or cast to TIMESTAMP.
#
# Against the year 9999, with a cast, against infinity:
#
# Seen:
#   ConversionException
#   True
#   True
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check duckdb==2.0.1

cat > shown.py <<'PYTHON'
import duckdb

for question in (
    "timestamp_ns '2024-01-01' < timestamp '9999-12-31'",
    "(timestamp_ns '2024-01-01')::timestamp < timestamp '9999-12-31'",
    "timestamp_ns '2024-01-01' < timestamp 'infinity'",
):
    try:
        print(*duckdb.sql(f"select {question}").fetchall()[0])
    except duckdb.Error as error:
        print(type(error).__name__)
PYTHON
cat > seen.txt <<'SEEN'
ConversionException
True
True
SEEN
venv/bin/python shown.py > said.txt
diff seen.txt said.txt && echo "as before"
