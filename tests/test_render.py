"""Templates: what they say, where each character of it was written, and what they may not do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2
import pytest

from featsql.errors import Diagnostic, FeatsqlError
from featsql.read.model import Rendered
from featsql.read.project import File, Project, RawConfig, Target
from featsql.read.render import render, render_text
from featsql.read.template.fault import TemplateError
from featsql.read.template.sandbox import render_value


def project(
    models: dict[str, str], macros: dict[str, str] | None = None, properties: dict[str, Any] | None = None, **more: Any
) -> Project:
    """A project of texts."""
    settings: dict[str, Any] = {"variables": {}, "default_delay": None, "environment": {}} | more
    return Project(
        root=Path("/nowhere"),
        name="demo",
        version="1",
        target=Target("dev", ":memory:", "demo"),
        target_path="target",
        boundary="inclusive",
        entities={},
        sources={},
        seeds=(),
        models=tuple(File(f"models/{name}.sql", text) for name, text in models.items()),
        macros=tuple(File(f"macros/{name}.sql", text) for name, text in (macros or {}).items()),
        properties={name: RawConfig(values) for name, values in (properties or {}).items()},
        **settings,
    )


def one(text: str, macros: str = "", **more: Any) -> Rendered:
    """One model, `m`, rendered."""
    (rendered,) = render(project({"m": text}, {"all": macros}, **more))
    return rendered


def refused(text: str, macros: str = "", **more: Any) -> Diagnostic:
    """The one diagnostic of a model."""
    with pytest.raises(FeatsqlError) as caught:
        one(text, macros, **more)
    (found,) = caught.value.diagnostics
    return found


def spot(rendered: Rendered, words: str) -> list[str]:
    """Where the template has the first character of `words`, and the way there."""
    place, trail = rendered.origin(rendered.text.index(words))
    return [str(place), *map(str, trail)]


def trace(found: Diagnostic) -> list[str]:
    """The place of a diagnostic and the way there."""
    return [str(found.place), *map(str, found.trail)]


# What a template says


def test_words() -> None:
    rendered = one(
        "select {{ var('days') }}, {{ var('no', 7) }}, '{{ env_var('HOME') }}', '{{ env_var('NO', 'x') }}',"
        " '{{ target.name }}', '{{ this.name }}' from {{ this }}",
        variables={"days": 3},
        environment={"HOME": "here"},
    )
    assert rendered.text == """select 3, 7, 'here', 'x', 'dev', 'm' from "demo"."main"."m\""""
    assert rendered.secrets == {"here"}


def test_references_are_quoted_and_placed() -> None:
    rendered = one("select *\nfrom {{ ref('a') }}, {{ ref('demo', 'b\"c') }},\n {{ source('shop', 'payments') }}")
    expected = 'select *\nfrom "demo"."main"."a", "demo"."main"."b""c",\n "sources"."shop"."payments"'
    assert rendered.text == expected
    assert [(r.kind, r.name, str(r.place)) for r in rendered.references] == [
        ("ref", "a", "models/m.sql:2:14"),
        ("ref", 'b"c', "models/m.sql:2:38"),
        ("source", "shop.payments", "models/m.sql:3:21"),
    ]
    assert spot(rendered, '"sources"') == ["models/m.sql:3:21"]


def test_reference_inside_a_macro_names_the_way() -> None:
    macros = "{% macro a() %}{{ ref('x') }}{% endmacro %}\n{% macro b(name) %}{{ ref(name) }}{% endmacro %}"
    rendered = one("select *\nfrom {{ a() }}, {{ b('y') }}", macros)
    inside, handed = rendered.references
    assert [str(inside.place), *map(str, inside.trail)] == ["macros/all.sql:1:24", "models/m.sql:2:9"]
    assert str(handed.place) == "models/m.sql:2:23"
    assert rendered.macros == ("a", "b")


def test_config_wins_but_tags_and_meta_add_up() -> None:
    rendered = one(
        "{{ config(materialized='table', tags=['b', 'a'], meta={'y': 2}) }}select 1",
        properties={"m": {"materialized": "view", "tags": ["a"], "meta": {"x": 1}, "description": "d"}},
    )
    assert rendered.config.materialized == "table"
    assert rendered.config.tags == ("a", "b")
    assert rendered.config.meta == {"x": 1, "y": 2}
    assert rendered.config.description == "d"
    assert str(rendered.config.place) == "models/m.sql:1:4"


