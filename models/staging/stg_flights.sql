-- One row for each flight, with every instant that the raw table only hints at. This is the complete row, as it
-- stands long afterwards: labels may read it. It has no clock, so featsql refuses a features model that does.
{{ config(materialized='table') }}
with zones as (
    select faa as dest, tzone as zone from {{ source('nyc', 'airports') }} where tzone is not null
    union all
    select faa, tzone from {{ ref('missing_airports') }}
),

timed as (
    select
        *,
        time_hour + to_minutes(minute) as scheduled_departure,
        -- midnight of that day at the destination, and from there to what the timetable's clock shows
        date_trunc('day', scheduled_departure at time zone zone)
            + to_minutes(sched_arr_time // 100 * 60 + sched_arr_time % 100) as arrival_clock
    from {{ source('nyc', 'flights') }}
    left join zones using (dest)
)

select
    concat_ws('-', carrier || flight, origin, strftime(make_date(year, month, day), '%Y%m%d')) as flight_id,
    carrier,
    flight,
    tailnum,
    origin,
    dest,
    distance,
    scheduled_departure,
    -- the first time after departure that the destination's clock shows it: the next day, if need be
    case
        when arrival_clock at time zone zone > scheduled_departure then arrival_clock at time zone zone
        else (arrival_clock + interval 1 day) at time zone zone
    end as scheduled_arrival,
    scheduled_departure + to_minutes(dep_delay) as departed_at,
    scheduled_arrival + to_minutes(arr_delay) as landed_at,
    dep_delay,
    arr_delay,
    air_time,
    dep_delay is null as cancelled,
    {{ late('arr_delay') }} as arrived_late
from timed
