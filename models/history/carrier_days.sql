-- An airline's days, for windows of weeks: a few hundred rows to sum where there would be ten thousand flights. A day
-- is over at midnight in New York, and known in full when its last flight has landed (or was given up).
{{ config(time={'kind': 'events', 'event_time': 'ended_at', 'available_at': 'known_at'}) }}
select
    carrier,
    (date_trunc('day', scheduled_departure at time zone 'America/New_York') + interval 1 day)
        at time zone 'America/New_York' as ended_at,
    -- a flight that never lands is settled half a day after it should have
    max(coalesce(landed_at + interval 5 minutes, scheduled_arrival + interval 12 hours)) as known_at,
    count(*) as flights,
    count_if(cancelled) as cancelled,
    count_if(arrived_late) as late,
    sum(arr_delay) as delay_minutes
from {{ ref('stg_flights') }}
group by all
