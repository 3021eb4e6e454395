// Each figure of the page as PNG, SVG and CSV: drawn again by the library, from the data and the layout that it has. A part
// of a page that draws by itself offers the same as `takeaway` on its box: a title, rows, and a picture that stands by itself.
const SCALE = 3; // of a PNG against the screen
// What makes a spreadsheet take a cell for a formula: as engine/core/spreadsheet.py has it.
const RUN = /^[=+\-@\t\r\n＝＋－＠]/;

export function cell(value) {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return Number.isFinite(value) ? String(value) : "";
  const text = RUN.test(value) ? "'" + value : String(value);
  return /[",\r\n]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text;
}

// Of the layout as it was given: where nobody gave a title the library puts a placeholder.
const titleOf = (part) => String(part?.title?.text ?? part?.title ?? "").replace(/<[^>]*>/g, "");
const plain = (text) => String(text ?? "").replace(/<[^>]*>/g, "");

const asCsv = (rows) => rows.map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";

export function table(plot) {
  const { xaxis, yaxis } = plot.layout;
  const rows = [["series", titleOf(xaxis) || "x", titleOf(yaxis) || "y"]];
  for (const trace of plot._fullData) {
    if (trace.visible !== true) continue;
    const [x, y, z] = [trace.x ?? [], trace.y ?? [], trace.z];
    if (z) {
      if (rows[0].length === 3) rows[0].push("z");
      Array.from(z).forEach((row, i) => Array.from(row).forEach((value, j) => rows.push([plain(trace.name), x[j] ?? j, y[i] ?? i, value])));
      continue;
    }
    for (let i = 0; i < Math.max(x.length, y.length); i += 1) rows.push([plain(trace.name), x[i] ?? i, y[i] ?? i]);
  }
  return asCsv(rows);
}

function name(plot, n, said) {
  const { xaxis, yaxis } = plot.layout;
  return titleOf(plot.layout) || titleOf(yaxis) || titleOf(xaxis) || said.figure.replace("{n}", n);
}

function save(content, file) {
  const link = document.createElement("a");
  link.href = content;
  link.download = file;
  link.click();
}

async function picture(Plotly, plot, format) {
  const ground = getComputedStyle(plot).getPropertyValue("--st-background-color").trim() || "#fff";
  const { width, height } = plot._fullLayout;
  const layout = { ...plot.layout, width, height, paper_bgcolor: ground, autosize: false };
  return Plotly.toImage({ data: plot.data, layout }, { format, width, height, scale: format === "png" ? SCALE : 1 });
}

// What a figure of the library, or a part that draws by itself, gives: its title, its data as CSV, and a picture.
const ofLibrary = (plot, n, data) => ({
  title: name(plot, n, data.said),
  csv: () => table(plot),
  picture: async (format) => picture(await load(data.address), plot, format),
});
const ofPart = ({ takeaway }) => ({
  title: takeaway.title(),
  csv: () => asCsv(takeaway.rows()),
  picture: (format) => drawing(takeaway.svg(), format),
});

async function drawing(svg, format) {
  const text = new XMLSerializer().serializeToString(svg);
  const address = URL.createObjectURL(new Blob([text], { type: "image/svg+xml" }));
  if (format === "svg") return address;
  const image = new Image();
  image.src = address;
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = SCALE * svg.getAttribute("width");
  canvas.height = SCALE * svg.getAttribute("height");
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  URL.revokeObjectURL(address);
  return canvas.toDataURL("image/png");
}

// Parts with a style of their own stand in roots of their own.
function parts() {
  const roots = [document, ...[...document.querySelectorAll("*")].map((element) => element.shadowRoot).filter(Boolean)];
  const boxes = roots.flatMap((root) => [...root.querySelectorAll("*")]);
  return boxes.filter((box) => box.takeaway && box.checkVisibility());
}

function row({ title, csv, picture }, n, data) {
  const line = document.createElement("div");
  line.className = "line";
  const label = document.createElement("span");
  label.textContent = title;
  line.append(label);
  const file = "atelier-" + (title.normalize("NFKD").replace(/[^\w]+/g, "-").replace(/^-+|-+$/g, "") || n).slice(0, 60);
  for (const format of ["png", "svg", "csv"]) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = format.toUpperCase();
    button.setAttribute("aria-label", data.said.as.replace("{figure}", title).replace("{form}", button.textContent));
    button.onclick = async () => {
      try {
        const content =
          format === "csv"
            ? URL.createObjectURL(new Blob(["\ufeff", csv()], { type: "text/csv" }))
            : await picture(format);
        save(content, `${file}.${format}`);
      } catch (error) {
        console.warn(error);
        label.textContent = `${title}: ${data.said.failed}`;
      }
    };
    line.append(button);
  }
  return line;
}

export default function ({ parentElement, data }) {
  const box = parentElement.querySelector(".figures");
  const plots = [...document.querySelectorAll(".js-plotly-plot")].filter((plot) => plot._fullData && plot.offsetParent);
  const found = [...plots.map((plot, n) => ofLibrary(plot, n + 1, data)), ...parts().map(ofPart)];
  if (found.length) box.replaceChildren(...found.map((figure, n) => row(figure, n + 1, data)));
  else box.textContent = data.said.none;
}
