// Phases side by side. Of a text only the lines that can be seen are elements.

const LINE_HEIGHT = 19, MARGIN_LINES = 20, MOST_COLUMNS = 3;

class Column {
  constructor(app, phaseIndex) {
    this.app = app;
    this.lines = element("div", { class: "lines" });
    this.spacer = element("div", { class: "spacer" }, this.lines);
    this.scroller = element("div", { class: "scroller", tabindex: 0 }, this.spacer);
    this.ticks = element("canvas", { class: "ticks", width: 10, title: "marked lines" });
    this.choice = element("select", { class: "phase", title: "phase" });
    app.dump.phases.forEach((phase, i) => this.choice.append(element("option", { value: i }, phase.name)));
    this.symbols = element("select", { class: "symbols", title: "go to a function" });
    this.count = element("span", { class: "count" });
    this.find = element("input", { type: "search", placeholder: "find", title: "Enter: next line with this text" });
    this.shared = element("p", { class: "shared", hidden: "" });
    this.root = element("section", { class: "column" },
      element("header", {},
        this.choice, this.symbols, this.find, element("span", { class: "gap" }), this.count,
        this.button("\u25b2", "previous marked lines (p)", () => this.step(-1)),
        this.button("\u25bc", "next marked lines (n)", () => this.step(1))),
      this.shared,
      element("div", { class: "body" }, this.scroller, this.ticks));
    this.choice.addEventListener("change", () => { this.show(Number(this.choice.value)); app.changed(); });
    this.symbols.addEventListener("change", () => this.scrollTo(Number(this.symbols.value)));
    this.find.addEventListener("keydown", (event) => { if (event.key === "Enter") this.findNext(); });
    this.scroller.addEventListener("scroll", () => this.render());
    this.lines.addEventListener("click", (event) => this.clicked(event));
    this.lines.addEventListener("mouseover", (event) => app.hover(this.phaseIndex, this.lineOf(event)));
    this.scroller.addEventListener("mouseleave", () => app.hover(this.phaseIndex, 0));
    this.root.addEventListener("focusin", () => { app.active = this; });
    this.ticks.addEventListener("click", (event) =>
      this.scrollTo(Math.round(event.offsetY / this.ticks.clientHeight * this.phase.lines.length)));
    new ResizeObserver(() => { this.render(); this.drawTicks(); }).observe(this.scroller);
    this.show(phaseIndex);
  }

  button(text, title, onclick) {
    return element("button", { type: "button", title, onclick }, text);
  }

  show(phaseIndex) {
    this.phaseIndex = phaseIndex;
    this.phase = this.app.dump.phases[phaseIndex];
    this.choice.value = phaseIndex;
    this.root.dataset.phase = this.phase.name;
    this.symbols.replaceChildren(element("option", { value: 1 }, "go to"));
    for (const symbol of this.phase.symbols)
      this.symbols.append(element("option", { value: symbol.first }, symbol.name));
    this.spacer.style.height = `${this.phase.lines.length * LINE_HEIGHT}px`;
    this.scroller.scrollTop = this.scroller.scrollLeft = 0;
    this.marksChanged(true);
  }

  // The trace of the selection, or of what the pointer is on.
  marksChanged(scroll) {
    const trace = this.app.trace;
    const count = trace ? trace.counts[this.phaseIndex] : 0;
    this.root.dataset.marked = count;
    this.count.textContent = trace ? counted(count, "line") : "";
    this.noteShared(trace);
    if (scroll && count && trace.phaseIndex !== this.phaseIndex) this.scrollTo(this.bestLine(trace));
    else if (scroll && count) this.reveal(trace.lines[0]);
    this.render();
    this.drawTicks();
  }

  // A line of a trace that is no other operation's, if there is one.
  bestLine(trace) {
    const own = trace.marks[this.phaseIndex].indexOf(OWN);
    return own > 0 ? own : trace.firsts[this.phaseIndex];
  }

  noteShared(trace) {
    const symbols = trace ? this.app.provenance.sharedSymbols(trace, this.phaseIndex) : [];
    this.shared.replaceChildren();
    this.shared.hidden = symbols.length === 0;
    if (symbols.length === 0) return;
    const before = this.app.dump.phases[this.phaseIndex - 1];
    const details = element("ul");
    for (const symbol of symbols) {
      const item = element("li", {}, this.app.link(this.phaseIndex, symbol.first, `@${symbol.name}`), ` of ${before.name} `);
      symbol.users.forEach((line, i) =>
        item.append(i ? ", " : "", this.app.link(this.phaseIndex - 1, line, String(line))));
      details.append(item);
    }
    const most = Math.max(...symbols.map((s) => s.users.length));
    this.shared.append(element("details", {},
      element("summary", {}, `${counted(symbols.length, "function")} shared by up to ${most} operations (paler lines)`),
      details));
  }

  visibleRange() {
    const first = Math.floor(this.scroller.scrollTop / LINE_HEIGHT) - MARGIN_LINES;
    const count = Math.ceil(this.scroller.clientHeight / LINE_HEIGHT) + 2 * MARGIN_LINES;
    return [Math.max(first, 0), Math.min(first + count, this.phase.lines.length)];
  }

