"""Stage 1: from a folder to a project, or everything that is wrong with its configuration at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from featsql.errors import Diagnostic, FeatsqlError, Place, raise_errors
from featsql.names import did_you_mean
from featsql.read.config.document import Document, read_document
from featsql.read.config.files import PROJECT_FILE, found_below, read_text
from featsql.read.config.folders import check_folders, folder_settings, refuse_unmet
from featsql.read.config.properties import Properties
from featsql.read.config.rules import read_rules
from featsql.read.config.schema import EntityBlock, OutputBlock, ProjectFile
from featsql.read.config.settings import wrong_settings
from featsql.read.config.validate import validate
from featsql.read.project import Attachment, Entity, File, Project, RawConfig, Target
from featsql.read.template.sandbox import TemplateError, render_value
from featsql.secrets import Environment
from featsql.temporal import interval


def load(
    root: Path,
    *,
    target: str | None = None,
    variables: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Project:
    """Read the project in `root`.

    `target` names one of its outputs, `variables` override its `vars`, `environment` stands in for
    the process's own. Raises FeatsqlError with every FS1xx that was found.
    """
    loader = Loader(root, dict(variables or {}), os.environ if environment is None else environment)
    return loader.load(target)


class Loader:
    """One project on its way from files to values; collects what is wrong on the way."""

    def __init__(self, root: Path, variables: Mapping[str, Any], environment: Mapping[str, str]) -> None:
        self.root = root
        self.variables = dict(variables)
        self.environment = Environment(environment)
        self.found: list[Diagnostic] = []
        self.listings: dict[str, list[str]] = {}

    def load(self, target: str | None) -> Project:
        """Everything, in the order in which one thing needs another."""
        document = self.document(self.project_file())
        raise_errors(self.found)
        block, wrong = validate(document, ProjectFile) if document.value else (None, [empty(document)])
        if block is None:
            raise FeatsqlError(wrong)
        self.found += wrong
        check_folders(document, "models", self.found)
        self.variables = own_variables(block.vars, block.name) | self.variables
        self.check_values(block, document)
        models = self.files(block.model_paths, {".sql"})
        properties = self.properties(block, document)
        seeds = properties.seeds_of([self.root / name for name in self.names(block.seed_paths, {".csv"})], self.root)
        raw = self.raw_configs(document, block, models, properties)
        properties.refuse_unknown(models, seeds)
        output = self.target(block, document, target, {source.source for source in properties.sources.values()})
        macros = self.files(block.macro_paths, {".sql"})
        rules = read_rules(block.rules, lambda name: document.key_place(("rules", name)), self.found)
        raise_errors(self.found)
        return Project(
            root=self.root,
            name=block.name,
            version=block.version,
            target=output,
            target_path=block.target_path,
            variables=self.variables,
            boundary=block.time.boundary,
            default_delay=block.time.delay,
            entities=properties.entities,
            sources=properties.sources,
            seeds=seeds,
            models=models,
            macros=macros,
            properties=raw,
            secrets=frozenset(self.environment.secrets),
            environment=self.environment,
            rules=rules,
            target_place=document.key_place(("outputs", output.name)),
        )

    def check_values(self, block: ProjectFile, document: Document) -> None:
        """What no schema can tell of the project's file."""
        self.check_delay(block, document)
        self.found += wrong_settings(block.outputs, document)
        self.check_paths(block, document)

    def check_paths(self, block: ProjectFile, document: Document) -> None:
        """Folders are named from the project's own; one of models must be there: else they would be missed in
        silence."""
        here = [path.name for path in self.root.iterdir() if path.is_dir()]
        given = {key.replace("_", "-") for key in document.value}
        for key, names in (("model-paths", block.model_paths), ("macro-paths", block.macro_paths)):
            for i, name in enumerate(names if key in given else ()):
                missing = key == "model-paths" and not (self.root / name).is_dir()
                problem = f"there is no folder `{name}`" if missing else "the path is not relative to the project"
                if missing or Path(name).is_absolute():  # nothing can be read from there
                    written = key if key in document.value else key.replace("-", "_")
                    place = document.value_place((written, i))
                    message = f"wrong value for `{key}`: {problem}"
                    raise FeatsqlError([*self.found, Diagnostic("FS103", message, place, did_you_mean(name, here))])

    def properties(self, block: ProjectFile, document: Document) -> Properties:
        """What the project's file and the property files say of entities, sources, models and seeds."""
        properties = Properties(block, self.found)
        for entity, place in entities_of(document, block.entities):
            properties.add_entity(entity, place)
        for file in self.files(dict.fromkeys([*block.model_paths, *block.seed_paths]), {".yml", ".yaml"}):
            properties.read(self.document(file))
        return properties

    def project_file(self) -> File:
        """The file that makes a folder a project."""
        if not (self.root / PROJECT_FILE).is_file():
            message = f"there is no {PROJECT_FILE} in {self.root}"
            hint = "go to a project's folder, or name it with --project-dir; `featsql init` starts a new one"
            raise FeatsqlError(Diagnostic("FS100", message, hint=hint))
        file = self.read(PROJECT_FILE)
        if file is None:
            raise FeatsqlError(self.found)
        return file

    def read(self, name: str) -> File | None:
        """A text file, by its path from the root, or None and a diagnostic where it cannot be read."""
        try:
            return File(name, read_text(os.path.join(self.root, name)))
        except (OSError, UnicodeDecodeError) as error:
            reason = "it is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else error.strerror
            self.found.append(Diagnostic("FS106", f"{name} cannot be read: {reason}", Place(name)))
            return None

    def document(self, file: File) -> Document:
        """A YAML file, its templates filled in."""
        document, found = read_document(file, self.fill(file))
        self.found += found
        return document

    def fill(self, file: File) -> Callable[[str], str]:
        """What fills in the templates of a file's strings."""

        def filled(text: str) -> str:
            try:
                return render_value(text, self.variables, self.environment)
            except TemplateError as error:
                line = next((n for n, each in enumerate(file.text.splitlines(), 1) if text.strip() in each), 1)
                at = max(0, file.text.splitlines()[line - 1].find(text.strip()))
                self.found.append(Diagnostic(error.code, error.message, file.place(line, at + 1), error.hint))
                return text

        return filled

    def files(self, folders: Any, suffixes: set[str]) -> tuple[File, ...]:
        """The text files below some folders, in a fixed order."""
        found = (self.read(name) for name in self.names(folders, suffixes))
        return tuple(file for file in found if file is not None)

    def names(self, folders: Any, suffixes: set[str]) -> list[str]:
        """The paths of the files below some folders with one of these suffixes."""
        return [
            name for folder in folders for name in self.listed(folder) if os.path.splitext(name)[1].lower() in suffixes
        ]

    def listed(self, folder: str) -> list[str]:
        """The files below a folder, looked for once."""
        if folder not in self.listings:
            self.listings[folder] = found_below(self.root, folder)
        return self.listings[folder]

    def raw_configs(
        self, document: Document, block: ProjectFile, models: tuple[File, ...], properties: Properties
    ) -> dict[str, RawConfig]:
        """For each model's name what its folders and property files configure."""
        configs: dict[str, RawConfig] = {}
        paths = [below(file.path, block.model_paths) for file in models]
        for file, path in zip(models, paths, strict=True):
            settings = folder_settings(document, "models", block.name, path)
            settings.place = file.place(1)
            name = file.name
            properties.configure(name, settings)
            configs[name] = settings.frozen()
        folders = [self.root / path for path in block.model_paths]
        self.found += refuse_unmet(document, "models", block.name, paths, folders)
        return configs

    def check_delay(self, block: ProjectFile, document: Document) -> None:
        """The project's own delay must be an interval."""
        if block.time.delay is None:
            return
        try:
            interval(block.time.delay)
        except ValueError:
            message = f"`delay` is not a span of time: `{block.time.delay}`"
            place = document.value_place(("time", "delay"))
            self.found.append(Diagnostic("FS115", message, place, "write it like '1 hour' or '0 seconds'"))

    def target(self, block: ProjectFile, document: Document, wanted: str | None, taken: set[str]) -> Target:
        """The output to publish to: the one asked for, the project's choice, or the only one. Its database is named as
        its file, unless that would hide a source of the same name (`taken`)."""
        outputs = block.outputs or {"dev": OutputBlock(path=f"{block.target_path}/{block.name}.duckdb")}
        name = wanted or block.target or next(iter(outputs))
        if name not in outputs:
            place = document.value_place(("target",)) if wanted is None else document.key_place(("outputs",))
            hint = did_you_mean(name, outputs, "the outputs are " + ", ".join(outputs))
            raise FeatsqlError([*self.found, Diagnostic("FS107", f"there is no output `{name}`", place, hint)])
        chosen = outputs[name]
        path = chosen.path if chosen.path == ":memory:" else str((self.root / chosen.path).resolve())
        database = block.name if chosen.path == ":memory:" else identifier(Path(path).stem)
        return Target(
            name=name,
            path=path,
            database=f"{database}_db" if database in RESERVED | taken else database,
            schema=chosen.schema_,
            threads=chosen.threads,
            memory_limit=chosen.memory_limit,
            temp_directory=chosen.temp_directory,
            attach=tuple(Attachment(a.path, a.alias, a.type, a.read_only) for a in chosen.attach),
            extensions=tuple(chosen.extensions),
            settings=chosen.settings,
        )


