-- The same features at another instant, under other keys: what was known when the plane landed.
{{ config(
    kind='training_set',
    publish={'path': 'target/turnaround_training', 'partition_by': ['carrier']},
    rules={'all-time-statistic': {'severity': 'off', 'reason': 'the timetable of the next flight is published months ahead'}},
) }}
select
    l.*,
    date_diff('minute', l.asked_at, l.next_departure) as minutes_to_departure,
    date_diff('minute', rotation.ready_at, l.next_departure) as slack_minutes,
    rotation.* exclude (tailnum, ready_at),
    plane.* exclude (tailnum),
    punctuality.* exclude (carrier),
    away.movements_6h as away_movements_6h,
    away.mean_delay_6h as away_mean_delay_6h,
    home.* exclude (airport),
    queue.* exclude (airport),
    weather.* exclude (airport),
    route.* exclude (origin, dest),
    nyc.*
from {{ ref('next_departures') }} as l
left join {{ ref('aircraft_rotation') }} as rotation using (tailnum)
left join {{ ref('plane_facts') }} as plane using (tailnum)
left join {{ ref('carrier_punctuality') }} as punctuality using (carrier)
left join {{ ref('airport_traffic') }} as away on away.airport = l.landed_in
left join {{ ref('airport_traffic') }} as home on home.airport = l.next_origin
left join {{ ref('departure_queue') }} as queue on queue.airport = l.next_origin
left join {{ ref('airport_weather') }} as weather on weather.airport = l.next_origin
left join {{ ref('route_history') }} as route on route.origin = l.next_origin and route.dest = l.next_dest
left join {{ ref('system_pressure') }} as nyc on true
