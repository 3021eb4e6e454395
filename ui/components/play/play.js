// A training as it is played: the point moves along the curve, and the sentence types itself below it. What is shown
// follows from one clock, so that it can be stopped, dragged and repeated; all text is set as text.
const SECONDS = 15, LIVE_SECONDS = 0.9, MOVING = 0.45;
const THUMB = 16;  // pixels of the slider's thumb, which play.css gives it
const LEAST = 136, PAGE = '[data-testid="stMainBlockContainer"]';  // pixels of the curve where it is presented; what it stands in
const machines = new WeakMap();

function element(name, properties = {}, children = []) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function drawn(name, attributes, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

function still() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}

// The words of a text that are not in the same order in another: what is left of the longest common sequence.
function changed(before, now) {
  const rows = before.length, columns = now.length;
  const longest = Array.from({ length: rows + 1 }, () => new Uint16Array(columns + 1));
  for (let i = rows - 1; i >= 0; i--)
    for (let j = columns - 1; j >= 0; j--)
      longest[i][j] = before[i] === now[j] ? longest[i + 1][j + 1] + 1 : Math.max(longest[i + 1][j], longest[i][j + 1]);
  const found = new Array(columns).fill(true);
  for (let i = 0, j = 0; i < rows && j < columns; ) {
    if (before[i] === now[j]) { found[j] = false; i++; j++; }
    else if (longest[i + 1][j] >= longest[i][j + 1]) i++;
    else j++;
  }
  return found;
}

function pieces(text) {
  return text.match(/\S+\s*|^\s+/g) ?? [];
}

const MARGIN = 16;  // of a picture that is taken away
const LEAST_WIDE = 720;  // of its pixels: narrower, the lines would have no names beside them
const LOOK = ["fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-linejoin", "opacity", "font-size", "font-weight"];
// Faces that are everywhere: a picture that stands by itself has none of the page's.
const FACE = "sans-serif", READING = 'Georgia, "Times New Roman", serif';

