let library;
function load(address) {
  library ??= new Promise((resolve, reject) => {
    if (window.Plotly) return resolve(window.Plotly);
    const script = document.createElement("script");
    script.src = new URL(address, document.baseURI).href;
    script.onload = () => resolve(window.Plotly);
    script.onerror = reject;
    document.head.append(script);
  });
  return library;
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
  box.style.height = (figure.layout.height || 320) + "px";
  await Plotly.react(box, figure.data, figure.layout, {
    displaylogo: false, responsive: true, displayModeBar: Boolean(data.picture),
    modeBarButtons: [["toImage", "zoom2d", "pan2d", "resetScale2d"]],
    toImageButtonOptions: { format: "png", filename: data.picture, scale: 3 },
  });
}
