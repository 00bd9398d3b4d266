"""Which nodes of a build need not be built, because nothing that they are made from has changed."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Mapping, Sequence, Set
from pathlib import Path

from msgspec.structs import replace

from featsql.build.publish import write_json
from featsql.build.results import Options, Result
from featsql.build.reuse.code import code_of
from featsql.build.reuse.extend import Before
from featsql.build.reuse.facts import facts_of
from featsql.build.reuse.file_fingerprints import same, stamp, within
from featsql.build.reuse.source_fingerprints import SourceFingerprints as Files
from featsql.build.reuse.state import FILE, NodeState, SourceState, State, digest, made_by, read_state
from featsql.build.reuse.veil import names_in, unveiled, veiled
from featsql.build.target import relations, shapes, stored, table_of
from featsql.build.training_set.mature import due
from featsql.compiler import Compiled
from featsql.data import plain
from featsql.engine import Engine
from featsql.read.model import Model
from featsql.resolve.graph import model_key
from featsql.sources.locations import given

SAID = {"model": "upstream", "types": "the types"}
KEPT = {"table", "labels", "training_set", "seed", "view"}


class Reuse:
    """Decides before anything is built, and remembers afterwards. `reasons` says why a node is built anew;
    those that are not in it stand unchanged."""

    def __init__(
        self, compiled: Compiled, engine: Engine, kinds: Mapping[str, str], began: str, options: Options, files: Files
    ) -> None:
        self.compiled, self.engine, self.kinds, self.began, self.files = compiled, engine, kinds, began, files
        self.known_at = known_at = options.known_at
        project = compiled.project
        self.path = project.root / project.target_path / FILE
        target, root = project.target, digest(str(project.root))
        path = within(Path(target.path), project.root)
        place = digest([path, target.database, target.schema, repr(target.attach)])
        found: State | str = read_state(self.path) if target.path != ":memory:" else "the target is in memory"
        if isinstance(found, State) and found.target != place:
            found = "the last build was of another target"
        if isinstance(found, State) and found.known_at != known_at:
            then = "of what was known at another instant" if found.known_at else "of what is known now"
            found = f"the last build was {then}"
        self.trusted = found = unveiled(found, names_in(compiled), project.secrets)
        self.state = found if isinstance(found, State) else State(place, made_by(), known_at=known_at)
        if self.state.root != root:  # a view knows its files by their full paths
            nodes = self.state.nodes.items()
            self.state.nodes = {name: node for name, node in nodes if not self.is_view(name, node.kind)}
            self.state.root = root
        self.before = dict(self.state.sources)
        self.earlier = {} if options.full_refresh else dict(self.state.nodes)
        self.codes: dict[str, str] = {}
        self.unknowns: dict[str, str | None] = {}
        self.fresh: dict[str, NodeState] = {}
        self.standing, self.shapes = relations(engine, project), self.shapes_now()
        self.made: list[str] = []
        self.struck, self.unfinished = dict[str, NodeState](), set(self.state.unfinished)
        read = {parent for parents in compiled.graph.parents.values() for parent in parents}
        seeds = {key for key in compiled.graph.sources if key.startswith("seed:")}
        self.unread = compiled.graph.sources.keys() - read - seeds
        self.look_at_sources(read | seeds)
        self.reasons: dict[str, str] = {}
        for name in kinds:
            self.fresh[name] = self.describe(name)
            self.fresh[name].why_not = self.blind(name)
            if (reason := "full refresh" if options.full_refresh else self.reason(name)) is not None:
                self.reasons[name] = reason

    def look_at_sources(self, keys: Set[str], *, whole: bool = True) -> None:
        """The state of some sources, by the `whole` of them or not; one that is as it was keeps its version."""
        frames = given(self.engine)
        for key in self.compiled.graph.sources.keys() & keys:
            source = self.compiled.graph.sources[key]
            old = self.before.get(key)
            place = within(Path(source.location), self.compiled.project.root)
            declared = digest([place, *source.declaration, repr(source.clock)])
            seen = None if key in frames else self.files.seen(key, source, whole=whole)
            kept = old is not None and old.declared == declared and same(old.files, seen)
            self.state.sources[key] = SourceState(declared, seen, old.version if old and kept else uuid.uuid4().hex)

    def describe(self, name: str) -> NodeState:
        """A node as it would be built now."""
        model = self.compiled.graph.models.get(name)
        key = model_key(name) if model is not None else f"seed:{name}"
        code = self.code(model) if model is not None else "seed"
        inputs = self.inputs(key) if model is not None else {key: self.state.sources[key].version}
        if model is not None:
            info = self.compiled.checked.catalog.relations[key]
            inputs["types:of its columns"] = digest([(column.name, column.type) for column in info.columns])
        return NodeState(code, inputs, uuid.uuid4().hex, self.kinds[name])

    def code(self, model: Model) -> str:
        """The fingerprint of a model's code, taken once."""
        if model.name not in self.codes:
            self.codes[model.name] = code_of(model, self.compiled)
        return self.codes[model.name]

    def unknown(self, model: Model) -> str | None:
        """Why a model may change unseen, found once."""
        if model.name not in self.unknowns:
            self.unknowns[model.name] = facts_of(model.name, self.compiled).unknowable
        return self.unknowns[model.name]

    def inputs(self, key: str) -> dict[str, str]:
        """The state of everything that a node reads: sources, tables, and the code of what stores no rows."""
        found: dict[str, str] = {}
        for parent in self.compiled.graph.parents.get(key, ()):
            model = self.compiled.graph.models.get(parent.partition(":")[2]) if parent.startswith("model:") else None
            if model is None:
                found[parent] = self.state.sources[parent].version
                continue
            if stored(model):
                found[parent] = self.table_version(model.name)
                continue
            found[parent] = self.code(model)
            found |= self.inputs(parent)
        return found

    def table_version(self, name: str) -> str:
        """The name of the rows that a table holds, or is about to hold."""
        if name in self.reasons:
            return self.fresh[name].version
        old = self.state.nodes.get(name)
        return old.version if old is not None else uuid.uuid4().hex

    def reason(self, name: str) -> str | None:
        """Why a node must be built; None where it stands as it would be built."""
        if isinstance(self.trusted, str):
            return self.trusted
        old, new = self.state.nodes.get(name), self.fresh[name]
        if old is None:
            return "its last build did not end" if name in self.unfinished else "never built"
        if new.why_not is not None:
            return f"cannot know: {new.why_not}"
        if old.code != new.code or old.kind != new.kind:
            return "code changed"
        for key in sorted(old.inputs.keys() | new.inputs.keys()):
            if old.inputs.get(key) != new.inputs.get(key):
                kind, _, what = key.partition(":")
                return f"{SAID.get(kind, kind)} {what} changed"
        if old.due is not None and time.time() >= old.due:
            return "labels matured"
        return self.missing(name, old)

    def blind(self, name: str) -> str | None:
        """What of a node's making cannot be known, its own or that of a relation without rows of its own."""
        for key in (model_key(name), *self.fresh[name].inputs):
            model = self.compiled.graph.models.get(key.partition(":")[2]) if key.startswith("model:") else None
            own = key == model_key(name)
            why = self.unknown(model) if model is not None and (own or not stored(model)) else None
            if why is not None and model is not None:
                return why if model.name == name else f"`{model.name}`: {why}"
            source = self.state.sources.get(key)
            if source is not None and source.files is None:
                return f"{key.replace(':', ' ')} is not made of files that can be watched"
        return None

    def missing(self, name: str, old: NodeState) -> str | None:
        """What is no longer in the target as the state says."""
        if old.kind not in KEPT:
            return None
        is_view = self.is_view(name, old.kind) and not self.is_instead(old)
        if self.standing.get(name) != ("VIEW" if is_view else "TABLE"):
            return "its relation is gone"
        rows = old.rows if is_view else self.count(name)
        if (old.kind != "view" or not is_view) and (old.rows, old.columns) != (rows, digest(self.shapes.get(name))):
            return f"its {'view' if is_view else 'table'} was changed by another hand"
        root = self.compiled.project.root
        gone = next((path for path, was in old.published.items() if was is None or stamp(root / path) != was), None)
        return f"its copy {gone} {'changed' if os.path.lexists(root / gone) else 'is gone'}" if gone else None

    def is_elsewhere(self, name: str, old: NodeState) -> bool:
        """Whether the rows of an external training set lie where its config does not look for them any more."""
        model = self.compiled.graph.models[name]
        wanted = model.config.publish
        if wanted is None or not model.config.is_external:
            return False
        is_folder = (self.compiled.project.root / wanted.path).is_dir()
        return wanted.path not in old.published or is_folder != wanted.is_folder

    def is_view(self, name: str, kind: str) -> bool:
        """Whether the target holds a view under the name of a node."""
        model = self.compiled.graph.models.get(name)
        return kind == "view" or (model is not None and model.config.is_external)

    @staticmethod
    def is_instead(old: NodeState) -> bool:
        """Whether a table was made in place of a view, which has no rows that were counted."""
        return old.kind == "view" and old.rows is not None

    def shapes_now(self) -> dict[str, str]:
        """What the relations of the target are; of views nobody asks, unless one shows an external training set."""
        external = any(model.config.is_external for model in self.compiled.graph.models.values())
        return shapes(self.engine, self.compiled.project, views=external)

    def count(self, name: str) -> int:
        """How many rows a table holds."""
        return self.engine.count(table_of(self.compiled.project, name))

    def left(self, name: str) -> Before | None:
        """What a training set was made of when it was built, if its rows are as they were left and nothing about it is
        unknown."""
        old, new = self.earlier.get(name), self.fresh[name]
        if old is None or not old.columns_made or old.kind != new.kind or old.why_not or new.why_not:
            return None
        if self.missing(name, old) is not None or self.is_elsewhere(name, old):
            return None
        extents = old.extents
        untouched = frozenset(key for key in extents if self.stands(key, old))
        return Before(extents, old.columns_made, untouched)

    def stands(self, key: str, old: NodeState) -> bool:
        """Whether a relation behind a node is as it was when that was built, and so is all that it is made of."""
        model = self.compiled.graph.models.get(key.partition(":")[2]) if key.startswith("model:") else None
        if model is None:
            now = {key: self.state.sources[key].version}
        elif stored(model):
            now = {key: self.table_version(model.name)}
        else:
            now = {key: self.code(model), **self.inputs(key)}
        return all(old.inputs.get(each) == version for each, version in now.items())

    def told(self, name: str) -> str | None:
        """Why a node is built again; None where it is built for the first time."""
        reason = self.reasons.get(name)
        return None if reason in {"never built", "the target is in memory"} else reason

    def forget(self) -> None:
        """Let the file know nothing of what is about to be built, or, if it is built upon, until that begins."""
        self.state.build = None
        self.strike([name for name in self.reasons if self.kinds[name] != "training_set"])

    def strike(self, names: Sequence[str]) -> None:
        """Let the file know of some nodes only that they are being built."""
        struck = {name: self.state.nodes.pop(name) for name in names if name in self.state.nodes}
        self.struck |= struck
        self.unfinished |= struck.keys()
        self.settle()
        self.write()

    def spare(self, name: str) -> None:
        """Let the file know of a node, which was not tried, what it knew before."""
        if name in self.struck:
            self.state.nodes[name] = self.struck[name]
            self.unfinished.discard(name)

    def remember(self, result: Result, made: Before | None) -> None:
        """Note that a node was built, and what a training set was made of."""
        new = replace(self.fresh[result.name], rows=result.rows, notes=list(result.notes))
        self.made.append(result.name)
        root = self.compiled.project.root
        new.published = {path: stamp(root / path) for path in result.published}
        if self.known_at is None and (model := self.compiled.graph.models.get(result.name)) is not None:
            new.due = due(model, self.compiled, self.engine, self.began)
        if made is not None:
            new.extents = dict(made.extents)
            new.columns_made = dict(made.columns)
        self.state.nodes[result.name] = new
        self.unfinished.discard(result.name)

    def kept(self, name: str) -> Result:
        """The result of a node that stands unchanged."""
        old = self.state.nodes[name]
        return Result(name, old.kind, "unchanged", old.rows, notes=tuple(old.notes))

    def settle(self) -> None:
        """Note the columns of what was built since this was done last."""
        found = self.shapes_now() if self.made else {}
        for name in self.made:
            node = self.state.nodes[name]
            if node.kind in KEPT - {"view"} or self.is_instead(node):
                node.columns = digest(found.get(name))
        self.made.clear()

    def finish(self) -> None:
        """Let the file know what stands now; of what was built, also the columns."""
        self.look_at_sources(self.unread, whole=False)  # nobody has waited for these
        self.settle()
        self.state.build = self.began
        self.write()

    def write(self) -> None:
        """Replace the state's file."""
        self.state.unfinished = sorted(self.unfinished)
        if self.compiled.project.target.path != ":memory:":
            state = veiled(self.state, self.compiled.project.secrets)
            write_json(self.path, plain(state.summed()), ())  # digests and names: no secret is in it
