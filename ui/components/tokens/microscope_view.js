const visible = (text) => text.replaceAll("\n", "↵").replaceAll(" ", "␣") || "∅";
const element = (tag, name, text) => {
  const made = document.createElement(tag);
  if (name) made.className = name;
  if (text !== undefined) made.textContent = text;
  return made;
};
export default function ({ parentElement, data }) {
  const blocks = parentElement.querySelector(".blocks"), panel = parentElement.querySelector(".panel");
  panel.hidden = !data.models.length;
  const narrow = window.matchMedia("(max-width: 640px)");
  const scope = parentElement.querySelector(".scope");
  // On a phone the panel stands in the text, behind the token that it explains: beside it there is no room but over the text.
  const place = (token) => (narrow.matches && token ? token.after(panel) : scope.append(panel));
  const show = (at, token) => {
    if (panel.hidden) return;
    parentElement.querySelectorAll(".text span.on").forEach((span) => span.classList.remove("on"));
    place(token);
    if (at === null) { panel.replaceChildren(element("p", "", data.hint)); return; }
    parentElement.querySelectorAll(`.text span[data-at="${at}"]`).forEach((span) => span.classList.add("on"));
    const tables = element("div", "tables");
    for (const model of data.models) {
      const column = element("div");
      column.append(element("h5", "", model.title + ": " + model.facts[at]));
      const table = element("table");
      for (const [piece, share] of model.alternatives[at]) {
        const row = element("tr", piece === data.pieces[at] ? "real" : "");
        row.append(element("td", "piece", visible(piece)), element("td", "", (100 * share).toFixed(share < 0.1 ? 1 : 0).replace(".", data.decimal) + data.percent));
        const cell = element("td", "share"), bar = element("div");
        bar.style.width = Math.max(1, 100 * share) + "%"; bar.style.background = model.colour;
        cell.append(bar); row.append(cell); table.append(row);
      }
      column.append(table); tables.append(column);
    }
    panel.replaceChildren(element("h5", "", data.token + " " + visible(data.pieces[at])), tables);
  };
  scope.append(panel);  // it may stand in a text that is replaced now
  blocks.replaceChildren(...data.blocks.map((block) => {
    const made = element("div", "block" + (block.wide ? " wide" : ""));
    const head = element("h4", "", block.title);
    head.style.borderTopColor = block.colour;
    const legend = element("div", "legend"), bar = element("div", "bar");
    bar.style.background = block.legend.gradient;
    legend.append(bar, ...block.legend.ticks.map(([place, label]) => {
      const tick = element("span", place <= 0.01 ? "first" : place >= 0.99 ? "last" : "", label);
      tick.style.left = 100 * place + "%";
      return tick;
    }));
    const text = element("div", "text");
    text.append(...data.pieces.map((piece, at) => {
      const span = element("span", "", piece.replaceAll("\n", "↵\n"));
      [span.style.background, span.style.color] = block.colours[at];
      if (block.marks?.[at]) span.classList.add(block.marks[at]);
      span.dataset.at = at;
      if (block.facts) span.title = block.facts[at];
      return span;
    }));
    for (const kind of ["mouseover", "click"])
      text.addEventListener(kind, (event) => {
        if (event.target.dataset.at === undefined || (kind === "mouseover" && narrow.matches)) return;
        show(Number(event.target.dataset.at), event.target);
        if (narrow.matches) panel.scrollIntoView({ block: "nearest" });
      });
    // What colour says a line below says too.
    const signs = element("div", "signs");
    signs.append(...(block.signs ?? []).map(([name, said]) => element("span", name, said)));
    made.append(head, legend, ...(block.signs ? [signs] : []), text);
    return made;
  }));
  show(null);
}
