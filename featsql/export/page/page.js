"use strict";
// The page's own part: what is drawn, what is chosen, and how one walks from table to table.
// Nothing that a person wrote is ever read as markup: texts are set as text.

const { tables, links, edges, focus } = JSON.parse(document.getElementById("data").textContent);
const ROWS = -1;
const by = (id) => document.getElementById(id);
const KINDS = ["source", "seed", "plain", "features", "labels", "training_set"];

// ---- the lineage: edges are [table, column, table, columns or null for all, influence?, how, interval]
const nodeOf = (table, column) => table * 65536 + column + 1;
const tableOf = (node) => Math.floor(node / 65536);
const columnOf = (node) => (node % 65536) - 1;
const between = new Map(), into = new Map(), outOf = new Map();
const push = (map, key, value) => { const found = map.get(key); if (found) found.push(value); else map.set(key, [value]); };
const reads = tables.map(() => []), readers = tables.map(() => []);
links.forEach(([from, to]) => { reads[to].push(from); readers[from].push(to); });
const outputs = ([, , to, columns]) => columns ?? tables[to].columns.map((_, index) => index);
edges.forEach((edge, index) => {
  const [from, column, to, , influence] = edge;
  push(between, `${from}-${to}`, index);
  push(outOf, nodeOf(from, column), index);
  for (const output of outputs(edge)) push(into, nodeOf(to, output), index);
  if (influence) push(into, nodeOf(to, ROWS), index);
});
const headsOf = (edge) => {
  const heads = outputs(edge).map((output) => nodeOf(edge[2], output));
  return edge[4] ? [...heads, nodeOf(edge[2], ROWS)] : heads;
};

// Everything on a way up (or down) from some columns: the columns and the edges.
function walk(starts, up) {
  const nodes = new Set(starts), taken = new Set(), stack = [...starts];
  while (stack.length) {
    for (const index of (up ? into : outOf).get(stack.pop()) ?? []) {
      if (taken.has(index)) continue;
      taken.add(index);
      const next = up ? [nodeOf(edges[index][0], edges[index][1])] : headsOf(edges[index]);
      for (const node of next) if (!nodes.has(node)) { nodes.add(node); stack.push(node); }
    }
  }
  return { nodes, taken };
}

// ---- what is seen
const state = { chosen: null, open: new Set(), only: null, up: null, down: null };
const visible = (table) => state.only === null || state.only.has(table);
const ROW = 20, HEAD = 34, GAP = 20;
const widths = tables.map((t) => Math.min(280, Math.max(90, 22 + 7.2 * t.name.length)));
const columnWidths = tables.map((t) => Math.max(110, ...t.columns.map(([name]) => Math.min(280, 20 + 6.6 * name.length))));
const widthOf = (table) => (state.open.has(table) ? Math.max(columnWidths[table] + 16, widths[table]) : widths[table]);
const heightOf = (table) => (state.open.has(table) ? 30 + ROW * (tables[table].columns.length + 1) : HEAD - 6);

// Layers by the longest way from a source, each ordered by its neighbours; a long layer is broken into several.
function layers() {
  const rank = new Array(tables.length).fill(0), found = [];
  tables.forEach((_, table) => {
    if (!visible(table)) return;
    for (const above of reads[table]) if (visible(above)) rank[table] = Math.max(rank[table], rank[above] + 1);
    (found[rank[table]] ??= []).push(table);
  });
  const place = new Map();
  const settle = (layer) => layer.forEach((table, index) => place.set(table, (index + 0.5) / layer.length));
  found.forEach(settle);
  for (let sweep = 0; sweep < 8; sweep++) {
    const near = sweep % 2 ? readers : reads;
    for (const layer of sweep % 2 ? [...found].reverse() : found) {
      const wish = new Map(layer.map((table) => {
        const places = near[table].filter(visible).map((other) => place.get(other));
        return [table, places.length ? places.reduce((a, b) => a + b) / places.length : place.get(table)];
      }));
      layer.sort((a, b) => wish.get(a) - wish.get(b) || a - b);
      settle(layer);
    }
  }
  const count = found.reduce((sum, layer) => sum + layer.length, 0);
  const most = Math.max(24, Math.ceil(Math.sqrt(count) * 1.4));
  return found.flatMap((layer) => {
    const parts = Math.ceil(layer.length / most), size = Math.ceil(layer.length / parts);
    return Array.from({ length: parts }, (_, part) => layer.slice(part * size, (part + 1) * size));
  });
}

