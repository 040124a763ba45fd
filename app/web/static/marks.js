// Marks in charts: a line at each moment that explains what the chart shows, with a sign above it and, where there is room, its
// label. Signs and dashes tell the kinds apart, colours only help; the chart's table has all of them in words.
"use strict";

(() => {
  const ROWS = 3;
  const ROW = 14;
  const NEAR = 6;
  const LEAST_LABEL = 72;
  const AXIS = 74; // what the axis of values and the right edge take of a chart's width
  const COLOURS = { alert: "drift", resolved: "quiet", training_failed: "drift", training_succeeded: "quiet", deployment: "link" };
  const DASHES = {
    alert: [],
    resolved: [2, 3],
    trigger: [6, 3],
    training_started: [1, 2],
    training_succeeded: [9, 2],
    training_failed: [9, 2, 2, 2],
    deployment: [14, 3],
    baseline: [4, 2, 1, 2],
  };

  // From where to where a chart shows time. A cell stands where it begins and has the windows that end in it: one of the first may
  // begin a width before it, and the newest goes on for a width.
  gnomon.reach = ({ data: [at], width }) => [at[0] - width, at.at(-1) + width];

  // Only what lies in the chart, the earliest first; and each kind once among its keys.
  gnomon.keepMarks = (picture, colour) => {
    const [first, last] = gnomon.reach(picture);
    picture.marks = picture.marks.filter(({ at }) => at / 1000 >= first && at / 1000 <= last).sort((a, b) => a.at - b.at);
    const kinds = new Map(picture.marks.map((mark) => [mark.kind, mark]));
    for (const { kind, sign, word } of kinds.values()) {
      picture.keys.push({ word: `${sign} ${word}`, stroke: paint(kind, colour), dash: DASHES[kind] || [] });
    }
  };

  // How much room above the chart the signs take.
  gnomon.bandOfMarks = (picture, width) => {
    const [first, last] = gnomon.reach(picture);
    const place = ({ at }) => ((at / 1000 - first) / (last - first || 1)) * (width - AXIS);
    return 8 + ROW * Math.max(0, ...inRows(picture.marks, place, ROW).map(({ row }) => Math.min(row + 1, ROWS)));
  };

  gnomon.marksAt = (plot, marks) =>
    marks.filter(({ at }) => Math.abs(plot.valToPos(at / 1000, "x") - plot.cursor.left) <= NEAR);

  gnomon.drawMarks = (plot, marks, colour) => {
    const { ctx, bbox } = plot;
    const ratio = window.devicePixelRatio || 1;
    const right = bbox.left + bbox.width;
    const place = ({ at }) => plot.valToPos(at / 1000, "x", true);
    const shown = marks.filter((mark) => place(mark) >= bbox.left && place(mark) <= right);
    ctx.save();
    ctx.lineWidth = 1.5 * ratio;
    const placed = inRows(shown, place, ROW * ratio);
    placed.forEach(({ mark, x, row }) => line(ctx, mark, x, bbox, (row % ROWS) * ROW * ratio, ratio, colour));
    placed.forEach(({ mark, x, row }, i) => {
      if (row === ROWS) return; // no room for its sign: the table has it
      const y = bbox.top - (row + 0.5) * ROW * ratio;
      sign(ctx, mark, x, y, ratio, colour);
      const next = placed.slice(i + 1).find((other) => other.row >= row && other.row < ROWS); // its line goes through this row
      label(ctx, mark.label, x + 8 * ratio, y, (next ? next.x - 8 * ratio : right) - x - 8 * ratio, ratio, colour("muted"));
    });
    ctx.restore();
  };

  // Each sign in the lowest row in which the one before it leaves room; from ROWS on there is none.
  function inRows(marks, place, least) {
    const ends = Array(ROWS).fill(-Infinity);
    return marks.map((mark) => {
      const x = place(mark);
      const free = ends.findIndex((end) => x - end >= least);
      if (free >= 0) ends[free] = x;
      return { mark, x, row: free >= 0 ? free : ROWS };
    });
  }

  function line(ctx, { kind }, x, bbox, above, ratio, colour) {
    ctx.strokeStyle = paint(kind, colour);
    ctx.setLineDash((DASHES[kind] || []).map((length) => length * ratio));
    ctx.beginPath();
    ctx.moveTo(x, bbox.top - above);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
  }

  // On a ground of its own, so that a line behind it does not cross it out.
  function sign(ctx, mark, x, y, ratio, colour) {
    ctx.font = `600 ${12 * ratio}px system-ui, sans-serif`;
    ctx.textAlign = "center";
    ctx.textBaseline = "middle";
    const half = (ctx.measureText(mark.sign).width + 2 * ratio) / 2;
    ctx.fillStyle = colour("card");
    ctx.fillRect(x - half, y - 7 * ratio, 2 * half, 14 * ratio);
    ctx.fillStyle = paint(mark.kind, colour);
    ctx.fillText(mark.sign, x, y);
  }

  function label(ctx, text, x, y, room, ratio, ink) {
    if (room < LEAST_LABEL * ratio) return;
    ctx.font = `${11 * ratio}px system-ui, sans-serif`;
    ctx.textAlign = "left";
    ctx.fillStyle = ink;
    ctx.fillText(fitted(ctx, text, room), x, y);
  }

  // As much of a text as there is room for, found by halving.
  function fitted(ctx, text, room) {
    const cut = (length) => (length === text.length ? text : `${text.slice(0, length)}…`);
    if (ctx.measureText(text).width <= room) return text;
    let [fits, over] = [0, text.length];
    while (over - fits > 1) {
      const middle = (fits + over) >> 1;
      if (ctx.measureText(cut(middle)).width > room) over = middle;
      else fits = middle;
    }
    return cut(fits);
  }

  const paint = (kind, colour) => colour(COLOURS[kind] || "muted");
})();
