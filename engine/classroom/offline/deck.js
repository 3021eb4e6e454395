// Which slide is in view, what turns it, and the teacher's notes: beside the slide, or in a window of their own that leads
// this one. The address says where the lesson stands: #2-play, #2-play&short, #teacher&2-play.
const view = { at: slides[0], short: false, teacher: false, begun: Date.now(), entered: Date.now() };
const one = name => document.querySelector(name);
const notes = one(".notes");
let other = null;  // the window of the notes, or the one that it was opened from

const inForm = () => slides.filter(slide => !view.short || !("long" in slide.dataset));

function address(slide) {
  return `#${[...(view.teacher ? ["teacher"] : []), slide.id, ...(view.short ? ["short"] : [])].join("&")}`;
}

function show(slide, short = view.short) {
  view.short = short;
  const all = inForm();
  const next = all.includes(slide) ? slide : all.find(each => slides.indexOf(each) > slides.indexOf(slide)) ?? all.at(-1);
  if (next.dataset.step !== view.at.dataset.step) view.entered = Date.now();
  for (const host of view.at.querySelectorAll(".player")) leavePlayer(host);
  view.at = next;
  draw();
  const wanted = address(next);
  if (!location.hash) location.replace(wanted);  // the first one is no step back
  else if (location.hash !== wanted) location.hash = wanted;
}

function draw() {
  const all = inForm(), place = all.indexOf(view.at), step = view.at.dataset.step;
  document.body.classList.toggle("teacher", view.teacher);
  for (const slide of slides) slide.classList.toggle("at", slide === view.at);
  for (const item of document.querySelectorAll(".top li")) {
    item.hidden = view.short && item.classList.contains("long");
    const link = item.firstElementChild, current = item.dataset.step === step;
    link.href = address(slides.find(slide => slide.dataset.step === item.dataset.step));
    current ? link.setAttribute("aria-current", "step") : link.removeAttribute("aria-current");
  }
  one(".place").textContent = `${place + 1} / ${all.length}`;
  one(".previous").disabled = !place;
  one(".next").disabled = place === all.length - 1;
  for (const button of document.querySelectorAll("[data-form]")) button.setAttribute("aria-pressed", (button.dataset.form === "short") === view.short);
  if (view.teacher) notes.hidden = false;
  drawNotes(all[place + 1]);
  one("main").scrollTop = 0;
  if (!view.teacher) {
    beside(view.at);
    blindVote(view.at);
    for (const host of view.at.querySelectorAll(".player")) openPlayer(host);
  }
}

function drawNotes(next) {
  const title = slide => slide.querySelector("h2").textContent;
  notes.querySelector(".now").textContent = title(view.at);
  for (const part of notes.querySelectorAll(".expected")) part.hidden = part.dataset.slide !== view.at.id;
  for (const part of notes.querySelectorAll(".say")) part.hidden = part.dataset.step !== view.at.dataset.step;
  notes.querySelector(".after").textContent = next ? filled(data.words.next, { title: title(next) }) : "";
  one(".open-notes").setAttribute("aria-expanded", !notes.hidden);
  document.body.classList.toggle("with-notes", !notes.hidden);
  clock();
}

function clock() {
  const passed = since => {
    const seconds = Math.floor((Date.now() - since) / 1000);
    return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  };
  const box = notes.querySelector(".clock");
  if (notes.hidden) return;
  box.textContent = filled(box.dataset.said, {
    passed: passed(view.entered), planned: number.format(data.minutes[view.at.dataset.step][view.short ? "short" : "long"]),
    all_passed: passed(view.begun), all_planned: number.format(data.whole[view.short ? "short" : "long"]),
  });
}

// Where a person goes, the other window goes too.
function go(slide, short) {
  if (!slide) return;
  show(slide, short);
  tell();
}

function turn(by) {
  const all = inForm();
  go(all[all.indexOf(view.at) + by]);
}

function tell() {
  other?.postMessage({ atelier: "at", id: view.at.id, short: view.short, begun: view.begun, entered: view.entered }, "*");
}

function fromAddress() {
  const parts = decodeURIComponent(location.hash.slice(1)).split("&");
  view.teacher ||= parts.includes("teacher");
  const found = slides.find(slide => parts.includes(slide.id)) ?? slides.find(slide => parts.includes(slide.dataset.step));
  show(found ?? view.at, parts.includes("short") || (view.short && !found));
}

function toggleNotes(open = notes.hidden) {
  if (view.teacher) return;
  notes.hidden = !open;
  draw();
}

addEventListener("hashchange", () => {
  if (location.hash === address(view.at)) return;
  fromAddress();
  tell();
});
addEventListener("message", ({ source, data: said }) => {
  // No other window leads this one: it is the one that this opened, also before it was loaded anew, or that opened this.
  if (!source || (source !== other && source.opener !== window) || typeof said?.atelier !== "string") return;
  other = source;
  if (said.atelier === "opened") return tell();
  const slide = slides.find(each => each.id === said.id);
  if (said.atelier !== "at" || !slide) return;
  show(slide, said.short === true);
  if (view.teacher) Object.assign(view, { begun: Number(said.begun), entered: Number(said.entered) });
  clock();
});
addEventListener("keydown", event => {
  const on = event.composedPath()[0];
  if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
  if (event.key === "Escape" && !notes.hidden) return toggleNotes(false);
  const page = { PageDown: 1, PageUp: -1 }[event.key], arrow = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (on instanceof HTMLInputElement && arrow) return;  // they are the slider's and the number's; a clicker sends the others
  if (!page && !arrow) return;
  event.preventDefault();
  turn(page ?? arrow);
});
one(".previous").addEventListener("click", () => turn(-1));
one(".next").addEventListener("click", () => turn(1));
one(".open-notes").addEventListener("click", () => toggleNotes());
for (const button of document.querySelectorAll(".print")) button.addEventListener("click", () => print());
one(".anew").addEventListener("click", () => { view.begun = view.entered = Date.now(); clock(); tell(); });
one(".separate").addEventListener("click", () => {
  other = open(`${location.href.split("#")[0]}#teacher&${view.at.id}${view.short ? "&short" : ""}`, "atelier-teacher");
  toggleNotes(false);
});
for (const button of document.querySelectorAll("[data-form]")) button.addEventListener("click", () => go(view.at, button.dataset.form === "short"));

const full = one(".full");
full.hidden = !document.fullscreenEnabled;
full.addEventListener("click", () => document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen());
addEventListener("fullscreenchange", () => { full.textContent = document.fullscreenElement ? data.words.leave : data.words.enter; });

document.documentElement.classList.add("runs");
fromAddress();
if (view.teacher && opener) {
  other = opener;
  other.postMessage({ atelier: "opened" }, "*");
}
setInterval(clock, 1000);
