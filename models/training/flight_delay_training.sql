-- One row for each flight, with what was known two hours before it was to leave.
{{ config(kind='training_set', publish={'path': 'target/flight_delay_training.parquet'}) }}
select
    l.*,
    airline.name as carrier_name,
    hour(l.scheduled_departure at time zone 'America/New_York') as departure_hour,
    isodow(l.scheduled_departure at time zone 'America/New_York') as departure_weekday,
    punctuality.* exclude (carrier),
    history.* exclude (carrier),
    here.* exclude (airport),
    there.movements_6h as dest_movements_6h,
    there.mean_delay_6h as dest_mean_delay_6h,
    there.share_late_6h as dest_share_late_6h,
    queue.* exclude (airport),
    weather.* exclude (airport),
    route.* exclude (origin, dest),
    line.* exclude (carrier, origin, dest),
    aircraft.* exclude (tailnum, ready_at),
    plane.* exclude (tailnum),
    nyc.*,
    -- of the spine and a feature: does the plane make it?
    date_diff('minute', aircraft.ready_at, l.scheduled_departure) as slack_minutes
from {{ ref('flight_delays') }} as l
left join {{ ref('carrier_punctuality') }} as punctuality using (carrier)
left join {{ ref('carrier_history') }} as history using (carrier)
left join {{ ref('airport_traffic') }} as here on here.airport = l.origin
left join {{ ref('airport_traffic') }} as there on there.airport = l.dest
left join {{ ref('departure_queue') }} as queue on queue.airport = l.origin
left join {{ ref('airport_weather') }} as weather on weather.airport = l.origin
left join {{ ref('route_history') }} as route using (origin, dest)
left join {{ ref('line_history') }} as line using (carrier, origin, dest)
left join {{ ref('aircraft_readiness') }} as aircraft using (tailnum)
left join {{ ref('plane_facts') }} as plane using (tailnum)
left join {{ ref('system_pressure') }} as nyc on true
left join {{ source('nyc', 'airlines') }} as airline on airline.carrier = l.carrier
order by l.scheduled_departure, l.flight_id
