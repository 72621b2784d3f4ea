// Painting: what is shown now, in the two texts, the links, the map, the sentence below them and the player.

const revealed = () => state.step ?? steps();

/** Row t, column s, or the cell where both are given; null when nothing is pointed at. */
function regarded() {
  const pointed = state.hovered ?? state.held;
  if (pointed) return pointed;
  if (state.clock !== null && isRecording()) return state.sounding.length ? { t: state.sounding.at(-1), s: null } : null;
  return state.step ? { t: state.step - 1, s: null } : null;
}

/** The column that row t looked at most, undefined without any; with the end of the source among them, or without. */
function strongest(t, ends) {
  const row = (now().weights[t] ?? []).slice(0, ends ? undefined : now().sourceLabels.length);
  return row.length ? row.indexOf(Math.max(...row)) : undefined;
}

/** [target, source, weight] of every look that belongs to what is pointed at; of every row its strongest at rest. */
function looks(pointed) {
  const all = [];
  for (let t = 0; t < revealed(); t++) {
    if (pointed && pointed.t !== null && pointed.t !== t) continue;
    const best = pointed ? null : strongest(t, true);
    (now().weights[t] ?? []).forEach((weight, s) => {
      const belongs = pointed ? pointed.s === null || pointed.s === s : best === s;
      if (belongs && strength(weight) >= FAINTEST) all.push([t, s, weight]);
    });
  }
  return all;
}

function paintSide(side, pointed, seen) {
  const own = side === "source" ? "s" : "t";
  const other = own === "s" ? "t" : "s";
  const lights = pointed !== null && pointed[other] !== null && pointed[own] === null;
  nodes[side].forEach((unit, index) => {
    const weight = lights ? seen.get(index) ?? 0 : 0;
    for (const node of [unit, nodes.ticks[side][index]]) {
      node.style.setProperty("--w", weight);
      node.classList.toggle("lit", weight > 0);
      node.classList.toggle("dim", lights && weight === 0);
      node.classList.toggle("active", pointed !== null && pointed[own] === index);
      if (side === "target") node.classList.toggle("ahead", index >= revealed());
    }
    unit.setAttribute("aria-pressed", state.held !== null && state.held[own] === index);
    if (side === "target") current(unit, index);
  });
}

function current(node, index) {
  if (state.step !== null && index === state.step - 1) node.setAttribute("aria-current", "step");
  else node.removeAttribute("aria-current");
}

