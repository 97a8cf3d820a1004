
"use strict";
// Dates as the reader's own settings write them; the clock stays that of the call.
const localDate = (text) => {
  const parts = /^(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d)$/.exec(text);
  if (!parts) return text;
  const [year, month, day, hour, minute] = parts.slice(1).map(Number);
  const moment = new Date(year, month - 1, day, hour, minute);
  return moment.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
};
for (const place of document.querySelectorAll(".when")) place.textContent = localDate(place.textContent.trim());
