// The data of a chart: the history of each of its lines from REST, else the windows that the page brought along. Both come out as
// columns: at and the width of a cell (seconds), value, low, high, score, threshold, state, events.
"use strict";

(() => {
  const OUTCOMES = ["paired", "partial", "legacy_only", "shadow_only", "solo"];

  gnomon.columns = async (figure) => {
    const { lines, marks: own } = JSON.parse(figure.dataset.chart);
    const shared = document.getElementById("shared-marks")?.dataset.marks ?? "[]";
    const marks = [...own, ...JSON.parse(shared)];
    if (figure.dataset.what === "traffic") return { marks, lines: [await traffic(lines[0])] };
    return { marks, lines: await Promise.all(lines.map(history)) };
  };

  async function points(line) {
    try {
      const answer = await fetch(line.url, { headers: { Accept: "application/json" } });
      if (!answer.ok) return null;
      const body = await answer.json();
      return body.points && body.points.start && body.points.start.length ? body : null;
    } catch {
      return null;
    }
  }

  async function history(line) {
    const body = await points(line);
    if (!body) return known(line);
    const given = body.points;
    const none = given.start.map(() => null);
    return {
      ...line,
      whole: true,
      width: body.resolution_ms / 1000,
      at: given.start.map((ms) => ms / 1000),
      value: given.value || none,
      low: given.low || none,
      high: given.high || none,
      score: given.score || none,
      limit: given.threshold || none,
      state: given.state || none,
      events: given.events || none,
    };
  }

  function known(line) {
    const none = line.end.map(() => null);
    return {
      ...line,
      whole: false,
      width: 0,
      at: line.end.map((ms) => ms / 1000),
      value: none,
      low: none,
      high: none,
      limit: line.end.map(() => line.threshold),
      events: none,
    };
  }

  async function traffic(line) {
    const body = await points(line);
    if (!body) return { ...line, whole: false, width: 0, at: [], outcomes: {} };
    const outcomes = Object.fromEntries(OUTCOMES.filter((name) => body.points[name]).map((name) => [name, body.points[name]]));
    return { ...line, whole: true, width: body.resolution_ms / 1000, at: body.points.start.map((ms) => ms / 1000), outcomes };
  }

  // Several lines on one axis of time: every moment of any of them, and null where a line has none.
  gnomon.aligned = (lines, names) => {
    const moments = [...new Set(lines.flatMap((line) => line.at))].sort((a, b) => a - b);
    const places = new Map(moments.map((at, i) => [at, i]));
    const columns = lines.flatMap((line) =>
      names.map((name) => {
        const column = moments.map(() => undefined); // undefined: no point here, the line goes on; null: a gap
        line.at.forEach((at, i) => (column[places.get(at)] = line[name][i]));
        return column;
      }),
    );
    return [moments, ...columns];
  };
})();