def test_wrong_config_is_told_at_its_key() -> None:
    found = refused("{{ config(\n    materialised='table') }}select 1")
    assert (found.code, str(found.place)) == ("FS102", "models/m.sql:2:5")
    assert found.hint == "did you mean `materialized`?"
    inner = refused("{{ config(time={'kind': 'events',\n  'event_tme': 'x', 'delay': '1 day'}) }}select 1")
    assert str(inner.place) == "models/m.sql:2:4"


def test_config_can_be_asked() -> None:
    text = "{{ config(materialized='table') }}select '{{ config.get('materialized') }}', '{{ config.get('x', 'y') }}'"
    assert one(text).text == "select 'table', 'y'"


def test_disabled_models_are_left_out() -> None:
    models = {"a": "{{ config(enabled=false) }}{{ ref('x') }}", "b": "{{ broken", "c": "select 1"}
    assert [each.name for each in render(project(models, properties={"b": {"enabled": False}}))] == ["c"]


@pytest.mark.parametrize("late", [False, True])
def test_is_incremental(late: bool) -> None:
    header, text = (
        "{{ config(materialized='incremental', unique_key='a') }}",
        "{% if is_incremental() %}more{% endif %}",
    )
    model = project({"m": text + header if late else header + text})
    assert [each.text for each in render(model)] == [""]
    assert [each.text for each in render(model, incremental=lambda _: True)] == ["more"]
    assert [each.text for each in render(model, incremental=lambda _: True, full_refresh=True)] == [""]
    assert [each.incremental for each in render(model, incremental=lambda _: True)] == [True]


def test_notices() -> None:
    rendered = one("select 1{{ log('hello', info=true) }}{{ log('quiet') }}\n{{ exceptions.warn('careful') }}")
    assert rendered.text == "select 1\n"
    assert [(n.code, n.severity, n.message, str(n.place)) for n in rendered.notices] == [
        ("FS213", "notice", "hello", "models/m.sql:1:12"),
        ("FS212", "warning", "careful", "models/m.sql:2:4"),
    ]


def test_macros_return_values_and_call_each_other_across_files() -> None:
    macros = {
        "z": "{% macro twice(x) %}{{ return([x, x]) }}{% endmacro %}",
        "a": "{# about #}\n{% macro both(x) %}{{ twice(x) | join('-') }}{% endmacro %}\n",
    }
    (rendered,) = render(project({"m": "{{ both('k') }}"}, macros))
    assert (rendered.text, rendered.macros) == ("k-k", ("both", "twice"))


def test_text_alone() -> None:
    assert render_text(File("<inline>", "from {{ ref('a') }}"), project({})).text == 'from "demo"."main"."a"'


def test_yaml_strings() -> None:
    assert render_value("{{ env_var('A') }}/{{ var('b', 'c') }}", {}, {"A": "x"}) == "x/c"
    with pytest.raises(TemplateError) as caught:
        render_value("{{ var('dayz') }}", {"days": 1}, {})
    assert (caught.value.code, caught.value.hint) == ("FS203", "did you mean `days`?")


# Where each character was written


def test_literal_text_maps_character_by_character() -> None:
    rendered = one("{{ config(tags='a') }}\nselect é,\n  b {#- gone -#}  , c\r\nfrom t")
    assert rendered.text == "\nselect é,\n  b, c\nfrom t"
    assert [spot(rendered, word) for word in ("é", "b", ", c", "from")] == [
        ["models/m.sql:2:8"],
        ["models/m.sql:3:3"],
        ["models/m.sql:3:19"],
        ["models/m.sql:4:1"],
    ]


def test_a_value_maps_to_its_expression() -> None:
    rendered = one("select\n  {{- ' ' ~ (1 + 1) }} as two, {{ 'x'.upper() }} as big")
    assert rendered.text == "select 2 as two, X as big"
    assert spot(rendered, "2") == ["models/m.sql:2:7"]
    assert spot(rendered, "X") == ["models/m.sql:2:35"]
    assert spot(rendered, "as big") == ["models/m.sql:2:50"]


MACROS = """\
{% macro inner(x) -%}
  sum({{ x }}) as total
{%- endmacro %}
{% macro outer(x) %}({{ inner(x) }}){% endmacro %}
{% macro around() %}<{{ caller() }}>{% endmacro %}
"""


