#!/usr/bin/env bash
# DuckDB 2.0.1: the last nanosecond of a day is in the next day to some functions, and in its own day to others.
#
# One would expect that a cast from TIMESTAMP_NS to a coarser type cuts what it cannot hold, as a date of a timestamp does. Casts,
# date_trunc, date_diff and differences round to the nearest microsecond first, which is here the next midnight; hour() and
# strftime() look at the value itself. pandas and Arrow write such instants ("the end of the day"). Compare them as they are, or cut
# them to microseconds before anything else: make_timestamp(epoch_us(t)).
#
# Seen:
#   2024-01-02
#   2024-01-02 00:00:00
#   1
#   23
#   01
#   2024-01-01
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check duckdb==2.0.1

cat > shown.py <<'PYTHON'
import duckdb

print(*duckdb.sql("""
    select t::date, date_trunc('day', t), date_diff('day', timestamp '2024-01-01', t), hour(t), strftime(t, '%d'),
        make_timestamp(epoch_us(t))::date
    from (select timestamp_ns '2024-01-01 23:59:59.999999999' as t)
""").fetchall()[0], sep="\n")
PYTHON
cat > seen.txt <<'SEEN'
2024-01-02
2024-01-02 00:00:00
1
23
01
2024-01-01
SEEN
venv/bin/python shown.py > said.txt
diff seen.txt said.txt && echo "as before"
