"""A template that is read without Jinja gives what Jinja gives: text, header, every place, and what is wrong."""

from __future__ import annotations

import pytest
from test_render import project

from featsql.errors import FeatsqlError
from featsql.read import render as rendering
from featsql.read.project import File
from featsql.read.render import Workshop, render
from featsql.read.template.constant_template import constant_template

STRAIGHT = (
    "select 1",
    "",
    "\n\nselect 'ä' as a\n",
    "select * from {{ ref('a') }}",
    "{{ config(kind='features', entity='customer') }}\nselect * from {{ref( 'a' )}} join {{ source('s', \"t\") }}",
    "{{ config(materialized='table', enabled=true,) }}\nselect {{ var('x') }} as x -- {{ var('y', 'é') }}",
    "{{ config() }}{{ ref('demo', 'a') }}\n}} and {",
    "{{ config(\n  kind='features'\n) }} select 1",
    "{{ config('features') }} select 1",
    "{{ config(kind='nothing') }} select 1",
    "{{ ref() }}",
    "{{ ref('other', 'a') }}",
    "{{ ref(model='a') }}",
    "{{ ref('') }}",
    "select {{ var('missing') }}",
    "select {{ var('none') }}",
    "select {{ var('x', true) }}",
)
OTHER = (
    "{{ ref('a' ~ 'b') }}",
    "{{ ref('a'|lower) }}",
    "{{- ref('a') -}}",
    "{{{ ref('a') }}}",
    "{{ ref('a') ",
    "{{ ref('a\\n') }}",
    "{{ ref('a' 'b') }}",
    "{{ ref('a',, 'b') }}",
    "{{ config(kind='features', 'a') }}",
    "{{ config(_kind='plain') }}",
    "{{ config(kind='plain', kind='plain') }}",
    "{{ macro('a') }}",
    "{{ this }}",
    "{# ref('a') #}{% if true %}{{ ref('a') }}{% endif %}",
    "{{ var('{{') }}",
    "{{ var('x')() }}",
    "{{ config(tags=['a']) }}",
    "{{ var('x', 1) }}",
)


def said(text: str) -> str:
    """All that rendering a text says."""
    try:
        return repr(render(project({"m": text}, variables={"x": 1, "none": None})))
    except FeatsqlError as error:
        return repr(error.diagnostics)


@pytest.mark.parametrize("text", [*STRAIGHT, *OTHER])
def test_it_is_what_jinja_gives(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = said(text)
    monkeypatch.setattr(rendering, "constant_template", lambda *_: None)
    assert ours == said(text)


@pytest.mark.parametrize("text", STRAIGHT)
def test_jinja_is_not_asked(text: str) -> None:
    assert constant_template(File("m.sql", text), Workshop(project({})).sandbox) is not None


@pytest.mark.parametrize("text", OTHER)
def test_whatever_is_more_is_left_to_jinja(text: str) -> None:
    assert constant_template(File("m.sql", text), Workshop(project({})).sandbox) is None
