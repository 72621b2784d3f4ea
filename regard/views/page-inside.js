// The words inside the sentences of a source that were made of them: a line below each word, as strong as its weight within
// its sentence, and a list of the words of the sentence that is pointed at, with their share in what was written.

/** The words of a unit of the source as nodes, and what stands between them. */
function wordsOf(s) {
  return now().inside.pieces[s].map(([text, index]) => {
    if (index < 0) return document.createTextNode(text);
    const word = make("span", text, { class: "word" });
    word.style.setProperty("--v", now().inside.words[index][2]);
    nodes.words[index] = word;
    return word;
  });
}

function buildInside() {
  nodes.words = [];
  const { inside, nothing } = now();
  at("inside").toggleAttribute("hidden", nothing !== null || inside === null);
  if (inside !== null) inside.pieces.forEach((_, s) => nodes.source[s].replaceChildren(...wordsOf(s)));
}

/** The row and the sentence whose words are listed: those pointed at, else the only row, and the sentence it looks at most. */
function opened(pointed) {
  const t = pointed?.t ?? (now().targetLabels.length === 1 ? 0 : null);
  const s = pointed?.s ?? strongest(t ?? 0, false);
  return { t, s: s === undefined || isEnd("source", s) ? null : s };
}

function paintInside(pointed) {
  const { inside, nothing, weights } = now();
  if (nothing !== null || inside === null) return;
  const { t, s } = opened(pointed);
  const shares = (weight, unit) => [weight, t === null ? null : weight * weights[t][unit]];
  inside.words.forEach(([, unit, weight], index) => {
    const [within, product] = shares(weight, unit);
    nodes.words[index].title =
      `${percent(within)} of sentence ${unit + 1}` + (product === null ? "" : `, ${percent(product)} of the look`);
  });
  const list = make("ol", null);
  const own = inside.words.filter(([, unit]) => unit === s).sort((one, other) => other[2] - one[2]);
  list.append(
    ...own.map(([text, unit, weight]) => {
      const [within, product] = shares(weight, unit);
      const item = choice(text, within, "");
      if (product !== null) item.lastChild.textContent += ` → ${percent(product)}`;
      return item;
    }),
  );
  const name = s === null ? [] : [document.createTextNode(`Words within sentence ${s + 1}`)];
  if (s !== null && t !== null) {
    name.push(document.createTextNode(`, and times its ${percent(weights[t][s])} of `), named("target", t));
  }
  at("inside-name").replaceChildren(...name);
  at("words").replaceChildren(list);
}
