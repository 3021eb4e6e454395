// What is left of the screen for a figure that is presented: below what stands above it, less what stands below it.
function room(box) {
  const page = box.closest(".stMainBlockContainer"), main = box.closest('[data-testid="stMain"]');
  if (!page || !main) return innerHeight / 2;
  let below = parseFloat(getComputedStyle(page).paddingBottom) || 0;
  for (let node = box; node !== page; node = node.parentElement) {
    const beside = node.parentElement;
    if (!beside.matches('[data-testid="stVerticalBlock"]')) continue;
    const gap = parseFloat(getComputedStyle(beside).rowGap) || 0;
    for (let next = node.nextElementSibling; next; next = next.nextElementSibling) {
      if (getComputedStyle(next).display === "none") continue;
      below += gap + (next.matches(":has(.st-key-present_bar)") ? 0 : next.offsetHeight);
    }
  }
  const top = box.getBoundingClientRect().top - main.getBoundingClientRect().top + main.scrollTop;
  return Math.floor(Math.max(0.38 * innerHeight, innerHeight - top - below - 4));
}

export default async function ({ parentElement, data }) {
  const box = parentElement.querySelector(".figure");
  const Plotly = await load(data.address);
  const style = getComputedStyle(box);
  const colour = style.getPropertyValue("--st-text-color").trim() || style.color;
  const grid = style.getPropertyValue("--st-border-color").trim() || "#8884";
  box.setAttribute("role", data.picture ? "figure" : "img");  // an image has no buttons inside
  box.setAttribute("aria-label", data.alt);
  const figure = JSON.parse(data.figure);
  const axis = { gridcolor: grid, zerolinecolor: grid, linecolor: grid };
  for (const name of Object.keys(figure.layout)) {
    if (/^[xy]axis/.test(name)) Object.assign(figure.layout[name], { ...axis, ...figure.layout[name] });
  }
  const ground = data.picture ? style.getPropertyValue("--st-background-color").trim() : "rgba(0,0,0,0)";
  Object.assign(figure.layout, {
    paper_bgcolor: ground, plot_bgcolor: "rgba(0,0,0,0)", uirevision: "kept", autosize: true,
    font: { ...figure.layout.font, color: colour, family: style.fontFamily },
  });
  box.fills = data.fills;
  box.style.height = (data.fills ? room(box) : figure.layout.height || 320) + "px";
  if (data.fills) {
    delete figure.layout.height;
    if (!box.fitted) {
      // What stands around it comes after it, and the window may become another.
      box.fitted = new ResizeObserver(() => {
        if (box.fills && box.offsetParent) box.style.height = room(box) + "px";
      });
      box.fitted.observe(box.closest(".stMainBlockContainer") ?? box);
      addEventListener("resize", () => box.fills && box.offsetParent && (box.style.height = room(box) + "px"));
    }
  }
  await Plotly.react(box, figure.data, figure.layout, {
    displaylogo: false, responsive: true, displayModeBar: Boolean(data.picture),
    modeBarButtons: [["toImage", "zoom2d", "pan2d", "resetScale2d"]],
    toImageButtonOptions: { format: "png", filename: data.picture, scale: 3 },
  });
  // The library looks at the window alone: a place beside others may become another size while that stays as it is.
  box.watched ??= new ResizeObserver(() => box.offsetParent && Plotly.Plots.resize(box));
  box.watched.observe(box);
}
