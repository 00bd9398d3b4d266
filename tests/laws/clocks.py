"""Every shape of clock that a source can have, over the one wide schema."""

from __future__ import annotations

from featsql.temporal import Clock

EVENTS = (
    Clock("events", "at", "seen"),
    Clock("events", "at", delay="0 seconds"),
    Clock("events", "at", delay="2 hours"),
    Clock("events", "at", "seen", retracted_at="gone"),
    Clock("events", "at", "seen", deleted="dead"),
    Clock("events", "at", "seen", unique_key=("id",)),
    Clock("events", "at", "seen", unique_key=("k", "id"), deleted="dead", tie_break=("n",)),
    Clock("events", "at", delay="1 hour", unique_key=("id",), deleted="dead"),
    Clock("events", "at", "seen", unique_key=("id",), retracted_at="gone", tie_break=("n", "x")),
    Clock("events", "at", "seen", unique_key=("id",), retracted_at="gone", deleted="dead"),
)
STATES = (
    Clock("state", "at", "seen", unique_key=("k",)),
    Clock("state", "at", delay="0 seconds", unique_key=("k",), tie_break=("n",)),
    Clock("state", "at", delay="3 hours", unique_key=("k",), deleted="dead"),
    Clock("state", "at", "seen", unique_key=("k",), deleted="dead", tie_break=("n", "x")),
    Clock("state", "at", "seen", unique_key=("k", "c"), deleted="dead"),
    Clock("state", "at", "seen", unique_key=("id",)),
    Clock("state", "at", "seen", unique_key=("k",), retracted_at="gone", deleted="dead"),
)
PERIODS = (
    Clock("periods", valid_from="at", valid_to="until"),
    Clock("periods", valid_from="at", valid_to="until", delay="2 hours"),
    Clock("periods", valid_from="at", valid_to="until", available_at="seen"),
    Clock("periods", valid_from="at", valid_to="until", available_at="seen", valid_to_available_at="learnt"),
    Clock("periods", valid_from="at", valid_to="until", delay="1 hour", valid_to_available_at="learnt"),
    Clock("periods", valid_from="at", valid_to="until", available_at="seen", retracted_at="gone"),
    Clock("periods", valid_from="at", valid_to="until", available_at="seen", unique_key=("k", "at")),
    Clock("periods", valid_from="at", valid_to="until", available_at="seen", unique_key=("id",), deleted="dead"),
    Clock(
        "periods",
        valid_from="at",
        valid_to="until",
        available_at="seen",
        valid_to_available_at="learnt",
        unique_key=("k",),
        retracted_at="gone",
    ),
)
# States whose rows become known in the order in which they happen, where no zone makes a day longer than another.
PROMPT = (
    STATES[1],
    STATES[2],
    Clock("state", "at", delay="2 days", unique_key=("k",), tie_break=("n", "x")),
    Clock("state", "at", delay="0 seconds", unique_key=("k", "c"), deleted="dead"),
)
STATIC = (Clock("static", why="it never changes"),)
CLOCKS = (*EVENTS, *STATES, *PERIODS, *STATIC)