  render() {
    const [first, last] = this.visibleRange();
    const marks = this.app.trace ? this.app.trace.marks[this.phaseIndex] : null;
    const hovered = this.app.hovered ? this.app.hovered.marks[this.phaseIndex] : null;
    const selected = this.app.trace && this.app.trace.phaseIndex === this.phaseIndex ? this.app.trace.lines : [];
    const rows = [];
    for (let i = first; i < last; ++i) {
      const line = i + 1;
      const classes = ["line", marks && marks[line] === OWN ? "own" : marks && marks[line] ? "others" : "",
        hovered && hovered[line] ? "hover" : "", selected.includes(line) ? "selected" : ""].join(" ").trim();
      rows.push(element("div", { class: classes, "data-line": line },
        element("span", { class: "number" }, String(line)),
        element("code", {}, highlighted(this.phase.lines[i], this.phase.language))));
    }
    this.lines.style.transform = `translateY(${first * LINE_HEIGHT}px)`;
    this.lines.replaceChildren(...rows);
  }

  drawTicks() {
    const height = this.ticks.clientHeight;
    if (!height) return;
    this.ticks.height = height;
    const context = this.ticks.getContext("2d");
    const style = getComputedStyle(this.ticks);
    const paint = (trace, own, others) => {
      if (!trace) return;
      const marks = trace.marks[this.phaseIndex];
      for (const [level, color] of [[SHARED, others], [OWN, own]]) {
        context.fillStyle = style.getPropertyValue(color);
        for (let line = 1; line < marks.length; ++line)
          if (marks[line] === level)
            context.fillRect(0, (line - 1) / this.phase.lines.length * height, 10, Math.max(2, height / this.phase.lines.length));
      }
    };
    context.clearRect(0, 0, 10, height);
    paint(this.app.trace, "--tick", "--tick-others");
  }

  hoverChanged() {
    const marks = this.app.hovered ? this.app.hovered.marks[this.phaseIndex] : null;
    for (const row of this.lines.children) row.classList.toggle("hover", Boolean(marks && marks[row.dataset.line]));
  }

  scrollTo(line) {
    this.scroller.scrollTop = (line - 1) * LINE_HEIGHT - this.scroller.clientHeight / 3;
    this.render();
  }

  reveal(line) {
    const top = (line - 1) * LINE_HEIGHT;
    if (top < this.scroller.scrollTop || top + LINE_HEIGHT > this.scroller.scrollTop + this.scroller.clientHeight)
      this.scrollTo(line);
  }

  // To the next run of marked lines above or below the middle.
  step(direction) {
    if (!this.app.trace) return;
    const marks = this.app.trace.marks[this.phaseIndex];
    const here = Math.round((this.scroller.scrollTop + this.scroller.clientHeight / 3) / LINE_HEIGHT) + 1;
    let line = here;
    while (marks[line]) line += direction;
    while (line > 0 && line < marks.length && !marks[line]) line += direction;
    while (direction < 0 && marks[line - 1]) --line;
    if (marks[line]) this.scrollTo(line);
  }

  findNext() {
    const text = this.find.value.toLowerCase();
    if (!text) return;
    const lines = this.phase.lines;
    const from = this.found || 0;
    for (let i = 0; i < lines.length; ++i) {
      const index = (from + i) % lines.length;
      if (!lines[index].toLowerCase().includes(text)) continue;
      this.found = index + 1;
      this.app.select(this.phaseIndex, [index + 1]);
      this.scrollTo(index + 1);
      return;
    }
  }

  lineOf(event) {
    const row = event.target.closest(".line");
    return row ? Number(row.dataset.line) : 0;
  }

  clicked(event) {
    const line = this.lineOf(event);
    if (line && !window.getSelection().toString()) this.app.select(this.phaseIndex, linesFor(this.phase, line));
  }
}

function columnsView(app) {
  const root = element("div", { class: "columns" });
  const rebuild = () => {
    app.columns = app.columnNames.map((name) => new Column(app, app.phaseIndex(name)));
    root.replaceChildren(...app.columns.map((column) => column.root));
    if (app.columnNames.length < MOST_COLUMNS)
      root.append(element("button", { class: "add", type: "button", title: "one more column", onclick: () => {
        app.columnNames = app.columns.map((c) => c.phase.name).concat("object");
        rebuild();
        app.changed();
      } }, "+"));
    root.style.gridTemplateColumns =
      `repeat(${app.columns.length}, minmax(0, 1fr))${app.columnNames.length < MOST_COLUMNS ? " auto" : ""}`;
    if (app.columns.length > 1)
      for (const column of app.columns)
        column.root.querySelector("header").append(column.button("\u2715", "close this column", () => {
          app.columnNames = app.columns.filter((c) => c !== column).map((c) => c.phase.name);
          rebuild();
          app.changed();
        }));
    app.active = app.columns[0];
  };
  rebuild();
  return root;
}
