// Conveniences only: the page is complete without them.
"use strict";
const experiments = [...document.querySelectorAll("details.experiment")];
const groups = [...document.querySelectorAll("details.group")];
const tools = document.querySelector(".tools");
tools.hidden = experiments.length < 2;

document.getElementById("filter").addEventListener("input", (event) => {
  const wanted = event.target.value.trim().toLowerCase();
  for (const item of experiments) item.hidden = !item.id.toLowerCase().includes(wanted);
  for (const group of groups) {
    group.hidden = !group.querySelector("details.experiment:not([hidden])");
    group.open = wanted !== "";
  }
});
const setAll = (open) => [...groups, ...experiments].forEach((item) => { item.open = open; });
document.getElementById("open-all").addEventListener("click", () => setAll(true));
document.getElementById("close-all").addEventListener("click", () => setAll(false));
addEventListener("beforeprint", () => setAll(true));

// A link to an experiment opens it.
function openTarget() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target instanceof HTMLDetailsElement) {
    target.hidden = false;
    for (let item = target; item; item = item.parentElement.closest("details")) item.open = true;
    target.scrollIntoView();
  }
}
addEventListener("hashchange", openTarget);
openTarget();

// The header of a column sorts its table.
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const key = (row) => row.cells[column].dataset.order;
      const rows = [...table.tBodies[0].rows].sort((a, b) => {
        const order = key(a) === undefined
          ? a.cells[column].textContent.localeCompare(b.cells[column].textContent)
          : Number(key(a)) - Number(key(b));
        return down ? -order : order;
      });
      table.tBodies[0].append(...rows);
    });
  });
}
