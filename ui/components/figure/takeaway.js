// Each figure of the page as PNG, SVG and CSV: drawn again by the library, from the data and the layout that it has.
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
  return rows.map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
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

function row(plot, n, data) {
  const title = name(plot, n, data.said);
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
            ? URL.createObjectURL(new Blob(["\ufeff", table(plot)], { type: "text/csv" }))
            : await picture(await load(data.address), plot, format);
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
  if (plots.length) box.replaceChildren(...plots.map((plot, n) => row(plot, n + 1, data)));
  else box.textContent = data.said.none;
}