function positions() {
  const placed = new Map();
  let x = 0;
  for (const layer of layers()) {
    const width = Math.max(...layer.map(widthOf));
    const height = layer.reduce((sum, table) => sum + heightOf(table) + GAP, -GAP);
    let y = -height / 2;
    for (const table of layer) {
      placed.set(table, { x: x + width / 2, y: y + heightOf(table) / 2 });
      y += heightOf(table) + GAP;
    }
    x += width + 90;
  }
  return placed;
}

// ---- the drawing
const cy = cytoscape({
  container: by("graph"), minZoom: 0.02, maxZoom: 3, boxSelectionEnabled: false, autoungrabify: true,
  hideEdgesOnViewport: edges.length > 4000, textureOnViewport: tables.length > 400, pixelRatio: 1,
});
window.lineage = { cy, state, tables, links, edges }; // for whoever looks from the console

function restyle() {
  const css = getComputedStyle(document.documentElement);
  const c = (name) => css.getPropertyValue(`--${name}`).trim();
  const curve = links.length > 600 ? "straight" : "bezier";
  const kinds = KINDS.map((kind) => ({ selector: `node.${kind}`, style: { "background-color": c(kind) } }));
  cy.style([
    { selector: "node", style: {
      shape: "round-rectangle", label: "data(label)", width: "data(width)", height: "data(height)", "font-size": 12,
      "text-valign": "center", "text-halign": "center", "text-wrap": "ellipsis", "text-max-width": 264,
      color: c("text"), "border-width": 1, "border-color": c("edge"), "min-zoomed-font-size": 5,
      "font-family": "system-ui, sans-serif" } },
    ...kinds,
    { selector: "node:parent", style: {
      "text-valign": "top", "text-margin-y": -3, padding: 6, "font-weight": "bold", "background-opacity": 0.55 } },
    { selector: "node.column", style: {
      "background-color": c("ground"), "border-color": c("line"), "font-size": 11, shape: "rectangle" } },
    { selector: "edge", style: {
      width: 1.2, "line-color": c("edge"), "target-arrow-color": c("edge"), "target-arrow-shape": "triangle",
      "arrow-scale": 0.8, "curve-style": curve, "font-size": 9, color: c("quiet"), label: "data(span)",
      "text-background-color": c("ground"), "text-background-opacity": 0.85, "text-background-padding": 2,
      "source-endpoint": "50% 0%", "target-endpoint": "-50% 0%",
      "min-zoomed-font-size": 7, "text-rotation": "autorotate" } },
    { selector: "edge.influence", style: { "line-style": "dashed" } },
    { selector: "node.gone", style: { display: "none" } },
    { selector: ".faded", style: { opacity: 0.13 } },
    { selector: "node.up", style: { "border-color": c("up"), "border-width": 2 } },
    { selector: "node.down", style: { "border-color": c("down"), "border-width": 2 } },
    { selector: "edge.up", style: { "line-color": c("up"), "target-arrow-color": c("up"), width: 2, "z-index": 2 } },
    { selector: "edge.down", style: { "line-color": c("down"), "target-arrow-color": c("down"), width: 2, "z-index": 2 } },
    { selector: "node.chosen", style: { "border-color": c("accent"), "border-width": 3 } },
  ]);
}

