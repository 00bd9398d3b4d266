"""`featsql lineage`: which columns come from which, as JSON."""

from __future__ import annotations

from featsql.cli.options import Exclude, ProjectDir, Select, Target, Variables, open_project
from featsql.cli.output import emit


def lineage(
    select: Select = None,
    exclude: Exclude = None,
    project_dir: ProjectDir = None,
    target: Target = None,
    variables: Variables = None,
) -> None:
    """Print tables, columns and the edges between them, as JSON.

    \b
    Examples:
      featsql lineage
      featsql lineage --select +churn_training > lineage.json
    """
    emit(open_project(project_dir, target, variables).lineage(select or (), exclude or ()))
