"""Where SQL cannot be read, quotes are advised if they are all that it needs."""

from __future__ import annotations

import pytest

from featsql.engine import Engine
from featsql.read.sql.quoting import meant_as_name


def advised(text: str) -> str | None:
    """The word that is to be quoted in a text that cannot be read."""
    engine = Engine.memory()
    problem = engine.syntax_error(text)
    assert problem is not None
    return meant_as_name(text, problem[1], engine.syntax_error)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("select a, at from t", "at"),
        ("select 'ä' as a, at, b from t", "at"),
        ("select a from t order by at", "at"),
        ("select sum(At) from t", "At"),
        ("select order from t order by a", "order"),
        ("select a from end", "end"),
        ("with end as (select 1) select * from end", "end"),
        ("select a from t where end > at and to < 5 order by at", "end"),
        ("select max(at) filter (where at > 1) from t", "at"),
    ],
)
def test_a_name_that_is_a_word_of_sql(text: str, word: str) -> None:
    assert advised(text) == word


@pytest.mark.parametrize(
    "text",
    [
        "select",
        "selct a from t",
        "select a,, b from t",
        "select a from where x > 1",
        "select a from t where",
        "select a from t where a = 1 and group by x",
        "select a from t order a",
        "select sum(a) from t group a",
        "select a from t inner u using (x)",
        "select a from t where a = and b = 2",
        "select count(*) over (partition a) from t",
        "select case when a then 1 else 0 from t end",
        "select 'a from t",
        "(select a from t",
    ],
)
def test_quotes_are_not_advised_for_what_they_do_not_mend(text: str) -> None:
    assert advised(text) is None