function paintLinks(drawn, pointed) {
  if (now().medium) return at("links").replaceChildren();
  const calm = clamp(0.35, 20 / nodes.target.length, 0.7); // many lines at rest must not bury each other
  const paths = drawn.map(([t, s, weight]) => {
    const [from, to] = [places.source[s], places.target[t]];
    const bend = (to.top - from.bottom) / 2;
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    path.setAttribute("d", `M${from.x} ${from.bottom}C${from.x} ${from.bottom + bend} ${to.x} ${to.top - bend} ${to.x} ${to.top}`);
    path.setAttribute("stroke-width", (pointed ? 1 + 3.5 * weight : 0.75 + weight).toFixed(2));
    path.setAttribute("stroke-opacity", (pointed ? 0.15 + 0.8 * weight : calm * weight).toFixed(3));
    if (isEnd("source", s)) path.setAttribute("class", "end");
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

// --- what is said

const END_OF = { source: "the end of the sentence", target: "the end of the output" };

function named(side, index) {
  return isEnd(side, index) ? document.createTextNode(END_OF[side]) : make("bdi", now()[`${side}Labels`][index]);
}

function atRest() {
  if (now().nothing !== null) return now().nothing;
  if (now().note !== null) return capital(now().note);
  if (state.step === 0) return "Nothing is written yet.";
  const hint = "Point at a word to see its look.";
  if (!now().sourceEnd) return isRecording() ? `${hint} Click it to hear what it was written from.` : hint;
  const shares = now().weights.map((row) => row.at(-1));
  return `${hint} On average ${percent(shares.reduce((sum, share) => sum + share, 0) / shares.length)} of a look is on ${END_OF.source}.`;
}

/** "汤姆 looks at Tom 92 %; 7 % on the end of the sentence", or by whom a word of the source is looked at. */
function paintReadout(pointed, drawn) {
  const line = at("readout");
  const playing = state.clock !== null && PACE / state.speed < 1000;
  line.setAttribute("aria-live", playing ? "off" : "polite"); // nobody can listen so fast
  line.classList.toggle("hint", !pointed);
  if (!pointed || now().nothing !== null) {
    line.textContent = atRest();
    return;
  }
  const byRow = pointed.t !== null;
  const [own, other] = byRow ? ["target", "source"] : ["source", "target"];
  const onEnd = byRow ? drawn.find(([, s]) => isEnd("source", s))?.[2] : undefined;
  const heard = byRow ? media.stretches[pointed.t] : undefined;
  const listed = heard ? [] : drawn.filter(([, s]) => !byRow || !isEnd("source", s)).sort((a, b) => b[2] - a[2]).slice(0, 4);
  const parts = [named(own, byRow ? pointed.t : pointed.s)];
  const say = (text) => parts.push(document.createTextNode(text));
  if (listed.length) say(byRow ? " looks at " : " is looked at by ");
  listed.forEach(([t, s, weight], rank) => {
    const share = ` ${percent(weight)}${rank < listed.length - 1 ? ", " : ""}`;
    parts.push(named(other, byRow ? s : t), make("span", share, { class: "share" }));
  });
  if (heard) {
    say(` looks at ${said(heard)}`);
    parts.push(make("span", ` ${percent(heard.share)}`, { class: "share" }));
  }
  if (onEnd !== undefined) say(`${heard || listed.length ? "; " : " puts "}${percent(onEnd)} on ${END_OF.source}`);
  else if (!heard && !listed.length) say(byRow ? " looks at nothing in particular" : " is looked at by nothing");
  const copy = byRow ? now().copied.find(([t]) => t === pointed.t) : undefined;
  if (copy) {
    say("; copied from ");
    parts.push(named("source", copy[1]), make("span", ` ${percent(copy[2])}`, { class: "share" }));
  }
  parts[0].textContent = parts[0].nodeType === Node.TEXT_NODE ? capital(parts[0].textContent) : parts[0].textContent;
  line.replaceChildren(...parts);
}

const capital = (text) => text[0].toUpperCase() + text.slice(1);

/** One choice of a step: its text, its probability, and a bar of that length. */
function choice(text, probability, kind) {
  const item = make("li", null, kind ? { class: kind } : {});
  item.style.setProperty("--p", probability);
  item.append(make("bdi", text === "" ? "end" : text, text === "" ? { class: "end" } : {}), make("span", percent(probability)));
  if (kind === "own") item.setAttribute("aria-label", `${text === "" ? "end" : text} ${percent(probability)}, written`);
  return item;
}

/** What could have stood at one token: the most probable ones, the written one among them, and the rest together. */
function choicesOf([text, probability, others]) {
  const list = make("ol", null);
  const own = others.findIndex(([other, its]) => other === text && its === probability);
  list.append(...others.map(([other, its], rank) => choice(other, its, rank === own ? "own" : "")));
  if (own < 0) list.append(choice(text, probability, "own"));
  const told = others.reduce((sum, [, its]) => sum + its, own < 0 ? probability : 0);
  list.append(choice("all others", Math.max(0, 1 - told), "rest"));
  return list;
}

const product = (tokens) => tokens.reduce((all, [, probability]) => all * probability, 1);

/** At rest the words that were least sure; else what else could have stood where the row is. */
function paintChoices(pointed) {
  const { predictions, nothing } = now();
  if (nothing !== null || predictions === null) return;
  const name = at("choices-name");
  if (pointed && pointed.t !== null) {
    const tokens = predictions[pointed.t];
    const factors = tokens.length > 1 && tokens.length < 5 ? ` = ${tokens.map(([, its]) => percent(its)).join(" × ")}` : "";
    name.replaceChildren(document.createTextNode("Probability of "), named("target", pointed.t), document.createTextNode(`: ${percent(product(tokens))}${factors}`));
    at("tokens").replaceChildren(...tokens.map(choicesOf));
    return;
  }
  const written = predictions.slice(0, revealed()).map((tokens, t) => [t, product(tokens)]);
  const least = written.filter(([t]) => predictions[t].length).sort((a, b) => a[1] - b[1]).slice(0, 5);
  const list = make("ol", null);
  list.append(...least.map(([t, its]) => choice(isEnd("target", t) ? "" : now().targetLabels[t], its, "")));
  name.textContent = least.length ? "Least probable words" : "";
  at("tokens").replaceChildren(list);
}

function paintPlayer() {
  const last = steps();
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
  paintSide("source", pointed, new Map(drawn.map(([, s, weight]) => [s, strength(weight)])));
  paintSide("target", pointed, new Map(drawn.map(([t, , weight]) => [t, strength(weight)])));
  paintLinks(drawn, pointed);
  paintMap(pointed);
  paintMedium(pointed);
  paintReadout(pointed, drawn);
  paintInside(pointed);
  paintChoices(pointed);
  paintPlayer();
}
