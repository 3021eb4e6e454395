export default function ({ parentElement, data }) {
  const box = parentElement.querySelector(".tokens");
  box.replaceChildren(...data.pieces.map(([text, id], at) => {
    const span = document.createElement("span");
    span.textContent = text.replaceAll("\n", "↵\n");
    span.title = String(id);
    if (at >= data.first && at < data.last) span.className = "marked";
    return span;
  }));
  const marked = box.querySelector(".marked"), shown = `${data.first} ${data.last}`;
  if (marked && box.dataset.shown !== shown) marked.scrollIntoView({ block: "center" });  // once: then a person scrolls
  box.dataset.shown = shown;
}
