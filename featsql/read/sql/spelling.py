"""DuckDB's parse trees without what makes no difference: positions, synonyms, and other ways to write the same."""

from __future__ import annotations

import re
import weakref
from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

from msgspec import Struct

from featsql.engine import Engine
from featsql.read.sql.spans import Spans
from featsql.read.sql.vocabulary import other_names

Node = dict[str, Any]

AT, LENGTH = "query_location", "query_location_length"
MEANINGLESS = frozenset({"is_operator", "is_implicit"})
UNITS = frozenset({"microsecond", "millisecond", "second", "minute", "hour", "day", "week", "month", "quarter", "year"})
LITERALS = {"VARCHAR": "STRING", "INTEGER": "INTEGER", "BIGINT": "INTEGER", "BOOLEAN": "BOOLEAN"}
PLAIN_KEY = re.compile(r"^[A-Za-z_]\w*$")
NUMBER = re.compile(r"^-?\d+(\.\d*)?(e[+-]?\d+)?$", re.IGNORECASE)
DATE_PART_FIRST = frozenset({"date_trunc", "datetrunc", "date_diff", "datediff", "date_part", "datepart", "date_sub"})
SAME_FUNCTION = {"datetrunc": "date_trunc", "datediff": "date_diff", "datepart": "date_part", "datesub": "date_sub"}
SAME_FUNCTION |= {"json_extract_string": "->>", "&&": "list_has_any"}
JSON_PATHS = frozenset({"->>", "json_extract"})
NULLS_LAST = "NULLS LAST"
WAYS = frozenset({"ORDER_DEFAULT", "ASCENDING", "DESCENDING"})
COMMA = {"kind": "STRING", "text": ","}
TYPES = "SELECT DISTINCT lower(type_name), lower(logical_type) FROM duckdb_types() WHERE type_name <> 'JSON'"

known: WeakKeyDictionary[Engine, Spelling] = WeakKeyDictionary()


def spelling_of(engine: Engine) -> Spelling:
    """The synonyms of an engine, asked once."""
    if engine not in known:
        functions = other_names(engine)
        ((nulls,),) = engine.rows("SELECT current_setting('default_null_order')")
        last = str(nulls).upper().replace("_", " ") == NULLS_LAST
        known[engine] = Spelling(functions | SAME_FUNCTION, dict(engine.rows(TYPES)), last, Spans(weakref.ref(engine)))
    return known[engine]


