// Asks whether the teacher has gone on, less and less often as long as she has not; without scripts the page refreshes itself.
(function () {
  "use strict";
  var page = document.querySelector("main[data-changes]");
  if (!page || !window.fetch) {
    return;
  }
  var wait = 2;
  var timer = 0;
  function again() {
    clearTimeout(timer);
    timer = setTimeout(look, wait * 1000 * (0.8 + 0.4 * Math.random()));
  }
  function isFilled(field) {
    return field.value !== "";
  }
  function isTyping() {
    var fields = document.querySelectorAll("textarea, input[type=text]");
    var chosen = document.activeElement && document.activeElement.tagName === "SELECT";
    return chosen || document.querySelector("details.typing[open], input[type=checkbox]:checked") !== null || Array.prototype.some.call(fields, isFilled);
  }
  function look() {
    if (document.hidden) {
      again();
      return;
    }
    fetch(location.pathname + "?news=1", { cache: "no-store" })
      .then(function (answer) {
        if (!answer.ok) {
          throw new Error(answer.status);
        }
        return answer.text();
      })
      .then(function (changes) {
        if (changes !== page.dataset.changes && !isTyping()) {
          location.replace(location.pathname + "?l=" + document.documentElement.lang);
          return;
        }
        wait = Math.min(wait * 1.3, 10);
        again();
      })
      .catch(function () {
        wait = Math.min(wait * 2, 30);
        again();
      });
  }
  // Taken up again, or back where there is a network: it looks at once, and not after the longest wait.
  function now() {
    wait = 2;
    clearTimeout(timer);
    look();
  }
  document.addEventListener("visibilitychange", now);
  window.addEventListener("online", now);
  // Without a network the browser's own page would take the place of the question.
  document.addEventListener("submit", function (event) {
    if (navigator.onLine === false) {
      event.preventDefault();
      var said = document.querySelector(".problem") || page.insertBefore(document.createElement("p"), page.firstChild);
      said.className = "problem";
      said.setAttribute("role", "alert");
      said.textContent = page.dataset.offline;
    }
  });
  again();
})();

// A finger draws over the grid of a curve: it presses the same buttons, and a line joins them. Without scripts they are tapped.
(function () {
  "use strict";
  var grid = document.querySelector(".draw");
  if (!grid || !window.PointerEvent) {
    return;
  }
  var columns = Array.prototype.slice.call(grid.querySelectorAll("fieldset"));
  var picture = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  var line = document.createElementNS("http://www.w3.org/2000/svg", "polyline");
  var last = null;
  picture.appendChild(line);
  picture.setAttribute("aria-hidden", "true");
  grid.appendChild(picture);
  grid.classList.add("touched");
  document.querySelector(".finger").hidden = false;
  function cells(column) {
    return column.querySelectorAll("input");
  }
  function draw() {
    var from = grid.getBoundingClientRect();
    var points = columns.map(function (column) {
      var chosen = column.querySelector("input:checked");
      var box = chosen && chosen.getBoundingClientRect();
      return box ? box.left + box.width / 2 - from.left + "," + (box.top + box.height / 2 - from.top) : "";
    });
    line.setAttribute("points", points.filter(Boolean).join(" "));
  }
  // The column and the row, from the top, under a finger that may have left the grid.
  function place(event) {
    var first = columns[0].getBoundingClientRect();
    var rows = cells(columns[0]);
    var top = rows[0].getBoundingClientRect().top;
    var height = rows[0].getBoundingClientRect().height;
    var column = Math.floor((event.clientX - first.left) / first.width);
    var row = Math.floor((event.clientY - top) / height);
    return { column: Math.max(0, Math.min(columns.length - 1, column)), row: Math.max(0, Math.min(rows.length - 1, row)) };
  }
  function moved(event) {
    var now = place(event);
    var before = last || now;
    var steps = Math.max(1, Math.abs(now.column - before.column));
    for (var n = 0; n <= steps; n++) {
      var column = Math.round(before.column + ((now.column - before.column) * n) / steps);
      cells(columns[column])[Math.round(before.row + ((now.row - before.row) * n) / steps)].checked = true;
    }
    last = now;
    draw();
  }
  grid.addEventListener("pointerdown", function (event) {
    if (event.target.tagName === "INPUT" && event.button === 0) {
      grid.setPointerCapture(event.pointerId);
      last = null;
      moved(event);
    }
  });
  grid.addEventListener("pointermove", function (event) {
    if (last) {
      moved(event);
    }
  });
  function end() {
    last = null;
  }
  grid.addEventListener("pointerup", end);
  grid.addEventListener("pointercancel", end);
  grid.addEventListener("change", draw);
  window.addEventListener("resize", draw);
  draw();
})();