const boxId = (table) => `t${table}`;
const columnId = (table, column) => (column === ROWS ? `t${table}r` : `t${table}c${column}`);
const drawnAs = (table, column) => (state.open.has(table) && column !== null ? columnId(table, column) : boxId(table));

// The lines that should be there, by id: between columns where tables are open, else between tables.
function lines() {
  const wanted = new Map();
  const add = (source, target, influence, members) => {
    const id = `${source}>${target}${influence ? "~" : ""}`;
    const line = wanted.get(id) ?? { id, source, target, influence, members: [], spans: new Set() };
    line.members.push(...members);
    for (const index of members) if (edges[index][6]) line.spans.add(edges[index][6]);
    wanted.set(id, line);
  };
  for (const [from, to] of links) {
    const members = between.get(`${from}-${to}`) ?? [];
    if (!state.open.has(from) && !state.open.has(to)) {
      add(boxId(from), boxId(to), members.length > 0 && members.every((index) => edges[index][4]), members);
      continue;
    }
    for (const index of members) {
      const [, column, , columns, influence] = edges[index];
      for (const output of columns ?? [null]) add(drawnAs(from, column), drawnAs(to, output), influence, [index]);
    }
  }
  return wanted;
}

let drawn = new Map();
const fitAll = () => cy.fit(cy.nodes(":visible"), 30);
function redraw(fit) {
  const placed = positions();
  cy.batch(() => {
    cy.nodes(".column").filter((node) => !state.open.has(node.data("table"))).remove();
    cy.nodes().forEach((node) => { node.toggleClass("gone", !visible(node.data("table"))); });
    for (const [table, { x, y }] of placed) {
      if (cy.getElementById(boxId(table)).empty()) {
        const { name, kind } = tables[table];
        cy.add({ data: { id: boxId(table), table, label: name, width: widths[table], height: HEAD - 6 }, classes: kind, position: { x, y } });
      }
      if (state.open.has(table)) openBox(table, x, y);
      else cy.getElementById(boxId(table)).position({ x, y });
    }
    const wanted = lines();
    cy.edges().filter((edge) => !wanted.has(edge.id())).remove();
    cy.add([...wanted.values()].filter(({ id }) => cy.getElementById(id).empty()).map(({ id, source, target, influence, spans }) => ({
      data: { id, source, target, span: spans.size > 1 ? `${spans.size} intervals` : [...spans][0] ?? "" },
      classes: influence ? "influence" : "" })));
    drawn = wanted;
  });
  mark();
  if (fit) fitAll();
}

function openBox(table, x, y) {
  const names = [...tables[table].columns.map(([name]) => name), "(rows)"];
  const top = y - heightOf(table) / 2 + 24;
  names.forEach((label, index) => {
    const column = index === names.length - 1 ? ROWS : index, id = columnId(table, column);
    const position = { x, y: top + ROW * (index + 0.5) };
    const node = cy.getElementById(id);
    if (node.nonempty()) node.position(position);
    else cy.add({ data: { id, parent: boxId(table), table, column, label, width: widthOf(table) - 16, height: ROW - 3 }, classes: "column", position });
  });
}

// Colours by what is chosen: where it comes from, where it goes, and the rest faded.
function mark() {
  const { chosen, up, down } = state;
  const tablesUp = new Set(up && [...up.nodes].map(tableOf)), tablesDown = new Set(down && [...down.nodes].map(tableOf));
  cy.batch(() => {
    cy.elements().removeClass("up down faded chosen");
    if (chosen === null) return;
    cy.nodes().forEach((node) => {
      const table = node.data("table"), column = node.data("column");
      const isUp = column === undefined ? tablesUp.has(table) : up.nodes.has(nodeOf(table, column));
      const isDown = column === undefined ? tablesDown.has(table) : down.nodes.has(nodeOf(table, column));
      const self = table === chosen.table && (column === undefined || column === chosen.column);
      const own = table === chosen.table && chosen.column === null;
      node.addClass(self ? "chosen" : own ? "" : isUp ? "up" : isDown ? "down" : table === chosen.table ? "" : "faded");
    });
    cy.edges().forEach((edge) => {
      const members = drawn.get(edge.id()).members;
      edge.addClass(members.some((m) => up.taken.has(m)) ? "up" : members.some((m) => down.taken.has(m)) ? "down" : "faded");
    });
  });
}

