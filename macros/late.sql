{# More than `late_minutes` behind the timetable. A delay that never came to be (the flight was cancelled or
   diverted) is late as well: nobody arrived. #}
{% macro late(delay) -%}
coalesce({{ delay }} > {{ var('late_minutes') }}, true)
{%- endmacro %}
