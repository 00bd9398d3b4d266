-- The latest weather report that has arrived: one as-of join.
{{ config(kind='features', entity='airport') }}
select
    airport,
    temp,
    temp - dewp as dew_gap,
    wind_speed,
    coalesce(wind_gust, wind_speed) as wind_gust,
    precip,
    pressure,
    visib,
    date_diff('minute', observed_at, as_of()) as weather_age
from {{ ref('stg_weather') }}
