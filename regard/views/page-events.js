// Events: what may be done with the page. page-draw.js, page-media.js and page-paint.js, which stand above this in
// the page, draw it.

// --- changes

function change(update) {
  const before = state.sentence;
  Object.assign(state, update);
  if (state.sentence !== before) {
    Object.assign(state, { held: null, hovered: null, sounding: [] });
    const side = ["source", "target"].find((id) => at(id).contains(document.activeElement));
    build();
    at("scroll").scrollTo(0, 0);
    if (side) nodes[side][0]?.focus(); // what had the focus is gone
  }
  paint();
}

function remember() {
  const step = state.step === null ? "" : `&t=${state.step}`;
  try {
    history.replaceState(null, "", `#s=${state.sentence + 1}${step}`);
  } catch {
    // a sandboxed frame has no address of its own
  }
}

function pause() {
  if (state.clock !== null) clearInterval(state.clock);
  silence();
  return { clock: null, sounding: [] };
}

function go(step) {
  change({ step: clamp(0, step, steps()), held: null, hovered: null });
  follow(regarded());
  seekStep();
  remember();
}

function showAll() {
  change({ ...pause(), step: null, held: null, hovered: null });
  remember();
}

function choose(index) {
  if (!sentences[index]) return;
  change({ ...pause(), sentence: index, step: null });
  remember();
}

/** A recording keeps the time itself; else a step follows another at an even pace. */
function play() {
  if (isRecording()) {
    change({ clock: 0, held: null, hovered: null });
    return resound(null);
  }
  const tick = () => {
    go(state.step + 1);
    if (state.step >= steps()) change(pause());
  };
  change({ clock: setInterval(tick, PACE / state.speed) });
}

function playOrPause() {
  if (state.clock !== null) return change(pause());
  if (state.step === null || state.step === steps()) go(0);
  play();
}

function hasten() {
  const playing = state.clock !== null;
  change({ ...pause(), speed: Number(at("speed").value) });
  if (playing) play();
}

function readAddress() {
  const address = new URLSearchParams(location.hash.slice(1));
  const sentence = clamp(0, (parseInt(address.get("s"), 10) || 1) - 1, sentences.length - 1);
  const step = parseInt(address.get("t"), 10);
  change({ ...pause(), sentence, step: null });
  if (!Number.isNaN(step)) change({ step: clamp(0, step, steps()) });
  seekStep();
  follow(regarded(), "auto");
}

// --- events

const pointAt = (node, event = {}) => {
  if (node.closest?.(".ahead")) return null;
  const cell = node.closest?.("td[data-s]");
  if (cell) return { t: Number(cell.dataset.t), s: Number(cell.dataset.s) };
  const copy = node.closest?.(".copy");
  if (copy) return { t: Number(copy.dataset.t), s: null };
  const frame = node.closest?.("#medium .frame");
  if (frame) return event.clientX === undefined ? null : unitAt(frame, event);
  const unit = node.closest?.(".unit, .tick");
  if (!unit) return null;
  const index = Number(unit.dataset.i);
  return unit.parentNode.id.startsWith("source") ? { t: null, s: index } : { t: index, s: null };
};
const same = (one, other) => one !== null && other !== null && one.t === other.t && one.s === other.s;

function hover(event) {
  const pointed = pointAt(event.target, event);
  if (pointed === null ? state.hovered === null : same(pointed, state.hovered)) return;
  change({ hovered: pointed });
  if (event.currentTarget.id === "texts") follow(pointed); // the map may not move away under the pointer
}

function hold(event) {
  const pointed = pointAt(event.target, event);
  if (!pointed) return;
  if (!isRecording()) return change({ ...pause(), held: same(pointed, state.held) ? null : pointed });
  change({ ...pause(), held: pointed });
  if (pointed.t !== null) hear(pointed.t);
  else seek(now().medium.spans[pointed.s][0]);
}

/** Arrow keys within a text or the map move the focus; true if they did. */
function moveFocus(event) {
  const pointed = pointAt(event.target);
  const across = { ArrowLeft: -1, ArrowRight: 1 }[event.key] ?? 0;
  const down = { ArrowUp: -1, ArrowDown: 1 }[event.key] ?? 0;
  const inMap = pointed !== null && pointed.t !== null && pointed.s !== null;
  if (!pointed || !(across || (down && inMap))) return false;
  const side = pointed.t === null ? "source" : "target";
  const next = inMap ? nodes.cells[pointed.t + down]?.[pointed.s + across] : nodes[side][(pointed.t ?? pointed.s) + across];
  if (next && !next.closest(".ahead")) {
    event.target.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  }
  return true;
}

const KEYS = {
  ArrowRight: () => go(state.step === null ? 1 : state.step + 1),
  ArrowLeft: () => go(revealed() - 1),
  ArrowDown: () => choose(state.sentence + 1),
  ArrowUp: () => choose(state.sentence - 1),
  " ": playOrPause,
};

function press(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const presses = event.key === " " || event.key === "Enter";
  if (event.key === "Escape") return showAll();
  if (event.target.closest?.("select, input") || (presses && event.target.closest?.("button"))) return;
  if (event.key.endsWith("Up") || event.key.endsWith("Down")) {
    if (!pointAt(event.target) && sentences.length < 2) return; // then these keys move the page
  }
  if (moveFocus(event)) event.preventDefault();
  else if (presses && pointAt(event.target)) {
    event.preventDefault();
    hold(event);
  } else if (KEYS[event.key]) {
    event.preventDefault();
    KEYS[event.key]();
  }
}

const step = (move) => () => {
  change(pause());
  move();
};

for (const id of ["texts", "map", "copies"]) {
  at(id).addEventListener("pointerover", hover);
  at(id).addEventListener("pointerleave", () => change({ hovered: null }));
  at(id).addEventListener("focusin", hover);
  at(id).addEventListener("focusout", () => change({ hovered: null }));
  at(id).addEventListener("click", hold);
}
at("medium").addEventListener("pointermove", hover);
at("back").addEventListener("click", step(() => go(revealed() - 1)));
at("forth").addEventListener("click", step(() => go(state.step === null ? 1 : state.step + 1)));
at("step").addEventListener("input", step(() => go(Number(at("step").value))));
at("play").addEventListener("click", playOrPause);
at("all").addEventListener("click", showAll);
at("speed").addEventListener("change", hasten);
at("sentence").addEventListener("change", () => choose(Number(at("sentence").value)));
at("earlier").addEventListener("click", () => choose(state.sentence - 1));
at("later").addEventListener("click", () => choose(state.sentence + 1));
document.addEventListener("keydown", press);
window.addEventListener("hashchange", readAddress);
window.addEventListener("resize", () => {
  measure();
  paint();
});

const plain = (pieces) => pieces.map(([text]) => text).join("");
const name = ({ source, target, layer }, index) => `${index + 1}. ${layer && `${layer}: `}${plain(source)} → ${plain(target)}`;
at("sentence").replaceChildren(...sentences.map((sentence, index) => make("option", name(sentence, index), { value: index })));
for (const id of ["chooser", "many"]) at(id).toggleAttribute("hidden", sentences.length < 2);
for (let k = 0; k < 24; k++) {
  const mark = make("span", null);
  mark.style.setProperty("--w", k / 23);
  at("bar").append(mark);
}
build();
readAddress();
