"""What a model's template may say, and what it has said: `config`, `ref`, `source`, `var` and their kin."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, NoReturn

from msgspec import Struct
from msgspec.structs import replace
from sqlglot import exp

from featsql.engine import DUCKDB
from featsql.errors import Diagnostic, Place, Severity
from featsql.names import did_you_mean
from featsql.read.model import Reference
from featsql.read.project import File, Project, RawConfig
from featsql.read.template.fault import Returned, TemplateError
from featsql.read.template.printing import Parts, text_of
from featsql.read.template.sandbox import Sandbox
from featsql.read.template.traced import Origin, Traced, plain, written
from featsql.read.template.variables import MISSING, copied, environment_variable, variable
from featsql.secrets import is_secret

SOURCES = "sources"
WORDS = frozenset(
    {"config", "ref", "source", "var", "env_var", "this", "target", "is_incremental", "log", "exceptions", "return"}
)


class Relation(str):
    """A relation's quoted name, and its parts."""

    __slots__ = ("database", "identifier", "schema")

    def __new__(cls, database: str, schema: str, identifier: str) -> Relation:
        made = super().__new__(cls, whole_name(database, schema, identifier))
        made.database, made.schema, made.identifier = database, schema, identifier
        return made

    database: str
    schema: str
    identifier: str

    @property
    def name(self) -> str:
        return self.identifier

    @property
    def table(self) -> str:
        return self.identifier


@cache
def whole_name(database: str, schema: str, identifier: str) -> str:
    """A relation's name with all its parts, quoted."""
    return exp.table_(identifier, schema, database, quoted=True).sql(DUCKDB, copy=False)


class Header(Struct, frozen=True):
    """`config`, the word: callable to configure, with `get` to ask."""

    set: Callable[..., str]
    get: Callable[..., Any]

    def __call__(self, *arguments: Any, **values: Any) -> str:
        return self.set(*arguments, **values)


