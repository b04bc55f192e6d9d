// Time, size and what changed, phase by phase; and the remarks.

const MOST_CHANGES = 7;

function isFunction(phase, symbol) {
  return symbol.last > symbol.first && (phase.language === "asm" || /\bfunc\.func\b|\bllvm\.func\b/.test(phase.lines[symbol.first - 1]));
}

// What there is more and less of than in the phase before: [name, difference], the largest first.
function changes(before, now) {
  if (!before || before.language !== now.language) return [];
  const names = new Set([...Object.keys(before.operations), ...Object.keys(now.operations)]);
  return [...names].map((name) => [name, (now.operations[name] || 0) - (before.operations[name] || 0)])
    .filter(([, difference]) => difference !== 0)
    .sort((a, b) => Math.abs(b[1]) - Math.abs(a[1]) || (a[0] < b[0] ? -1 : 1));
}

function changeChips(list) {
  return list.map(([name, difference]) => element("span", { class: difference > 0 ? "more" : "less" },
    `${difference > 0 ? "+" : "\u2212"}${Math.abs(difference).toLocaleString("en")} ${name}`));
}

function changedFunctions(before, now) {
  if (!before || before.language === "source") return [];
  const had = new Set(before.symbols.map((s) => s.name)), has = new Set(now.symbols.map((s) => s.name));
  const functions = (phase, other) => phase.symbols.filter((s) => isFunction(phase, s) && !other.has(s.name));
  return [...functions(now, had).map((s) => ["more", now, s]), ...functions(before, has).map((s) => ["less", before, s])];
}

function barCell(share, text, kind) {
  const stripe = element("i", { class: kind });
  stripe.style.width = `${Math.max(share * 100, share > 0 ? 1 : 0)}%`;
  return element("td", { class: "bar" }, element("span", {}, text), element("div", {}, stripe));
}

function overviewView(app) {
  const { phases } = app.dump;
  const most = (of) => Math.max(...phases.map(of)) || 1;
  const mostTime = most((p) => p.seconds), mostBytes = most((p) => p.bytes);
  const total = sum(phases.map((p) => p.seconds)) || 1;
  const table = element("table", { class: "phases" }, element("thead", {}, element("tr", {},
    ...["Phase", "Time", "Text", "Operations", "Functions", "Against the phase before"].map((t) => element("th", {}, t)))));
  const body = element("tbody");
  phases.forEach((phase, i) => {
    const before = phases[i - 1];
    const operations = sum(Object.values(phase.operations));
    const functions = phase.symbols.filter((s) => isFunction(phase, s)).length;
    const isAssembly = phase.language === "asm", isSource = phase.language === "source";
    body.append(element("tr", { "data-phase": phase.name },
      element("th", { scope: "row" },
        element("button", { type: "button", class: "link", onclick: () => app.open(i) }, phase.name),
        element("small", {}, phase.description)),
      isSource ? element("td", {}, "") : barCell(phase.seconds / mostTime, `${seconds(phase.seconds)} \u00b7 ${(phase.seconds / total * 100).toFixed(1)} %`, "time"),
      barCell(phase.bytes / mostBytes, `${kibibytes(phase.bytes)} \u00b7 ${counted(phase.lines.length, "line")}`, "size"),
      element("td", { class: "numeric" }, isSource ? "" : operations.toLocaleString("en"),
        isAssembly ? element("small", {}, ` instructions, ${kibibytes(app.dump.objectBytes)} of object`) : null),
      element("td", { class: "numeric" }, isSource ? "" : functions.toLocaleString("en")),
      element("td", {}, changeCell(app, before, phase))));
  });
  table.append(body);
  const busiest = phases[phases.length - 1];
  const mnemonics = Object.entries(busiest.operations).sort((a, b) => b[1] - a[1]);
  return element("div", { class: "page" }, element("h2", {}, "Time and size of each phase"), table,
    element("p", { class: "note" }, "Times are those of this compilation, without printing. A phase's name opens it side by side with others."),
    element("h2", {}, "Instructions"),
    element("p", { class: "chipline" }, ...mnemonics.slice(0, 40).map(([name, count]) =>
      element("span", {}, element("code", {}, name), ` ${count.toLocaleString("en")}`))));
}

function changeCell(app, before, phase) {
  if (!before || before.language === "source") return "";
  const operations = changes(before, phase), functions = changedFunctions(before, phase);
  if (operations.length === 0 && functions.length === 0)
    return before.lines.join("\n") === phase.lines.join("\n") ? element("span", { class: "same" }, "no change")
      : phase.language === "asm" ? element("span", { class: "same" }, "see the instructions below")
        : element("span", { class: "same" }, "the same operations with other types or attributes");
  const cell = element("div", { class: "changes" }, ...changeChips(operations.slice(0, MOST_CHANGES)));
  if (operations.length > MOST_CHANGES)
    cell.append(element("details", {}, element("summary", {}, `${operations.length - MOST_CHANGES} more`), ...changeChips(operations.slice(MOST_CHANGES))));
  if (functions.length)
    cell.append(element("details", {},
      element("summary", {}, `${counted(functions.filter(([k]) => k === "more").length, "function")} new, ` +
        `${functions.filter(([k]) => k === "less").length} gone`),
      ...functions.map(([kind, owner, symbol]) => element("span", { class: kind },
        kind === "more" ? "+ " : "\u2212 ",
        app.link(app.dump.phases.indexOf(owner), symbol.first, `@${symbol.name}`)))));
  return cell;
}

function remarksView(app) {
  const { remarks, phases } = app.dump;
  const list = (passed) => {
    const rows = remarks.filter((r) => r.passed === passed);
    if (rows.length === 0) return element("p", { class: "note" }, "none");
    return element("table", { class: "remarks" }, element("tbody", {}, ...rows.map((remark) =>
      element("tr", { class: passed ? "passed" : "missed" },
        element("td", {}, passed ? "\u2713" : "\u2717"), element("td", {}, remark.text),
        element("td", {}, element("code", {}, remark.pass)), element("td", {}, element("code", {}, `@${remark.function}`)),
        element("td", {}, ...remark.lines.map((line) => element("div", {},
          element("button", { type: "button", class: "link", onclick: () => {
            app.columnNames = [phases[remark.phase].name, "fuse", "kernel"];
            app.select(remark.phase, remark.lines);
            app.show("columns");
          } }, `${phases[remark.phase].name} ${line}`), " ",
          element("code", { class: "excerpt" }, (phases[remark.phase].lines[line - 1] || "").trim())))))))); 
  };
  return element("div", { class: "page" },
    element("h2", {}, `Done (${remarks.filter((r) => r.passed).length})`), list(true),
    element("h2", {}, `Missed, and why (${remarks.filter((r) => !r.passed).length})`), list(false),
    element("p", { class: "note" }, "Passes say this themselves; llmc compile --remarks prints it. The lines are those of the phase before the pass ran."));
}
