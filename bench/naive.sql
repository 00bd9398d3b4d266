-- The same table, the way it is often written by hand: group by day, join on the day. Each part is one plausible
-- line of SQL, and each knows something that nobody knew two hours before departure.
with flights as (
    select
        *,
        coalesce(dep_delay > 15, true) as left_late,
        date_trunc('day', scheduled_departure at time zone 'America/New_York') as day
    from stg_flights
),

-- "How is the airline doing today?" The day includes the evening, and the flight itself.
carrier_day as (
    select
        carrier,
        day,
        avg(dep_delay) as delay,
        avg(left_late::integer) as left_late,
        avg(cancelled::integer) as cancelled
    from flights
    group by all
),

-- "How is the airline doing this month?" So far, and from here on.
carrier_month as (
    select
        carrier,
        date_trunc('month', day) as month,
        avg(arrived_late::integer) as late_share,
        avg(cancelled::integer) as cancelled_share
    from flights
    group by all
),

-- "How is the airport doing this hour?" The hour of the departure, not the hour of the question.
origin_hour as (
    select
        origin,
        date_trunc('hour', scheduled_departure) as hour,
        count(*) as movements,
        avg(dep_delay) as delay,
        avg(left_late::integer) as late,
        count_if(left_late) as overdue,
        avg(dep_delay) filter (where left_late) as overdue_minutes
    from flights
    group by all
),

origin_day as (
    select origin, day, count(*) as movements, avg(dep_delay) as delay, avg(left_late::integer) as late
    from flights
    group by all
),

dest_day as (
    select dest, day, count(*) as movements, avg(arr_delay) as delay, avg(arrived_late::integer) as late
    from flights
    group by all
),

system_day as (
    select day, count(*) as departures, median(dep_delay) as delay, avg(left_late::integer) as left_late
    from flights
    group by all
),

-- "How late is this route?" The mean of the target over the whole table.
route as (
    select
        origin,
        dest,
        count(*) as flights,
        avg(arr_delay) as delay,
        stddev(arr_delay) as spread,
        avg(arrived_late::integer) as late_share
    from flights
    group by all
),

line as (
    select carrier, origin, dest, count(*) as flights, avg(arr_delay) as delay, avg(arrived_late::integer) as late_share
    from flights
    group by all
),

-- "How late were the plane's latest flights?" The previous one may not have landed yet, or even left; and a rolling
-- mean takes in its own row, in SQL as in pandas, unless it is told not to.
previous as (
    select
        flight_id,
        count(*) over near as legs,
        avg(dep_delay) over near as leg_delay,
        lag(dep_delay) over legs as departure_delay,
        lag(arr_delay) over legs as arrival_delay,
        lag(landed_at is null) over legs as in_the_air,
        lag(departed_at) over legs as departed_at,
        lag(departed_at + to_minutes(2 * date_diff('minute', scheduled_departure, scheduled_arrival) + 30)) over legs
            as ready_at
    from flights
    window
        legs as (partition by tailnum order by scheduled_departure, flight_id),
        near as (
            partition by tailnum order by scheduled_departure range between interval 3 days preceding and current row
        )
)

select
    f.flight_id,
    f.scheduled_departure - interval 2 hours as asked_at,
    f.arrived_late as late,
    f.distance,
    f.carrier,
    hour(f.scheduled_departure at time zone 'America/New_York') as departure_hour,
    isodow(f.scheduled_departure at time zone 'America/New_York') as departure_weekday,
    carrier_day.delay as carrier_delay_3h,
    carrier_day.left_late as carrier_left_late_3h,
    carrier_day.cancelled as carrier_cancelled_3h,
    carrier_day.delay as carrier_delay_12h,
    carrier_day.left_late as carrier_left_late_12h,
    carrier_day.cancelled as carrier_cancelled_12h,
    carrier_month.late_share as carrier_late_share_28d,
    carrier_month.cancelled_share as carrier_cancelled_share_28d,
    origin_hour.movements as movements_1h,
    origin_hour.delay as mean_delay_1h,
    origin_hour.late as share_late_1h,
    origin_day.movements as movements_6h,
    origin_day.delay as mean_delay_6h,
    origin_day.late as share_late_6h,
    dest_day.movements as dest_movements_6h,
    dest_day.delay as dest_mean_delay_6h,
    dest_day.late as dest_share_late_6h,
    origin_hour.overdue,
    origin_hour.overdue_minutes,
    weather.temp, -- "the weather of the hour": of the departure, two hours after the question
    weather.temp - weather.dewp as dew_gap,
    weather.wind_speed,
    coalesce(weather.wind_gust, weather.wind_speed) as wind_gust,
    weather.precip,
    weather.pressure,
    weather.visib,
    date_diff('minute', weather.time_hour, f.scheduled_departure) as weather_age,
    route.flights as route_flights_7d,
    route.delay as route_delay_7d,
    route.spread as route_spread_7d,
    route.late_share as route_late_share_7d,
    line.flights as line_flights_14d,
    line.delay as line_delay_14d,
    line.late_share as line_late_share_14d,
    previous.legs as legs_3d,
    previous.leg_delay as leg_delay_3d,
    previous.departure_delay as last_leg_departure_delay,
    previous.in_the_air as last_leg_in_the_air,
    previous.arrival_delay as last_leg_arrival_delay,
    date_diff('minute', previous.departed_at, asked_at) as minutes_since_departure,
    date_diff('minute', asked_at, previous.ready_at) as minutes_to_ready,
    minutes_to_ready + coalesce(planes.seats, 100) / 10 as minutes_to_boarded,
    planes.seats,
    planes.engines,
    2013 - planes.year as plane_age,
    previous.legs * plane_age as wear,
    system_day.departures as system_departures_3h,
    system_day.delay as system_delay_3h,
    system_day.left_late as system_left_late_3h,
    date_diff('minute', previous.ready_at, f.scheduled_departure) as slack_minutes
from flights as f
left join carrier_day using (carrier, day)
left join carrier_month on carrier_month.carrier = f.carrier and carrier_month.month = date_trunc('month', f.day)
left join origin_hour on origin_hour.origin = f.origin and origin_hour.hour = date_trunc('hour', f.scheduled_departure)
left join origin_day on origin_day.origin = f.origin and origin_day.day = f.day
left join dest_day on dest_day.dest = f.dest and dest_day.day = f.day
left join system_day on system_day.day = f.day
left join route on route.origin = f.origin and route.dest = f.dest
left join line on line.carrier = f.carrier and line.origin = f.origin and line.dest = f.dest
left join previous using (flight_id)
left join 'data/nycflights13/planes.parquet' as planes on planes.tailnum = f.tailnum
left join 'data/nycflights13/weather.parquet' as weather
    on weather.origin = f.origin and weather.time_hour = date_trunc('hour', f.scheduled_departure)
where f.tailnum is not null
order by asked_at, f.flight_id
