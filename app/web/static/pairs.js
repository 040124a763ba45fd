// The pairs of greatest disagreement, and how often legacy and shadow give which answers: read from Kafka, so only when asked
// for.
"use strict";

(() => {
  const place = document.getElementById("pairs");
  if (!place) return;
  const button = place.querySelector(".load");
  const result = place.querySelector(".result");
  function text(value) {
    if (value == null) return "–";
    if (typeof value === "number") return String(Number(value.toPrecision(5)));
    return typeof value === "object" ? JSON.stringify(value) : String(value);
  }

  async function load() {
    button.disabled = true;
    result.textContent = "Reading the newest pairs from Kafka";
    try {
      const answer = await fetch(place.dataset.url, { headers: { Accept: "application/json" } });
      const body = await answer.json();
      if (answer.ok) show(body);
      else result.textContent = `Not read (${answer.status}): ${body.detail || answer.statusText}`;
    } catch {
      result.textContent = "Not read: there is no connection, or no answer. Try again.";
    }
    button.disabled = false;
  }

  function show({ pairs, shadows, sampled, cut_short }) {
    const said = document.createElement("p");
    const why = cut_short ? `, ${cut_short}` : "";
    said.textContent = `Of the newest ${amount(sampled)} pairs${why}. ${shadows.map(compared).join(" ")}`;
    result.replaceChildren(said);
    const rows = pairs.map((pair) => [
      pair.request_id,
      moment(pair.timestamp),
      text(pair.legacy),
      `${text(pair.shadow)} (${pair.shadow_version})`,
      text(pair.difference),
    ]);
    const heads = ["Request", "When", "Legacy", "Shadow", "Difference"];
    if (rows.length) result.append(table("The greatest disagreement", heads, rows));
    else said.textContent += " None of them has answers of both.";
    for (const { version, confusion } of shadows) if (confusion) result.append(square(version, confusion));
  }

  const moment = (ms) => (ms == null ? "–" : new Date(ms).toISOString().slice(0, 19).replace("T", " "));
  const amount = (count) => count.toLocaleString("en");
  const compared = (each) =>
    `Shadow ${each.version} was compared on ${amount(each.compared)} and disagreed on ${amount(each.disagreeing)}.`;

  function square(version, { labels, counts }) {
    const rows = labels.map((label, i) => [`legacy: ${label}`, ...counts[i].map(amount)]);
    const heads = ["Answers", ...labels.map((label) => `shadow: ${label}`)];
    return table(`How often which answer of legacy met which of shadow ${version}`, heads, rows);
  }

  function table(caption, heads, rows) {
    const made = document.createElement("table");
    made.className = "plain";
    made.createCaption().textContent = caption;
    const head = made.createTHead().insertRow();
    for (const name of heads) head.append(cell("th", name, "col"));
    const body = made.createTBody();
    for (const row of rows) body.insertRow().append(...row.map((value, i) => cell(i ? "td" : "th", value, i ? null : "row")));
    const scroll = document.createElement("div");
    scroll.className = "scroll";
    scroll.tabIndex = 0;
    scroll.setAttribute("role", "group");
    scroll.setAttribute("aria-label", caption);
    scroll.append(made);
    return scroll;
  }

  function cell(kind, value, scope) {
    const made = document.createElement(kind);
    if (scope) made.scope = scope;
    made.textContent = value;
    return made;
  }

  button.hidden = false;
  button.addEventListener("click", load);
})();
