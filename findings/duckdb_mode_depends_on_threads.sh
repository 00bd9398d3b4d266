#!/usr/bin/env bash
# DuckDB 2.0.1: which of several most frequent values mode() gives depends on the number of threads, and on the run.
#
# Three rows are no work for a second thread, and in 1.5.6 a tie goes to the value of the first row, with any number of threads. In 2.0.1
# mode(x) is planned as arg_max over the counts of a hash table, so with several threads the same query over 3, 1, 2 gives 2 mostly, 1 at
# times, and seldom 3. One would expect the same value from the same rows. Say who wins: mode(x order by x).
#
# Threads, whether mode(x) is the first row's in each of 50 runs, the values of mode(x order by x):
#
# Seen:
#   1 True {1}
#   8 False {1}
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check duckdb==2.0.1

cat > shown.py <<'PYTHON'
import duckdb


def values(threads, mode):
    found = set()
    for _ in range(50):
        with duckdb.connect(config={"threads": threads}) as connection:
            found.add(connection.execute(f"select {mode} from (values (3), (1), (2)) t(x)").fetchall()[0][0])
    return found


for threads in (1, 8):
    print(threads, values(threads, "mode(x)") == {3}, values(threads, "mode(x order by x)"))
PYTHON
cat > seen.txt <<'SEEN'
1 True {1}
8 False {1}
SEEN
venv/bin/python shown.py > said.txt
diff seen.txt said.txt && echo "as before"
