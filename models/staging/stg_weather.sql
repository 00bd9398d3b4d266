-- The weather, by airport. It keeps its source's rows one to one, and so its source's clock.
select
    origin as airport,
    time_hour as observed_at,
    temp,
    dewp,
    wind_speed,
    wind_gust,
    precip,
    pressure,
    visib
from {{ source('nyc', 'weather') }}
