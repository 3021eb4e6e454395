// The recorded runs: the player of the pages with the class's guesses below its curve, a pad to draw a guess on, and the
// slider over the moments of the minute.
const guessed = [];  // what was drawn: lists of [step, percentage]
const MOST_DRAWN = 6, DRAWN_SHARE = 0.2;
const machinesOf = new Map();

// The shapes that were chosen, between the base's figure and the last one, and what was drawn.
function guesses(play) {
  const found = guessed.map(points => ({ kind: "drawn", label: "", share: DRAWN_SHARE, points }));
  const tally = tallies.get("shape"), total = tally?.shown ? sum(tally.counts) : 0;
  if (!total || tally.counts.length !== data.shapes.length) return found;
  const [from, to] = [play.own.points[0], play.own.points.at(-1)];
  tally.counts.forEach((count, place) => {
    if (!count) return;
    const heights = data.shapes[place];
    found.push({
      kind: "shape", label: `${tally.letters[place]}: ${number.format(count)}`, share: count / total,
      points: heights.map((height, n) => [to[0] * n / (heights.length - 1), from[1] + (to[1] - from[1]) * height]),
    });
  });
  return found;
}

function openPlayer(host) {
  const play = data.plays[host.dataset.play];
  let machine = machinesOf.get(host);
  const first = !machine;
  if (first) {
    const root = host.attachShadow({ mode: "open" });  // its style is made for a place of its own
    const box = element("div", { className: "play" });
    root.append(element("style", { textContent: data.playerStyle }), box);
    machine = new Machine(box);
    machinesOf.set(host, machine);
  }
  machine.take({ ...play, presented: innerWidth >= 900, guesses: "guesses" in host.dataset ? guesses(play) : [] });
  if (first) Object.assign(machine, { playing: false, clock: 0, held: true });  // a person begins it
  machine.draw();
}

function leavePlayer(host) {
  const machine = machinesOf.get(host);
  if (machine) machine.playing = false;
}

// A pad: a stroke from left to right becomes a guess, from the base's figure on.
function pad(box) {
  const svg = box.querySelector("svg"), erase = box.querySelector(".erase"), { base, own } = data.plays.learn;
  const edge = { left: 44, right: 388, top: 14, bottom: 218 }, most = 50, steps = own.points.at(-1)[0];
  const x = step => edge.left + (edge.right - edge.left) * step / steps;
  const y = value => edge.bottom - (edge.bottom - edge.top) * value / most;
  let stroke = null;
  const draw = () => {
    const nodes = [0, 10, 20, 30, 40, 50].flatMap(value => [
      drawn("line", { x1: edge.left, x2: edge.right, y1: y(value), y2: y(value), class: "grid" }),
      drawn("text", { x: edge.left - 6, y: y(value) + 5, "text-anchor": "end" }, `${value}\u00a0%`),
    ]);
    nodes.push(drawn("text", { x: edge.right, y: edge.bottom + 22, "text-anchor": "end" }, `${number.format(steps)} ${data.plays.learn.words.axis}`));
    for (const points of [...guessed, ...(stroke ? [stroke] : [])])
      nodes.push(drawn("polyline", { points: points.map(([a, b]) => `${x(a)},${y(b)}`).join(" "), class: "drawn" }));
    nodes.push(drawn("circle", { cx: x(0), cy: y(base), r: 6, class: "begin" }));
    svg.replaceChildren(...nodes);
    erase.hidden = !guessed.length;
  };
  const at = event => {
    const place = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    const within = (value, low, high) => Math.min(high, Math.max(low, value));
    return [
      steps * (within(place.x, edge.left, edge.right) - edge.left) / (edge.right - edge.left),
      most * (edge.bottom - within(place.y, edge.top, edge.bottom)) / (edge.bottom - edge.top),
    ];
  };
  svg.addEventListener("pointerdown", event => {
    event.preventDefault();  // no text is marked
    svg.setPointerCapture(event.pointerId);
    stroke = [[0, base]];
    draw();
  });
  svg.addEventListener("pointermove", event => {
    if (!stroke) return;
    const point = at(event);
    if (point[0] > stroke.at(-1)[0]) stroke.push(point);  // time goes one way
    draw();
  });
  const end = () => {
    if (stroke?.length > 1) guessed.push(stroke);
    if (guessed.length > MOST_DRAWN) guessed.shift();
    stroke = null;
    draw();
  };
  svg.addEventListener("pointerup", end);
  svg.addEventListener("pointercancel", end);
  erase.addEventListener("click", () => { guessed.length = 0; draw(); });
  draw();
}

function moments(box) {
  const slider = box.querySelector("input"), find = name => box.querySelector(name);
  const show = () => {
    const moment = data.moments[Number(slider.value)];
    find(".title").textContent = moment.title;
    find(".figure").textContent = moment.accuracy;
    find(".prompt").textContent = moment.prompt;
    find(".text").textContent = moment.text;
    slider.setAttribute("aria-valuetext", `${moment.title}: ${moment.accuracy}`);
  };
  slider.addEventListener("input", show);
  show();
}

document.querySelectorAll(".pad").forEach(pad);
document.querySelectorAll(".moments").forEach(moments);