class Spelling(Struct, frozen=True):
    """The names that DuckDB has for one function or one type, and whether NULLs come last unless asked."""

    functions: Mapping[str, str]
    types: Mapping[str, str]
    nulls_last: bool
    spans: Spans

    def canonical(self, value: Any) -> Any:
        """A parse tree in one spelling. Each node keeps its position, which no comparison looks at."""
        if isinstance(value, list):
            return [self.canonical(each) for each in value]
        if not isinstance(value, dict):
            return value
        node = {
            key: self.canonical(each) if isinstance(each, dict | list) else each
            for key, each in value.items()
            if key not in MEANINGLESS
        }
        if "path" in node.get("qualified_name", {}):
            node["qualified_name"] = node["qualified_name"]["path"][:-1]
        return self.simple({key: each for key, each in node.items() if key == AT or not is_empty(each)})

    def simple(self, node: Node) -> Node:
        """One node, whose parts are canonical."""
        match node:
            case {"function_name": str(name)}:
                return self.function(node, self.functions.get(name.lower(), name.lower()))
            case {"class": "CONSTANT", "literal": {"kind": "NUMERIC" | "INTEGER" as kind, "text": str(text)}}:
                digits = text.replace("_", "")
                return node | {"literal": {"kind": kind, "text": f"0{digits}" if digits.startswith(".") else digits}}
            case {"class": "CAST"}:
                return self.cast(node)
            case {"class": "TYPE", "type_name": str(name)}:
                return self.kind(node, name.lower())
            case {"type": "OPERATOR_NOT", "children": [{"type": "OPERATOR_IS_NULL"} as inner]}:
                return {**inner, "type": "OPERATOR_IS_NOT_NULL", **outer(node)}
            case {"type": "OPERATOR_NOT", "children": [{"type": "COMPARE_NOT_DISTINCT_FROM"} as inner]}:
                return {**inner, "type": "COMPARE_DISTINCT_FROM", **outer(node)}
            case {"class": "CONSTANT", "value": {"type": {"id": str(kind)}, "value": found}} if kind in LITERALS:
                return constant(node, kind, found)
            case {"type": "ARRAY_CONSTRUCTOR"}:
                return call("list_value", node.get("children", []), node)
            case {"class": "COLUMN_REF", "column_names": names}:
                return node | {"column_names": [name.lower() for name in names]}
            case {"class": "LAMBDA", "lhs": value, "expr": {"literal": {}} as path}:
                return call("json_extract", [value, json_path(path)], node)
            case {"class": "LAMBDA", "lhs": value, "expr": {"function_name": "->>", "arguments": [path, last]}}:
                # `j -> 'a' ->> 'b'`: the parser takes the second arrow first, the binder the first
                first = call("json_extract", [value, json_path(path["expression"])], {})
                return call("->>", [first, last["expression"]], node)
            case {"type": "UNBOUND_TYPE_INFO", "name": str(name)}:
                return node | {"name": name.lower()}
            case {"null_order": "ORDER_DEFAULT"} if self.nulls_last:
                return node | {"null_order": NULLS_LAST}
            case {"ref_type": "REGULAR", "condition": {"literal": {"kind": "BOOLEAN", "text": "true"}}}:
                return crossed(node)
            case {"type": "ORDER_MODIFIER", **rest} if not rest:
                return {}
            case {"type": "SELECT_NODE", "from_table": {"type": "SUBQUERY", "subquery": {"node": inner}} as given}:
                return inner if is_list(inner) and is_all_of(node, given) else node
            case _:
                return node

    def kind(self, node: Node, name: str) -> Node:
        """A type. The length of a text means nothing to DuckDB."""
        name = self.types.get(name, name)
        made = node | {"type_name": name}
        if name == "varchar":
            made.pop("children", None)
        return made

    def function(self, node: Node, name: str) -> Node:
        """A call."""
        node = told_alike(node | {"function_name": name})
        match name, values_of(node):
            case "+", [only]:
                return {**only, **outer(node)}
            case "date_add", [_, _]:
                return node | {"function_name": "+"}
            case "if", [condition, then, otherwise]:
                checks = [{"when_expr": condition, "then_expr": then}]
                case = {"class": "CASE", "type": "CASE_EXPR", "case_checks": checks, "else_expr": otherwise}
                return case | outer(node)
            case "quantile_cont" | "quantile_disc", [fraction]:  # percentile_cont(0.5) within group (order by x)
                orders = node.get("order_bys", {}).get("orders", [])
                return rewritten(node, [orders[0]["expression"], fraction]) if len(orders) == 1 else node
            case "list_sort", [{"function_name": "list"} as made, {"literal": way}, {"literal": nulls}]:
                return self.ordered(node, made, str(way.get("text")), str(nulls.get("text")))
            case "string_agg", [value]:
                return rewritten(node, [value, {"class": "CONSTANT", "type": "VALUE_CONSTANT", "literal": COMMA}])
            case "log", [{"literal": {"text": "10"}}, value]:
                return call("log10", [value], node)
            case "range" | "generate_series", [only]:
                zero = {"class": "CONSTANT", "type": "VALUE_CONSTANT", "literal": {"kind": "INTEGER", "text": "0"}}
                return rewritten(node, [zero, only])
            case _, [{"literal": {}} as part, *rest] if name in DATE_PART_FIRST:
                return rewritten(node, [folded(part), *rest])
            case "bool_and" | "bool_or", [{"class": "CAST", "child": child} as value] if type_of(value) == "boolean":
                return rewritten(node, [child])
            case _, [value, {"literal": {}} as path] if name in JSON_PATHS:
                return rewritten(node, [value, json_path(path)])
            case _, [{"class": "CAST", "child": inner} as value] if name.startswith("to_"):
                return self.counted(node, name, type_of(value), inner)
            case _:
                return node

    def ordered(self, node: Node, made: Node, way: str, nulls: str) -> Node:
        """`list(x order by x)`, which the parser of DuckDB 1.5 makes a call of `list_sort`."""
        if way not in WAYS or "order_bys" in made:
            return node
        order = self.simple({"type": way, "null_order": nulls, "expression": values_of(made)[0]})
        return made | {"order_bys": {"type": "ORDER_MODIFIER", "orders": [order]}} | outer(node)

    def counted(self, node: Node, name: str, kind: str, inner: Node) -> Node:
        """`interval 7 days`, which the parser makes a call of `to_days`; an interval if its number is written out."""
        match inner:
            case {"literal": {"text": str(text)}}:
                found = self.spans.counted(name, kind, text, whole=False)
            case {"function_name": "trunc", "arguments": [{"expression": {"child": {"literal": {"text": str(text)}}}}]}:
                found = self.spans.counted(name, kind, text, whole=True)
            case _:
                return node
        return node if found is None else interval(node, found)

    def cast(self, node: Node) -> Node:
        """A cast; of a constant to an interval, the interval; of digits in quotes to a number, the number."""
        child = node.get("child", {})
        text = str(child.get("literal", {}).get("text", ""))
        if type_of(node) == "interval" and text and not node.get("try_cast"):
            found = self.spans.written(text)
            return node if found is None else interval(node, found)
        if type_of(node) == "double" and NUMBER.match(text):
            return node | {
                "child": child | {"literal": {"kind": "NUMERIC" if "." in text else "INTEGER", "text": text}}
            }
        if type_of(node) == "boolean" and text in {"t", "f"}:  # how DuckDB 1.5 tells `true` and `false`
            return {**child, "literal": {"kind": "BOOLEAN", "text": "true" if text == "t" else "false"}, **outer(node)}
        return node


