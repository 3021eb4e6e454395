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
    return chosen || document.querySelector("details.typing[open], input:checked") !== null || Array.prototype.some.call(fields, isFilled);
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
