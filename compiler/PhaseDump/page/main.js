// The page: its views, the selection that they share, and the fragment that says both:
// #view=columns&columns=fuse,kernel,object&select=fuse:28&theme=dark

const VIEWS = [
  ["overview", "Overview", overviewView],
  ["columns", "Side by side", columnsView],
  ["graph", "Graph", graphView],
  ["roofline", "Roofline", rooflineView],
  ["remarks", "Remarks", remarksView],
];
const HELP = "click: mark what belongs to a line \u00b7 n, p: next and previous marks \u00b7 Esc: none \u00b7 " +
  "amber: its own lines, pale: lines of functions that others share";
const HOVER_DELAY = 30; // milliseconds: a pointer that passes by marks nothing
const FIRST_COLUMNS = ["fuse", "kernel", "object"];

class App {
  constructor(dump) {
    this.dump = dump;
    this.provenance = new Provenance(dump.phases);
    this.columns = [];
    this.trace = this.hovered = this.active = null;
    this.columnNames = FIRST_COLUMNS.filter((name) => this.phaseIndex(name) >= 0);
    this.readFragment();
    document.title = `${dump.title}: phases`;
    document.getElementById("title").textContent = dump.title;
    document.getElementById("facts").textContent =
      `compiled for ${dump.target} in ${seconds(sum(dump.phases.map((p) => p.seconds)))}, ` +
      `${kibibytes(dump.objectBytes)} of code`;
    const views = document.getElementById("views");
    for (const [name, title] of VIEWS)
      views.append(element("button", { type: "button", "data-view": name, onclick: () => this.show(name) }, title));
    document.getElementById("theme").addEventListener("click", () => this.switchTheme());
    document.addEventListener("keydown", (event) => this.key(event));
    window.addEventListener("hashchange", () => { if (location.hash !== this.written) { this.readFragment(); this.show(this.view); } });
    this.show(this.view);
  }

  phaseIndex(name) {
    return this.dump.phases.findIndex((phase) => phase.name === name);
  }

  readFragment() {
    const fragment = new URLSearchParams(location.hash.slice(1));
    const view = fragment.get("view");
    this.view = VIEWS.some(([name]) => name === view) ? view : fragment.has("select") ? "columns" : this.view || "overview";
    const names = (fragment.get("columns") || "").split(",").filter((name) => this.phaseIndex(name) >= 0);
    if (names.length) this.columnNames = names.slice(0, MOST_COLUMNS);
    if (fragment.has("theme")) this.setTheme(fragment.get("theme") === "dark" ? "dark" : "light");
    this.trace = null;
    const [name, ...rest] = (fragment.get("select") || "").split(":");
    const index = this.phaseIndex(name);
    const line = index >= 0 ? findLine(this.dump.phases[index], rest.join(":")) : 0;
    if (line) this.trace = this.provenance.trace(index, linesFor(this.dump.phases[index], line));
  }

  changed() {
    if (this.columns.length) this.columnNames = this.columns.map((column) => column.phase.name);
    const fragment = new URLSearchParams({ view: this.view, columns: this.columnNames.join(",") });
    if (this.trace) fragment.set("select", `${this.dump.phases[this.trace.phaseIndex].name}:${this.trace.lines[0]}`);
    if (document.documentElement.dataset.theme) fragment.set("theme", document.documentElement.dataset.theme);
    this.written = `#${fragment}`.replaceAll("%2C", ",").replaceAll("%3A", ":");
    history.replaceState(null, "", this.written);
  }

  show(name) {
    this.view = name;
    this.columns = [];
    for (const button of document.querySelectorAll("#views button"))
      button.setAttribute("aria-current", button.dataset.view === name);
    const root = document.getElementById("view");
    root.className = name;
    root.replaceChildren(VIEWS.find(([view]) => view === name)[2](this));
    for (const column of this.columns) column.marksChanged(true);
    this.showTrail();
    this.changed();
  }

  // Marks what belongs to `lines` of a phase, everywhere.
  select(phaseIndex, lines) {
    this.trace = lines.length ? this.provenance.trace(phaseIndex, lines) : null;
    this.hovered = null;
    for (const column of this.columns) column.marksChanged(true);
    for (const node of document.querySelectorAll("[data-node]")) markNode(this, node);
    this.showTrail();
    this.changed();
  }

