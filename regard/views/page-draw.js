// Drawing: three views of the same weights, the two texts, the steps of the decoding, the heat map.
// page.py puts this file and page-events.js into one function. State goes one way: an event calls change(), which
// merges it and calls paint(). All text of the user goes in as textContent.

const FAINTEST = 0.02; // below this a look is not drawn
const AT_REST = 0.12; // links that are drawn while nothing is pointed at
const PACE = 900; // milliseconds a step
const sentences = JSON.parse(document.getElementById("data").textContent);
const at = (id) => document.getElementById(id);
const nodes = { source: [], target: [], rows: [], columns: [], cells: [] };
// step: null shows all; k shows the first k units. held and hovered: {t, s}, a row, a column or both.
const state = { sentence: 0, step: null, held: null, hovered: null, clock: null };
const now = () => sentences[state.sentence];
const clamp = (low, value, high) => Math.min(Math.max(value, low), high);
const percent = (weight) => `${(100 * weight).toFixed(weight > 0 && weight < 0.1 ? 1 : 0)} %`;

function make(tag, text, attributes = {}) {
  const node = document.createElement(tag);
  if (text !== null) node.textContent = text;
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

// --- what a sentence is made of: built once when it is chosen

function buildText(side) {
  const units = [];
  const pieces = now()[side].map(([text, index]) => {
    if (index < 0) return document.createTextNode(text);
    units[index] = make("span", text, { class: "unit", role: "button", tabindex: index ? -1 : 0, "data-i": index });
    return units[index];
  });
  at(side).replaceChildren(...pieces);
  nodes[side] = units;
}

function buildMap() {
  const { sourceLabels, targetLabels, weights } = now();
  const head = make("tr", null);
  nodes.columns = sourceLabels.map((label) => {
    const cell = make("th", null, { scope: "col" });
    const span = make("span", null);
    span.append(make("bdi", label));
    cell.append(span);
    return cell;
  });
  head.append(make("td", null), ...nodes.columns);
  nodes.cells = [];
  nodes.rows = targetLabels.map((label, t) => {
    const row = make("tr", null);
    const name = make("th", null, { scope: "row" });
    name.append(make("bdi", label));
    const cells = weights[t].map((weight, s) => {
      const cell = make("td", weight.toFixed(2), { "data-s": s, "data-t": t, tabindex: s + t ? -1 : 0 });
      cell.style.setProperty("--w", weight);
      return cell;
    });
    nodes.cells.push(cells);
    row.append(name, ...cells);
    return row;
  });
  const thead = make("thead", null);
  const tbody = make("tbody", null);
  thead.append(head);
  tbody.append(...nodes.rows);
  at("map").replaceChildren(thead, tbody);
}

function build() {
  const { nothing, score, targetLabels } = now();
  for (const id of ["player", "map-section", "links"]) at(id).toggleAttribute("hidden", nothing !== null);
  buildText("source");
  buildText("target");
  if (nothing === null) buildMap();
  at("step").max = targetLabels.length;
  at("score").textContent = score === null ? "" : `log-probability ${score.toFixed(2).replace("-", "−")}`;
  at("sentence").value = state.sentence;
  measure();
}

// --- sizes: the map fills the page, the names lean only where they must

let places = { source: [], target: [] };

function measure() {
  const origin = at("texts").getBoundingClientRect();
  for (const side of ["source", "target"]) {
    places[side] = nodes[side].map((unit) => {
      const box = unit.getClientRects()[0] ?? unit.getBoundingClientRect();
      return { x: box.left + box.width / 2 - origin.left, top: box.top - origin.top, bottom: box.bottom - origin.top };
    });
  }
  if (now().nothing !== null) return;
  const map = at("map");
  const names = Math.max(0, ...nodes.rows.map((row) => row.firstChild.offsetWidth));
  const count = nodes.columns.length;
  const cell = clamp(18, Math.floor((at("scroll").clientWidth - names - 60) / count), 42);
  map.style.setProperty("--cell", `${cell}px`);
  map.style.setProperty("--label", `${clamp(11, cell * 0.52, 16)}px`);
  const widths = nodes.columns.map((column) => column.firstChild.offsetWidth);
  const level = Math.max(...widths) <= cell - 2;
  map.classList.toggle("level", level);
  const slant = Math.SQRT1_2;
  map.style.setProperty("--head", `${level ? 32 : Math.ceil(slant * (Math.max(...widths) + 16)) + 10}px`);
  const lean = widths.map((width, s) => (s + 0.5) * cell + slant * (width + 12) - count * cell);
  map.style.setProperty("--overhang", `${level ? 0 : Math.max(0, Math.ceil(Math.max(...lean)))}px`);
}

// --- what is shown now

const revealed = () => state.step ?? now().targetLabels.length;

/** Row t, column s, or the cell where both are given; null when nothing is pointed at. */
function regarded() {
  const pointed = state.hovered ?? state.held;
  if (pointed) return pointed;
  return state.step ? { t: state.step - 1, s: null } : null;
}

/** [target, source, weight] of every look that belongs to what is pointed at. */
function looks(pointed) {
  const { weights } = now();
  const all = [];
  for (let t = 0; t < revealed(); t++) {
    if (pointed && pointed.t !== null && pointed.t !== t) continue;
    for (let s = 0; s < (weights[t] ?? []).length; s++) {
      if (pointed && pointed.s !== null && pointed.s !== s) continue;
      if (weights[t][s] >= (pointed ? FAINTEST : AT_REST)) all.push([t, s, weights[t][s]]);
    }
  }
  return all;
}

function paintSide(side, pointed, seen) {
  const own = side === "source" ? "s" : "t";
  const other = own === "s" ? "t" : "s";
  const lights = pointed !== null && pointed[other] !== null && pointed[own] === null;
  nodes[side].forEach((unit, index) => {
    const weight = lights ? seen.get(index) ?? 0 : 0;
    unit.style.setProperty("--w", weight);
    unit.classList.toggle("lit", weight > 0);
    unit.classList.toggle("dim", lights && weight === 0);
    unit.classList.toggle("active", pointed !== null && pointed[own] === index);
    unit.setAttribute("aria-pressed", state.held !== null && state.held[own] === index);
    if (side === "target") {
      unit.classList.toggle("ahead", index >= revealed());
      current(unit, index);
    }
  });
}

function current(node, index) {
  if (state.step !== null && index === state.step - 1) node.setAttribute("aria-current", "step");
  else node.removeAttribute("aria-current");
}

function paintLinks(drawn, pointed) {
  const calm = 0.5 * Math.min(1, 20 / nodes.target.length); // many lines at rest must not bury the text
  const paths = drawn.map(([t, s, weight]) => {
    const [from, to] = [places.source[s], places.target[t]];
    const bend = (to.top - from.bottom) / 2;
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    path.setAttribute("d", `M${from.x} ${from.bottom - 4}C${from.x} ${from.bottom + bend} ${to.x} ${to.top - bend} ${to.x} ${to.top + 4}`);
    path.setAttribute("stroke-width", (pointed ? 1 + 3.5 * weight : 0.75 + weight).toFixed(2));
    path.setAttribute("stroke-opacity", (pointed ? 0.15 + 0.8 * weight : calm * weight).toFixed(3));
    return path;
  });
  at("links").replaceChildren(...paths);
}

let marked = [];

function paintMap(pointed) {
  for (const node of marked) node.classList.remove("active");
  marked = [];
  const mark = (node) => {
    if (!node) return;
    node.classList.add("active");
    marked.push(node);
  };
  nodes.rows.forEach((row, t) => {
    row.classList.toggle("ahead", t >= revealed());
    row.setAttribute("aria-hidden", t >= revealed());
    current(row, t);
  });
  at("map").classList.toggle("row-lit", pointed !== null && pointed.t !== null && pointed.s === null);
  if (!pointed) return;
  if (pointed.t !== null) mark(nodes.rows[pointed.t]);
  if (pointed.s !== null) mark(nodes.columns[pointed.s]);
  if (pointed.t !== null && pointed.s !== null) mark(nodes.cells[pointed.t]?.[pointed.s]);
}

function paintReadout(pointed, drawn) {
  const { sourceLabels, targetLabels, nothing } = now();
  const line = at("readout");
  line.classList.toggle("hint", !pointed);
  if (!pointed || nothing !== null) {
    line.textContent = nothing ?? (state.step === 0 ? "Nothing is written yet." : "Point at a word to see its look.");
    return;
  }
  const byRow = pointed.t !== null;
  const heaviest = [...drawn].sort((a, b) => b[2] - a[2]).slice(0, 4);
  const parts = [make("bdi", byRow ? targetLabels[pointed.t] : sourceLabels[pointed.s])];
  parts.push(document.createTextNode(byRow ? " looks at " : " is looked at by "));
  heaviest.forEach(([t, s, weight], rank) => {
    const share = ` ${percent(weight)}${rank < heaviest.length - 1 ? ", " : ""}`;
    parts.push(make("bdi", byRow ? sourceLabels[s] : targetLabels[t]), make("span", share, { class: "share" }));
  });
  if (!heaviest.length) parts.push(document.createTextNode(byRow ? "nothing in particular" : "nothing"));
  line.replaceChildren(...parts);
}

function paintPlayer() {
  const last = now().targetLabels.length;
  const step = state.step ?? last;
  at("step").value = step;
  at("count").textContent = state.step === null ? `all ${last} shown` : `step ${step} of ${last}`;
  at("back").disabled = step === 0;
  at("forth").disabled = state.step === last;
  at("all").disabled = state.step === null;
  at("play").setAttribute("aria-pressed", state.clock !== null);
  at("play").setAttribute("aria-label", state.clock === null ? "Play" : "Pause");
  at("earlier").disabled = state.sentence === 0;
  at("later").disabled = state.sentence === sentences.length - 1;
}

function paint() {
  const pointed = regarded();
  const drawn = now().nothing === null ? looks(pointed) : [];
  paintSide("source", pointed, new Map(drawn.map(([, s, weight]) => [s, weight])));
  paintSide("target", pointed, new Map(drawn.map(([t, , weight]) => [t, weight])));
  paintLinks(drawn, pointed);
  paintMap(pointed);
  paintReadout(pointed, drawn);
  paintPlayer();
}