def test_macro_text_maps_into_the_macro_with_the_way_there() -> None:
    rendered = one("select 1,\n  {{ outer('amount') }}", MACROS)
    assert rendered.text == "select 1,\n  (sum(amount) as total)"
    assert spot(rendered, "(") == ["macros/all.sql:4:21", "models/m.sql:2:6"]
    assert spot(rendered, "sum") == ["macros/all.sql:2:3", "macros/all.sql:4:25", "models/m.sql:2:6"]
    assert spot(rendered, "as total") == ["macros/all.sql:2:16", "macros/all.sql:4:25", "models/m.sql:2:6"]


def test_a_string_maps_to_where_it_is_written_however_it_travels() -> None:
    rendered = one("select\n  {{ outer('amount') }}", MACROS)
    assert spot(rendered, "mount")[0] == "models/m.sql:2:14"
    looped = one("{% for k, v in {'a': 'b + c'}.items() -%}\n{{ v }} as {{ k }}{% endfor %}")
    assert looped.text == "b + c as a"
    assert spot(looped, "c as") == ["models/m.sql:1:27"]


@pytest.mark.parametrize(
    ("template", "word", "places"),
    [
        ("{% set x %}a\n b{% endset %}{{ x }}", "b", ["models/m.sql:2:2"]),
        (
            "{% call around() %}\n in{% endcall %}",
            "in",
            ["models/m.sql:2:2", "macros/all.sql:5:25", "models/m.sql:1:9"],
        ),
        ("{{ outer('a') | trim }}", "sum", ["macros/all.sql:2:3", "macros/all.sql:4:25", "models/m.sql:1:4"]),
        ("{{ ['a', inner('b')] | join(', ') }}", "sum", ["macros/all.sql:2:3", "models/m.sql:1:10"]),
        ("{{ 'a ' ~ inner('b') }}", "sum", ["macros/all.sql:2:3", "models/m.sql:1:11"]),
        ("{{ 'a ' + inner('b') }}", "sum", ["macros/all.sql:2:3", "models/m.sql:1:11"]),
        ("x {{ inner('b') | upper }}", "SUM", ["models/m.sql:1:6"]),
        ("x{% filter upper %}abc{% endfilter %} y", "ABC", ["models/m.sql:1:5"]),
        ("x{% filter trim %}\n  abc{% endfilter %} y", "abc", ["models/m.sql:2:3"]),
        ("{% raw %}{{ a }}{% endraw %} b", "{{ a", ["models/m.sql:1:10"]),
        ("{% if true %}yes{% endif %} b", "b", ["models/m.sql:1:29"]),
        ("{% set x = inner('b') %}\n{{ x[:3] }}", "sum", ["macros/all.sql:2:3", "models/m.sql:1:12"]),
    ],
)
def test_places_survive_being_put_together(template: str, word: str, places: list[str]) -> None:
    assert spot(one(template, MACROS), word) == places


@pytest.mark.parametrize(
    "template",
    [
        "{{ inner('b') | length }}",
        "{{ inner('b') == 'sum(b) as total' }}",
        "{{ inner('b') | replace('sum', 'max') | upper }}",
        "{{ inner('b') in ['sum(b) as total'] }} {{ {'sum(b) as total': 1}[inner('b')] }}",
        "{{ '%s' | format(inner('b')) }} {{ '{}'.format(inner('b')) }} {{ inner('b')[::2] }}",
        "{% if inner('b').startswith('sum') %}yes{% else %}no{% endif %}",
        "{% for c in inner('b') %}{{ c }}.{% endfor %}{{ inner('b') | list }}",
        "{% for w in inner('b').split() %}{{ loop.index }}{{ w }}{% if not loop.last %},{% endif %}{% endfor %}",
        "{{ [inner('b'), 'a'] | sort }} {{ inner('b') | int(3) }} {{ inner('b') | tojson }} {{ {'a': 'b'} }}",
        "{{ inner('b') is string }} {{ (inner('b') ~ '').count('a') }} {{ 'b' < inner('b') }}",
        "{% set ns = namespace(x='') %}{% for i in range(3) %}{% set ns.x = ns.x ~ i %}{% endfor %}{{ ns.x }}",
        "{% macro f(a, b=2) %}{{ a }}{{ b }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ f(1) }}{{ f(1, 2, 3, c=4) }}",
        "{%- for i in [1, 2, 3] if i != 2 %} {{ i }}{{ loop.length }}{% else %}none{% endfor -%}  x",
        "{%- for i in [1, [2]] recursive %}{% if i is number %}{{ i }}{% else %}<{{ loop(i) }}>{% endif %}{% endfor %}",
    ],
)
def test_marking_places_changes_no_value(template: str) -> None:
    expected = jinja2.Environment(keep_trailing_newline=True).from_string(MACROS + template).render().lstrip("\n")
    assert one(template, MACROS).text.lstrip("\n") == expected


