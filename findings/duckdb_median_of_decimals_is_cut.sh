#!/usr/bin/env bash
# DuckDB 2.0.1: the median of 1.1 and 1.2 is 1.1.
#
# A literal with a point is a DECIMAL, and so are most prices. median() and quantile_cont() keep the scale of their argument and cut
# what lies between two values to it; avg() gives a DOUBLE, and the median of two whole numbers is one too (1.5 of 1 and 2). One would
# expect 1.15. Cast to DOUBLE, or to a larger scale, first.
#
# The median of decimals, their mean, the median of the same as DOUBLE, the median of 1 and 2:
#
# Seen:
#   1.1
#   1.15
#   1.15
#   1.5
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check duckdb==2.0.1

cat > shown.py <<'PYTHON'
import duckdb

row = duckdb.sql("select median(x), avg(x), median(x::double), median(n) from (values (1.1, 1), (1.2, 2)) t(x, n)").fetchall()[0]
print(*row, sep="\n")
PYTHON
cat > seen.txt <<'SEEN'
1.1
1.15
1.15
1.5
SEEN
venv/bin/python shown.py > said.txt
diff seen.txt said.txt && echo "as before"
