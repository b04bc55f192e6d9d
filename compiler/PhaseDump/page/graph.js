// A function of the model as a data-flow graph, in layers from top to bottom.

const BOX_WIDTH = 262, PARAMETER_WIDTH = 96, ROW_HEIGHT = 15, LAYER_GAP = 44, BOX_GAP = 22, BEND_WIDTH = 14, SWEEPS = 12;

const KINDS = [
  ["product", /linear|embed/], ["attention", /attention/], ["norm", /norm/], ["memory", /cache|state/],
  ["rotation", /rope/], ["layers", /layers/], ["end", /return|^$/], ["element", /./],
];
const KIND_NAMES = {
  product: "matrix products and lookups", attention: "attention", norm: "norms", memory: "memory", rotation: "rotary positions",
  layers: "all layers", element: "element by element", end: "parameters and results",
};

function kindOf(node) {
  return KINDS.find(([, pattern]) => pattern.test(node.operation.replace(/^[^.]*\./, "")))[0];
}

// Boxes with a place each, and the routes of edges: by longest path, then by the mean of neighbours,
// edges over several layers bending in each.
function layOut(nodes) {
  const boxes = nodes.map((node) => ({ node, width: node.operation ? BOX_WIDTH : PARAMETER_WIDTH, height: 30 + ROW_HEIGHT * node.weights.length, layer: 0, above: [], below: [] }));
  nodes.forEach((node, i) => { for (const input of node.inputs) boxes[i].layer = Math.max(boxes[i].layer, boxes[input.from].layer + 1); });
  // What nothing comes before goes next to its first use.
  nodes.forEach((node, i) => {
    const users = nodes.flatMap((n, j) => n.inputs.some((input) => input.from === i) ? [boxes[j].layer] : []);
    if (node.inputs.length === 0 && users.length) boxes[i].layer = Math.min(...users) - 1;
  });
  const all = [...boxes], edges = [];
  nodes.forEach((node, i) => {
    for (const input of node.inputs) {
      const route = [boxes[input.from]];
      for (let layer = boxes[input.from].layer + 1; layer < boxes[i].layer; ++layer) {
        const bend = { width: BEND_WIDTH, height: 0, layer, above: [], below: [] };
        all.push(bend);
        route.push(bend);
      }
      route.push(boxes[i]);
      for (let k = 1; k < route.length; ++k) { route[k].above.push(route[k - 1]); route[k - 1].below.push(route[k]); }
      edges.push({ route, type: input.type, from: input.from, to: i });
    }
  });
  const layers = [];
  for (const box of all) (layers[box.layer] = layers[box.layer] || []).push(box);
  const place = (layer) => {
    let x = 0;
    for (const box of layer) { box.x = x + box.width / 2; x += box.width + BOX_GAP; }
    for (const box of layer) box.x -= (x - BOX_GAP) / 2;
  };
  layers.forEach(place);
  const mean = (box, neighbours) => neighbours.length ? sum(neighbours.map((n) => n.x)) / neighbours.length : box.x;
  for (let sweep = 0; sweep < SWEEPS; ++sweep) {
    const down = sweep % 2 === 0;
    for (const layer of down ? layers : [...layers].reverse()) {
      for (const box of layer) box.wish = mean(box, down ? box.above : box.below);
      layer.sort((a, b) => a.wish - b.wish);
      settle(layer);
    }
  }
  let y = 0;
  for (const layer of layers) {
    const height = Math.max(...layer.map((box) => box.height));
    for (const box of layer) {
      box.y = y + height / 2;
      if (!box.node) box.height = height; // what passes by is straight beside the boxes
    }
    y += height + LAYER_GAP;
  }
  const left = Math.min(...all.map((b) => b.x - b.width / 2)), right = Math.max(...all.map((b) => b.x + b.width / 2));
  for (const box of all) box.x -= left;
  return { boxes, edges, width: right - left, height: y - LAYER_GAP };
}

// Places boxes as near to their wishes as their order and widths let them: runs that collide move
// together.
function settle(layer) {
  const runs = [];
  for (const box of layer) {
    let run = { boxes: [box], offsets: [0], width: box.width, at: box.wish - box.width / 2 };
    while (runs.length && runs[runs.length - 1].at + runs[runs.length - 1].width + BOX_GAP > run.at) {
      const before = runs.pop();
      const shift = before.width + BOX_GAP;
      const boxes = [...before.boxes, ...run.boxes], offsets = [...before.offsets, ...run.offsets.map((o) => o + shift)];
      run = { boxes, offsets, width: shift + run.width,
        at: sum(boxes.map((b, i) => b.wish - b.width / 2 - offsets[i])) / boxes.length };
    }
    runs.push(run);
  }
  for (const run of runs) run.boxes.forEach((box, i) => { box.x = run.at + run.offsets[i] + box.width / 2; });
}

