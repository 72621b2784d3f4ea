// Drawing: what a sentence is made of, built once when it is chosen, and where everything stands.
// page.py puts this file, page-media.js, page-inside.js, page-paint.js and page-events.js into one function. State goes one way: an event calls
// change(), which merges it and calls paint(). All text of the user goes in as textContent.

const FAINTEST = 0.02; // below this a look is not drawn
const PACE = 900; // milliseconds a step
const LONG = 30; // a text of more units is set smaller
const BESIDE = { columns: 16, rows: 20, width: "(min-width: 62rem)" }; // up to this the map stands beside the text
const CELL = { smallest: 14, followed: 20, largest: 42, beside: 52 }; // pixels; a map that does not fit has cells to be seen
const sentences = JSON.parse(document.getElementById("data").textContent);
const at = (id) => document.getElementById(id);
// Of each side its units and the marks of its ruler; the end mark, where there is one, is the last of all.
const nodes = { source: [], target: [], ticks: { source: [], target: [] }, rows: [], columns: [], cells: [], words: [] };
// step: null shows all; k shows the first k rows. held and hovered: {t, s}, a row, a column or both. sounding: the rows
// whose part of a recording is heard now.
const state = { sentence: 0, step: null, held: null, hovered: null, clock: null, speed: 1, sounding: [] };
const now = () => sentences[state.sentence];
const steps = () => now().targetLabels.length + now().targetEnd;
const isEnd = (side, index) => index === now()[`${side}Labels`].length;
const clamp = (low, value, high) => Math.min(Math.max(value, low), high);
const percent = (share) => (share > 0 && share < 0.0005 ? "< 0.1\u00a0%" : `${(100 * share).toFixed(share > 0 && share < 0.0995 ? 1 : 0)}\u00a0%`);
const still = matchMedia("(prefers-reduced-motion: reduce)");

