#!/usr/bin/env bash
# DuckDB 2.0.1 in Python: a year that is fetched and given back is 360 days.
#
# An INTERVAL is months, days and microseconds; a Python timedelta has no months. One would expect an error, or a value that keeps them.
# A month is taken for 30 days in silence, so that twelve are 360. Keep spans in SQL, or fetch them as text.
#
# A year after 2024-01-01 in SQL, in Python, and in SQL with the fetched value:
#
# Seen:
#   2025-01-01
#   2024-12-26
#   2024-12-26
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check duckdb==2.0.1

cat > shown.py <<'PYTHON'
import datetime

import duckdb

connection = duckdb.connect()
(year,) = connection.execute("select interval '1 year'").fetchall()[0]
print(connection.execute("select (timestamp '2024-01-01' + interval '1 year')::date").fetchall()[0][0])
print((datetime.datetime(2024, 1, 1) + year).date())
print(connection.execute("select (timestamp '2024-01-01' + $1)::date", [year]).fetchall()[0][0])
PYTHON
cat > seen.txt <<'SEEN'
2025-01-01
2024-12-26
2024-12-26
SEEN
venv/bin/python shown.py > said.txt
diff seen.txt said.txt && echo "as before"