def test_every_character_has_a_place() -> None:
    text = "a\n{% for x in ['p', 'q'] %} {{ outer(x) }}\n, {{ loop.index }}{% endfor %}\nlast"
    rendered = one(text, MACROS)
    files = {"models/m.sql": text.splitlines(), "macros/all.sql": MACROS.splitlines()}
    for offset, character in enumerate(rendered.text):
        place, _ = rendered.origin(offset)
        line = files[place.path][place.line - 1] + "\n"
        assert line[place.column - 1] == character or line[place.column - 1 :].startswith(("loop.index", "\n")), offset


# What a template may not do


@pytest.mark.parametrize(
    ("template", "code", "where", "hint"),
    [
        ("a\n {{ payed('x') }}", "FS201", "models/m.sql:2:5", "did you mean `paid`?"),
        ("{% if paid(1) or amont %}{% endif %}", "FS201", "models/m.sql:1:18", None),
        ("{{ exceptions.wran('x') }}", "FS201", "models/m.sql:1:4", "did you mean `warn`?"),
        ("{{ target.nam }}", "FS201", "models/m.sql:1:11", None),
        ("{{ ref() }}", "FS202", "models/m.sql:1:4", "write {{ ref('model') }}"),
        ("{{ ref(1) }}", "FS202", "models/m.sql:1:4", "write {{ ref('model') }}"),
        ("{{ ref('a', 'b', 'c') }}", "FS202", "models/m.sql:1:4", "write {{ ref('model') }}"),
        ("{{ ref('a', v=1) }}", "FS202", "models/m.sql:1:4", "write {{ ref('model') }}"),
        ("{{ source('a') }}", "FS202", "models/m.sql:1:4", "write {{ source('shop', 'payments') }}"),
        ("{{ config('a') }}", "FS202", "models/m.sql:1:4", "write config(kind='features')"),
        ("{{ var() }}", "FS202", "models/m.sql:1:4", None),
        ("{{ paid(1, 2) }}", "FS202", "models/m.sql:1:4", None),
        ("\n{{ var('dayz') }}", "FS203", "models/m.sql:2:4", "did you mean `days`?"),
        ("{{ env_var('HOMR') }}", "FS204", "models/m.sql:1:4", "did you mean `HOME`?"),
        ("{{ ref('demmo', 'a') }}", "FS208", "models/m.sql:1:9", "did you mean `demo`?"),
        ("select\n  {{ exceptions.raise_compiler_error('not so') }}", "FS210", "models/m.sql:2:6", None),
        ("{{ 1 / 0 }}", "FS211", "models/m.sql:1:4", None),
        (
            "a {{ none }}",
            "FS211",
            "models/m.sql:1:6",
            "print text or a number; for a value that may be missing, write `{{ value or 'null' }}`",
        ),
        ("{{ [1][3] }}", "FS201", "models/m.sql:1:4", None),
    ],
)
def test_mistakes(template: str, code: str, where: str, hint: str | None) -> None:
    found = refused(
        template,
        "{% macro paid(x) %}{% endmacro %}",
        variables={"days": 1},
        environment={"HOME": "x"},
    )
    assert (found.code, str(found.place), found.hint) == (code, where, hint)


