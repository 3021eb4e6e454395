// Questions: cards or hands are counted by hand, and shown on a press. Nothing is kept: it goes with the window.
const data = JSON.parse(document.getElementById("data").textContent);
const slides = [...document.querySelectorAll("main > .slide")];
const number = new Intl.NumberFormat(data.language);
const percent = share => `${number.format(Math.round(100 * share))}\u00a0%`;
const filled = (sentence, values) => sentence.replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);
const sum = counts => counts.reduce((a, b) => a + b, 0);
const tallies = new Map();  // question and moment → { counts, right, letters, shown, round }

function setWidth(bar, share) {
  bar.querySelector(".counted").style.width = `${100 * share}%`;
  bar.querySelector(".said").textContent = percent(share);
}

function ballot(section) {
  const rows = [...section.querySelectorAll(".ballot > li")], find = name => section.querySelector(name);
  const tally = {
    ask: find("h2").textContent, counts: rows.map(() => 0), right: rows.findIndex(row => "right" in row.dataset),
    letters: rows.map(row => row.dataset.letter), shown: false, round: 1,
  };
  tallies.set(section.dataset.question, tally);
  const draw = () => {
    const total = sum(tally.counts);
    rows.forEach((row, place) => {
      const bar = row.querySelector(".bar"), tick = row.querySelector(".tick");
      row.querySelector("input").value = tally.counts[place];
      row.classList.toggle("right", tally.shown && place === tally.right);
      bar.hidden = !tally.shown || !total;
      if (total) setWidth(bar, tally.counts[place] / total);
      if (tick) tick.hidden = !tally.shown;
    });
    const said = [filled(data.words.answers, { n: number.format(total) })];
    if (tally.round > 1) said.push(filled(data.words.round, { n: tally.round }));
    find(".total").textContent = said.join(" · ");
    if (find(".show")) find(".show").hidden = tally.shown;
    if (find(".again")) find(".again").hidden = !tally.shown && !total;
    if (find(".why")) find(".why").hidden = !tally.shown;
  };
  rows.forEach((row, place) => {
    const count = value => {
      tally.counts[place] = Math.min(999, Math.max(0, Math.trunc(Number(value)) || 0));
      draw();
    };
    row.querySelector("button").addEventListener("click", () => count(tally.counts[place] + 1));
    row.querySelector("input").addEventListener("change", event => count(event.target.value));
  });
  find(".show")?.addEventListener("click", () => { tally.shown = true; draw(); });
  find(".again")?.addEventListener("click", () => {
    Object.assign(tally, { counts: rows.map(() => 0), shown: false, round: tally.round + 1 });
    draw();
  });
  draw();
}

// The class's votes beside the model's choice, where they have been shown.
function beside(section) {
  for (const box of section.querySelectorAll("[data-of]")) {
    const tally = tallies.get(box.dataset.of), total = tally?.shown ? sum(tally.counts) : 0;
    for (const row of box.querySelectorAll("li")) {
      const bar = row.querySelector(".bar.class");
      bar.hidden = !total;
      if (total) setWidth(bar, tally.counts[Number(row.dataset.place)] / total);
    }
  }
}

// How often the class was right about who wrote the texts.
function blindVote(section) {
  const result = section.querySelector("[data-counted]");
  if (!result) return;
  const counted = result.dataset.counted.split(" ").map(name => tallies.get(name)).filter(one => one?.shown && sum(one.counts));
  const right = sum(counted.map(one => one.counts[one.right] ?? 0)), total = sum(counted.map(one => sum(one.counts)));
  section.querySelector("[data-waits]").hidden = total > 0;
  result.hidden = !total;
  if (!total) return;
  result.querySelector(".figure").textContent = percent(right / total);
  result.querySelector("span").textContent = filled(data.words.right, {
    right: number.format(right), total: number.format(total), chance: result.dataset.chance,
  });
}

// What was counted, a line a question, on the page to take home.
function answers() {
  const box = document.querySelector(".answers"), counted = [...tallies.values()].filter(one => one.shown && sum(one.counts));
  box.hidden = !counted.length;
  box.querySelector("ul").replaceChildren(...counted.map(one => {
    const line = document.createElement("li");
    const counts = one.counts.map((count, place) => `${one.letters[place]}${place === one.right ? "\u00a0✓" : ""}\u00a0${number.format(count)}`);
    line.textContent = `${one.ask} ${counts.join(" · ")}`;
    return line;
  }));
}

document.querySelectorAll(".shows-vote").forEach(ballot);
addEventListener("beforeprint", answers);
