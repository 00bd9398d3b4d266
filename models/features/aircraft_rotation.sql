-- The plane's latest leg out of New York that we know of. Has it landed? That too is only what we know now.
{{ config(kind='features', entity='aircraft') }}
with legs as (
    select
        d.tailnum,
        d.settled_at as departed_at,
        d.dep_delay,
        d.scheduled_minutes,
        a.landed_at,
        a.arr_delay
    from {{ ref('stg_departures') }} as d
    left join {{ ref('stg_arrivals') }} as a
        on a.tailnum = d.tailnum
        and a.flight_id = d.flight_id
        and a.landed_at > as_of() - interval '3 days'
    where not d.cancelled and d.settled_at > as_of() - interval '3 days'
)

select
    tailnum,
    count(*) as legs_3d,
    avg(dep_delay) as leg_delay_3d,
    arg_max(dep_delay, departed_at) as last_leg_departure_delay,
    arg_max(landed_at is null, departed_at) as last_leg_in_the_air,
    arg_max_null(arr_delay, departed_at) as last_leg_arrival_delay,
    date_diff('minute', max(departed_at), as_of()) as minutes_since_departure,
    -- there and back, and half an hour on the ground: the earliest that it can leave New York again
    arg_max(departed_at + to_minutes(2 * scheduled_minutes + 30), departed_at) as ready_at
from legs
group by tailnum
