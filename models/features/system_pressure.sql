-- All of New York in the last three hours. There is no entity: the one row is for everybody.
{{ config(kind='features', entity=none) }}
select
    count(*) as system_departures_3h,
    median(dep_delay) as system_delay_3h,
    avg(left_late::integer) as system_left_late_3h
from {{ ref('stg_departures') }}
where settled_at > as_of() - interval '3 hours'
