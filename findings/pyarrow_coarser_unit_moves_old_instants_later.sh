#!/usr/bin/env bash
# pyarrow 26.0.1: before 1970 a cast to a coarser unit goes forward in time, after 1970 back.
#
# Casts cut towards zero, and zero is 1970: half a second before 1970 becomes 1970 itself, in another year. A cast to a date goes down
# instead, as do pandas and Polars, and pyarrow's own floor_temporal. write_table(..., coerce_timestamps="ms") moves such instants
# too. One would expect one direction for all. Call floor_temporal before the cast.
#
# The cast to seconds, to a date, floor_temporal:
#
# Seen:
#   1970-01-01 00:00:00 | 1969-12-31 | 1969-12-31 23:59:59
#   1970-01-01 00:00:00 | 1970-01-01 | 1970-01-01 00:00:00
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pyarrow==26.0.1

cat > shown.py <<'PYTHON'
import pyarrow
import pyarrow.compute

for milliseconds in (-500, 500):
    instants = pyarrow.array([milliseconds], pyarrow.timestamp("ms"))
    cast = instants.cast(pyarrow.timestamp("s"), safe=False)
    floor = pyarrow.compute.floor_temporal(instants, unit="second")
    print(cast[0].as_py(), instants.cast(pyarrow.date32())[0].as_py(), floor[0].as_py(), sep=" | ")
PYTHON
cat > seen.txt <<'SEEN'
1970-01-01 00:00:00 | 1969-12-31 | 1969-12-31 23:59:59
1970-01-01 00:00:00 | 1970-01-01 | 1970-01-01 00:00:00
SEEN
venv/bin/python shown.py > said.txt
diff seen.txt said.txt && echo "as before"
