-- What an airport sees: planes leave it, and planes land. Two relations with two clocks make one, which says how
-- it tells time itself.
{{ config(time={'kind': 'events', 'event_time': 'moved_at', 'available_at': 'known_at'}) }}
select flight_id, origin as airport, 'departure' as movement, settled_at as moved_at, known_at, dep_delay as delay, left_late as late
from {{ ref('stg_departures') }}
union all
select flight_id, dest, 'arrival', landed_at, landed_at + interval 5 minutes, arr_delay, arrived_late
from {{ ref('stg_arrivals') }}