// ---- choosing
function choose(table, column = null, { move = true } = {}) {
  state.chosen = { table, column };
  if (state.only !== null && !state.only.has(table)) state.only = null;
  if (column !== null && !state.open.has(table)) state.open.add(table);
  const starts = column === null ? [ROWS, ...tables[table].columns.keys()].map((c) => nodeOf(table, c)) : [nodeOf(table, column)];
  state.up = walk(starts, true);
  state.down = walk(starts, false);
  redraw(false);
  details();
  const node = cy.getElementById(column === null ? boxId(table) : columnId(table, column));
  if (move && node.nonempty()) {
    if (cy.zoom() < 0.6) cy.zoom(0.9);
    cy.center(node);
  }
  const count = (set) => new Set([...set.nodes].map(tableOf)).size - 1;
  by("status").textContent = `${titleOf(table, column)}: tables above ${count(state.up)}, below ${count(state.down)}`;
  by("only").disabled = by("expand").disabled = false;
  history.replaceState(null, "", "#" + [tables[table].key, ...(column === null ? [] : [nameOf(table, column)])].map(encodeURIComponent).join("/"));
}

function chooseNothing() {
  Object.assign(state, { chosen: null, up: null, down: null });
  if (state.only !== null) { state.only = null; redraw(true); } else mark();
  by("only").disabled = by("expand").disabled = true;
  by("only").setAttribute("aria-pressed", "false");
  by("status").textContent = "";
  history.replaceState(null, "", "#");
  details();
}

function toggleOpen(table) {
  if (state.open.has(table)) state.open.delete(table); else state.open.add(table);
  const column = state.open.has(table) ? state.chosen?.column ?? null : null;
  choose(table, state.chosen?.table === table ? column : null);
}

function toggleOnly() {
  if (state.chosen === null) return;
  state.only = state.only === null ? new Set([...state.up.nodes, ...state.down.nodes].map(tableOf)) : null;
  by("only").setAttribute("aria-pressed", String(state.only !== null));
  redraw(true);
}

const nameOf = (table, column) => (column === ROWS ? "(rows)" : tables[table].columns[column][0]);
const titleOf = (table, column) => (column === null ? tables[table].name : `${tables[table].name}.${nameOf(table, column)}`);

// ---- the panel on the right
function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}
const swatch = (kind) => { const dot = make("span", { className: "dot" }); dot.style.background = `var(--${kind})`; return dot; };
const jump = (table, column, label = titleOf(table, column)) =>
  make("button", { className: "link", type: "button", textContent: label, onclick: () => choose(table, column) });

function details() {
  const panel = by("details");
  panel.replaceChildren();
  if (state.chosen === null) {
    panel.append(make("p", { className: "quiet", textContent: "Choose a table or a column to see where it comes from and where it goes." }));
    return;
  }
  const { table, column } = state.chosen, { kind, path, columns, description, coarse, needs, text, sql } = tables[table];
  const line = column !== null && column !== ROWS ? columns[column][2] : null;
  panel.append(
    make("h2", { textContent: titleOf(table, column) }),
    make("div", { className: "quiet" }, swatch(kind), kind.replace("_", " "), path ? `  ${path}${line ? `:${line}` : ""}` : ""));
  if (description) panel.append(make("p", { textContent: description }));
  const need = columns[column] && needs?.[columns[column][0]];
  if (need) panel.append(make("p", { textContent: `Needs ${need}` }));
  if (coarse) panel.append(make("p", { className: "quiet", textContent: `Its edges may be wider than need be: ${coarse}` }));
  ends("Comes from", edges.filter((e) => e[2] === table && (column === null || (column === ROWS ? e[4] : !e[3] || e[3].includes(column)))), (e) => [[e[0], e[1]]]);
  ends("Goes to", edges.filter((e) => e[0] === table && (column === null || e[1] === column)), (e) => (e[3] ?? [null]).map((output) => [e[2], output]));
  panel.append(make("h3", { textContent: "Columns" }), make("ul", {}, ...columns.map(([name, type], index) => {
    const button = jump(table, index, name);
    if (index === column) button.setAttribute("aria-current", "true");
    return make("li", {}, button, make("span", { className: "quiet", textContent: ` ${type}` }));
  })));
  if (text) panel.append(make("h3", { textContent: path }), listing(text, line));
  if (sql) panel.append(make("details", {}, make("summary", { textContent: "The SQL that runs" }), listing(sql, null)));
  panel.querySelector(".here")?.scrollIntoView({ block: "nearest" });
}

