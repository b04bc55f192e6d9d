"use strict";
// Draws the curves as wide as they are shown, and tells their values under the pointer.
(() => {
  const data = JSON.parse(document.getElementById("curve-data").textContent);
  const SVG = "http://www.w3.org/2000/svg";

  function element(parent, name, attributes = {}, text = "") {
    const svg = ["svg", "g", "path", "line", "circle", "text"].includes(name);
    const made = svg ? document.createElementNS(SVG, name) : document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== "") made.textContent = text;
    parent.append(made);
    return made;
  }

  // 1, 2 or 5 times a power of ten, for about `marks` marks over `range`.
  function markDistance(range, marks) {
    const rough = range / marks, power = 10 ** Math.floor(Math.log10(rough));
    return power * ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10);
  }

  function numberText(value) {
    const size = Math.abs(value);
    if (value === 0) return "0";
    if (size >= 1e6 || size < 1e-3) return value.toExponential(2).replace(/\.?0+e/, "e").replace("e+", "e");
    if (size >= 1000) return Math.round(value).toString();
    return Number(value.toPrecision(4)).toString();
  }

  // Tick labels share the digits that their distance needs.
  function tickText(value, distance) {
    if (Math.abs(value) < distance * 1e-6) return "0";
    if (Math.max(Math.abs(value), distance) < 1e-2 || Math.abs(value) >= 1e6)
      return Number(value.toPrecision(3)).toExponential().replace("e+", "e");
    return value.toFixed(Math.max(0, -Math.floor(Math.log10(distance) + 1e-9)));
  }

  // The point nearest to a step; points are in the order of their steps.
  function nearest(points, step) {
    let low = 0, high = points.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (points[middle][0] < step) low = middle + 1; else high = middle;
    }
    return low > 0 && step - points[low - 1][0] < points[low][0] - step ? points[low - 1] : points[low];
  }

  function rangeOf(series) {
    const all = series.flatMap((s) => s.points);
    let [first, last, least, most] = [Infinity, -Infinity, Infinity, -Infinity];
    for (const [step, value] of all) {
      first = Math.min(first, step); last = Math.max(last, step);
      least = Math.min(least, value); most = Math.max(most, value);
    }
    const margin = Math.max((most - least) * 0.06, Math.abs(most) * 1e-3, 1e-12);
    const low = least >= 0 && least - margin < 0 ? 0 : least - margin;
    return { first, last: Math.max(last, first + 1), least: low, most: most + margin };
  }

  function draw(figure, chart) {
    const series = chart.series.filter((s) => s.points.length > 0);
    const caption = element(figure, "figcaption");
    element(caption, "h3", {}, chart.title);
    element(caption, "small", {}, chart.unit);
    if (series.length === 0) {
      element(figure, "p", { class: "note" }, "nothing yet");
      return;
    }
    const values = series.map((s) => {
      const key = element(caption, "span", { class: series.length > 1 ? `key ${s.style}` : "value" }, series.length > 1 ? `${s.name} ` : "");
      return element(key, "b");
    });
    const show = (step) => values.forEach((value, i) => {
      const points = series[i].points;
      value.textContent = numberText((step === null ? points[points.length - 1] : nearest(points, step))[1]);
    });
    show(null);

    const wide = figure.classList.contains("wide"), range = rangeOf(series);
    let svg = null, drawn = 0;
    function redraw() {
      const width = Math.max(240, Math.round(figure.clientWidth - 26)), height = wide ? Math.min(340, Math.round(width * .6)) : 180;
      if (width === drawn) return;
      drawn = width;
      if (svg) svg.remove();
      svg = element(figure, "svg", { viewBox: `0 0 ${width} ${height}`, role: "img",
        "aria-label": `${chart.title} over the steps` });
      const left = 46, right = 8, top = 8, bottom = 24;
      const x = (step) => left + (width - left - right) * (step - range.first) / (range.last - range.first);
      const y = (value) => height - bottom - (height - top - bottom) * (value - range.least) / (range.most - range.least);
      const distance = markDistance(range.most - range.least, wide ? 6 : 4);
      for (let value = Math.ceil(range.least / distance) * distance; value <= range.most; value += distance) {
        element(svg, "line", { class: "grid", x1: left, x2: width - right, y1: y(value), y2: y(value) });
        element(svg, "text", { x: left - 6, y: y(value) + 4, "text-anchor": "end" }, tickText(value, distance));
      }
      const steps = Math.max(1, markDistance(range.last - range.first, Math.max(2, Math.floor(width / 90))));
      for (let step = Math.ceil(range.first / steps) * steps; step <= range.last; step += steps)
        element(svg, "text", { x: x(step), y: height - 7, "text-anchor": x(step) > width - 24 ? "end" : "middle" }, String(step));
      element(svg, "text", { x: left - 6, y: height - 7, "text-anchor": "end" }, "step");
      element(svg, "line", { class: "axis", x1: left, x2: width - right, y1: height - bottom, y2: height - bottom });
      for (const { style, points } of series) {
        element(svg, "path", { class: style, d: points.map(([step, value], i) =>
          `${i ? "L" : "M"}${x(step).toFixed(1)} ${y(value).toFixed(1)}`).join("") });
        if (points.length === 1 || style === "dots" && points.length <= 60)
          for (const [step, value] of points)
            element(svg, "circle", { class: style, cx: x(step).toFixed(1), cy: y(value).toFixed(1), r: 3 });
      }
      const cursor = element(svg, "g");
      const leave = () => { cursor.replaceChildren(); show(null); };
      svg.addEventListener("pointermove", (event) => {
        const box = svg.getBoundingClientRect(), at = (event.clientX - box.left) * width / box.width;
        const wanted = range.first + (at - left) / (width - left - right) * (range.last - range.first);
        const step = nearest(series[0].points, wanted)[0];
        cursor.replaceChildren();
        element(cursor, "line", { class: "cursor", x1: x(step), x2: x(step), y1: top, y2: height - bottom });
        element(cursor, "text", { x: x(step), y: top + 4, "text-anchor": x(step) > width / 2 ? "end" : "start",
          dx: x(step) > width / 2 ? -6 : 6 }, `step ${Math.round(step)}`);
        for (const { style, points } of series) {
          const [s, value] = nearest(points, step);
          element(cursor, "circle", { class: style, cx: x(s), cy: y(value), r: 4 });
        }
        show(step);
      });
      svg.addEventListener("pointerleave", leave);
    }
    redraw();
    new ResizeObserver(redraw).observe(figure);
  }

  const place = document.getElementById("charts");
  for (const chart of data.charts) {
    const figure = element(place, "figure", { "data-chart": chart.id });
    figure.classList.toggle("wide", chart.id === "loss");
    draw(figure, chart);
  }
  const folded = [...document.querySelectorAll("details")];
  addEventListener("beforeprint", () => folded.forEach((one) => { one.open = true; }));
  document.body.dataset.ready = "true";
})();