  hover(phaseIndex, line) {
    const key = line ? `${phaseIndex}:${line}` : "";
    if (this.hoverKey === key) return;
    this.hoverKey = key;
    clearTimeout(this.hoverTimer);
    this.hoverTimer = setTimeout(() => {
      this.hovered = line ? this.provenance.trace(phaseIndex, [line]) : null;
      for (const column of this.columns) column.hoverChanged();
      this.showStatus(phaseIndex, line);
    }, HOVER_DELAY);
  }

  showStatus(phaseIndex, line) {
    const status = document.getElementById("status");
    if (!line) return status.replaceChildren(HELP);
    const origins = phaseIndex ? this.provenance.originsOf(phaseIndex, line) : { lines: [] };
    const phase = this.dump.phases[phaseIndex];
    const symbol = symbolAt(phase, line);
    const from = origins.lines.length ? ` \u2190 ${this.dump.phases[phaseIndex - 1].name} ${origins.lines.slice(0, 12).join(", ")}` : "";
    status.replaceChildren(`${phase.name} ${line}${symbol ? ` in @${symbol.name}` : ""}${from}` +
      (symbol && symbol.users && symbol.users.length > 1 ? " (shared by all of these)" : ""));
  }

  // How much of each phase is marked.
  showTrail() {
    const trail = document.getElementById("trail");
    trail.hidden = !this.trace;
    trail.replaceChildren();
    this.showStatus(0, 0);
    if (!this.trace) return;
    const { phaseIndex, lines, counts, shared } = this.trace;
    const phase = this.dump.phases[phaseIndex];
    const chips = element("div", { class: "chips" });
    this.dump.phases.forEach((p, i) => {
      const own = counts[i] - shared[i];
      chips.append(element("button", {
        type: "button", class: `chip${i === phaseIndex ? " origin" : ""}${counts[i] && !own ? " part" : ""}`, "data-phase": p.name,
        "data-marked": counts[i], "data-shared": shared[i], disabled: counts[i] ? null : "",
        title: shared[i] ? `${counted(own, "line")} of its own, ${shared[i].toLocaleString("en")} shared with other operations` : counted(own, "line"),
        onclick: () => this.open(i),
      }, element("b", {}, p.name), ` ${counts[i].toLocaleString("en")}`));
    });
    trail.append(element("p", {}, element("b", {}, `${phase.name} ${lines[0]}`), " ",
      element("code", {}, phase.lines[lines[0] - 1].trim().slice(0, 160))), chips,
      element("button", { type: "button", class: "clear", title: "mark nothing (Esc)", onclick: () => this.select(0, []) }, "\u2715"));
  }

  // Shows a phase in the last column, if it is in none.
  open(phaseIndex) {
    if (this.view !== "columns") {
      const name = this.dump.phases[phaseIndex].name;
      if (!this.columnNames.includes(name)) this.columnNames[this.columnNames.length - 1] = name;
      return this.show("columns");
    }
    const column = this.columns.find((c) => c.phaseIndex === phaseIndex);
    if (column) return column.step(1);
    (this.active || this.columns[this.columns.length - 1]).show(phaseIndex);
    this.changed();
  }

  // A link that selects a line.
  link(phaseIndex, line, text) {
    return element("button", { type: "button", class: "link", onclick: () => this.select(phaseIndex, linesFor(this.dump.phases[phaseIndex], line)) }, text);
  }

  key(event) {
    if (/^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName) || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") this.select(0, []);
    if (event.key === "n" || event.key === "p") for (const column of this.columns) column.step(event.key === "n" ? 1 : -1);
  }

  setTheme(theme) {
    document.documentElement.dataset.theme = theme;
    for (const column of this.columns) column.drawTicks();
  }

  switchTheme() {
    const dark = document.documentElement.dataset.theme
      ? document.documentElement.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    this.setTheme(dark ? "light" : "dark");
    this.changed();
  }
}

loadDump().then((dump) => {
  window.app = new App(dump);
  document.body.dataset.ready = "true";
}).catch((error) => {
  document.getElementById("view").replaceChildren(
    element("p", { class: "error" }, `This page could not unpack its data: ${error.message}. A newer browser may help.`));
  throw error;
});