// One row for each other end, with what becomes of it and the interval in which its rows can act.
function ends(title, found, endsOf) {
  if (!found.length) return;
  const rows = new Map();
  for (const edge of found) {
    for (const [table, column] of endsOf(edge)) rows.set(`${table}.${column}.${edge[5]}.${edge[6]}`, [table, column, edge]);
  }
  const body = [...rows.values()].slice(0, 300).map(([table, column, edge]) => make("tr", {},
    make("td", {}, jump(table, column)), make("td", { className: "quiet", textContent: (edge[4] ? "~ " : "") + edge[5] }),
    make("td", { textContent: edge[6] ?? "" })));
  by("details").append(make("h3", { textContent: title }), make("table", {}, ...body));
}

function listing(text, here) {
  const all = text.split("\n").map((line, index) => make("span", { textContent: line || " ", className: index + 1 === here ? "here" : "" }));
  return make("pre", { className: "lines" }, ...all);
}

// ---- the list on the left
const entries = tables.flatMap(({ name, columns }, table) => [
  { table, column: null, text: name.toLowerCase() },
  ...columns.map(([column], index) => ({ table, column: index, text: `${name}.${column}`.toLowerCase() })),
]);
let cursor = -1;
function list() {
  const words = by("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const found = entries.filter(({ column, text }) => (words.length ? words.every((word) => text.includes(word)) : column === null));
  const rank = ({ column, text }) => (column === null ? 0 : 2) + (words.length && !text.startsWith(words[0]) ? 1 : 0);
  if (words.length) found.sort((a, b) => rank(a) - rank(b));
  const shown = found.slice(0, 500).map(({ table, column }, index) => {
    const item = make("li", { id: `f${index}`, onclick: () => choose(table, column) }, swatch(tables[table].kind), tables[table].name);
    if (column !== null) item.append(make("span", { className: "quiet", textContent: `.${nameOf(table, column)}` }));
    item.setAttribute("role", "option");
    item.setAttribute("aria-selected", "false");
    item.title = titleOf(table, column);
    item.choose = () => choose(table, column);
    return item;
  });
  if (found.length > shown.length) shown.push(make("li", { className: "more", textContent: `${found.length - shown.length} more` }));
  by("list").replaceChildren(...shown);
  cursor = -1;
}
function point(step) {
  const items = by("list").querySelectorAll("[role=option]");
  if (!items.length) return;
  items[cursor]?.setAttribute("aria-selected", "false");
  cursor = Math.max(0, Math.min(items.length - 1, cursor + step));
  items[cursor].setAttribute("aria-selected", "true");
  items[cursor].scrollIntoView({ block: "nearest" });
  by("search").setAttribute("aria-activedescendant", items[cursor].id);
}

// ---- walking by keys
function step(key) {
  const at = state.chosen?.table;
  if (at === undefined) return choose(0);
  const here = cy.getElementById(boxId(at)).position();
  const near = (found) => found.filter(visible).map((table) => [table, cy.getElementById(boxId(table)).position()]);
  const closest = (found) => found.sort(([, a], [, b]) => Math.abs(a.y - here.y) - Math.abs(b.y - here.y))[0];
  let next;
  if (key === "ArrowLeft") next = closest(near(reads[at]));
  else if (key === "ArrowRight") next = closest(near(readers[at]));
  else {
    const way = key === "ArrowUp" ? -1 : 1;
    const beside = near([...tables.keys()]).filter(([table, p]) => table !== at && Math.abs(p.x - here.x) < 150 && (p.y - here.y) * way > 0);
    next = closest(beside);
  }
  if (next) choose(next[0]);
}

const KEYS = {
  "/": () => { by("search").focus(); by("search").select(); },
  "?": () => by("keys").showModal(),
  0: () => fitAll(),
  "+": () => zoom(1.25), "=": () => zoom(1.25), "-": () => zoom(0.8),
  c: () => by("details").querySelector("ul button")?.focus(),
  o: toggleOnly, t: () => toggleTheme(), Escape: chooseNothing,
  Enter: () => state.chosen && toggleOpen(state.chosen.table),
};
const zoom = (factor) => cy.zoom({ level: cy.zoom() * factor, renderedPosition: { x: cy.width() / 2, y: cy.height() / 2 } });

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || by("keys").open) return;
  if (event.target === by("search")) {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") { event.preventDefault(); point(event.key === "ArrowDown" ? 1 : -1); }
    if (event.key === "Enter") { if (cursor < 0) point(1); by("list").querySelectorAll("[role=option]")[cursor]?.choose(); by("graph").focus(); }
    if (event.key === "Escape") by("graph").focus();
    return;
  }
  const pressable = event.target.closest("button, summary, a");
  if (event.key === "Enter" && pressable) return;
  if (event.key.startsWith("Arrow") && !event.target.closest("aside")) { event.preventDefault(); step(event.key); return; }
  if (KEYS[event.key]) { event.preventDefault(); KEYS[event.key](); }
});

