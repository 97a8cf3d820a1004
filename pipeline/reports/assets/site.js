
"use strict";
(() => {
  const body = document.getElementById("calls");
  if (!body) return;
  const PAGE = 200;
  const head = [...document.querySelectorAll(".calls th")];
  const data = document.getElementById("rows");
  const dated = [...(body.rows[0]?.cells ?? [])].map((cell) => Boolean(cell.querySelector(".when")));
  // A cell is its text, [text, number to sort by] or [text, number or null, link].
  const build = (cells) => {
    const row = document.createElement("tr");
    for (const [column, cell] of cells.entries()) {
      const [text, value, href] = Array.isArray(cell) ? cell : [cell];
      const bdi = document.createElement("bdi");
      bdi.textContent = typeof value === "number" ? localNumbers(text) : dated[column] ? localDate(text) : text;
      const place = row.insertCell();
      if (href) {
        const link = place.appendChild(document.createElement("a"));
        link.href = href;
        link.append(bdi);
      } else place.append(bdi);
    }
    return row;
  };
  const entry = (text, values, row) => ({ text: text.toLowerCase(), values, row });
  const rows = data
    ? JSON.parse(data.textContent).map((cells) => {
        const texts = cells.map((cell) => (Array.isArray(cell) ? cell[0] : cell));
        const values = cells.map((cell, index) => (Array.isArray(cell) ? (cell[1] ?? cell[0]) : texts[index]));
        return { ...entry(texts.join(" "), values.map(String), null), cells };
      })
    : [...body.rows].map((row) =>
        entry(
          [...row.cells].map((cell) => `${cell.textContent} ${cell.dataset.v ?? ""}`).join(" "),
          [...row.cells].map((cell) => cell.dataset.v ?? cell.textContent.trim()),
          row,
        ));
  const filter = document.getElementById("filter");
  const shown = document.getElementById("shown");
  const more = document.getElementById("more");
  let wanted = rows;
  let limit = PAGE;
  let sorted = { column: -1, down: false };

  // Only a page of rows is in the document: ten thousand would be slow to lay out.
  const draw = () => {
    body.replaceChildren(...wanted.slice(0, limit).map((one) => (one.row ??= build(one.cells))));
    more.hidden = wanted.length <= limit;
    shown.textContent = localNumbers(shown.dataset.template.replace("#", String(wanted.length)));
  };
  const select = () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    wanted = rows.filter((one) => words.every((word) => one.text.includes(word)));
    limit = PAGE;
    draw();
  };
  const compare = (a, b, down) => {
    if (a === "–") a = ""; // a figure that was not measured
    if (b === "–") b = "";
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
