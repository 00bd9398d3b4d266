#!/usr/bin/env bash
# DuckDB 2.0.1 with pandas 3.1.1 and pyarrow 26.0.1: one instant, three precisions.
#
# A pandas column of nanoseconds is a TIMESTAMP_NS, and an Arrow column of nanoseconds with a zone a TIMESTAMPTZ_NS. A pandas column of
# nanoseconds with a zone is cut to microseconds without a word, so rows of one source no longer equal those of the other. Hand over
# the Arrow table of the frame.
#
# Seen:
#   datetime64[ns, UTC] | datetime64[ns] | timestamp[ns, tz=UTC]
#   zoned 1704067200123456000 TIMESTAMP WITH TIME ZONE
#   plain 1704067200123456789 TIMESTAMP_NS
#   arrow 1704067200123456789 TIMESTAMPTZ_NS
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check duckdb==2.0.1 pandas==3.1.1 pyarrow==26.0.1

cat > shown.py <<'PYTHON'
import duckdb
import pandas
import pyarrow

zoned = pandas.DataFrame({"t": pandas.to_datetime([1704067200123456789], unit="ns", utc=True).as_unit("ns")})
plain = pandas.DataFrame({"t": zoned["t"].dt.tz_localize(None)})
arrow = pyarrow.Table.from_pandas(zoned)
print(zoned["t"].dtype, plain["t"].dtype, arrow.schema.field("t").type, sep=" | ")
for name in ("zoned", "plain", "arrow"):
    print(name, *duckdb.sql(f"select epoch_ns(t), typeof(t) from {name}").fetchall()[0])
PYTHON
cat > seen.txt <<'SEEN'
datetime64[ns, UTC] | datetime64[ns] | timestamp[ns, tz=UTC]
zoned 1704067200123456000 TIMESTAMP WITH TIME ZONE
plain 1704067200123456789 TIMESTAMP_NS
arrow 1704067200123456789 TIMESTAMPTZ_NS
SEEN
venv/bin/python shown.py > said.txt
diff seen.txt said.txt && echo "as before"
