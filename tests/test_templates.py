"""Templates in dbt's habits: what they may change, what they print, and what a comment takes in."""

from __future__ import annotations

from typing import Any

import pytest
from test_render import one, project, refused

from featsql.read.render import render
from featsql.read.template.dbt import FROM, INSTEAD, TAKEN, instead

SWALLOWED = {
    "a statement between": ("-- c\n{%- set a = 1 -%}\nselect 1", "models/m.sql:1:1", "`select 1` of line 3"),
    "a loop": (
        "select a -- c\n{%- for x in ['b'] %}, {{ x }}{% endfor %}\nfrom t",
        "models/m.sql:1:10",
        "`, b` of line 2",
    ),
    "an expression": ("select a, -- c\n{{- 'b' }}\nfrom t", "models/m.sql:1:11", "`b` of line 2"),
    "an expression before it": ("select a, -- c\n{{ 'b' -}}\nfrom t", None, ""),
    "the end of a macro": ("select {{ m() }}, b\nfrom t", "macros/all.sql:1:18", "`, b` of line 1 of models/m.sql"),
    "a macro's inside": ("select {{ n() }}\nfrom t", "macros/all.sql:2:18", "`, 2` of line 4"),
    "a later turn": (
        "select {% for x in 'ab' %}{{ x }}, -- c {% endfor %}\n1",
        "models/m.sql:1:36",
        "`b, -- c` of line 1",
    ),
    "a value": ("select {{ var('x') }}, b\nfrom t", "models/m.sql:1:11", "`, b` of line 1"),
    "a block that a value ends": (
        "select /* {{ var('y') }} */ 1",
        "models/m.sql:1:8",
        "in line 1, in text that comes from elsewhere: `/* a */`",
    ),
    "the text of a list from above": (
        "{% set c = ['a', 'b'] %}\nselect -- c\n{%- for x in c %} {{ x }}{% endfor %}\nfrom t",
        "models/m.sql:2:8",
        "`a b` of line 1",
    ),
    "the second of two comments": (
        "-- a\n{%- set a = 1 -%}\n-- b\n{%- set b = 1 -%}\nselect 1",
        "models/m.sql:3:1",
        "line 5",
    ),
}
MACROS = (
    "{% macro m() %}a -- c{% endmacro %}\n{% macro n() %}1 -- c\n{%- set a = 1 -%}\n, 2{% endmacro %}"
    "{% macro off() %}--{% endmacro %}{% macro note(x) %}-- {{ x }}\n{% endmacro %}"
)


@pytest.mark.parametrize(("template", "place", "said"), SWALLOWED.values(), ids=SWALLOWED)
def test_what_a_comment_takes_in_is_told(template: str, place: str | None, said: str) -> None:
    values = {"variables": {"x": "a -- c", "y": "a */ b"}}
    if place is None:
        one(template, MACROS, **values)
        return
    found = refused(template, MACROS, **values)
    assert (found.code, str(found.place)) == ("FS215", place)
    assert said in found.message


@pytest.mark.parametrize(
    "template",
    [
        "-- c {{ var('x') }}\nselect 1",
        "-- {{ 'a' }} {{ 'b' }} c\nselect 1",
        "{% set c = ['a', 'b'] %}\n-- {{ c | join(', ') }}\nselect 1",
        "{% set c %}a\nb{% endset %}\n/* {{ c }} */ select 1",
        "{% set c %}a{% endset %}\n\n-- {{ c }}\nselect 1",
        "-- a\n{%- set b = 1 -%}\n-- b\nselect 1",
        "-- a\n{% if true -%}\nselect 1{% endif %}",
        "{% for x in 'ab' %}\n{{ x }}, -- c\n{%- endfor %}\n1",
        "/* a\n{%- set b = 1 -%}\nb */ select 1",
        "/* a /* b\n*/ c */ select 1",
        "{% if true %}/*{% endif %}\na\n{% if true %}*/{% endif %} select 1",
        "select 1 {{ '--' if true }} limit 10",
        "select 1 {{ off() }} limit 10",
        "{{ note('a') }}select {{ note(var('x')) }}1",
        "select '-- c'\n{%- set a = 1 -%}\n, 2",
        "select $a$ -- $a$\n{%- set a = 1 -%}\n, 2",
        "select e'\\'--'\n{%- set a = 1 -%}\n, \"--\"\n{%- set a = 1 -%}\n, 2",
        "-- c\n{%- set a = 1 -%}\n   \nselect 1",
        "select 1 -- c\n{%- if false %}, 2{% endif %}",
    ],
)
def test_what_is_meant_as_a_comment_is_none_of_that(template: str) -> None:
    if template == "-- c\n{%- set a = 1 -%}\n   \nselect 1":  # here the blank line goes, too
        assert refused(template).code == "FS215"
    else:
        one(template, MACROS, variables={"x": "v"})


