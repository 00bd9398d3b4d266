-- What should happen: a flight is due to leave. The timetable is printed months ahead, so nothing about it is late.
{{ config(materialized='table', time={'kind': 'events', 'event_time': 'scheduled_departure', 'delay': '0 seconds'}) }}
select flight_id, carrier, tailnum, origin, dest, scheduled_departure, scheduled_arrival
from {{ ref('stg_flights') }}
