"""Features models that aggregate the same rows by the same keys, as one `Over`: the rows are read and ordered once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace
from sqlglot import exp

from featsql.plan import names
from featsql.plan.microseconds import is_prompt
from featsql.plan.plan import Attach, Measure, Over, Window, reach


def together(attachments: Iterable[Attach]) -> list[list[Attach]]:
    """The attachments, those side by side that can share one `Over`; every other alone."""
    groups: dict[object, list[Attach]] = {}
    for position, attach in enumerate(attachments):
        groups.setdefault(common(attach) or position, []).append(attach)
    return list(groups.values())


def common(attach: Attach) -> tuple[str, ...] | None:
    """What attachments that share an `Over` have in common; None for one that can share none."""
    features = attach.features
    if not isinstance(features, Over):
        return None
    clock = features.scan.relation.clock
    if not features.joinable and not (clock is not None and is_prompt(clock)):
        return None  # the general rule answers for its late rows, and for one model only
    rows = features.rows.copy()
    rows.set("expressions", [value for value in rows.expressions if value.alias not in hoisted(features)])
    # what is joined widely for one is not for another; what comes from arrays can take the rest of others with it
    alone = (features.method, "" if features.method == "sort" else str(widest_of(features)))
    way = ("arrays",) if features.arrays else alone
    keys = tuple(key.sql("duckdb") for key in attach.keys)
    alike = (
        features.scan.relation.key,
        rows.sql("duckdb", comments=False),
        str(features.match_nulls),
    )
    return (*alike, *way, *keys)


def hoisted(features: Over) -> dict[str, exp.Expr]:
    """The rows' columns that are only there for the measures, by name."""
    prefix = names.part("argument", 0)[:-1]
    return {value.alias: value.unalias() for value in features.rows.expressions if value.alias.startswith(prefix)}


def widest_of(features: Over) -> float | None:
    """How far back the windows of a model reach, in seconds; those over everything are not asked."""
    return max((reach(features.windows[features.measures[i].window]) or 0 for i in features.bounded), default=None)


def part_of(position: int, feature: str) -> str:
    """The name of a feature of the model at a position among those that share."""
    return f"{position}.{feature}"


def shared(group: Sequence[Over]) -> Over:
    """One node for several; `part_of` names the features of each."""
    columns: dict[str, tuple[str, exp.Expr]] = {}
    windows: dict[Window, int] = {}
    measures: dict[Measure, int] = {}
    outputs: list[tuple[str, exp.Expr]] = []
    from_arrays: set[int] = set()
    for position, features in enumerate(group):
        places = Renaming(features, columns, windows, measures).places()
        outputs += [(part_of(position, name), moved(value, places)) for name, value in features.outputs]
        from_arrays |= {places[i] for i in features.arrays}
    first = next((features for features in group if features.rest), group[0])
    rows, arguments = first.rows.copy(), hoisted(first)
    kept = [value for value in rows.expressions if value.alias not in arguments]
    rows.set("expressions", [*kept, *(exp.alias_(value.copy(), name) for name, value in columns.values())])
    found = (tuple(windows), tuple(measures), tuple(outputs))
    return replace(
        first, rows=rows, windows=found[0], measures=found[1], outputs=found[2], arrays=frozenset(from_arrays)
    )


def moved(output: exp.Expr, places: Sequence[int]) -> exp.Expr:
    """An output over the measures of all, `places` being where its own are among them."""
    return renamed(output, {names.part("value", i): names.part("value", p) for i, p in enumerate(places)})


class Renaming(Struct):
    """The columns, windows and measures of one node by the places that they have among those of all."""

    features: Over
    columns: dict[str, tuple[str, exp.Expr]]
    windows: dict[Window, int]
    measures: dict[Measure, int]

    def places(self) -> list[int]:
        """Where the measures are among all."""
        found = {name: self.column(value) for name, value in hoisted(self.features).items()}
        places = []
        for each in self.features.measures:
            window = self.windows.setdefault(self.features.windows[each.window], len(self.windows))
            flag = found[each.flag] if each.flag else None
            measure = Measure(renamed(each.call, found), flag, window)
            places.append(self.measures.setdefault(measure, len(self.measures)))
        return places

    def column(self, value: exp.Expr) -> str:
        """The name of a column of the rows, new or one that is there."""
        name = names.part("argument", len(self.columns))
        return self.columns.setdefault(value.sql("duckdb"), (name, value))[0]


def renamed(value: exp.Expr, found: Mapping[str, str]) -> exp.Expr:
    """A copy of an expression whose columns have other names."""
    root = exp.paren(value.copy(), copy=False)
    for each in list(root.find_all(exp.Column)):
        if each.name in found:
            each.set("this", exp.to_identifier(found[each.name]))
    made = root.this
    assert isinstance(made, exp.Expr)
    return made