CHANGES = {
    "{% set x = [] %}{% for i in [1, 2] %}{% do x.append(i) %}{% endfor %}{{ x }}": "[1, 2]",
    "{% set x = [1] %}{% do x.extend([2, 3]) %}{% do x.insert(0, 0) %}{% do x.pop() %}{{ x | join('-') }}": "0-1-2",
    "{% set x = {} %}{% do x.update({'a': 1}) %}{% do x.setdefault('b', 2) %}{{ x }}": "{'a': 1, 'b': 2}",
    "{% set x = [2, 1] %}{% do x.sort() %}{% do x.reverse() %}{% do x.remove(2) %}{{ x }}": "[1]",
    "{% set ns = namespace(x=[]) %}{% if true %}{% do ns.x.append('a') %}{% endif %}{{ ns.x[0] }}": "a",
    "{{ many(2) }}{{ many(3) }}": "[0, 1][0, 1, 2]",
    "{% do var('l').append(9) %}{{ var('l') }}": "[1, [2]]",
    "{% set x = var('l') %}{% do x[1].append(3) %}{{ x }}{{ var('l') }}": "[1, [2, 3]][1, [2]]",
    "{% do config.get('meta').update({'b': 2}) %}{{ config.get('meta') }}": "{'a': [1]}",
    "{% set x = [] %}{{ config(tags=x) }}{% do x.append('a') %}{{ config.get('tags') }}": "[]",
}
MANY = (
    "{% macro many(n, found=[]) %}{% for i in range(n) %}{% do found.append(i) %}{% endfor %}{{ found }}{% endmacro %}"
)


def test_a_template_changes_what_it_has_made() -> None:
    values: dict[str, Any] = {"l": [1, [2]]}
    meta: dict[str, Any] = {"a": [1]}
    for template, expected in CHANGES.items():
        texts = {"m": template, "n": template}
        made = project(texts, {"all": MANY}, {"m": {"meta": meta}, "n": {"meta": meta}}, variables=values)
        assert [each.text for each in render(made)] == [expected, expected], template
    assert (values, meta) == ({"l": [1, [2]]}, {"a": [1]})


@pytest.mark.parametrize(
    ("template", "code"),
    [
        ("{% do target.update({'name': 'x'}) %}", "FS205"),
        ("{% do exceptions.clear() %}", "FS205"),
        ("{% set x = [1] %}{% for i in range(99) %}{% do x.extend(x) %}{% endfor %}", "FS207"),
        ("{% set x = [1] %}{% do x.append(x) %}{{ config(tags=x) }}", "FS207"),
        ("{% set x = {} %}{% do x.update(a=x) %}{{ config(meta=x) }}", "FS207"),
        (
            "{% set n = namespace(x=[1]) %}{% for i in range(99) %}{% set n.x = [n.x, n.x] %}{% endfor %}{{ n.x }}",
            "FS207",
        ),
        ("{% set x = [1] %}{% do x.append(x) %}{{ x }}", "FS207"),
    ],
)
def test_what_is_ours_and_what_is_too_much_stays_as_it_is(template: str, code: str) -> None:
    assert refused(template).code == code


WITHOUT_TEXT = {
    "{{ config }}": "config.get('key')",
    "{{ ref }}": "`{{ ref(...) }}`",
    "{{ source }}": "`{{ source(...) }}`",
    "{{ var }}": "`{{ var(...) }}`",
    "{{ env_var }}": "`{{ env_var(...) }}`",
    "{{ is_incremental }}": "`{{ is_incremental(...) }}`",
    "{{ config.get }}": "call it",
    "{{ return }}": "`{{ return(...) }}`",
    "{{ many }}": "`{{ many(...) }}`",
    "{{ target }}": "`.name`",
    "{{ exceptions }}": "`.warn`",
    "{{ exceptions.warn }}": "call it",
    "{{ [1, ref] }}": "call it",
    "{{ {'a': {'b': many}} }}": "call it",
    "{{ 'a' ~ ref }}": "call it",
    "{{ [ref] | join }}": "call it",
    "{{ ref | string }}": "call it",
    "{{ '%s' | format(ref) }}": "call it",
    "{{ '{}'.format(ref) }}": "call it",
    "{{ log(ref, info=true) }}": "call it",
    "{{ exceptions.warn(target) }}": "`.name`",
    "{{ 'a'.upper }}": "call it",
    "{{ [1] | map('string') }}": "| list",
    "{{ range(3) }}": "| list",
    "{{ {'a': 1}.items() }}": "| list",
    "{{ namespace(a=1) }}": "one of its parts",
    "{% for x in [1] %}{{ loop }}{% endfor %}": "one of its parts",
    "{{ 'a'.encode() }}": "one of its parts",
}


@pytest.mark.parametrize("template", WITHOUT_TEXT)
def test_what_has_no_text_is_not_printed(template: str) -> None:
    found = refused(f"select 1,\n  {template}", MANY)
    assert (found.code, found.place and found.place.line) == ("FS211", 2)
    assert WITHOUT_TEXT[template] in (found.hint or "")
    for word in ("object at", "featsql.", "<", "0x"):
        assert word not in found.message


def test_what_comes_from_dbt_is_told_what_to_write() -> None:
    for name in INSTEAD.keys() - TAKEN:
        found = refused("select " + "{{ " + name + "('x') }}")
        plainly = "." in name or name in FROM
        assert (found.code, found.hint) == ("FS201", instead(name) if not plainly else found.hint), name
        assert found.hint is not None, name
        assert str(found.place) == "models/m.sql:1:11"
    for package in sorted(FROM):
        for name in sorted(TAKEN):
            found = refused("{% set x = " + f"{package}.{name}('x') " + "%}")
            assert (found.hint or "").endswith(INSTEAD[name]), name
    assert "generate_series" in (refused("{{ dbt_utils.date_spine('day') }}").hint or "")
    assert "own name" in (refused("{% set f = adapter.dispatch('x') %}").hint or "")
    assert "asks no database" in (refused("{% if execute %}1{% endif %}").hint or "")
    assert "asks no database" in (refused("{% call statement('x') %}select 1{% endcall %}").hint or "")
    assert "every version" in (refused("{% snapshot x %}select 1{% endsnapshot %}").hint or "")
    assert "keep their types" in (refused("{{ 'true' | as_bool }}").hint or "")
