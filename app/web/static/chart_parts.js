// Parts of charts: stacked outcomes, the span of an axis, and the table that says the same in numbers.
"use strict";

(() => {
  const ROWS = 60;
  const COLOURS = { paired: "quiet", partial: "partial", legacy_only: "only", shadow_only: "shadow", solo: "solo" };
  const STATES = { drift: "Drift", warning: "Warning", warming: "Warming up", quiet: "Quiet" };
  const plain = (word) => word.replace(/_/g, " ");
  const decimal = (value) => (value == null ? "–" : value.toLocaleString("en", { maximumSignificantDigits: 4 }));
  gnomon.decimal = decimal;
  const moment = (seconds) => new Date(seconds * 1000).toISOString().slice(0, 19).replace("T", " ");

  // Outcomes on top of each other, the sum drawn first, so that each area shows its own part.
  gnomon.stacked = ({ lines: [line], marks }, colour) => {
    const names = Object.keys(line.outcomes).filter((name) => line.outcomes[name].some((count) => count));
    if (!names.length) return null;
    const sums = line.at.map(() => 0);
    const heights = names.map((name) => line.outcomes[name].map((count, i) => (sums[i] += count || 0)));
    const order = names.map((_, i) => i).reverse();
    const paint = (i) => colour(COLOURS[names[i]]);
    const area = (i) => ({ label: plain(names[i]), stroke: paint(i), fill: paint(i), width: 1, points: { show: false } });
    return {
      data: [line.at, ...order.map((i) => heights[i])],
      plain: [line.at, ...order.map((i) => line.outcomes[names[i]])],
      series: [{}, ...order.map(area)],
      bands: [],
      stacked: true,
      keys: order.map((i) => ({ word: `${plain(names[i])} (area ${i + 1} from below)`, stroke: paint(i), dash: [] })),
      marks,
      shape: `stacked ${names.join("|")}`,
    };
  };

  // From zero where zero means something; otherwise a little room above and below.
  gnomon.span = (low, high, fromZero) => {
    if (low == null || high == null) return [0, 1];
    const room = (high - low || Math.abs(high) || 1) * 0.08;
    return [fromZero ? Math.min(0, low) : low - room, high + room];
  };

  gnomon.sample = (stroke, dash) => {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const line = document.createElementNS("http://www.w3.org/2000/svg", "line");
    const place = { x1: 0, x2: 28, y1: 5, y2: 5, stroke, "stroke-width": 2.5, "stroke-dasharray": dash.join(" ") };
    for (const [name, value] of Object.entries(place)) line.setAttribute(name, value);
    for (const [name, value] of Object.entries({ width: 28, height: 10, "aria-hidden": "true" })) svg.setAttribute(name, value);
    line.style.stroke = stroke;
    svg.append(line);
    return svg;
  };

  gnomon.fillTable = (figure, { lines }) => {
    if (!lines.every((line) => line.whole)) return; // the page's own rows say as much
    const body = figure.querySelector("tbody");
    const rows = figure.dataset.what === "traffic" ? trafficRows(lines[0]) : lines.flatMap(historyRows);
    body.dataset.kept = "";
    body.replaceChildren(...rows.map(row));
  };

  function trafficRows(line) {
    const names = Object.keys(COLOURS);
    const count = (name, i) => ({ number: String((line.outcomes[name] || [])[i] ?? 0) });
    return newest(line).map((i) => [moment(line.at[i]), ...names.map((name) => count(name, i))]);
  }

  function historyRows(line) {
    return newest(line).map((i) => [
      line.label,
      moment(line.at[i]),
      { number: decimal(line.value[i]) },
      { number: line.low[i] == null ? "–" : `${decimal(line.low[i])} to ${decimal(line.high[i])}` },
      { number: decimal(line.score[i]) },
      STATES[line.state[i]] || "–",
    ]);
  }

  const newest = (line) => line.at.map((_, i) => i).slice(-ROWS).reverse();

  function row(cells) {
    const made = document.createElement("tr");
    cells.forEach((cell, i) => {
      const place = document.createElement(i ? "td" : "th");
      if (!i) place.scope = "row";
      if (cell.number) place.className = "number";
      place.textContent = cell.number ?? cell;
      made.append(place);
    });
    return made;
  }
})();
