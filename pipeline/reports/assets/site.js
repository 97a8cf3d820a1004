
"use strict";
(() => {
  const body = document.getElementById("calls");
  if (!body) return;
  const PAGE = 200;
  const head = [...document.querySelectorAll(".calls th")];
  const rows = [...body.rows].map((row) => ({
    row,
    text: row.textContent.toLowerCase(),
    values: [...row.cells].map((cell) => cell.dataset.v ?? cell.textContent.trim()),
  }));
  const filter = document.getElementById("filter");
  const shown = document.getElementById("shown");
  const more = document.getElementById("more");
  let wanted = rows;
  let limit = PAGE;
  let sorted = { column: -1, down: false };

  // Only a page of rows is in the document: ten thousand would be slow to lay out.
  const draw = () => {
    body.replaceChildren(...wanted.slice(0, limit).map((entry) => entry.row));
    more.hidden = wanted.length <= limit;
    shown.textContent = shown.dataset.template.replace("#", String(wanted.length));
  };
  const select = () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    wanted = rows.filter((entry) => words.every((word) => entry.text.includes(word)));
    limit = PAGE;
    draw();
  };
  const compare = (a, b, down) => {
    if (a === "" || b === "") return a === b ? 0 : a === "" ? 1 : -1; // what was not measured comes last
    const both = Number(a) - Number(b);
    const order = Number.isNaN(both) ? a.localeCompare(b, undefined, { numeric: true }) : both;
    return down ? -order : order;
  };
  const sort = (column) => {
    const down = sorted.column === column ? !sorted.down : false;
    sorted = { column, down };
    rows.sort((one, two) => compare(one.values[column], two.values[column], down));
    head.forEach((cell, index) => {
      if (index === column) cell.setAttribute("aria-sort", down ? "descending" : "ascending");
      else cell.removeAttribute("aria-sort");
    });
    select();
  };

  head.forEach((cell, index) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = cell.textContent;
    button.addEventListener("click", () => sort(index));
    cell.replaceChildren(button);
  });
  filter.closest(".search").hidden = false;
  filter.addEventListener("input", select);
  more.addEventListener("click", () => {
    limit += PAGE;
    draw();
  });
  draw();
})();
