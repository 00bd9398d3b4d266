-- A plane landed and reached its gate. Cancelled and diverted flights never do, and have no row.
{{ config(materialized='table', unique_key='flight_id', time={'kind': 'events', 'event_time': 'landed_at', 'delay': '5 minutes'}) }}
select flight_id, carrier, tailnum, origin, dest, landed_at, arr_delay, air_time, arrived_late
from {{ ref('stg_flights') }}
where landed_at is not null
