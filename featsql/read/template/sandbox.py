"""The one place that knows Jinja: runs a person's templates in a sandbox, and keeps where their text was written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import jinja2
from jinja2 import Template as Template
from jinja2 import nodes
from jinja2.lexer import TokenStream
from jinja2.parser import Parser
from jinja2.runtime import Context, Macro, StrictUndefined, Undefined
from jinja2.sandbox import SandboxedEnvironment, modifies_known_mutable

from featsql.read.project import File
from featsql.read.template.blame import blamed, uncompilable, undefined, unreadable
from featsql.read.template.fault import Returned
from featsql.read.template.fault import TemplateError as TemplateError
from featsql.read.template.grammar import Grammar
from featsql.read.template.instrument import COUNTED, EMIT, SITE, Instrument
from featsql.read.template.limits import GROWING, Meter, growth, guarded
from featsql.read.template.printing import text_of
from featsql.read.template.sites import Call, Sites
from featsql.read.template.traced import Origin, Traced, concatenate, plain
from featsql.read.template.variables import MISSING, environment_variable, variable

EXTENSIONS = ("jinja2.ext.do", "jinja2.ext.loopcontrols")
CHANGING = (list, dict, set)  # what a template makes itself it may change
FORMATTING = ("format", "format_map")
LONGEST_NUMBER = 4300  # digits; Python reads no more


class Sandbox(SandboxedEnvironment):
    """Jinja without files, network or Python's inside, whose output knows its origins.

    `calls` are the calls in progress, outermost first; after a failure, those in which it happened.
    """

    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def __init__(self) -> None:
        super().__init__(undefined=StrictUndefined, extensions=EXTENSIONS, keep_trailing_newline=True)
        self.sites = Sites()
        self.literals = self.sites.literals
        self.calls: list[Call] = []
        self.reached: set[str] = set()
        self.meter = Meter()
        del self.globals["lipsum"], self.filters["random"]
        self.filters |= {name: guarded(name, self.filters[name]) for name in GROWING}
        self.filters["format"] = self.formatted(self.filters["format"])
        self.filters |= {EMIT: self.emit, COUNTED: self.counted, "join": self.joined, "string": self.string}

    def _tokenize(self, source: str, name: Any, filename: Any = None, state: Any = None) -> TokenStream:
        """Jinja's own tokens, which count offsets in place of lines: so every node knows its column."""
        tokens = by_offset(self.lexer.tokeniter(source, name, filename, state), source)
        return TokenStream(self.lexer.wrap(tokens, name, filename), name, filename)

    def prepare(self, file: File, look: Callable[[nodes.Template], None] = lambda _: None) -> Template:
        """A template ready to run; `look` sees its tree. Raises TemplateError."""
        self.sites.add(file)
        try:
            tree = Parser(self, file.text, file.path, file.path).parse()
            Grammar(file, self.sites).check(tree)
            look(tree)
            Instrument(self.sites, file).visit(tree)
            tree.set_environment(self)
            return Template.from_code(self, self.compile(tree, file.path, file.path), {})
        except jinja2.TemplateSyntaxError as error:
            known = self.tests if "test" in (error.message or "") else self.filters
            raise unreadable(error, file, self.sites, known) from error
        except (SyntaxError, RecursionError, MemoryError) as error:  # of Python, into which Jinja compiles
            raise uncompilable(error, file, self.sites) from error

    def library(self, file: File) -> list[tuple[str, Origin, Macro]]:
        """The macros of a file that holds nothing else, each with the place of its name. Raises TemplateError."""
        found: list[tuple[str, Origin]] = []

        def look(tree: nodes.Template) -> None:
            for node in tree.body:
                if isinstance(node, nodes.Macro):
                    offset = file.text.index(node.name, node.lineno - 1 + len("macro"))
                    found.append((node.name, self.sites.origin(file.path, offset, len(node.name))))
                elif not is_blank(node):
                    hint = "text between macros would be lost: put it into a macro, or into a comment `{# ... #}`"
                    offset = len(file.text) - len(file.text[node.lineno - 1 :].lstrip())
                    message = "only macros may stand in a macro file"
                    raise TemplateError("FS209", message, hint, self.sites.origin(file.path, offset))

        _, context = self.run(self.prepare(file, look))
        return [(name, origin, context.vars[name]) for name, origin in found]

    def run(self, template: Any) -> tuple[Traced, Context]:
        """The output of a template, and the names that it leaves behind. Raises TemplateError."""
        self.calls, self.reached, self.meter = [], set(), Meter()
        context = template.new_context(self.globals, shared=True)
        try:
            return self.concat(template.root_render_func(context)), context
        except Returned:
            raise TemplateError("FS211", "`return` stands outside of a macro") from None
        except Exception as error:  # a template can make Python raise anything, and the error is the template's
            raise blamed(error, self.calls, self.sites, self.globals) from error

    def concat(self, parts: Iterable[str]) -> Traced:
        """What Jinja puts text together with."""
        return concatenate(self.meter.text(parts))

    @jinja2.pass_context
    def emit(self, _: Context, value: Any, index: int) -> Traced:
        """The text of a value that a template prints."""
        origin = self.sites.expressions[index]
        if value is None:
            hint = "print text or a number; for a value that may be missing, write `{{ value or 'null' }}`"
            raise TemplateError("FS211", "this expression is none, which has no text", hint, origin)
        text = text_of(value, self.meter, origin)
        return (text if isinstance(text, Traced) else Traced(text)).placed(origin)

    @jinja2.pass_context
    def counted(self, _: Context, values: Iterable[Any]) -> Iterator[Any]:
        """The values of a loop, as many as a template may go through."""
        for value in values:
            self.meter.step()
            yield value

    @jinja2.pass_context
    def joined(self, _: Context, value: Any, d: str = "", attribute: str | int | None = None) -> Traced:
        """The filter `join`, and the operator `~`."""
        items = (self.getitem(item, attribute) for item in value) if attribute is not None else value
        parts = self.meter.text([text_of(item, self.meter) for item in items])
        return Traced(d, d.pieces if isinstance(d, Traced) else ()).join(parts)

    def formatted(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The filter `format`, which puts only what has a text into one."""

        def checked(text: Any, *arguments: Any, **options: Any) -> Any:
            for each in (*arguments, *options.values()):
                text_of(each, self.meter)
            return function(text, *arguments, **options)

        return checked

    def string(self, value: Any) -> str:
        """The filter `string`."""
        return text_of(value, self.meter)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Whether a template may see an attribute. Of a text it sees what any text has; what changes a list or a
        mapping it sees of its own."""
        if isinstance(obj, Traced) and not hasattr(str, attr):
            return False
        changes = modifies_known_mutable(obj, attr) and type(obj) not in CHANGING
        return super().is_safe_attribute(obj, attr, value) and not changes

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """An arithmetic operator."""
        growth(operator, left, right)
        return super().call_binop(context, operator, left, right)

    def call(self, context: Context, target: Any, /, *arguments: Any, **options: Any) -> Any:
        """Call a macro or a function, and know of it while it runs."""
        site = self.sites.calls[options.pop(SITE)]
        macro = isinstance(target, Macro)
        self.calls.append(Call(site, macro))
        depth = len(self.calls)
        self.meter.step()
        if isinstance(target, Undefined):
            raise undefined(target, self.globals, site.origin)
        for key, value in () if macro else options.items():
            if isinstance(value, Undefined):
                raise undefined(value, self.globals, site.keywords.get(key, site.origin))
        if macro:
            self.reached.add(target.name)
        elif isinstance(owner := getattr(getattr(target, "__wrapped__", target), "__self__", None), (str, *CHANGING)):
            growth(target.__name__, owner, *arguments, *options.values())
            for each in (*arguments, *options.values()) if target.__name__ in FORMATTING else ():
                text_of(each, self.meter)
        try:
            value = super().call(context, target, *arguments, **options)
        except Returned as returned:
            if not macro:
                raise
            value = returned.value
        del self.calls[depth - 1 :]
        return value.called_from(site.origin) if macro and isinstance(value, Traced) else value


def is_blank(node: nodes.Node) -> bool:
    """Whether a statement only prints whitespace."""
    return all(isinstance(each, nodes.TemplateData) and not each.data.strip() for each in node.iter_child_nodes())


def by_offset(tokens: Iterator[tuple[int, str, str]], source: str) -> Iterator[tuple[int, str, str]]:
    """Tokens with the offset where they begin, counted from 1, in place of their line."""
    position = 0
    try:
        for _, kind, value in tokens:
            position = source.index(value, position)  # what whitespace control strips is passed over
            if kind == "integer" and len(value) > LONGEST_NUMBER:
                raise jinja2.TemplateSyntaxError("this number has too many digits", position + 1)
            yield position + 1, kind, value
            position += len(value)
    except jinja2.TemplateSyntaxError as error:
        error.lineno = position + 1
        raise


def render_value(text: str, variables: Mapping[str, Any], environment: Mapping[str, str]) -> str:
    """A string of a YAML file with its `{{ env_var('X') }}` and `{{ var('x') }}` filled in. Raises TemplateError."""
    if not any(opening in text for opening in ("{{", "{%", "{#")):
        return text

    def var(name: str, default: Any = MISSING) -> Any:
        return variable(name, default, variables)

    def env_var(name: str, default: Any = MISSING) -> Any:
        return environment_variable(name, default, environment)

    sandbox = Sandbox()
    sandbox.globals |= {"var": var, "env_var": env_var}
    return plain(sandbox.run(sandbox.prepare(File("", text)))[0])
