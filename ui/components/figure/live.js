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
  // While it is presented a figure takes the screen: the title, a sentence and the bar have the rest.
  box.style.height = data.fills ? "max(50vh, 100vh - 7.4rem)" : (figure.layout.height || 320) + "px";
  if (data.fills) delete figure.layout.height;
  await Plotly.react(box, figure.data, figure.layout, {
    displaylogo: false, responsive: true, displayModeBar: Boolean(data.picture),
    modeBarButtons: [["toImage", "zoom2d", "pan2d", "resetScale2d"]],
    toImageButtonOptions: { format: "png", filename: data.picture, scale: 3 },
  });
  // The library looks at the window alone: a place beside others may become another size while that stays as it is.
  box.watched ??= new ResizeObserver(() => box.offsetParent && Plotly.Plots.resize(box));
  box.watched.observe(box);
}