class Words:
    """The words of one model, and what was said with them.

    `incremental` tells whether the model would be built onto rows that are there already.
    """

    def __init__(self, project: Project, file: File, sandbox: Sandbox, defaults: RawConfig, incremental: bool) -> None:
        self.project = project
        self.file = file
        self.sandbox = sandbox
        self.defaults = defaults
        self.incremental = incremental
        self.configured: dict[str, Any] = {}
        self.places: dict[str, Place] = {}
        self.place: Place | None = None
        self.references: list[Reference] = []
        self.notices: list[Diagnostic] = []
        self.secrets: set[str] = set()
        self.answers: set[bool] = set()

    def all(self) -> Mapping[str, Any]:
        """Every word by its name."""
        target = self.project.target
        target_words = {name: getattr(target, name) for name in ("name", "database", "schema", "threads")}
        return {
            "config": Header(self.config, self.configuration),
            "ref": self.ref,
            "source": self.source,
            "var": self.var,
            "env_var": self.env_var,
            "this": Relation(target.database, target.schema, self.file.name),
            "target": Parts(target_words | {"type": "duckdb"}),
            "is_incremental": self.is_incremental,
            "log": self.log,
            "exceptions": Parts({"raise_compiler_error": self.raise_compiler_error, "warn": self.warn}),
            "return": self.give_back,
        }

    def config(self, *arguments: Any, **values: Any) -> str:
        """Set keys of the model's header."""
        if arguments:
            raise TemplateError("FS202", "config() takes only named values", "write config(kind='features')")
        site = self.sandbox.calls[-1].site
        self.place = self.place or site.origin.place
        self.configured |= {key: bare(value) for key, value in values.items()}
        self.places |= {key: origin.place for key, origin in site.keywords.items()}
        return ""

    def configuration(self, key: str, default: Any = None) -> Any:
        """What `config()` or the project's files have said so far."""
        return copied(self.configured.get(key, self.defaults.values.get(key, default)))

    def ref(self, *names: Any, **options: Any) -> Traced:
        """The name of a model or seed of this project."""
        self.check("ref", names, options, {1, 2}, "ref('model')")
        if len(names) == 2 and names[0] != self.project.name:
            hint = did_you_mean(names[0], [self.project.name], f"only this project's own: `{self.project.name}`")
            raise TemplateError("FS208", f"there is no package `{names[0]}`", hint, self.told(names, 0))
        target = self.project.target
        return self.refer("ref", plain(names[-1]), (target.database, target.schema, names[-1]), self.told(names, -1))

    def source(self, *names: Any, **options: Any) -> Traced:
        """The name of a source's table."""
        self.check("source", names, options, {2}, "source('shop', 'payments')")
        return self.refer("source", f"{names[0]}.{names[1]}", (SOURCES, names[0], names[1]), self.told(names, 1))

    def check(self, word: str, names: tuple[Any, ...], options: Mapping[str, Any], count: set[int], hint: str) -> None:
        """`ref` and `source` take so many names."""
        if options or len(names) not in count or not all(isinstance(name, str) and name for name in names):
            wanted = " or ".join(map(str, sorted(count)))
            message = f"{word}() takes {wanted} name{'s' if wanted != '1' else ''}, as text"
            raise TemplateError("FS202", message, f"write {{{{ {hint} }}}}")

    def told(self, names: tuple[Any, ...], position: int) -> Origin:
        """Where a name was written: the text itself if it was handed on as it is, else the argument."""
        site, name = self.sandbox.calls[-1].site, names[position]
        if isinstance(name, Traced) and len(name.pieces) == 1 and (origin := name.pieces[0][1]) and origin.literal:
            return Origin(origin.file, origin.line, origin.column, len(name))
        return site.arguments[position] if -len(site.arguments) <= position < len(site.arguments) else site.origin

    def refer(self, kind: str, name: str, parts: tuple[str, str, str], origin: Origin) -> Traced:
        """Take down a reference and give its name in SQL."""
        macros = [call.site.origin.place for call in self.sandbox.calls[:-1] if call.macro]
        trail = () if origin.file.path == self.file.path and not macros else tuple(reversed(macros))
        self.references.append(Reference(kind, name, origin.place, trail))
        name = Relation(*(plain(part) for part in parts))
        return written(plain(name), Origin(origin.file, origin.line, origin.column))

    def var(self, name: str, default: Any = MISSING) -> Any:
        """The value of a variable of the project."""
        return variable(name, default, self.project.variables)

    def env_var(self, name: str, default: Any = MISSING) -> Any:
        """The value of an environment variable: a secret."""
        value = environment_variable(name, default, self.project.environment)
        if name in self.project.environment and is_secret(value, default):
            self.secrets.add(value)
        return value

    def is_incremental(self) -> bool:
        """Whether this run adds to rows that are there already."""
        answer = self.adds()
        self.answers.add(answer)
        return answer

    def adds(self) -> bool:
        """Whether the model, as it is configured so far, adds to rows that are there already."""
        return self.incremental and self.configuration("materialized") == "incremental"

    def log(self, message: Any, info: bool = False) -> str:
        """Tell something, in so far as it is asked to be seen."""
        if info:
            self.notices.append(self.notice("FS213", message, "notice"))
        return ""

    def warn(self, message: Any) -> str:
        """Tell of something that may be wrong."""
        self.notices.append(self.notice("FS212", message, "warning"))
        return ""

    def notice(self, code: str, message: Any, severity: Severity) -> Diagnostic:
        """What the template says, and where."""
        *callers, call = self.sandbox.calls
        found = TemplateError(code, text_of(message, self.sandbox.meter), None, call.site.origin)
        found.trail = tuple(caller.site.origin.place for caller in reversed(callers) if caller.macro)
        return replace(found.diagnostic(self.secrets), severity=severity)

    def raise_compiler_error(self, message: Any) -> NoReturn:
        """Say that the model cannot be, in the template's own words."""
        raise TemplateError("FS210", text_of(message, self.sandbox.meter))

    def give_back(self, value: Any = None) -> NoReturn:
        """`return`: what a macro gives, of any type."""
        raise Returned(value)

    def raw(self) -> RawConfig:
        """The project's configuration under that of `config()`; tags and meta add up."""
        values = {**self.defaults.values, **self.configured}
        defaults = self.defaults.values
        for key in ("tags", "meta"):
            if key in self.configured and key in defaults:
                values[key] = added(defaults[key], self.configured[key])
        places = {key: place for key, place in self.defaults.places.items() if root(key) not in self.configured}
        return RawConfig(values, places | self.places, self.place or self.defaults.place)


def added(default: Any, own: Any) -> Any:
    """Two lists of tags or two `meta`, together; what is neither is left to the schema to refuse."""
    if isinstance(default, Mapping) and isinstance(own, Mapping):
        return {**default, **own}
    first, second = ([each] if isinstance(each, str) else each for each in (default, own))
    if isinstance(first, (list, tuple)) and isinstance(second, (list, tuple)):
        return [*first, *(each for each in second if each not in first)]
    return own


def root(key: str) -> str:
    """The first part of a dotted key."""
    return key.partition(".")[0]


def bare(value: Any) -> Any:
    """A value without the origins of its texts."""
    match value:
        case str():
            return plain(value)
        case Mapping():
            return {bare(key): bare(each) for key, each in value.items()}
        case list() | tuple():
            return [bare(each) for each in value]
        case _:
            return value
