-- How an airport is doing: planes that left it or landed there. A training set joins this twice, for both ends.
{{ config(kind='features', entity='airport') }}
select
    airport,
    {{ over_windows('moved_at', {'1h': '1 hour', '6h': '6 hours'}, {
        'movements': 'count(*)',
        'mean_delay': 'avg(delay)',
        'share_late': 'avg(late::integer)',
    }) }}
from {{ ref('movements') }}
where moved_at > as_of() - interval '6 hours'
group by airport
