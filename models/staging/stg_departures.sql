-- What became of a departure: the plane left the gate, which the airport knows within minutes, or never did. The data
-- do not say when a flight was called off; two hours after it should have left everybody knew.
{{ config(materialized='table', time={'kind': 'events', 'event_time': 'settled_at', 'available_at': 'known_at', 'tie_break': 'flight_id'}) }}
select
    flight_id,
    carrier,
    tailnum,
    origin,
    dest,
    scheduled_departure,
    coalesce(departed_at, scheduled_departure) as settled_at,
    coalesce(departed_at + interval 5 minutes, scheduled_departure + interval 2 hours) as known_at,
    dep_delay,
    cancelled,
    {{ late('dep_delay') }} as left_late,
    date_diff('minute', scheduled_departure, scheduled_arrival) as scheduled_minutes
from {{ ref('stg_flights') }}
