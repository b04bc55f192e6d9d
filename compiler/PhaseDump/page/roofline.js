// What kernels move and multiply against what this machine can do.

const STEPS = [["token", "a generated token"], ["prompt", "a prompt"]];
const PLOT = { width: 760, height: 420, left: 70, right: 20, top: 20, bottom: 50 };

// A kernel's estimate in a step: all of its calls.
function estimate(kernel, step, speed) {
  const work = kernel[step];
  const bytes = work.weights + work.activations + work.cache;
  const peak = speed.peaks[work.arithmetic];
  const memory = speed.read ? bytes / speed.read : 0, arithmetic = peak ? work.multiplyAdds / peak : 0;
  return {
    kernel, work, bytes, peak, intensity: bytes ? work.multiplyAdds / bytes : 0,
    memoryTime: memory * kernel.calls, arithmeticTime: arithmetic * kernel.calls,
    time: Math.max(memory, arithmetic) * kernel.calls,
    bound: work.multiplyAdds && arithmetic > memory ? work.arithmetic : "memory",
  };
}

function estimates(app, step) {
  return app.dump.costs.kernels.map((kernel) => estimate(kernel, step, app.dump.speed)).filter((e) => e.bytes > 0);
}

function drawRoofline(app, steps) {
  const { speed, costs } = app.dump;
  const peaks = Object.entries(speed.peaks);
  const points = steps.flatMap(([step]) => estimates(app, step).filter((e) => e.work.multiplyAdds > 0 && e.time > 0)
    .map((e) => ({ ...e, step, rate: e.work.multiplyAdds * e.kernel.calls / e.time })));
  if (!speed.read || points.length === 0)
    return element("p", { class: "note" }, "There is no roofline: the read bandwidth was not measured.");
  const span = (values, low, high) => [Math.floor(Math.log10(Math.min(...values) * low)), Math.ceil(Math.log10(Math.max(...values) * high))];
  const [x0, x1] = span(points.map((p) => p.intensity), 0.5, 2);
  const [y0, y1] = span([...points.map((p) => p.rate), ...peaks.map(([, p]) => p)], 0.5, 1.2);
  const x = (v) => PLOT.left + (Math.log10(v) - x0) / (x1 - x0) * (PLOT.width - PLOT.left - PLOT.right);
  const y = (v) => PLOT.height - PLOT.bottom - (Math.log10(v) - y0) / (y1 - y0) * (PLOT.height - PLOT.top - PLOT.bottom);
  const picture = svg("svg", { viewBox: `0 0 ${PLOT.width} ${PLOT.height}`, class: "roofline", role: "img" });
  const text = (at, to, what, attributes = {}) => picture.append(svg("text", { x: at, y: to, ...attributes }, what));
  for (let i = x0; i <= x1; ++i) {
    picture.append(svg("line", { x1: x(10 ** i), x2: x(10 ** i), y1: PLOT.top, y2: PLOT.height - PLOT.bottom, class: "grid" }));
    text(x(10 ** i), PLOT.height - PLOT.bottom + 18, i >= 0 && i < 4 ? 10 ** i : i < 0 && i > -4 ? (10 ** i).toFixed(-i) : `1e${i}`, { "text-anchor": "middle" });
  }
  for (let i = y0; i <= y1; ++i) {
    picture.append(svg("line", { x1: PLOT.left, x2: PLOT.width - PLOT.right, y1: y(10 ** i), y2: y(10 ** i), class: "grid" }));
    text(PLOT.left - 8, y(10 ** i) + 4, metric(10 ** i, ""), { "text-anchor": "end" });
  }
  text((PLOT.left + PLOT.width - PLOT.right) / 2, PLOT.height - 12, "multiply-adds for each byte that is moved", { "text-anchor": "middle", class: "axis" });
  picture.append(svg("text", { transform: `translate(16 ${(PLOT.top + PLOT.height - PLOT.bottom) / 2}) rotate(-90)`, "text-anchor": "middle", class: "axis" }, "multiply-adds per second"));
  const highest = peaks.length ? Math.max(...peaks.map(([, p]) => p)) : 10 ** y1;
  const lowX = Math.max(10 ** x0, 10 ** y0 / speed.read), ridge = Math.min(highest / speed.read, 10 ** x1);
  picture.append(svg("line", { x1: x(lowX), y1: y(lowX * speed.read), x2: x(ridge), y2: y(ridge * speed.read), class: "roof" }));
  const label = svg("text", { x: x(lowX) + 8, y: y(lowX * speed.read) - 14, class: "rooflabel" }, `memory, ${metric(speed.read, "B/s")}`);
  const slope = Math.atan2(y(lowX * speed.read) - y(ridge * speed.read), x(ridge) - x(lowX)) * 180 / Math.PI;
  label.setAttribute("transform", `rotate(${-slope} ${x(lowX) + 8} ${y(lowX * speed.read) - 14})`);
  picture.append(label);
  for (const [name, peak] of peaks) {
    picture.append(svg("line", { x1: x(Math.max(peak / speed.read, 10 ** x0)), x2: PLOT.width - PLOT.right, y1: y(peak), y2: y(peak), class: "roof" }));
    text(x(Math.max(peak / speed.read, 10 ** x0)) - 8, y(peak) + 4, `${name}, ${metric(peak, "/s")}`, { "text-anchor": "end", class: "rooflabel" });
  }
  const total = Object.fromEntries(steps.map(([step]) => [step, sum(points.filter((p) => p.step === step).map((p) => p.time))]));
  for (const point of points.sort((a, b) => b.time - a.time)) {
    const radius = 4 + 12 * Math.sqrt(point.time / total[point.step]);
    const node = svg("circle", { cx: x(point.intensity), cy: y(point.rate), r: radius, class: `point p-${point.step}`, tabindex: 0,
      "data-node": `${costs.phase}:${point.kernel.line}`, onclick: () => app.select(costs.phase, [point.kernel.line]) },
      svg("title", {}, `${point.kernel.label} in @${point.kernel.function} \u00d7 ${point.kernel.calls}, ${point.step}: ` +
        `${seconds(point.time)} or more, bound by ${point.bound}`));
    markNode(app, node);
    picture.append(node);
  }
  return picture;
}

