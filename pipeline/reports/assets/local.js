
"use strict";
// Dates as the reader's own settings write them; the clock stays that of the call.
const localDate = (text) =>
  text.replace(/(?<![\w-])(\d{4})-(\d\d)-(\d\d)(?: (\d\d):(\d\d))?(?![\w-])/g, (_, year, month, day, hour, minute) =>
    new Date(year, month - 1, day, hour ?? 0, minute ?? 0).toLocaleString(undefined, {
      dateStyle: "medium",
      timeStyle: hour && "short",
    }),
  );
for (const place of document.querySelectorAll(".when")) place.textContent = localDate(place.textContent);

// Numbers in the page's own words too; not in quotes, names and ids (q, bdi, code, translate="no").
const { decimal, thousands } = document.documentElement.dataset;
const [point, comma] = [decimal, thousands].map((sign) => `\\u${sign.codePointAt(0).toString(16).padStart(4, "0")}`);
const NUMBER = new RegExp(`(?<![\\d.,:])(?:\\d{1,3}(?:${comma}\\d{3})+(?:${point}\\d+)?|\\d+${point}\\d+)(?![:.,]?\\d)`, "g");
const localNumbers = (text) =>
  text.replace(NUMBER, (found) => {
    const [whole, digits = ""] = found.split(decimal);
    const value = Number(`${whole.replaceAll(thousands, "")}.${digits}`);
    return value.toLocaleString(undefined, {
      minimumFractionDigits: digits.length,
      maximumFractionDigits: digits.length,
    });
  });
const OTHERS_WORDS = "bdi, q, code, script, style, [translate=no]";
const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT, (node) =>
  node.nodeType === Node.TEXT_NODE
    ? NodeFilter.FILTER_ACCEPT
    : node.matches(OTHERS_WORDS)
      ? NodeFilter.FILTER_REJECT
      : NodeFilter.FILTER_SKIP,
);
while (texts.nextNode()) {
  const here = texts.currentNode;
  const local = localDate(localNumbers(here.data));
  if (local !== here.data) here.data = local;
}
for (const name of ["title", "aria-label"]) {
  for (const place of document.querySelectorAll(`[${name}]`)) {
    place.setAttribute(name, localNumbers(place.getAttribute(name)));
  }
}