function cut(text, most) {
  return text.length > most ? `${text.slice(0, most - 1)}\u2026` : text;
}

// "attn_q q4_K 2048 x 2048 . 2.25 MiB x 22"
function weightText(weight, named) {
  const name = named ? `${weight.name.replace(/^blk\.\{layer\}\.|\.weight$/g, "")} ` : "";
  return `${name}${weight.format} ${weight.shape.replaceAll(" x ", "\u00d7")} \u00b7 ${kibibytes(weight.bytes)}${weight.count > 1 ? ` \u00d7 ${weight.count}` : ""}`;
}

function drawBox(app, phaseIndex, box) {
  const { node } = box;
  const x = box.x - box.width / 2, y = box.y - box.height / 2;
  const group = svg("g", { class: `node k-${kindOf(node)}`, "data-node": `${phaseIndex}:${node.line}`, tabindex: 0, role: "button",
    onclick: () => app.select(phaseIndex, [node.line]) },
    svg("title", {}, `${node.operation || "parameter"} (line ${node.line})\n${app.dump.phases[phaseIndex].lines[node.line - 1].trim().slice(0, 400)}`),
    svg("rect", { x, y, width: box.width, height: box.height, rx: 5 }),
    svg("text", { x: x + 10, y: y + 19, class: "label" }, cut(node.weights.length > 1 ? node.label.split(" ")[0] : node.label, 36)));
  group.addEventListener("keydown", (event) => { if (event.key === "Enter") app.select(phaseIndex, [node.line]); });
  node.weights.forEach((weight, i) => group.append(svg("text", { x: x + 10, y: y + 35 + i * ROW_HEIGHT, class: "weight" },
    cut(weightText(weight, node.weights.length > 1), 41), svg("title", {}, weight.name))));
  markNode(app, group);
  return group;
}

function markNode(app, node) {
  const [phaseIndex, line] = node.dataset.node.split(":").map(Number);
  const mark = app.trace ? app.trace.marks[phaseIndex][line] : UNMARKED;
  node.classList.toggle("own", mark === OWN);
  node.classList.toggle("others", mark === SHARED);
}

function drawGraph(app, phaseIndex, graph) {
  const { boxes, edges, width, height } = layOut(graph.nodes);
  const margin = 16;
  const picture = svg("svg", { viewBox: `${-margin} ${-margin} ${width + 2 * margin} ${height + 2 * margin}`,
    width: width + 2 * margin, height: height + 2 * margin, class: "graph", "data-function": graph.name });
  for (const edge of edges) {
    const { route } = edge;
    let path = "";
    for (let i = 1; i < route.length; ++i) {
      const [x0, y0] = [route[i - 1].x, route[i - 1].y + route[i - 1].height / 2];
      const [x1, y1] = [route[i].x, route[i].y - route[i].height / 2], middle = (y0 + y1) / 2;
      path += `${path ? "L" : "M"} ${x0} ${y0} C ${x0} ${middle}, ${x1} ${middle}, ${x1} ${y1} `;
    }
    picture.append(svg("path", { d: path, class: "edge" }, svg("title", {}, edge.type)));
  }
  for (const box of boxes) picture.append(drawBox(app, phaseIndex, box));
  return picture;
}

function graphView(app) {
  const names = [...new Set(app.dump.graphs.flatMap((g) => g.functions.map((f) => f.name)))];
  app.graphFunction = app.graphFunction || names.find((name) => /block/.test(name)) || names[0];
  const choice = element("select", { title: "function" }, ...names.map((name) => element("option", { value: name }, `@${name}`)));
  choice.value = app.graphFunction;
  choice.addEventListener("change", () => { app.graphFunction = choice.value; app.show("graph"); });
  const legend = element("div", { class: "legend" }, ...Object.entries(KIND_NAMES).map(([kind, name]) =>
    element("span", { class: `k-${kind}` }, element("i"), name)));
  const panels = app.dump.graphs.map((g) => {
    const graph = g.functions.find((f) => f.name === app.graphFunction);
    return element("section", {}, element("h2", {}, `after ${app.dump.phases[g.phase].name}`,
      element("small", {}, graph ? ` ${counted(graph.nodes.filter((n) => n.operation && n.operation !== "func.return").length, "operation")}` : "")),
      graph ? drawGraph(app, g.phase, graph) : element("p", { class: "note" }, "there is no such function"));
  });
  const graphs = element("div", { class: "graphs" }, ...panels);
  // One scale for all.
  graphs.style.gridTemplateColumns = panels.map((panel) => `minmax(0, ${(panel.querySelector("svg.graph") || { width: { baseVal: { value: 300 } } }).width.baseVal.value}fr)`).join(" ");
  return element("div", { class: "page wide" }, element("div", { class: "bar" }, choice, legend), graphs);
}
