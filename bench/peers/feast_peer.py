"""Feast: historical features of a file source, which is what it has for a state; it has no windows of its own."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path


def main(workload: str, data: Path) -> None:
    """Answer the first workload."""
    try:
        import pandas as pd
        from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig
        from feast.types import Float64, Int64
    except ImportError:
        sys.exit(3)
    if workload != "W1":
        sys.exit(3)
    repository = data / "feast"
    repository.mkdir(exist_ok=True)
    config = RepoConfig(
        project="bench",
        registry=str(repository / "registry.db"),
        provider="local",
        entity_key_serialization_version=3,
        online_store={"type": "sqlite", "path": str(repository / "online.db")},
        offline_store={"type": "file"},
    )
    store = FeatureStore(config=config)
    customer = Entity(name="customer", join_keys=["id"])
    source = FileSource(path=str((data / "changes_0.parquet").resolve()), timestamp_field="moment")
    fields = [Field(name="tier", dtype=Int64), Field(name="score", dtype=Float64)]
    view = FeatureView(name="state", entities=[customer], ttl=timedelta(days=4000), schema=fields, source=source)
    store.apply([customer, view])
    asked = pd.read_parquet(data / "spine.parquet").rename(columns={"asked_at": "event_timestamp"})
    asked["event_timestamp"] = asked["event_timestamp"].dt.tz_localize("UTC")
    found = store.get_historical_features(entity_df=asked, features=["state:tier", "state:score"]).to_df()
    found[["row", "tier", "score"]].to_parquet(data / f"answer_{workload}_feast.parquet")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
