"""The page of the lineage in a real browser: found, opened, walked by keys, light and dark, large, and safe."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from featsql.export.html import page

EVIL = "</script><script>window.hurt=1</script><img src=x onerror='window.hurt=2'>"
CHROME = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def table(name: str, kind: str, *columns: str, **more: Any) -> dict[str, Any]:
    path = f"models/{name}.sql"
    own = {"key": f"model:{name}", "name": name, "kind": kind, "path": path, "description": "", "text": "select 1"}
    return own | {"columns": [[column, "DOUBLE", None] for column in columns]} | more


SMALL = {
    "tables": [
        table("shop.payments", "source", "customer_id", "amount", key="source:shop.payments", text=None),
        table(
            "spend",
            "features",
            "customer_id",
            "spend_30d",
            EVIL,
            description=EVIL,
            text=f"select\n  customer_id,\n  sum(amount) as spend_30d\n-- {EVIL}",
            sql=EVIL,
            needs={"spend_30d": "30 days of payments", EVIL: EVIL},
            columns=[["customer_id", "BIGINT", 2], ["spend_30d", "DOUBLE", 3], [EVIL, EVIL, None]],
        ),
        table("churn", "labels", "customer_id", "churned"),
        table("training", "training_set", "customer_id", "spend_30d"),
    ],
    "links": [[0, 1], [1, 3], [2, 3]],
    "edges": [
        [0, 0, 1, [0], 0, "identity", None],
        [0, 1, 1, [1], 0, "aggregation", "(-30 days, 0]"],
        [0, 0, 1, None, 1, "group", "(-30 days, 0]"],
        [0, -1, 1, None, 1, "rows", "(-30 days, 0]"],
        [1, 1, 3, [1], 0, "identity", "(-30 days, 0]"],
        [2, 0, 3, [0], 0, "identity", None],
        [2, -1, 3, None, 1, "rows", None],
    ],
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROME is None:
        pytest.skip("no Chromium on this machine: `apt install chromium`, or Google Chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROME, args=["--no-sandbox"])
        yield browser
        browser.close()


class Opener:
    """A way to open pages from files, without a network; `said` is whatever they complain of or ask for."""

    def __init__(self, browser: Browser, folder: Path) -> None:
        self.context = browser.new_context(offline=True, viewport={"width": 1200, "height": 800})
        self.folder = folder
        self.said: list[str] = []

    def __call__(self, data: dict[str, Any], place: str = "") -> Page:
        (self.folder / "lineage.html").write_text(page("a & <b>", json.dumps(data)), encoding="utf-8")
        shown = self.context.new_page()
        shown.on("console", lambda message: self.said.append(message.text))
        shown.on("pageerror", lambda error: self.said.append(str(error)))
        shown.on("request", lambda request: self.said.append(request.url))
        shown.goto(f"file://{self.folder}/lineage.html{place}")
        shown.wait_for_selector("html[data-ready]", timeout=20_000)
        assert self.said.pop(0).endswith("/lineage.html")
        return shown


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Opener]:
    opener = Opener(browser, tmp_path)
    yield opener
    opener.context.close()
    assert opener.said == []


def press(shown: Page, key: str) -> None:
    """Press a key and let the page answer: a browser hands keys to a page that is busy only with its next frame."""
    shown.keyboard.press(key)
    shown.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done)))")


def marked(shown: Page, mark: str) -> set[str]:
    found: list[str] = shown.evaluate("mark => lineage.cy.nodes('.' + mark).map(n => n.data('label'))", mark)
    return set(found)


def test_search_leads_to_a_column_with_its_sql_and_intervals(opened: Opener) -> None:
    shown = opened(SMALL)
    press(shown, "/")
    shown.keyboard.type("spend 30d")
    assert shown.locator("#list li").all_inner_texts() == ["spend.spend_30d", "training.spend_30d"]
    press(shown, "Enter")
    assert shown.inner_text("#details h2") == "spend.spend_30d"
    assert "models/spend.sql:3" in shown.inner_text("#details")
    assert "Needs 30 days of payments" in shown.inner_text("#details").splitlines()
    assert shown.inner_text("pre .here").strip() == "sum(amount) as spend_30d"
    rows = [row.split("\t") for row in shown.locator("#details table").first.inner_text().splitlines()]
    assert ["shop.payments.amount", "aggregation", "(-30 days, 0]"] in [[cell.strip() for cell in row] for row in rows]
    assert marked(shown, "chosen") == {"spend", "spend_30d"}
    assert marked(shown, "up") == {"shop.payments"}
    assert marked(shown, "down") == {"training"}
    assert "churn" in marked(shown, "faded")
    assert "#model%3Aspend/spend_30d" in shown.url


def test_a_page_of_one_column_opens_at_it(opened: Opener) -> None:
    assert opened(SMALL | {"focus": [1, 1]}).inner_text("#details h2") == "spend.spend_30d"
    assert opened(SMALL | {"focus": [2, -1]}).inner_text("#details h2") == "churn.(rows)"


def test_keys_walk_and_open(opened: Opener) -> None:
    shown = opened(SMALL, "#model%3Aspend")
    assert shown.inner_text("#details h2") == "spend"
    press(shown, "ArrowLeft")
    assert shown.inner_text("#details h2") == "shop.payments"
    press(shown, "Enter")
    assert shown.evaluate("lineage.cy.$id('t0c1').data('label')") == "amount"
    label = "lineage.cy.edges().filter(e => e.source().id() === 't0c1').map(e => [e.target().id(), e.data('span')])"
    assert shown.evaluate(label) == [["t1", "(-30 days, 0]"]]
    press(shown, "Enter")
    assert shown.evaluate("lineage.cy.$id('t0c1').empty()")
    press(shown, "ArrowRight")
    press(shown, "ArrowRight")
    assert shown.inner_text("#details h2") == "training"
    press(shown, "ArrowLeft")
    press(shown, "o")
    hidden = "lineage.cy.nodes().filter(n => !n.visible()).map(n => n.data('label'))"
    assert set(shown.evaluate(hidden)) == {"shop.payments", "spend"} ^ {"shop.payments", "spend", "churn"}
    press(shown, "Escape")
    assert shown.evaluate(hidden) == []
    press(shown, "?")
    assert shown.locator("dialog[open]").count() == 1


def test_a_click_chooses_and_the_list_too(opened: Opener) -> None:
    shown = opened(SMALL)
    place = shown.evaluate("lineage.cy.$id('t2').renderedPosition()")
    box = shown.locator("#graph").bounding_box()
    assert box is not None
    shown.mouse.click(box["x"] + place["x"], box["y"] + place["y"])
    assert shown.inner_text("#details h2") == "churn"
    shown.locator("#list li", has_text="training").click()
    assert shown.inner_text("#details h2") == "training"


def test_light_and_dark(opened: Opener) -> None:
    shown = opened(SMALL)
    ground = "getComputedStyle(document.body).backgroundColor"
    colour = "lineage.cy.$id('t1').style('background-color')"
    light, green = shown.evaluate(ground), shown.evaluate(colour)
    shown.emulate_media(color_scheme="dark")
    shown.wait_for_selector("html[data-theme=dark]")
    dark = shown.evaluate(ground)
    assert dark != light
    assert shown.evaluate(colour) != green
    shown.click("#theme")
    assert shown.evaluate(ground) == light
    shown.emulate_media(color_scheme="light")
    press(shown, "t")
    assert shown.evaluate(ground) == dark


def test_names_and_sql_are_never_markup(opened: Opener) -> None:
    shown = opened(SMALL, "#model%3Aspend")
    press(shown, "Enter")
    shown.fill("#search", "script")
    assert shown.locator("#list li").all_inner_texts() == [f"spend.{EVIL}"]
    assert EVIL in shown.inner_text("#details")
    assert shown.evaluate("window.hurt") is None
    assert shown.locator("img").count() == 0
    assert shown.title() == "a & <b>: lineage"
    shown.evaluate("document.body.append(Object.assign(document.createElement('script'), {text: 'window.hurt = 3'}))")
    assert shown.evaluate("window.hurt") is None
    assert "Content Security Policy" in opened.said.pop()


def large(models: int) -> dict[str, Any]:
    """A project of many models, each of a dozen columns and a few parents."""
    random, sources, reach = Random(3), models // 15, "(-30 days, 0]"
    tables, links, edges = [], [], []
    for number in range(models):
        columns = [f"column_{number}_{c}" for c in range(12)]
        kind = "source" if number < sources else "features"
        tables.append(table(f"model_{number}", kind, *columns, text="select\n" * 20))
        parents = {random.randrange(max(sources, number // 2)) for _ in range(random.randint(1, 4))}
        for parent in parents if kind == "features" else ():
            links.append([parent, number])
            edges += [[parent, random.randrange(12), number, [c], 0, "aggregation", reach] for c in range(12)]
            edges.append([parent, -1, number, None, 1, "rows", None])
    return {"tables": tables, "links": links, "edges": edges}


MEASURE = """() => {
    const took = {};
    const time = (name, step) => { const t = performance.now(); step(); took[name] = performance.now() - t; };
    time("choose", () => choose(960));
    time("open", () => toggleOpen(500));
    time("only", toggleOnly);
    time("all", toggleOnly);
    time("search", () => { by("search").value = "column_5"; list(); });
    return took;
}"""


def test_a_thousand_models_stay_fluent(opened: Opener) -> None:
    shown = opened(large(1000))
    ready = shown.evaluate("performance.now()")
    took = shown.evaluate(MEASURE)
    assert marked(shown, "up")
    # generous: an idle machine without a graphics card takes a fifth of this
    assert ready < 15_000
    assert {name: milliseconds for name, milliseconds in took.items() if milliseconds > 1500} == {}
