"""How strictly each rule is taken: settings by code or name, each with the reason for letting something pass."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, cast

from featsql.codes import titles
from featsql.errors import Diagnostic, Place
from featsql.names import did_you_mean
from featsql.read.config.schema import RuleBlock
from featsql.read.project import RuleSetting

# What breaks one of these cannot be compiled to the right meaning at all.
FIXED = frozenset({"FS601", "FS602", "FS603", "FS605", "FS607", "FS608", "FS609"})


def rule_names() -> dict[str, str]:
    """The rules whose severity may be set: their codes by name."""
    return {name: code for code, name in titles().items() if code.startswith("FS6") and code not in FIXED}


def read_rules(
    blocks: Mapping[str, RuleBlock | Sequence[RuleBlock]], place: Callable[[str], Place | None], found: list[Diagnostic]
) -> tuple[RuleSetting, ...]:
    """The settings that blocks declare by code or name of a rule; what is wrong is added to `found`.

    FS117 no such rule, FS118 one that cannot be set, FS119 no reason for letting something pass.
    """
    settings = list[RuleSetting]()
    if not blocks:
        return ()
    names = rule_names()
    known = {**names, **{code.casefold(): code for code in names.values()}}
    for name, chosen in blocks.items():
        folded = name.casefold().replace("_", "-")
        code = known.get(folded)
        if code is None:
            found.append(unknown(name, folded, place(name), names))
            continue
        for block in [chosen] if isinstance(chosen, RuleBlock) else chosen:
            if block.severity != "error" and not block.reason.strip():
                message = f"`{name}` is lowered to `{block.severity}` without a reason"
                hint = "say why what it finds is sound here: `reason: the timetable is published a year ahead`"
                found.append(Diagnostic("FS119", message, place(name), hint))
            selectors = (tuple(block.models), tuple(block.paths))
            severity = cast("Literal['error', 'warning', 'notice', 'off']", str(block.severity))
            settings.append(RuleSetting(code, severity, block.reason.strip(), *selectors, place(name)))
    return tuple(settings)


def unknown(name: str, folded: str, place: Place | None, names: Mapping[str, str]) -> Diagnostic:
    """A rule that does not exist, or cannot be set."""
    fixed = {title: code for code, title in titles().items() if code in FIXED}
    if folded in {*fixed, *(code.casefold() for code in fixed.values())}:
        message = f"the severity of `{name}` cannot be set"
        hint = "what it finds has no right meaning to compile to: `featsql explain` says what would have"
        return Diagnostic("FS118", message, place, hint)
    hint = did_you_mean(folded, [*names, *names.values()], "the rules are " + ", ".join(names)) or ""
    return Diagnostic("FS117", f"there is no rule `{name}`", place, hint)
