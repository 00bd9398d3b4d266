"""Stage 2: from a project to each model's SQL text, which knows where every piece of it was written."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from featsql.errors import Diagnostic, FeatsqlError, raise_errors
from featsql.read.config.header import read_header
from featsql.read.config.validate import truth
from featsql.read.model import Chunk, Rendered
from featsql.read.project import Config, File, Project, RawConfig
from featsql.read.template.comments import check_comments
from featsql.read.template.constant_template import ConstantTemplate, constant_template
from featsql.read.template.fault import TemplateError
from featsql.read.template.sandbox import Sandbox, Template
from featsql.read.template.traced import Origin, Traced, plain
from featsql.read.template.words import WORDS, Words

# What a file is known to render to, with the configuration of its folders, and added to rows or not.
Known = Callable[[File, RawConfig, bool], Rendered | None]


def never(_: str) -> bool:
    """No model has rows already."""
    return False


def nothing(*_: object) -> None:
    """No rendering is known."""


def render(
    project: Project,
    *,
    full_refresh: bool = False,
    incremental: Callable[[str], bool] = never,
    known: Known = nothing,
) -> tuple[Rendered, ...]:
    """Render every model that is enabled.

    `incremental` tells of a model's name whether its table is there to be added to, `known` what need not be
    rendered again. Raises FeatsqlError with every FS2xx, and what is wrong with the headers.
    """
    workshop: Workshop | None = None
    done: list[Rendered] = []
    found: list[Diagnostic] = []
    for file in project.models:
        name = file.name
        defaults = project.properties.get(name) or RawConfig({}, place=file.place(1))
        if truth(defaults.values.get("enabled")) is False:
            continue
        adds = not full_refresh and incremental(name)
        rendered = known(file, defaults, adds)
        if rendered is None:
            workshop = workshop or Workshop(project)
            try:
                rendered = workshop.render(file, defaults, adds)
            except FeatsqlError as error:
                found.extend(error.diagnostics)
                continue
        if rendered.config.enabled:
            done.append(rendered)
    if workshop is None and not done:
        Workshop(project)  # the macros must be right even where nobody calls them
    raise_errors(found)
    return tuple(done)


def render_text(file: File, project: Project) -> Rendered:
    """Render SQL that is no file of the project. Raises FeatsqlError."""
    return Workshop(project).render(file, RawConfig({}, place=file.place(1)), incremental=False)


class Workshop:
    """A sandbox with the project's macros, in which its models are rendered one after the other."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.sandbox = Sandbox()
        self.macros: dict[str, Origin] = {}
        self.add_macros()

    def add_macros(self) -> None:
        """Let every macro be called from everywhere. Raises FeatsqlError: a name must mean one macro."""
        found: list[Diagnostic] = []
        for file in self.project.macros:
            try:
                library = self.sandbox.library(normal(file))
            except TemplateError as error:
                found.append(error.diagnostic())
                continue
            for name, origin, macro in library:
                taken = self.taken(name, origin)
                found += [taken] if taken else []
                self.macros[name] = origin
                self.sandbox.globals[name] = macro
        raise_errors(found)

    def taken(self, name: str, origin: Origin) -> Diagnostic | None:
        """What is wrong with a macro's name."""
        if name in WORDS:
            message = f"`{name}` is a word of featsql and cannot be a macro"
            return Diagnostic("FS214", message, origin.place, "give the macro another name")
        first = self.macros.get(name)
        if first is None:
            return None
        message = f"there are two macros named `{name}`: the other is at {first.place}"
        return Diagnostic("FS214", message, origin.place, "rename one of them")

    def render(self, file: File, defaults: RawConfig, incremental: bool) -> Rendered:
        """Render one model. Raises FeatsqlError."""
        file = normal(file)
        words = Words(self.project, file, self.sandbox, defaults, incremental)
        try:
            template = constant_template(file, self.sandbox) or self.sandbox.prepare(file)
            text = self.say(words, template)
            if words.answers - {words.adds()}:  # it asked is_incremental() before config() said so
                known = {**defaults.values, "materialized": words.configuration("materialized")}
                words = Words(self.project, file, self.sandbox, replace(defaults, values=known), incremental)
                text = self.say(words, template)
            check_comments(text)
        except TemplateError as error:
            raise FeatsqlError(error.diagnostic(words.secrets)) from None
        return Rendered(
            name=file.name,
            file=file,
            config=self.config(words.raw()),
            text=plain(text),
            chunks=chunks(text),
            references=tuple(words.references),
            macros=tuple(sorted(self.sandbox.reached & self.macros.keys())),
            incremental=words.adds(),
            notices=tuple(words.notices),
            secrets=frozenset(words.secrets),
        )

    def config(self, raw: RawConfig) -> Config:
        """The typed header of a model; what is built of an earlier day is published beside the rest."""
        config, folder = read_header(raw, self.project.default_delay), self.project.as_known
        if not folder or config.publish is None:
            return config
        return replace(config, publish=config.publish.within(folder))

    def say(self, words: Words, template: Template | ConstantTemplate) -> Traced:
        """The output of a model's template with its words."""
        self.sandbox.globals |= words.all()
        text, _ = self.sandbox.run(template)
        return text


def chunks(text: Traced) -> tuple[Chunk, ...]:
    """The pieces of a rendered text, each with its start."""
    made: list[Chunk] = []
    start = 0
    for piece, origin in text.pieces:
        if origin is not None and piece:
            made.append(Chunk(start, origin.file, origin.line, origin.column, origin.literal, origin.trail))
        start += len(piece)
    return tuple(made)


def normal(file: File) -> File:
    """A file whose lines all end in a newline and nothing else."""
    return file if "\r" not in file.text else replace(file, text=file.text.replace("\r\n", "\n").replace("\r", "\n"))
