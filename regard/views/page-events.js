// Events: what may be done with the page. page-draw.js, which stands above this in the page, draws it.

// --- changes

function change(update) {
  const before = state.sentence;
  Object.assign(state, update);
  if (state.sentence !== before) {
    Object.assign(state, { held: null, hovered: null });
    build();
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
  return { clock: null };
}

function go(step) {
  change({ step: clamp(0, step, now().targetLabels.length), held: null, hovered: null });
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

function playOrPause() {
  if (state.clock !== null) return change(pause());
  const last = now().targetLabels.length;
  if (state.step === null || state.step === last) go(0);
  const tick = () => {
    go(state.step + 1);
    if (state.step >= last) change(pause());
  };
  change({ clock: setInterval(tick, PACE) });
}

function readAddress() {
  const address = new URLSearchParams(location.hash.slice(1));
  const sentence = clamp(0, (parseInt(address.get("s"), 10) || 1) - 1, sentences.length - 1);
  const step = parseInt(address.get("t"), 10);
  const length = sentences[sentence].targetLabels.length;
  change({ ...pause(), sentence, step: Number.isNaN(step) ? null : clamp(0, step, length) });
}

// --- events

const pointAt = (node) => {
  if (node.closest?.(".ahead")) return null;
  const cell = node.closest?.("td[data-s]");
  if (cell) return { t: Number(cell.dataset.t), s: Number(cell.dataset.s) };
  const unit = node.closest?.(".unit");
  if (!unit) return null;
  const index = Number(unit.dataset.i);
  return unit.parentNode.id === "source" ? { t: null, s: index } : { t: index, s: null };
};
const same = (one, other) => one !== null && other !== null && one.t === other.t && one.s === other.s;

function hover(event) {
  const pointed = pointAt(event.target);
  if (pointed === null ? state.hovered !== null : !same(pointed, state.hovered)) change({ hovered: pointed });
}

function hold(event) {
  const pointed = pointAt(event.target);
  if (pointed) change({ ...pause(), held: same(pointed, state.held) ? null : pointed });
}

/** Arrow keys within a text or the map move the focus; true if they did. */
function moveFocus(event) {
  const pointed = pointAt(event.target);
  const across = { ArrowLeft: -1, ArrowRight: 1 }[event.key] ?? 0;
  const down = { ArrowUp: -1, ArrowDown: 1 }[event.key] ?? 0;
  if (!pointed || !(across || down)) return false;
  let next = null;
  if (pointed.t !== null && pointed.s !== null) next = nodes.cells[pointed.t + down]?.[pointed.s + across];
  else if (across) next = event.target.parentNode.id === "source" ? nodes.source[pointed.s + across] : nodes.target[pointed.t + across];
  if (next && !next.closest(".ahead")) {
    event.target.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  }
  return true;
}

function press(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const inControl = event.target.closest?.("select, input, button");
  if (event.key === "Escape") showAll();
  else if (inControl) return;
  else if (moveFocus(event)) event.preventDefault();
  else if (pointAt(event.target) && (event.key === "Enter" || event.key === " ")) {
    event.preventDefault();
    hold(event);
  } else if (event.key === "ArrowRight") go(state.step === null ? 1 : state.step + 1);
  else if (event.key === "ArrowLeft") go(revealed() - 1);
  else if (event.key === " ") {
    event.preventDefault();
    playOrPause();
  }
}

const step = (move) => () => {
  change(pause());
  move();
};

for (const id of ["texts", "map"]) {
  at(id).addEventListener("pointerover", hover);
  at(id).addEventListener("pointerleave", () => change({ hovered: null }));
  at(id).addEventListener("focusin", hover);
  at(id).addEventListener("focusout", () => change({ hovered: null }));
  at(id).addEventListener("click", hold);
}
at("back").addEventListener("click", step(() => go(revealed() - 1)));
at("forth").addEventListener("click", step(() => go(state.step === null ? 1 : state.step + 1)));
at("step").addEventListener("input", step(() => go(Number(at("step").value))));
at("play").addEventListener("click", playOrPause);
at("all").addEventListener("click", showAll);
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
const name = ({ source, target }, index) => `${index + 1}. ${plain(source)} → ${plain(target)}`;
at("sentence").replaceChildren(...sentences.map((sentence, index) => make("option", name(sentence, index), { value: index })));
at("chooser").toggleAttribute("hidden", sentences.length < 2);
for (let k = 0; k < 24; k++) {
  const mark = make("span", null);
  mark.style.setProperty("--w", k / 23);
  at("bar").append(mark);
}
build();
readAddress();