@pytest.mark.parametrize(
    ("template", "where", "hint"),
    [
        ("select {{ a", "models/m.sql:1:11", None),
        ("select\n  {% iff a %}x{% endif %}", "models/m.sql:2:6", "did you mean `if`?"),
        ("{% if a %}\nx", "models/m.sql:1:11", None),
        ("x {{ a | uper }}", "models/m.sql:1:10", "did you mean `upper`?"),
        ("{{ 7 | divisibleyb }}", "models/m.sql:1:8", None),  # `divisibleby` is a test
        ("{{ 7 is definde }}", "models/m.sql:1:6", "did you mean `defined`?"),
        ("{{ (1 }}", "models/m.sql:1:7", None),
        ("a {{ € }}", "models/m.sql:1:6", None),
        ("a\n{# never closed", "models/m.sql:2:3", None),
        ("{{ 'a }}", "models/m.sql:1:4", None),
        ("{% break %}", "models/m.sql:1:4", None),
        ("{% for i in [] %}{% else %}{% continue %}{% endfor %}", "models/m.sql:1:31", None),
        ("{% for i in [1] %}{% macro f() %}{% break %}{% endmacro %}{% endfor %}", "models/m.sql:1:37", None),
        ("{% for i in [1] recursive %}{% else %}{% break %}{% endfor %}", "models/m.sql:1:42", None),
        ("{% macro f(a, a) %}{% endmacro %}", "models/m.sql:1:15", "rename one of them"),
        ("select\n{{ " + "9" * 5000 + " }}", "models/m.sql:2:4", None),
    ],
)
def test_syntax_errors(template: str, where: str, hint: str | None) -> None:
    found = refused(template)
    assert (found.code, str(found.place), found.hint) == ("FS200", where, hint)


@pytest.mark.parametrize(
    ("template", "code", "where"),
    [
        ("{{ config(kind='plain', kind='plain') }}", "FS202", "1:25"),
        ("{{ config(tags=[], tags=[]) }}", "FS202", "1:20"),
        ("{{ config(kind='kind' ~ 'kind', kind='b') }}", "FS202", "1:33"),
        ("{{ config(meta={'a': 1, 'a': 2}) }}", "FS202", "1:25"),
        ("{{ ref('a', v=1,\n v=2) }}", "FS202", "2:2"),
        ("{{ 'a' | join(d=1, d=2) }}", "FS202", "1:20"),
        ("{{ 1 is divisibleby(num=1, num=2) }}", "FS202", "1:28"),
        ("{% macro f(x) %}{% endmacro %}{{ f(x=1, None=1, None=2) }}", "FS202", "1:49"),
        ("{{ ref('a', **{'a': 1, 'a': 2}) }}", "FS202", "1:24"),
    ],
)
def test_nothing_is_given_twice(template: str, code: str, where: str) -> None:
    found = refused(template)
    assert (found.code, str(found.place)) == (code, f"models/m.sql:{where}")
    assert found.message.endswith("is given twice")


def test_an_error_inside_a_macro_names_both_places() -> None:
    macros = "{% macro a(x) %}\n  {{ b(x) }}{% endmacro %}\n{% macro b(x) %}{{ x.y }} {{ z }}{% endmacro %}"
    assert trace(refused("select\n{{ a({'y': 1}) }}", macros)) == [
        "macros/all.sql:3:30",
        "macros/all.sql:2:6",
        "models/m.sql:2:4",
    ]
    wrong = refused("select\n{{ a(1) }}", "{% macro a(x) %}\n{{ var('gone') }}{% endmacro %}")
    assert trace(wrong) == ["macros/all.sql:2:4", "models/m.sql:2:4"]
    handed = refused("select {{ a(gone) }}", "{% macro a(x) %}{{ x }}{% endmacro %}")
    assert trace(handed) == ["models/m.sql:1:13"]


@pytest.mark.parametrize(
    "template",
    [
        "{{ ''.__class__ }}",
        "{{ ''['__class__'] }}",
        "{{ '' | attr('__class__') }}",
        "{{ ref.__globals__ }}",
        "{{ ref.__self__.project }}",
        "{{ config.set.__func__ }}",
        "{{ config.__class__.__mro__ }}",
        "{{ self.__init__ }}",
        "{{ range.__subclasses__() }}",
        "{{ '{0.__class__}'.format('') }}",
        "{{ ('{0.__class__}' | attr('format'))('') }}",
        "{{ ''['__cla' ~ 'ss__'] }}",
        "{% set f = ''.__class__ %}",
        "{% for x in ref.__globals__ %}{% endfor %}",
        "{% macro g(x=ref.__self__) %}{{ x }}{% endmacro %}{{ g() }}",
        "{{ exceptions.warn.__self__ }}",
        "{{ paid.__init__ }}",
        "{{ paid._func }}",
        "{{ paid._environment }}",
        "{{ this.__class__ }}",
        "{{ caller() }}",
        "{{ loop }}",
        "{{ '{0.__class__}'.format_map({'0': ''}) }}",
        "{{ cycler.__init__.__globals__.os.popen('id') }}",
        "{{ namespace._x }}",
        "{% set target.x = 1 %}",
        "{{ target.update({'name': 'x'}) }}",
        "{{ 'x'.pieces }}",
        "{{ ref('x', _site=0) }}",
        "{{ paid(_site=1) }}",
        "{{ open('/etc/passwd') }}",
        "{{ __import__('os') }}",
        "{% include '/etc/passwd' %}",
        "{% import 'os' as os %}",
        "{% from 'x' import y %}",
        "{% extends 'x' %}",
        "{% block a %}{% endblock %}",
        "{% autoescape true %}{% endautoescape %}",
        "{{ lipsum() }}",
        "{{ [1, 2] | random }}",
    ],
)
def test_no_way_out_of_the_sandbox(template: str) -> None:
    found = refused(template, "{% macro paid() %}{% endmacro %}")
    assert found.code in {"FS200", "FS201", "FS205", "FS206", "FS211"}
    assert found.place is not None
    assert found.place.line == 1


