"""`featsql compile`: check the whole project without building anything."""

from __future__ import annotations

from collections import Counter

from featsql.cli.options import Json, ProjectDir, Target, Variables, read_project
from featsql.cli.output import report, say


def compile_(
    as_json: Json = False, project_dir: ProjectDir = None, target: Target = None, variables: Variables = None
) -> None:
    """Check names, columns, types, clocks and leaks.

    Everything that is wrong is shown together. `featsql show NAME --stage sql` prints what a model compiles to.

    \b
    Examples:
      featsql compile
      featsql compile --json
    """
    from featsql.build.review import review  # and not more of featsql than it takes

    compiled = review(read_project(project_dir, target, variables), alone=False)
    report(compiled.diagnostics, as_json=as_json)
    if not as_json:
        kinds = Counter(model.config.kind.replace("_", " ") for model in compiled.graph.models.values())
        counts = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
        say(f"Compiled {len(compiled.graph.models)} models ({counts})" if counts else "There are no models")
