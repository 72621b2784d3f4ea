// Recordings and pictures: drawn and played where a text has its words. Coordinates of every drawing are what the
// alignment has: seconds, or pixels of the picture. Opacity is a weight over the largest weight of the whole output.

const STRETCH = 0.5; // the places around the largest weight that together hold this share of a row
const FAINTEST_PLACE = 1 / 255;
const media = { places: null, copies: [], stretches: [], begins: [], sound: null, head: null, until: null };
const isRecording = () => now().medium?.kind === "recording";
const isPicture = () => now().medium?.kind === "picture";
const strength = (weight) => (now().medium ? Math.min(weight / now().medium.largest, 1) : weight);

function shape(tag, attributes = {}) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

/** Left, top, width, height of a unit. */
function placeOf(s) {
  const { spans, boxes } = now().medium;
  if (spans) return [spans[s][0], 0, spans[s][1] - spans[s][0], 1];
  const [left, top, right, bottom] = boxes[s];
  return [left, top, right - left, bottom - top];
}

/** The cells of one row, each as opaque as it has weight. */
function lights(t) {
  const shown = [];
  for (let s = 0; s < now().sourceLabels.length; s++) {
    const opacity = strength(now().weights[t][s]);
    if (opacity < FAINTEST_PLACE) continue;
    const [x, y, width, height] = placeOf(s);
    shown.push(shape("rect", { x, y, width, height, "fill-opacity": opacity.toFixed(4), "data-s": s }));
  }
  return shown;
}

/** Of a recording: the shortest run of places around the largest weight of row t that holds half of the row. */
function stretchOf(t) {
  const { spans } = now().medium;
  const row = now().weights[t].slice(0, spans.length);
  const total = row.reduce((sum, weight) => sum + weight, 0);
  let first = row.reduce((best, weight, s) => (weight > row[best] ? s : best), 0);
  let last = first;
  let share = row[first];
  while (share < STRETCH * total && last - first + 1 < row.length) {
    share += (row[first - 1] ?? -1) > (row[last + 1] ?? -1) ? row[--first] : row[++last];
  }
  return { start: spans[first][0], end: spans[last][1], share };
}

const said = ({ start, end }) => `${start.toFixed(2)}–${end.toFixed(2)}\u00a0s`;

// --- drawn once for a sentence

function buildMedium() {
  silence();
  if (media.sound) URL.revokeObjectURL(media.sound.src);
  const { medium } = now();
  Object.assign(media, { places: null, copies: [], stretches: [], begins: [], sound: null, head: null });
  for (const id of ["medium", "copies"]) {
    at(id).replaceChildren();
    at(id).toggleAttribute("hidden", !medium);
  }
  at("scroll").toggleAttribute("hidden", Boolean(medium));
  document.body.classList.toggle("of-medium", Boolean(medium));
  at("copies").classList.toggle("pictures", isPicture());
  at("most").textContent = medium ? medium.largest.toPrecision(2) : "1";
  at("click").textContent = isRecording() ? "click a word to hear what it was written from" : "click a word to hold it";
  if (!medium) return;
  media.places = shape("g", { class: "looks" });
  if (isRecording()) buildRecording(medium);
  else at("medium").append(framed([0, 0, medium.width, medium.height], image(medium), media.places));
  if (medium.covered) at("medium").append(make("p", medium.covered, { class: "note" }));
  media.copies = now().weights.map((_, t) => copyOf(t));
  at("copies").append(...media.copies);
}

function framed(box, ...parts) {
  const frame = shape("svg", { class: "frame", viewBox: box.join(" "), preserveAspectRatio: "none" });
  if (isPicture()) frame.style.setProperty("--ratio", box[2] / box[3]); // so that nothing is stretched
  frame.append(...parts);
  return frame;
}

function image({ file, covers: [width, height] }) {
  const node = shape("image", { width, height, preserveAspectRatio: "none" });
  node.setAttribute("href", `data:image/png;base64,${file}`);
  return node;
}

