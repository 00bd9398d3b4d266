"""Compute what arrays are to give of a plan before its query runs: it stands beside the columns of the spine."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

from featsql.engines.duckdb.checkpoint import checkpoint
from featsql.engines.duckdb.columnar.chosen import without
from featsql.engines.duckdb.columnar.temporaries import Temporaries
from featsql.plan.plan import AsOf, Over, Plan

# What computes plans, with all that it loads.
COMPUTING = "featsql.engines.duckdb.columnar.compute"


def precompute(plan: Plan, temporaries: Temporaries) -> Plan:
    """The plan with all that comes from arrays computed; what they refuse is left to the query."""
    if not any(isinstance(each.features, Over | AsOf) and each.features.arrays for each in plan.attachments):
        return plan
    with stored(temporaries):
        from featsql.engines.duckdb.columnar.compute import Computation

    return temporaries.tried(Computation(plan, temporaries).precomputed) or without(plan)


@contextmanager
def stored(temporaries: Temporaries) -> Iterator[None]:
    """While modules are loaded, which is work for one core, have the engine bring what was built so far to its
    place in the target's file: else it does so in the end, when all wait for it."""
    if temporaries.target is None or COMPUTING in sys.modules:
        yield
        return
    session = temporaries.engine.cursor()
    storing = Thread(target=checkpoint, args=(session, temporaries.target))
    storing.start()
    try:
        yield
    finally:
        storing.join()
        session.close()
