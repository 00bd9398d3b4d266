#!/usr/bin/env bash
# msgspec 0.23.0 beside Python 3.11's datetime, Polars 2.1.0 and DuckDB 2.0.1: the same text is on another day.
#
# A text with more than six digits behind the second (Go and Java write them) does not fit into microseconds. datetime.fromisoformat,
# Polars and DuckDB cut it; msgspec rounds it, so that the last moment of a day becomes the next midnight, and an event lies later than
# it was. One would expect all to agree, or an error. Where days are counted, decode the text as str and let one library read it.
#
# Seen:
#   msgspec 2024-01-02 00:00:00
#   datetime 2024-01-01 23:59:59.999999
#   polars 2024-01-01 23:59:59.999999
#   duckdb 2024-01-01 23:59:59.999999
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check msgspec==0.23.0 polars==2.1.0 duckdb==2.0.1

cat > shown.py <<'PYTHON'
import datetime

import duckdb
import msgspec
import polars

text = "2024-01-01T23:59:59.9999999"
print("msgspec", msgspec.convert(text, type=datetime.datetime))
print("datetime", datetime.datetime.fromisoformat(text))
print("polars", polars.Series([text]).str.to_datetime(time_unit="us")[0])
print("duckdb", duckdb.sql(f"select timestamp '{text}'").fetchall()[0][0])
PYTHON
cat > seen.txt <<'SEEN'
msgspec 2024-01-02 00:00:00
datetime 2024-01-01 23:59:59.999999
polars 2024-01-01 23:59:59.999999
duckdb 2024-01-01 23:59:59.999999
SEEN
venv/bin/python shown.py > said.txt
diff seen.txt said.txt && echo "as before"