function buildRecording({ seconds, envelope, marks, audio, heard }) {
  media.stretches = now().weights.map((_, t) => stretchOf(t));
  let latest = 0;
  media.begins = media.stretches.map(({ start }) => (latest = Math.max(latest, start)));
  const x = (column) => ((column * seconds) / envelope.length).toFixed(4);
  const y = (sample) => (0.5 - 0.49 * sample).toFixed(4);
  const edge = (side) => envelope.flatMap((ends, column) => [`${x(column)} ${y(ends[side])}`, `${x(column + 1)} ${y(ends[side])}`]);
  const wave = shape("path", { class: "wave", d: `M${edge(1).join("L")}L${edge(0).reverse().join("L")}Z` });
  media.head = shape("line", { class: "head", y1: 0, y2: 1, "vector-effect": "non-scaling-stroke" });
  const axis = make("div", null, { class: "axis", "aria-hidden": "true" });
  for (const [place, text] of marks) {
    const mark = make("span", text);
    mark.style.setProperty("left", `${(100 * place) / seconds}%`);
    axis.append(mark);
  }
  const bytes = Uint8Array.from(atob(audio), (character) => character.charCodeAt(0));
  media.sound = make("audio", null, { preload: "auto" });
  media.sound.src = URL.createObjectURL(new Blob([bytes], { type: "audio/wav" }));
  media.sound.addEventListener("timeupdate", listen);
  media.sound.addEventListener("ended", () => change({ ...pause(), step: steps(), sounding: [] }));
  at("medium").append(framed([0, 0, seconds, 1], media.places, wave, media.head), axis, media.sound);
  if (heard < seconds) at("medium").append(make("p", `Only the first ${heard / 60} minutes can be heard here; all of the recording is drawn.`, { class: "note" }));
  seek(0);
}

/** One row of every weight: a strip under the seconds, or the picture once more. */
function copyOf(t) {
  const last = isEnd("target", t);
  const copy = make("div", null, { class: `copy${last ? " end" : ""}`, "data-t": t });
  const name = make("span", null, { class: "name" });
  name.append(make("bdi", last ? "end" : now().targetLabels[t]));
  if (now().sourceEnd) name.append(make("small", ` end ${percent(now().weights[t].at(-1))}`));
  const { width, height, seconds } = now().medium;
  const box = isPicture() ? [0, 0, width, height] : [0, 0, seconds, 1];
  const looks = shape("g", { class: "looks" });
  looks.append(...lights(t));
  copy.append(name, isPicture() ? framed(box, image(now().medium), looks) : framed(box, looks));
  return copy;
}

// --- painted at every change

function paintMedium(pointed) {
  if (!now().medium || now().nothing !== null) return;
  const t = pointed?.t ?? null;
  const shown = t === null ? [] : lights(t);
  if (pointed && pointed.s !== null && pointed.s < now().sourceLabels.length) {
    const [x, y, width, height] = placeOf(pointed.s);
    shown.push(shape("rect", { class: "pointed", x, y, width, height, "vector-effect": "non-scaling-stroke" }));
  }
  media.places.replaceChildren(...shown);
  at("medium").classList.toggle("lit", t !== null);
  media.copies.forEach((copy, row) => {
    copy.classList.toggle("active", row === t);
    copy.classList.toggle("ahead", row >= revealed());
  });
  nodes.target.forEach((unit, index) => unit.classList.toggle("sounding", state.sounding.includes(index)));
}

/** The unit under the pointer. */
function unitAt(frame, event) {
  const box = frame.getBoundingClientRect();
  const [, , width, height] = frame.getAttribute("viewBox").split(" ").map(Number);
  const [x, y] = [((event.clientX - box.left) / box.width) * width, ((event.clientY - box.top) / box.height) * height];
  const s = now().sourceLabels.findIndex((_, index) => {
    const [left, top, wide, high] = placeOf(index);
    return left <= x && x < left + wide && top <= y && y < top + high;
  });
  return s < 0 ? null : { t: null, s };
}

// --- sound

/** To where the step that is shown was written from. */
function seekStep() {
  if (media.sound) seek(state.step ? media.stretches[state.step - 1].start : 0);
}

function seek(seconds) {
  if (!media.sound) return;
  media.sound.currentTime = Math.min(seconds, now().medium.heard);
  placeHead(seconds);
}

function placeHead(seconds) {
  for (const side of ["x1", "x2"]) media.head.setAttribute(side, seconds.toFixed(4));
}

function silence() {
  if (!media.sound) return;
  media.until = null;
  media.sound.pause();
}

/** Play from where the sound is; until: seconds at which it ends, null for all of it. */
function resound(until) {
  media.until = until;
  media.sound.playbackRate = state.speed;
  media.sound.play()?.catch(() => change(pause())); // a browser may refuse to make a sound
  requestAnimationFrame(follows);
}

function follows() {
  if (!media.sound || media.sound.paused) return;
  listen();
  requestAnimationFrame(follows);
}

/** What is written by now, and which words sound: a word is there once what it and all before it were written from began. */
function listen() {
  if (!media.sound) return;
  const time = media.sound.currentTime;
  placeHead(time);
  if (media.until !== null && time >= media.until) silence();
  if (state.clock === null) return;
  const step = media.begins.filter((begin) => begin <= time).length;
  const sounding = media.stretches.flatMap(({ start, end }, t) => (start <= time && time < end ? [t] : []));
  if (step !== state.step || sounding.join() !== state.sounding.join()) change({ step, sounding });
}

/** Hear what row t was written from. */
function hear(t) {
  seek(media.stretches[t].start);
  resound(media.stretches[t].end);
}
