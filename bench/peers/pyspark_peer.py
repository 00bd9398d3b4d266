"""PySpark on one machine: a union with a window function for a state, range windows in seconds for the others."""

from __future__ import annotations

import sys
from pathlib import Path

from workloads import WINDOWS

SECONDS = {"1h": 3600, "1d": 86_400, "7d": 7 * 86_400, "30d": 30 * 86_400, "90d": 90 * 86_400}


def main(workload: str, data: Path) -> None:
    """Answer one workload."""
    try:
        from pyspark.sql import SparkSession, Window
        from pyspark.sql import functions as f
    except ImportError:
        sys.exit(3)
    if workload in {"W3", "W4"}:
        sys.exit(3)
    spark = (
        SparkSession.builder.master("local[*]")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.shuffle.partitions", "8")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.memory", "4g")
        .getOrCreate()
    )
    spine = spark.read.parquet(str(data / "spine.parquet")).withColumnRenamed("asked_at", "moment")
    name, columns = ("changes_0", ("tier", "score")) if workload == "W1" else ("events", ("amount",))
    facts = spark.read.parquet(str(data / f"{name}.parquet")).select("id", "moment", *columns)
    both = facts.unionByName(spine, allowMissingColumns=True).withColumn(
        "second", f.unix_seconds(f.col("moment").cast("timestamp"))
    )
    if workload == "W1":
        before = (
            Window.partitionBy("id")
            .orderBy("second", f.col("row").isNotNull())
            .rowsBetween(Window.unboundedPreceding, 0)
        )
        made = [f.last(c, ignorenulls=True).over(before).alias(c) for c in columns]
    else:
        made = []
        for window in WINDOWS:
            frame = Window.partitionBy("id").orderBy("second").rangeBetween(1 - SECONDS[window], 0)
            made.append(f.count("amount").over(frame).alias(f"count_{window}"))
            for function in ("sum", "avg", "max"):
                made.append(getattr(f, function)("amount").over(frame).alias(f"{function}_{window}"))
    found = both.select("row", *made).where(f.col("row").isNotNull()).toPandas()
    found.to_parquet(data / f"answer_{workload}_pyspark.parquet")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
