{# Every aggregate over every trailing window, as plain SQL:
       over_windows('landed_at', {'7d': '7 days'}, {'flights': 'count(*)', 'delay': 'avg(arr_delay)'})
   writes
       count(*) filter (where landed_at > as_of() - interval '7 days') as flights_7d,
       avg(arr_delay) filter (where landed_at > as_of() - interval '7 days') as delay_7d #}
{% macro over_windows(instant, windows, aggregates) -%}
{%- for suffix, span in windows.items() -%}
{%- set last_window = loop.last -%}
{%- for name, aggregate in aggregates.items() -%}
{{ aggregate }} filter (where {{ instant }} > as_of() - interval '{{ span }}') as {{ name }}_{{ suffix }}
{%- if not (last_window and loop.last) %},
    {% endif -%}
{%- endfor -%}
{%- endfor -%}
{%- endmacro %}