RESERVED = frozenset({"sources", "memory", "temp", "system", "main", "pg_catalog", "information_schema"})


def empty(document: Document) -> Diagnostic:
    """A project file that says nothing."""
    return Diagnostic("FS103", "the file is empty", document.file.place(1), "start with `name: my_project`")


def own_variables(given: Mapping[str, Any], project: str) -> dict[str, Any]:
    """The project's variables; those under its own name win, as in dbt."""
    own = given.get(project)
    plain = {name: value for name, value in given.items() if name != project}
    return plain | own if isinstance(own, dict) else dict(given)


def entities_of(document: Document, blocks: list[EntityBlock]) -> list[tuple[Entity, Place]]:
    """The entities that a document declares, with their places."""
    return [
        (
            Entity(block.name, tuple(block.keys), block.null_keys == "match", block.description, place),
            place,
        )
        for i, block in enumerate(blocks)
        for place in [document.value_place(("entities", i, "name"))]
    ]


def below(path: str, folders: Iterable[str]) -> PurePosixPath:
    """A file's path below the model path that it lies in."""
    for folder in folders:
        own = PurePosixPath(folder).as_posix() + "/"
        if path.startswith(own):
            return PurePosixPath(path.removeprefix(own))
    return PurePosixPath(path)


def identifier(text: str) -> str:
    """A text as a name that SQL takes without surprises."""
    name = "".join(character if character.isalnum() else "_" for character in text)
    return name if name and not name[0].isdigit() else f"_{name}"
