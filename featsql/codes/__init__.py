"""Every diagnostic's code, explained: one Markdown file a code, which shows what is wrong and what is right."""

from __future__ import annotations

from importlib.resources import files


def titles() -> dict[str, str]:
    """The name of every code, such as 'unknown-model', in the order of the codes."""
    pages = (page for page in files(__name__).iterdir() if page.name.endswith(".md"))
    heads = (page.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ") for page in pages)
    return dict(sorted((code, title) for code, _, title in (head.partition(" ") for head in heads)))


def explanation(code: str) -> str | None:
    """What a code means, as Markdown, by its number ('FS401', in any case) or its name; None for an unknown one."""
    wanted = code.casefold()
    number = next((each for each, title in titles().items() if wanted in {each.casefold(), title.casefold()}), None)
    return None if number is None else (files(__name__) / f"{number}.md").read_text(encoding="utf-8")
