// Draws the figures of a page with uPlot, and keeps them while the page lives: new data come in place, a zoom stays. What a
// picture shows stands in the figure's caption and table as well, so the picture itself is hidden from who does not see it.
"use strict";

(() => {
  const DASHES = [[], [6, 4], [2, 3], [10, 3, 2, 3]];
  const HEIGHT = 200;
  const AGAIN_MS = 4_000;
  const drawn = (gnomon.charts = new Map());
  const turns = new WeakMap(); // of a figure: the question whose answer it shows
  let asked = 0;
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const number = gnomon.decimal;
  const moment = (seconds) => new Date(seconds * 1000).toISOString().slice(0, 19).replace("T", " ");

  async function draw(figure) {
    const turn = (asked += 1);
    const data = await gnomon.columns(figure);
    if (turn < (turns.get(figure) ?? 0)) return; // a newer answer came first; an old one is better than none
    turns.set(figure, turn);
    const picture = figure.dataset.what === "traffic" ? gnomon.stacked(data, colour) : lines(figure, data);
    if (picture) {
      picture.width = Math.max(...data.lines.map((line) => line.width));
      gnomon.keepMarks(picture, colour);
    }
    gnomon.fillTable(figure, data);
    figure.dataset.settled = "";
    const place = figure.querySelector(".plot");
    if (!window.uPlot || !picture || picture.data[0].length < 2) return;
    const before = drawn.get(figure.id);
    if (before && before.shape === picture.shape) return update(before, picture, place);
    if (before) before.plot.destroy();
    place.dataset.kept = place.dataset.drawn = "";
    place.replaceChildren();
    const plot = new uPlot(options(figure, place, picture), picture.data, place);
    drawn.set(figure.id, { plot, shape: picture.shape, picture, zoomed: false });
    const readoutLine = document.createElement("p");
    readoutLine.className = "readout";
    readoutLine.textContent = "Drag to zoom, double click to see all.";
    place.append(readoutLine);
    keys(place, picture.keys);
  }

  function update(chart, picture, place) {
    keys(place, picture.keys);
    Object.assign(chart.picture, picture); // the hooks read it from there
    chart.plot.setData(picture.data, !chart.zoomed);
    if (chart.zoomed) chart.plot.redraw();
  }

  function lines(figure, { lines: given, marks }) {
    const hasValues = given.some((line) => line.value.some((each) => each != null));
    const named = figure.dataset.what !== "score" && hasValues ? "value" : "score";
    if (named === "score" && figure.dataset.what === "figure") return null; // another chart has the score already
    const names = named === "value" ? ["low", "high", "value"] : ["score"];
    const data = gnomon.aligned(given, names);
    const series = [{}];
    const bands = [];
    const keyed = [];
    given.forEach((line, i) => {
      const stroke = colour(line.role === "shadow" ? "shadow" : line.role === "legacy" ? "legacy" : "link");
      if (named === "value") {
        bands.push({ series: [series.length + 1, series.length], fill: `${stroke}30` });
        series.push(hidden("lower end"), hidden("upper end"));
      }
      const dash = DASHES[i % DASHES.length];
      series.push({ label: line.label, stroke, width: 2, dash, points: { show: data[0].length < 40, size: 4 } });
      keyed.push({ word: named === "score" ? `${line.label}: score` : line.label, stroke, dash });
    });
    if (named === "score") constant(given[0].limit.find((each) => each != null) ?? 1, "threshold", "drift", data, series, keyed);
    else {
      const reference = given.length === 1 ? given[0].reference : null; // of several lines each has its own: captions say them
      if (reference != null) constant(reference, "reference", "only", data, series, keyed);
      keyed.push({ word: "shaded: 95 % interval", stroke: colour("muted"), dash: [1, 3] });
    }
    return { data, series, bands, keys: keyed, marks, shape: `${named} ${given.map((line) => line.label).join("|")}` };
  }

  // A line that is the same at all times: the threshold, or the reference.
  function constant(value, name, paint, data, series, keyed) {
    data.push(data[0].map(() => value));
    series.push({ label: name, stroke: colour(paint), width: 1.5, dash: [3, 3], points: { show: false } });
    keyed.push({ word: `${name} ${number(value)}`, stroke: colour(paint), dash: [3, 3] });
  }

  // All cells are shown as wide as they are; a zoom is what it is.
  function whole(picture, low, high) {
    const [at] = picture.data;
    return low === at[0] && high === at.at(-1) ? gnomon.reach(picture) : [low, high];
  }

  const hidden = (label) => ({ label, stroke: "transparent", width: 0, points: { show: false } });

  function options(figure, place, picture) {
    const ink = () => colour("muted");
    const time = [
      [31_536_000, "{YYYY}", null, null, null, null, null, null, 1],
      [2_419_200, "{YYYY}-{MM}", null, null, null, null, null, null, 1],
      [86_400, "{MM}-{DD}", "\n{YYYY}", null, null, null, null, null, 1],
      [60, "{HH}:{mm}", "\n{YYYY}-{MM}-{DD}", null, "\n{MM}-{DD}", null, null, null, 1],
      [1, "{HH}:{mm}:{ss}", "\n{YYYY}-{MM}-{DD}", null, "\n{MM}-{DD}", null, null, null, 1],
    ];
    const rule = { stroke: () => colour("line"), width: 1 };
    const axis = { stroke: ink, grid: rule, ticks: rule, font: "12px system-ui, sans-serif" };
    return {
      width: place.clientWidth,
      height: HEIGHT,
      padding: [(plot) => gnomon.bandOfMarks(picture, plot.width), null, null, null],
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
      legend: { show: false },
      cursor: { drag: { x: true, y: false }, points: { size: 6 } },
      scales: {
        x: { range: (_, low, high) => whole(picture, low, high) },
        y: { range: (_, low, high) => gnomon.span(low, high, picture.shape.startsWith("score") || picture.stacked) },
      },
      axes: [{ ...axis, values: time }, { ...axis, size: 58, values: (_, ticks) => ticks.map(number) }],
      series: picture.series,
      bands: picture.bands,
      hooks: {
        draw: [(plot) => gnomon.drawMarks(plot, picture.marks, colour)],
        setCursor: [(plot) => readout(figure, plot, picture)],
        setSelect: [(plot) => plot.select.width > 0 && (drawn.get(figure.id).zoomed = true)],
        ready: [(plot) => plot.over.addEventListener("dblclick", () => (drawn.get(figure.id).zoomed = false))],
      },
    };
  }

  function readout(figure, plot, picture) {
    const place = figure.querySelector(".readout");
    const at = plot.cursor.idx;
    if (!place) return;
    if (at == null) {
      place.textContent = "Drag to zoom, double click to see all.";
      return;
    }
    const shown = picture.series.map((series, i) => [series, (picture.plain || picture.data)[i][at]]).slice(1);
    const known = shown.filter(([series, value]) => series.width !== 0 && value != null);
    const said = known.map(([series, value]) => `${series.label} ${number(value)}`);
    const near = gnomon.marksAt(plot, picture.marks).map((mark) => `${mark.sign} ${mark.label}`);
    place.textContent = `${moment(picture.data[0][at])}: ${[said.join(", "), ...near].join("; ")}`;
  }

  // What the lines are, anew with each drawing: marks come and go with the time that the chart shows.
  function keys(place, given) {
    const list = document.createElement("ul");
    list.className = "keys";
    for (const { word, stroke, dash } of given) {
      const item = document.createElement("li");
      item.append(gnomon.sample(stroke, dash), word);
      list.append(item);
    }
    place.querySelector(".keys")?.remove();
    place.append(list);
  }

  function drawAll() {
    for (const figure of document.querySelectorAll("figure[data-chart]")) draw(figure);
  }

  function again() {
    for (const { plot } of drawn.values()) plot.destroy();
    drawn.clear();
    drawAll();
  }

  // A page may change twice a second; its histories are asked for no more often than this.
  let waiting = null;
  document.addEventListener("gnomon:refreshed", () => {
    waiting ??= setTimeout(() => {
      waiting = null;
      drawAll();
    }, AGAIN_MS);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
  new ResizeObserver(() => {
    for (const { plot } of drawn.values()) {
      const width = plot.root.parentElement.clientWidth;
      if (width && width !== plot.width) plot.setSize({ width, height: HEIGHT });
    }
  }).observe(document.getElementById("main"));
  drawAll();
})();
