-- Flights that should have left by now and have not: the timetable less what is known to have happened.
{{ config(kind='features', entity='airport') }}
select
    due.origin as airport,
    count(*) as overdue,
    avg(date_diff('minute', due.scheduled_departure, as_of())) as overdue_minutes
from {{ ref('stg_timetable') }} as due
left join {{ ref('stg_departures') }} as done
    on done.origin = due.origin
    and done.flight_id = due.flight_id
    and done.settled_at > as_of() - interval '3 hours' -- no flight leaves an hour early
where due.scheduled_departure > as_of() - interval '2 hours' and done.flight_id is null
group by due.origin