function make(tag, text, attributes = {}) {
  const node = document.createElement(tag);
  if (text !== null) node.textContent = text;
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

function buildText(side) {
  const units = [];
  const add = (text, index, more = {}) => {
    units[index] = make("span", text, { class: "unit", role: "button", tabindex: index ? -1 : 0, "data-i": index, ...more });
    return units[index];
  };
  const copied = new Set(side === "target" ? now().copied.map(([t]) => t) : []);
  const parts = now()[side].map(([text, index]) =>
    index < 0 ? document.createTextNode(text) : add(text, index, copied.has(index) ? { class: "unit copied" } : {}),
  );
  if (now()[`${side}End`] && (side === "target" || !now().medium)) {
    const said = { class: "unit end", "aria-label": `end of the ${side === "source" ? "source" : "output"}` };
    parts.push(document.createTextNode(" "), add("end", units.length, said));
  }
  if (side === "target" && now().cut) parts.push(make("span", " cut before its end", { class: "cut" }));
  at(side).replaceChildren(...parts);
  nodes[side] = units;
  nodes.ticks[side] = units.map((unit, index) => {
    const tick = make("i", null, { class: `tick${isEnd(side, index) ? " end" : ""}`, "data-i": index });
    tick.style.setProperty("flex-grow", isEnd(side, index) ? 3 : unit.textContent.length + 1);
    return tick;
  });
  const ruler = at(`${side}-ruler`);
  ruler.replaceChildren(...nodes.ticks[side]);
  ruler.style.setProperty("gap", `${clamp(0, 120 / units.length, 2)}px`);
  ruler.style.setProperty("direction", getComputedStyle(at(side)).direction);
}

function buildHead() {
  const labels = now().sourceEnd ? [...now().sourceLabels, "end"] : now().sourceLabels;
  const head = make("tr", null);
  nodes.columns = labels.map((label, s) => {
    const cell = make("th", null, isEnd("source", s) ? { scope: "col", class: "end", "aria-label": "end of the source" } : { scope: "col" });
    const span = make("span", null);
    span.append(make("bdi", label));
    cell.append(span);
    return cell;
  });
  head.append(make("td", null), ...nodes.columns);
  const thead = make("thead", null);
  thead.append(head);
  return thead;
}

function buildMap() {
  nodes.cells = [];
  nodes.rows = now().weights.map((weights, t) => {
    const last = isEnd("target", t);
    const row = make("tr", null, last ? { class: "end" } : {});
    const name = make("th", null, last ? { scope: "row", "aria-label": "end of the output" } : { scope: "row" });
    name.append(make("bdi", last ? "end" : now().targetLabels[t]));
    const cells = weights.map((weight, s) => {
      const cell = make("td", weight.toFixed(2), { "data-s": s, "data-t": t, tabindex: s + t ? -1 : 0 });
      if (isEnd("source", s)) cell.className = "end";
      if (now().parts.includes(s)) cell.className = "part";
      cell.style.setProperty("--w", weight);
      return cell;
    });
    nodes.cells.push(cells);
    row.append(name, ...cells);
    return row;
  });
  for (const [t, s] of now().copied) nodes.cells[t][s].classList.add("copied");
  const tbody = make("tbody", null);
  tbody.append(...nodes.rows);
  at("map").replaceChildren(buildHead(), tbody);
}

function build() {
  const { nothing, score, predictions } = now();
  for (const id of ["player", "map-section", "links"]) at(id).toggleAttribute("hidden", nothing !== null);
  at("choices").toggleAttribute("hidden", nothing !== null || predictions === null);
  at("choices").classList.toggle("several", predictions?.some((tokens) => tokens.length > 1) ?? false);
  buildText("source");
  buildText("target");
  buildInside();
  buildMedium();
  Object.assign(nodes, { rows: [], columns: [], cells: [] });
  if (nothing === null && !now().medium) buildMap();
  at("map-name").textContent = now().layer ? `Every weight of ${now().layer}` : "Every weight";
  at("step").max = steps();
  at("score").textContent = score === null ? "" : `log-probability ${score.toFixed(2).replace("-0.00", "0.00").replace("-", "−")}`;
  at("sentence").value = state.sentence;
  measure();
}

// --- sizes: where the texts stand, and how large the cells of the map are

let places = { source: [], target: [] };

function measure() {
  const { nothing, sourceLabels, targetLabels } = now();
  const narrow = now().medium ? isPicture() : sourceLabels.length <= BESIDE.columns;
  const short = narrow && targetLabels.length <= BESIDE.rows;
  at("stage").classList.toggle("beside", nothing === null && short && matchMedia(BESIDE.width).matches);
  measureTexts();
  if (nothing === null && !now().medium) measureMap();
}

/** Links run between two lines of text, or between two rulers where a text takes more lines than one. */
function measureTexts() {
  const texts = at("texts");
  texts.classList.toggle("long", Math.max(nodes.source.length, nodes.target.length) > LONG);
  const lines = (side) => {
    const [first, last] = [nodes[side][0], nodes[side].at(-1)];
    return first && last.getBoundingClientRect().top - first.getBoundingClientRect().top > 8 ? 2 : 1;
  };
  texts.classList.remove("ruled");
  const ruled = !now().medium && lines("source") + lines("target") > 2;
  texts.classList.toggle("ruled", ruled && now().nothing === null);
  const origin = texts.getBoundingClientRect();
  for (const side of ["source", "target"]) {
    places[side] = (ruled ? nodes.ticks[side] : nodes[side]).map((node) => {
      const box = node.getClientRects()[0] ?? node.getBoundingClientRect();
      const inset = ruled ? 0 : 4;
      return { x: box.left + box.width / 2 - origin.left, top: box.top - origin.top + inset, bottom: box.bottom - origin.top - inset };
    });
  }
}

/** As large as the page has room for; the names lean only where they must. A map that does not fit can be moved. */
function measureMap() {
  const map = at("map");
  const box = at("scroll");
  map.style.setProperty("--label", "11px");
  const names = Math.max(0, ...nodes.rows.map((row) => row.firstChild.offsetWidth));
  const count = nodes.columns.length;
  const room = Math.floor((box.clientWidth - names - 50) / count);
  const above = box.getBoundingClientRect().top + scrollY + 90; // what stands above the cells, their names with it
  const tall = Math.floor((innerHeight - above - 110) / nodes.rows.length); // beside a text, all of it is in view
  const high = at("stage").classList.contains("beside") ? clamp(24, tall, CELL.beside) : CELL.largest;
  const cell = room < CELL.smallest ? CELL.followed : Math.min(room, high);
  map.style.setProperty("--cell", `${cell}px`);
  map.style.setProperty("--label", `${clamp(11, cell * 0.52, 16)}px`);
  const widths = nodes.columns.filter((_, s) => !isEnd("source", s)).map((column) => column.firstChild.offsetWidth);
  const widest = Math.max(0, ...widths);
  const level = widest <= cell - 2;
  map.classList.toggle("level", level);
  const [across, up] = [Math.cos(Math.PI / 3), Math.sin(Math.PI / 3)];
  map.style.setProperty("--head", `${level ? 32 : Math.ceil(up * widest + 26)}px`);
  const lean = widths.map((width, s) => (s + 0.5) * cell + across * width + 14 - count * cell);
  map.style.setProperty("--overhang", `${level ? 0 : Math.max(0, Math.ceil(Math.max(...lean)))}px`);
  box.classList.toggle("moves", box.scrollWidth > box.clientWidth + 1);
}

let following = null;

/** Move the map, and nothing else of the page, until the row and its strongest word are in view: once a frame, since it
    has to know where everything stands. */
function follow(pointed, behavior = still.matches ? "auto" : "smooth") {
  if (!pointed || now().nothing !== null || now().medium) return;
  if (following !== null) cancelAnimationFrame(following);
  following = requestAnimationFrame(() => {
    following = null;
    const box = at("scroll");
    const row = nodes.rows[pointed.t];
    const column = nodes.columns[pointed.s ?? strongest(pointed.t, false)];
    const [head, names] = [at("map").tHead.offsetHeight, nodes.rows[0].firstChild.offsetWidth];
    const middle = (start, size, hidden, whole) => start - hidden - (whole - hidden - size) / 2;
    box.scrollTo({
      top: row ? middle(row.offsetTop, row.offsetHeight, head, box.clientHeight) : box.scrollTop,
      left: column ? middle(column.offsetLeft, column.offsetWidth, names, box.clientWidth) : box.scrollLeft,
      behavior,
    });
  });
}