def told_alike(call: Node) -> Node:
    """A call as DuckDB 2.0 tells it; takes from it what says nothing."""
    if not call.get("order_bys"):
        call.pop("order_bys", None)
    if "children" in call:  # as DuckDB 1.5 tells it
        call["arguments"] = [{"expression": value} for value in call.pop("children")]
    if call.get("schema") == "main":  # where the parser itself makes a call, DuckDB 1.5 says so
        call.pop("schema")
    return call


def is_empty(value: Any) -> bool:
    """Whether a value of a parse tree says nothing. Zero does."""
    return value is None or value is False or (isinstance(value, (str, list, dict)) and not value)


def constant(node: Node, kind: str, found: Any) -> Node:
    """A constant of DuckDB 1.5, which tells its type, as 2.0 tells it."""
    rest = {key: each for key, each in node.items() if key != "value"}
    return rest | {"literal": {"kind": LITERALS[kind], "text": str(found).lower() if kind == "BOOLEAN" else str(found)}}


def rewritten(node: Node, values: list[Node]) -> Node:
    """A call with other arguments."""
    return node | {"arguments": [{"expression": value} for value in values]}


def call(name: str, values: list[Node], node: Node) -> Node:
    """A call in place of another node."""
    arguments = [{"expression": value} for value in values]
    return {"class": "FUNCTION", "type": "FUNCTION", "function_name": name, "arguments": arguments, **outer(node)}


def outer(node: Node) -> Node:
    """What a node has around its value: alias and position."""
    return {key: node[key] for key in ("alias", AT, LENGTH) if key in node}


def crossed(join: Node) -> Node:
    """A join on true; of every row with every row, where it keeps only matches."""
    if join.get("join_type", "INNER") != "INNER":
        return join
    return {key: each for key, each in join.items() if key != "condition"} | {"ref_type": "CROSS"}


def values_of(node: Node) -> list[Node]:
    """The arguments of a call."""
    return [argument.get("expression", {}) for argument in node.get("arguments", [])]


def type_of(node: Node) -> str:
    """The type that a value is cast to, in DuckDB 2.0 or 1.5."""
    return str(node.get("type_expr", {}).get("type_name") or node.get("cast_type", {}).get("id", "")).lower()


def interval(node: Node, length: str) -> Node:
    """A span of time, however it was written."""
    return {"class": "INTERVAL", "type": "INTERVAL", "length": length, **outer(node)}


def is_list(query: Node) -> bool:
    """Whether a query is a VALUES list."""
    return bool(query.get("from_table", {}).get("type") == "EXPRESSION_LIST" and is_all_of(query, query["from_table"]))


def is_all_of(query: Node, table: Node) -> bool:
    """Whether a query gives a table of its own as it is: `select * from (...) as name`."""
    stars = query.get("select_list", [])
    said = query.keys() - {"type", "select_list", "from_table", "aggregate_handling", *outer(query)}
    if said or "column_name_alias" in table or "expected_names" in table or "sample" in table or len(stars) != 1:
        return False
    return stars[0].get("type") == "STAR" and not stars[0].keys() - {"class", "type", AT, LENGTH}


def folded(constant: Node) -> Node:
    """The name of a part of a date, or of units of time, in small letters."""
    literal = constant["literal"]
    return constant | {"literal": literal | {"text": str(literal.get("text", "")).lower()}}


def json_path(constant: Node) -> Node:
    """The path of one key is the key; of one element, its number."""
    literal = constant.get("literal", {})
    text = str(literal.get("text", ""))
    if literal.get("kind") == "INTEGER":
        return constant | {"literal": {"kind": "STRING", "text": f"$[{text}]"}}
    return constant | {"literal": literal | {"text": f"$.{text}"}} if PLAIN_KEY.match(text) else constant