def test_filters_see_no_more_than_expressions() -> None:
    assert one("{{ [''] | map(attribute='__class__') | list }}").text == "[Undefined]"
    assert one("{{ [ref] | map(attribute='__func__') | first is defined }}").text == "False"


@pytest.mark.parametrize(
    "template",
    [
        "{{ range(10 ** 9) | list }}",
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}",
        "{{ 'a' * 10 ** 9 }}",
        "{{ [1] * 10 ** 9 }}",
        "{{ 10 ** 100000 }}",
        "{% set ns = namespace(x='ab') %}{% for i in range(99) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
        "{% set ns = namespace(x='ab') %}{% for i in range(99) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
        "{% set ns = namespace(x=[1]) %}{% for i in range(99) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
        "{{ 'a'.ljust(10 ** 9) }}",
        "{{ 'a' | center(10 ** 9) }}",
        "{{ '%999999999d' | format(1) }}",
        "{{ '{:999999999}'.format(1) }}",
        "{{ '%999999999d' % 1 }}",
        "{{ '{:{}}'.format(1, 10 ** 9) }}",
        "{{ '%*d' % (10 ** 9, 1) }}",
        "{{ 1.5 | round(10 ** 9, 'ceil') }}",
        "{{ ('a' | attr('ljust'))(10 ** 9) }}",
        "{{ ('a' * 9999).replace('a', 'a' * 9999) }}",
        "{{ [1] | batch(10 ** 9, 'x') | list }}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
        "{{ " + "not " * 5000 + "1 }}",
        "{% for i in [1] %}" * 25 + "{% endfor %}" * 25,
        "{% if 1 %}" * 120 + "{% endif %}" * 120,
    ],
)
def test_what_would_not_end_is_cut_off(template: str) -> None:
    assert refused(template).code == "FS207"


def test_secrets_stay_out_of_messages() -> None:
    found = refused("{{ exceptions.raise_compiler_error(env_var('KEY')) }}", environment={"KEY": "hunter22"})
    assert "hunter22" not in found.render().replace(found.place.text if found.place else "", "")


def test_macro_files() -> None:
    twice = project({}, {"a": "{% macro f() %}{% endmacro %}", "b": "\n{% macro f() %}{% endmacro %}"})
    with pytest.raises(FeatsqlError) as caught:
        render(twice)
    (found,) = caught.value.diagnostics
    assert (found.code, str(found.place)) == ("FS214", "macros/b.sql:2:10")
    assert "macros/a.sql:1:10" in found.message
    for text, code, where in [
        ("{% macro ref() %}{% endmacro %}", "FS214", "1:10"),
        ("{% macro f() %}{% endmacro %}\n\n stray", "FS209", "3:2"),
        ("{% set x = 1 %}", "FS209", "1:4"),
        ("{% macro f( %}", "FS200", "1:13"),
    ]:
        found = refused("select 1", text)
        assert (found.code, str(found.place)) == (code, f"macros/all.sql:{where}")


def test_all_models_are_told_of_together() -> None:
    with pytest.raises(FeatsqlError) as caught:
        render(project({"a": "{{ x }}", "b": "select 1", "c": "{{ y"}))
    assert [str(found.place) for found in caught.value.diagnostics] == ["models/a.sql:1:4", "models/c.sql:1:4"]