// ---- light and dark: the system's, until a person says otherwise
const system = matchMedia("(prefers-color-scheme: dark)");
let theme = null;
try { theme = localStorage.getItem("featsql-theme"); } catch { theme = null; }
function paint() {
  document.documentElement.dataset.theme = theme ?? (system.matches ? "dark" : "light");
  restyle();
}
function toggleTheme() {
  theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  try { localStorage.setItem("featsql-theme", theme); } catch { /* a page from a file may have no storage */ }
  paint();
}
system.addEventListener("change", paint);

// ---- beginning
cy.on("tap", "node", ({ target }) => choose(target.data("table"), target.data("column") ?? null, { move: false }));
cy.on("dbltap", "node", ({ target }) => toggleOpen(target.data("table")));
cy.on("tap", (event) => { if (event.target === cy && state.chosen) chooseNothing(); });
by("search").addEventListener("input", list);
by("fit").onclick = KEYS[0];
by("theme").onclick = toggleTheme;
by("only").onclick = toggleOnly;
by("help").onclick = KEYS["?"];
by("expand").onclick = KEYS.Enter;
by("legend").append(...KINDS.filter((kind) => tables.some((t) => t.kind === kind)).map((kind) => make("span", {}, swatch(kind), kind.replace("_", " "))),
  make("span", { textContent: "⟶ value" }), make("span", { textContent: "⤏ influence" }));
by("count").textContent = `${tables.length} tables, ${entries.length - tables.length} columns`;
paint();
list();
redraw(true);
details();
const [key, column] = location.hash.slice(1).split("/").map(decodeURIComponent);
const asked = tables.findIndex((t) => t.key === key);
if (asked >= 0) {
  const index = tables[asked].columns.findIndex(([name]) => name === column);
  choose(asked, index >= 0 ? index : column === "(rows)" ? ROWS : null);
} else if (focus) choose(...focus);
document.documentElement.dataset.ready = "true";