function costTable(app, step) {
  const { costs, speed } = app.dump;
  const rows = estimates(app, step);
  const total = sum(rows.map((e) => e.time)) || 1;
  const heads = ["Kernel", "Calls", "Weights", "Activations", "KV cache", "Multiply-adds", "per byte", "Memory", "Arithmetic", "Bound by", "Share"];
  const cell = (text) => element("td", { class: "numeric" }, text);
  const body = rows.map((e) => {
    const row = element("tr", { "data-node": `${costs.phase}:${e.kernel.line}` },
      element("th", { scope: "row" }, app.link(costs.phase, e.kernel.line, e.kernel.label), element("small", {}, `@${e.kernel.function}`)),
      cell(e.kernel.calls), ...["weights", "activations", "cache"].map((what) => cell(e.work[what] ? metric(e.work[what], "B") : "")),
      cell(e.work.multiplyAdds ? metric(e.work.multiplyAdds, "") : ""), cell(e.work.multiplyAdds ? e.intensity.toPrecision(2) : ""),
      cell(speed.read ? seconds(e.memoryTime) : "?"), cell(!e.work.multiplyAdds ? "" : e.peak ? seconds(e.arithmeticTime) : "?"),
      element("td", { class: e.bound === "memory" ? "memory" : "arithmetic" }, e.bound), barCell(e.time / total, `${(e.time / total * 100).toFixed(1)} %`, "time"));
    markNode(app, row);
    return row;
  });
  return element("table", { class: "costs" },
    element("thead", {}, element("tr", {}, ...heads.map((t) => element("th", {}, t)))), element("tbody", {}, ...body));
}

function rooflineView(app) {
  const { costs, speed } = app.dump;
  const step = app.costStep = app.costStep || "token";
  const title = { token: `one token, after ${costs.position}`, prompt: `a prompt of ${costs.promptRows}` };
  const time = sum(estimates(app, step).map((e) => e.time));
  const rate = step === "token" ? 1 / time : costs.promptRows / time;
  const tabs = element("div", { class: "tabs" }, ...STEPS.map(([name]) => element("button", { type: "button", "aria-current": name === step,
    onclick: () => { app.costStep = name; app.show("roofline"); } }, title[name])));
  const peaks = Object.entries(speed.peaks).map(([name, peak]) => `${name} ${metric(peak, "")} multiply-adds/s`).join(", ");
  return element("div", { class: "page" },
    element("h2", {}, "Kernels under the roofline"),
    element("div", { class: "side" }, drawRoofline(app, STEPS), element("div", {},
      element("p", { class: "figure" }, time > 0 ? seconds(time) : "?", element("small", {}, ` at the least for ${title[step]}`)),
      time > 0 ? element("p", { class: "figure" }, rate.toFixed(rate < 100 ? 1 : 0), element("small", {}, " tokens/s at the most")) : null,
      element("ul", { class: "note" },
        element("li", {}, element("b", {}, "Counted: "), "bytes and multiply-adds, from the types in the kernel phase. Each byte of weights, activations and KV cache is moved once; what stays in a cache in truth is cheaper."),
        element("li", {}, element("b", {}, "Measured: "), speed.read
          ? `reading memory with ${counted(speed.threads, "thread")}, ${metric(speed.read, "B/s")}, when this page was made; other programs may have taken their part.` : "no read bandwidth."),
        element("li", {}, element("b", {}, "Measured: "), peaks
          ? `${peaks}: loops of the kernels' own instructions on registers.` : "no instruction peak, because this code does not run on the machine that made the page."),
        element("li", {}, element("b", {}, "Estimated: "), "times, as the larger of both quotients. No kernel was timed: a point is where its kernel could be at best. Unpacking of weights, softmax and barriers are not counted."),
        element("li", {}, "Filled points are of one token, rings of the prompt; a point's area is its share of the step's time.")))),
    tabs, costTable(app, step));
}