// A colour as programs of pictures know it: of a mixture the browser gives the three parts, each from 0 to 1.
function plain(colour) {
  const parts = /^color\(srgb ([\d.e-]+) ([\d.e-]+) ([\d.e-]+)/.exec(colour);
  return parts ? `rgb(${parts.slice(1).map(part => Math.round(255 * part)).join(", ")})` : colour;
}

// Writes into a part of a picture what the page's style makes of its original.
function settle(node, original) {
  const style = getComputedStyle(original);
  for (const name of LOOK) node.setAttribute(name, plain(style.getPropertyValue(name)));
  if (node.nodeName === "text") node.setAttribute("font-family", FACE);
  for (const name of ["class", "style"]) node.removeAttribute(name);
}

// A title and, in lines as wide as there is room, a text whose parts look as they do on the page.
function written(title, text, width) {
  const group = drawn("g", {}), context = document.createElement("canvas").getContext("2d");
  const look = (node, face) => {
    const style = getComputedStyle(node);
    return { face, size: parseFloat(style.fontSize), colour: plain(style.color) };
  };
  const draw = (parts, y, of) => {
    const line = drawn("text", { x: 0, y, "font-family": of.face, "font-size": of.size, fill: of.colour, "xml:space": "preserve" });
    for (const [said, bold] of parts) line.append(drawn("tspan", { "font-weight": bold ? 700 : 400 }, said));
    group.append(line);
  };
  const small = look(title, FACE), large = look(text, READING), step = 1.4 * large.size;
  draw([[title.textContent, false]], small.size / 2, small);
  let y = small.size / 2 + step, line = [], used = 0;
  for (const node of text.childNodes) {
    const bold = node.nodeName === "STRONG";
    context.font = `${bold ? 700 : 400} ${large.size}px ${READING}`;
    for (const word of node.textContent.replace(/\s+/g, " ").match(/ ?[^ ]+| /g) ?? []) {
      const wide = context.measureText(word).width;
      if (used && used + wide > width) {
        draw(line, y, large);
        [y, line, used] = [y + step, [], 0];
      }
      const said = used ? word : word.trimStart();
      line.push([said, bold]);
      used += context.measureText(said).width;
    }
  }
  draw(line, y, large);
  return { group, height: y };
}

class Machine {
  constructor(box) {
    this.box = box;
    this.clock = this.given = 0;
    this.svg = drawn("svg", { role: "img" });
    this.button = element("button", { type: "button", onclick: () => this.press() });
    // Its thumb stands under the curve's point: its values are steps, and keys move it from point to point.
    this.slider = element("input", {
      type: "range", min: 0, step: "any", oninput: () => this.drag(this.nearest(Number(this.slider.value))),
      onkeydown: event => {
        const by = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key];
        if (!by) return;
        event.preventDefault();
        this.drag(Math.min(this.count - 1, Math.max(0, Math.round(this.place.at) + by)));
      },
    });
    this.badge = element("span", { className: "badge" });
    this.base = element("p", { className: "text" });
    this.now = element("p", { className: "text" });
    this.baseTitle = element("div", { className: "title base" });
    this.nowTitle = element("div", { className: "title" });
    this.left = element("div", { className: "sentence" }, [this.baseTitle, this.base]);
    this.right = element("div", { className: "sentence now" }, [this.nowTitle, this.now]);
    this.verdict = element("div", { className: "verdict" });
    this.verdict.setAttribute("aria-live", "polite");
    this.legend = element("div", { className: "legend" });
    this.table = element("table");
    this.summary = element("summary");
    this.figures = element("details", {}, [this.summary, this.table]);
    box.replaceChildren(
      this.badge, this.svg, this.legend, element("div", { className: "controls" }, [this.slider, this.button]),
      element("div", { className: "pair" }, [this.left, this.right]), this.verdict, this.figures,
    );
    const resized = new ResizeObserver(() => this.data && (this.draw(), this.fit()));
    for (const one of [box, document.querySelector(PAGE)]) if (one) resized.observe(one);
    // What "Share" offers as files (ui/components/figure/takeaway.js).
    box.takeaway = { title: () => this.data.title, rows: () => this.rows(), svg: () => this.picture() };
  }

  // Presented, the curve gives up as much height as the page would scroll by: when what it showed comes to stand below.
  fit() {
    const page = this.data.presented && document.querySelector(PAGE);
    if (!page) return;
    const given = Math.max(0, Math.min(this.most - LEAST, this.given + page.offsetHeight - page.parentElement.clientHeight));
    if (given !== this.given) { this.given = given; this.draw(); }
  }

  get most() { return Math.max(LEAST, Math.round(0.27 * innerHeight)); }

  take(data) {
    const other = !this.data || this.data.id !== data.id;
    this.data = data;
    this.count = data.own.points.length;
    this.number = new Intl.NumberFormat(data.language, { maximumFractionDigits: 1, minimumFractionDigits: 1 });
    this.whole = new Intl.NumberFormat(data.language);
    if (other) {
      this.each = data.live ? LIVE_SECONDS : SECONDS / Math.max(1, this.count - 1);
      this.clock = data.live ? this.end : 0;  // who comes to a run at work sees where it stands
      this.playing = false;
      if (!data.live) still() ? (this.clock = this.end) : this.start();
    } else if (data.live && this.clock < this.end && !this.held) {
      still() ? (this.clock = this.end) : this.start();
    } else if (!data.live && this.wasLive && !this.held && this.clock < this.end) {
      still() ? (this.clock = this.end) : this.start();
    }
    if (other) this.held = false;
    this.wasLive = data.live;
    this.fillTable();
    this.draw();
    this.fit();
  }

  get end() { return Math.max(0, this.count - 1) * this.each; }

  start() {
    if (this.playing) return;
    this.playing = true;
    let last = performance.now();
    const tick = time => {
      if (!this.playing || !this.box.isConnected) { this.playing = false; return; }
      this.clock = Math.min(this.end, this.clock + (time - last) / 1000);
      last = time;
      if (this.clock >= this.end) this.playing = false;
      this.draw();
      if (this.playing) requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  }

  press() {
    if (this.playing) { this.playing = false; this.held = true; }
    else { if (this.clock >= this.end) this.clock = 0; this.held = false; this.start(); }
    this.draw();
  }

  drag(index) {
    this.playing = false;
    this.held = index < this.count - 1;
    this.clock = index * this.each;
    this.draw();
  }

  // The index of the curve's last point, which may lie between two; the sentence, and how much of it is typed.
  get place() {
    const passed = this.each ? this.clock / this.each : 0, whole = Math.min(Math.floor(passed + 1e-9), Math.max(0, this.count - 1));
    const part = whole >= this.count - 1 ? 0 : Math.max(0, passed - whole);
    if (!part) return { at: whole, sentence: whole, typed: 1 };
    if (still()) return { at: whole, sentence: whole, typed: 1 };
    if (part < MOVING) return { at: whole + part / MOVING, sentence: whole, typed: 1 };
    return { at: whole + 1, sentence: whole + 1, typed: (part - MOVING) / (1 - MOVING) };
  }

  draw() {
    const { data } = this, place = this.place;
    this.badge.textContent = data.badge;
    this.badge.hidden = !data.badge;
    // Presented, it stands beside the title of the sentence, where it takes no height from the curve.
    const home = data.presented ? this.right : this.box;
    if (this.badge.parentElement !== home) home.prepend(this.badge);
    this.drawCurve(place);
    this.drawText(place);
    const finished = this.clock >= this.end;
    this.button.textContent = this.playing ? data.words.stop : finished ? data.words.again : data.words.play;
    this.button.hidden = this.slider.hidden = this.count < 2;
    this.slider.value = Math.round(this.stepAt(place.at));
    this.slider.setAttribute("aria-label", data.words.slider);
    if (this.count) this.slider.setAttribute("aria-valuetext", this.named(Math.round(place.at)));
    this.drawVerdict(finished && !data.live && this.count > 1);
  }

  named(index) {
    const [step, value] = this.data.own.points[index];
    return `${this.data.words.step.replace("{n}", this.whole.format(step))}: ${this.percent(value)}`;
  }

  // The step at which the curve ends that has come so far: between two points there are others.
  stepAt(at) {
    const points = this.data.own.points, from = points[Math.floor(at)]?.[0] ?? 0, to = points[Math.ceil(at)]?.[0] ?? from;
    return from + (to - from) * (at % 1);
  }

  nearest(step) {
    const away = this.data.own.points.map(point => Math.abs(point[0] - step));
    return away.indexOf(Math.min(...away));
  }

  percent(value) { return this.data.words.percent.replace("{n}", this.number.format(value)); }

  drawVerdict(open) {
    const shown = open ? JSON.stringify(this.data.verdict) : "";
    if (this.verdict.dataset.shown === shown) return;
    this.verdict.dataset.shown = shown;
    // Presented, there is room for one thing: how the class has guessed, else what happened; why is for the teacher to say.
    const { verdict, presented } = this.data, own = verdict.filter(([kind]) => kind === "own");
    const found = !open ? [] : !presented ? verdict : own.length ? own : verdict.filter(([kind]) => kind === "said");
    this.verdict.replaceChildren(...found.map(([kind, text]) => element("p", { className: kind, textContent: text })));
    this.verdict.hidden = !found.length;
  }

  drawText({ sentence, typed }) {
    const { data } = this, points = data.own.points;
    const fill = (box, prompt, words) => box.replaceChildren(
      element("strong", { textContent: prompt }), ...words,
    );
    this.baseTitle.textContent = data.words.base;
    fill(this.base, data.prompt, pieces(data.base_text).map(piece => element("span", { textContent: piece })));
    const text = points[sentence]?.[2] ?? "";
    this.nowTitle.textContent = this.count && sentence
      ? `${data.words.now} · ${data.words.step.replace("{n}", this.whole.format(points[sentence][0]))}`
      : data.own.begins;
    this.nowTitle.style.setProperty("--own", data.own.colour);
    this.right.style.setProperty("--own", data.own.colour);
    const words = pieces(text);
    const marks = sentence ? changed(pieces(points[sentence - 1]?.[2] ?? "").map(w => w.trim()), words.map(w => w.trim())) : [];
    const letters = Math.ceil(text.length * typed), [first, last] = sentence === this.count - 1 && data.copied ? data.copied : [0, 0];
    let from = 0;
    const spans = [];
    for (const [number, word] of words.entries()) {
      const to = Math.min(from + word.length, letters);
      if (to <= from) break;
      const copied = from < last && from + word.trimEnd().length > first;
      const kind = [marks[number] ? "changed" : "", copied ? "copied" : ""].filter(Boolean).join(" ");
      const own = text.slice(from, to), bare = own.trimEnd();
      spans.push(element("span", { className: kind, textContent: bare }), own.slice(bare.length));
      from += word.length;
    }
    if (typed < 1) spans.push(element("span", { className: "caret" }));
    if (text) fill(this.now, data.prompt, spans);
    else this.now.replaceChildren(element("span", { className: "waiting", textContent: data.words.waiting }));
  }

  drawCurve({ at }) {
    const { data, svg } = this, width = this.wide || Math.max(260, this.box.clientWidth), narrow = width < 560;
    // Presented, its text is twice as large, and a projector at a zoom of 150 % has 480 pixels for all.
    const height = data.presented ? Math.max(LEAST, this.most - this.given) : narrow ? 190 : data.height;
    this.badge.classList.toggle("above", narrow && !data.presented);  // beside the figure's name there is no room for it
    const room = narrow ? 64 : data.presented ? 320 : 204, edge = data.presented ? 38 : 26;
    // The highest label stands below a badge that lies in the same corner.
    const highest = Math.max(edge, data.badge && !narrow && !data.presented ? this.badge.offsetHeight + 4 : 0);
    const box = { left: data.presented ? 78 : 44, right: width - room, top: highest, bottom: height - edge };
    const lines = [data.own, ...data.beside, ...(data.other ? [data.other] : []), ...(data.ghost && this.count < 2 ? [data.ghost] : []), ...(data.guesses ?? [])];
    const levels = data.levels ?? [];
    const values = [data.base, ...levels.map(level => level.value), ...lines.flatMap(line => line.points.map(point => point[1]))].filter(v => v !== null);
    const most = Math.max(10, ...values), top = most > 50 ? 100 : Math.ceil(most / 10) * 10;
    const far = Math.max(1, data.steps, ...lines.flatMap(line => line.points.map(point => point[0])));
    const x = step => box.left + (box.right - box.left) * step / far;
    const y = value => box.bottom - (box.bottom - box.top) * value / top;
    const nodes = [];
    for (let value = 0; value <= top; value += data.presented ? top / 2 : top > 50 ? 25 : 10) {
      nodes.push(drawn("line", { x1: box.left, x2: box.right, y1: y(value), y2: y(value), class: "grid" }));
      nodes.push(drawn("text", { x: box.left - 8, y: y(value) + 4, "text-anchor": "end", class: "tick" }, this.whole.format(value)));
    }
    const stride = [1, 2, 5, 10, 20, 25, 50, 100, 200, 500, 1000, 2000, 5000, 10000].find(s => far / s <= (narrow || (data.presented && width < 1000) ? 4 : 8)) ?? far;
    const under = box.bottom + (data.presented ? 30 : 17);
    for (let step = 0; step <= far; step += stride)
      nodes.push(drawn("text", { x: x(step), y: under, "text-anchor": "middle", class: "tick" }, this.whole.format(step)));
    nodes.push(drawn("text", { x: width, y: under, "text-anchor": "end", class: "tick" }, data.words.axis));
    nodes.push(drawn("text", { x: 0, y: 12, class: "tick" }, data.words.figure));
    const labels = [], named = (name, value) => narrow ? this.percent(value) : `${name} ${this.percent(value)}`;
    if (data.base !== null) {
      nodes.push(drawn("line", { x1: box.left, x2: box.right, y1: y(data.base), y2: y(data.base), class: "level" }));
      labels.push({ y: y(data.base), text: named(data.words.base, data.base), kind: "base" });
    }
    for (const level of levels) {
      nodes.push(drawn("line", { x1: box.left, x2: box.right, y1: y(level.value), y2: y(level.value), class: "level simple" }));
      labels.push({ y: y(level.value), text: named(level.label, level.value), kind: "base" });
    }
    const path = points => points.map(([step, value], i) => `${i ? "L" : "M"}${x(step).toFixed(1)} ${y(value).toFixed(1)}`).join("");
    for (const guess of data.guesses ?? []) {
      // The closest guess is told when the curve has come to its end.
      const kind = guess.kind === "closest" && (data.live || this.clock < this.end) ? "drawn" : guess.kind;
      const wide = { shape: 2 + 8 * guess.share, drawn: 1.5 + 4 * guess.share, closest: 4 }[kind];
      nodes.push(drawn("path", { d: path(guess.points), class: `guess ${kind}`, "stroke-width": wide.toFixed(1) }));
      if (!guess.label) continue;
      const [step, value] = guess.points[Math.floor(guess.points.length / 2)];
      nodes.push(drawn("text", { x: x(step) + 6, y: y(value) - 6, class: "label base" }, guess.label));
    }
    if (data.ghost && this.count < 2) {
      nodes.push(drawn("path", { d: path(data.ghost.points), class: "ghost" }));
      labels.push({ y: y(data.ghost.points.at(-1)[1]), text: data.ghost.label, kind: "base" });
    }
    const points = data.own.points, whole = Math.floor(at), part = at - whole;
    const shown = points.slice(0, whole + 1).map(([step, value]) => [step, value]);
    if (part && points[whole + 1]) {
      const [a, b] = [points[whole], points[whole + 1]];
      shown.push([a[0] + (b[0] - a[0]) * part, a[1] + (b[1] - a[1]) * part]);
    }
    const now = shown.at(-1)?.[0] ?? 0, ended = whole >= this.count - 1;
    const until = line => ended && !data.live ? line.points : line.points.filter(point => point[0] <= now);
    for (const line of [...(data.other ? [{ ...data.other, kind: "other" }] : []), ...data.beside]) {
      const visible = until(line);
      if (!visible.length) continue;
      nodes.push(drawn("path", { d: path(visible), class: `line ${line.kind ?? "beside"}`, stroke: line.colour, "stroke-dasharray": line.dash ?? "" }));
      labels.push({ y: y(visible.at(-1)[1]), text: named(line.label, visible.at(-1)[1]), colour: line.colour });
    }
    if (shown.length) {
      const tip = shown.at(-1);
      nodes.push(drawn("path", { d: path(shown), class: "line", stroke: data.own.colour }));
      for (const point of shown.slice(0, whole + 1)) nodes.push(drawn("circle", { cx: x(point[0]), cy: y(point[1]), r: 3, fill: data.own.colour }));
      nodes.push(drawn("circle", { cx: x(tip[0]), cy: y(tip[1]), r: 7, fill: data.own.colour, class: "tip" }));
      labels.push({ y: y(tip[1]), text: named(data.own.label, tip[1]), colour: data.own.colour, own: true });
    }
    // Direct labels, pushed apart where they would stand over one another.
    labels.sort((a, b) => a.y - b.y);
    labels.forEach((label, i) => { if (i) label.y = Math.max(label.y, labels[i - 1].y + (data.presented ? 28 : 16)); });
    const over = Math.max(0, (labels.at(-1)?.y ?? 0) - box.bottom + 4);
    for (const label of labels) {
      const made = drawn("text", { x: box.right + 10, y: label.y - over + 4, class: `label ${label.kind ?? ""} ${label.own ? "own" : ""}` }, label.text);
      if (label.colour) made.style.fill = `color-mix(in srgb, ${label.colour} 72%, currentColor)`;
      nodes.push(made);
    }
    this.slider.max = far;
    this.slider.style.marginLeft = `${box.left - THUMB / 2}px`;
    this.slider.style.width = `${box.right - box.left + THUMB}px`;
    this.drawLegend(narrow ? [
      ["", data.own.label, data.own.colour], ["6 5", data.words.base, "#7F868D"],
      ...levels.map(level => ["1 5", level.label, "#7F868D"]),
      ...[...data.beside, ...(data.other ? [data.other] : [])].map(line => [line.dash ?? "", line.label, line.colour]),
    ] : []);
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.setAttribute("height", height);
    svg.setAttribute("aria-label", data.summary);
    svg.replaceChildren(...nodes);
  }

  // Where there is no room beside the lines their names stand below, each with its line's colour and form.
  drawLegend(names) {
    this.legend.hidden = !names.length;
    this.legend.replaceChildren(...names.map(([dash, name, colour]) => {
      // A line and no text: colours of lines are not dark enough to be read.
      const sign = drawn("svg", { class: "sign", viewBox: "0 0 28 8", "aria-hidden": "true" });
      sign.append(drawn("path", { d: "M0 4H28", class: "line", stroke: colour, "stroke-dasharray": dash }));
      return element("span", {}, [sign, ` ${name}`]);
    }));
  }

  // All lines as a table: of a file, so every point of each, whatever has been played.
  rows() {
    const { data } = this, { words } = data;
    const lines = [...(data.other ? [data.other] : []), ...data.beside];
    return [
      ["series", words.axis, words.figure, words.wrote],
      ...(data.base === null ? [] : [[words.base, 0, data.base, data.base_text && data.prompt + data.base_text]]),
      ...data.own.points.map(([step, value, text]) => [data.own.label, step, value, text && data.prompt + text]),
      ...lines.flatMap(line => line.points.map(([step, value]) => [line.label, step, value, ""])),
    ];
  }

  // The curve and the two sentences below it as they stand, as one picture that stands by itself.
  picture() {
    this.wide = Math.max(LEAST_WIDE, this.box.clientWidth);
    this.drawCurve(this.place);
    const made = this.pictured();
    this.wide = 0;
    this.drawCurve(this.place);
    return made;
  }

  pictured() {
    const { width, height } = this.svg.viewBox.baseVal, style = getComputedStyle(this.box), head = MARGIN + 24;
    const ground = style.getPropertyValue("--st-background-color").trim() || "#fff";
    const whole = drawn("svg", { xmlns: "http://www.w3.org/2000/svg" });
    const curve = this.svg.cloneNode(true);
    const originals = [...this.svg.querySelectorAll("*")];
    [...curve.querySelectorAll("*")].forEach((node, number) => settle(node, originals[number]));
    for (const [name, value] of Object.entries({ x: MARGIN, y: head, width, height, overflow: "visible" })) curve.setAttribute(name, value);
    const each = (width - 24) / 2, top = head + height + 20, sentences = [];
    let below = top;
    for (const [number, [title, text, colour]] of [[this.baseTitle, this.base, "#7F868D"], [this.nowTitle, this.now, this.data.own.colour]].entries()) {
      const made = written(title, text, each - 20), x = MARGIN + number * (each + 24);
      sentences.push(drawn("line", { x1: x + 2, x2: x + 2, y1: top - 8, y2: top + made.height, stroke: plain(colour), "stroke-width": 4 }));
      made.group.setAttribute("transform", `translate(${x + 16} ${top})`);
      sentences.push(made.group);
      below = Math.max(below, top + made.height + 24);
    }
    const [far, deep] = [width + 2 * MARGIN, below + 4];
    for (const [name, value] of Object.entries({ width: far, height: deep, viewBox: `0 0 ${far} ${deep}` })) whole.setAttribute(name, value);
    whole.append(drawn("title", {}, this.data.summary), drawn("rect", { width: far, height: deep, fill: plain(ground) }), curve, ...sentences);
    whole.append(drawn("text", { x: MARGIN, y: MARGIN + 8, "font-family": FACE, "font-size": 15, "font-weight": 700, fill: plain(style.color) }, this.data.run));
    return whole;
  }

  fillTable() {
    const { data } = this, key = `${data.id} ${this.count} ${data.language}`;
    if (this.table.dataset.of === key) return;
    this.table.dataset.of = key;
    this.summary.textContent = data.words.table;
    this.figures.hidden = !this.count;
    const row = (cells, kind) => element("tr", {}, cells.map(text => element(kind, { textContent: text })));
    this.table.replaceChildren(
      row([data.words.axis, data.words.figure, data.words.wrote], "th"),
      ...data.own.points.map(([step, value, text]) => row([this.whole.format(step), this.percent(value), text ? data.prompt + text : ""], "td")),
    );
  }
}

export default function ({ parentElement, data }) {
  const box = parentElement.querySelector(".play");
  if (!machines.has(box)) machines.set(box, new Machine(box));
  const machine = machines.get(box);
  machine.take(data);
  return () => { machine.playing = false; };
}
