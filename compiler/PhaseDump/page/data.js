"use strict";

// The data of a dump: its JSON, compressed, as PageText.cpp puts it into the page.

async function loadDump() {
  const holder = document.getElementById("data");
  let bytes = Uint8Array.from(atob(holder.textContent.trim()), (c) => c.charCodeAt(0));
  if (holder.dataset.encoding === "deflate") {
    const inflate = new DecompressionStream("deflate");
    const writer = inflate.writable.getWriter();
    writer.write(bytes);
    writer.close();
    bytes = new Uint8Array(await new Response(inflate.readable).arrayBuffer());
  }
  holder.remove();
  const dump = JSON.parse(new TextDecoder().decode(bytes));
  for (const phase of dump.phases) preparePhase(phase);
  return dump;
}

function preparePhase(phase) {
  phase.bytes = new TextEncoder().encode(phase.text).length;
  phase.lines = phase.text.split("\n");
  if (phase.lines[phase.lines.length - 1] === "") phase.lines.pop();
  delete phase.text;
  phase.language = phase.name === "object" ? "asm" : phase.name === "source" ? "source" : "mlir";
}

// The symbol whose lines `line` is one of, or null.
function symbolAt(phase, line) {
  let low = 0, high = phase.symbols.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (phase.symbols[middle].last < line) low = middle + 1;
    else high = middle;
  }
  const symbol = phase.symbols[low];
  return symbol && symbol.first <= line ? symbol : null;
}

function sum(numbers) {
  return numbers.reduce((a, b) => a + b, 0);
}

// Elements are only made here, and their text is only ever text.
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "onclick") made.addEventListener("click", value);
    else if (value !== null && value !== undefined && value !== false) made.setAttribute(key, value);
  }
  made.append(...children.filter((c) => c !== null && c !== undefined));
  return made;
}

function svg(name, attributes = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "onclick") made.addEventListener("click", value);
    else if (value !== null && value !== undefined) made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

// 1234567 -> "1.23 M"
function metric(value, unit) {
  const steps = ["", "k", "M", "G", "T", "P"];
  let step = 0;
  while (Math.abs(value) >= 999.5 && step < steps.length - 1) {
    value /= 1000;
    ++step;
  }
  const digits = value === 0 || Math.abs(value) >= 100 || step === 0 && Number.isInteger(value) ? 0
    : Math.abs(value) >= 10 ? 1 : 2;
  return `${value.toFixed(digits)} ${steps[step]}${unit}`.trim();
}

function seconds(value) {
  if (value >= 1) return `${value.toFixed(2)} s`;
  if (value >= 1e-3) return `${(value * 1e3).toFixed(value >= 0.1 ? 0 : 2)} ms`;
  return `${(value * 1e6).toFixed(value >= 1e-5 ? 1 : 2)} \u00b5s`;
}

function kibibytes(value) {
  if (value >= 1 << 20) return `${(value / (1 << 20)).toFixed(2)} MiB`;
  if (value >= 1024) return `${(value / 1024).toFixed(1)} KiB`;
  return `${value} B`;
}

function counted(count, what) {
  return `${count.toLocaleString("en")} ${what}${count === 1 ? "" : "s"}`;
}
