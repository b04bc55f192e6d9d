// Which lines of all phases belong together.

const UNMARKED = 0, OWN = 1, SHARED = 2; // SHARED: of a function that others use, too

class Provenance {
  constructor(phases) {
    this.phases = phases;
    this.forwards = [];
  }

  // The lines before that `line` comes from, and whether it comes from each of them alone.
  originsOf(phaseIndex, line) {
    const phase = this.phases[phaseIndex];
    const symbol = symbolAt(phase, line);
    if (symbol && symbol.users) return { lines: symbol.users, mark: symbol.users.length > 1 ? SHARED : OWN };
    const origins = phase.origins[line - 1];
    return { lines: Array.isArray(origins) ? origins : origins ? [origins] : [], mark: OWN };
  }

  // Of each line of a phase, the lines and the symbols of the next that come from it.
  forward(phaseIndex) {
    if (this.forwards[phaseIndex]) return this.forwards[phaseIndex];
    const next = this.phases[phaseIndex + 1];
    const lines = new Map(), symbols = new Map();
    const add = (map, from, to) => {
      const known = map.get(from);
      if (known) known.push(to);
      else map.set(from, [to]);
    };
    next.origins.forEach((origins, index) => {
      for (const from of Array.isArray(origins) ? origins : origins ? [origins] : []) add(lines, from, index + 1);
    });
    for (const symbol of next.symbols) for (const from of symbol.users || []) add(symbols, from, symbol);
    return this.forwards[phaseIndex] = { lines, symbols };
  }

  // Marks of the lines of each phase: what `lines` of a phase came from and what came from them.
  trace(phaseIndex, lines) {
    const marks = this.phases.map((phase) => new Uint8Array(phase.lines.length + 1));
    const counts = this.phases.map(() => 0), shared = this.phases.map(() => 0);
    const firsts = this.phases.map(() => 0);
    const mark = (index, line, level) => {
      const before = marks[index][line];
      if (before === OWN || before === level) return false;
      marks[index][line] = level;
      if (!before) ++counts[index];
      if (level === SHARED) ++shared[index];
      else if (before === SHARED) --shared[index];
      if (!firsts[index] || line < firsts[index]) firsts[index] = line;
      return true;
    };
    for (const line of lines) mark(phaseIndex, line, OWN);
    const marked = (index) => {
      const found = [];
      for (let line = firsts[index]; line && line < marks[index].length; ++line) if (marks[index][line]) found.push(line);
      return found;
    };
    for (let index = phaseIndex; index > 0; --index) {
      for (const line of marked(index)) {
        const origins = this.originsOf(index, line);
        for (const from of origins.lines) mark(index - 1, from, Math.max(marks[index][line], origins.mark));
      }
    }
    for (let index = phaseIndex; index + 1 < this.phases.length; ++index) {
      const next = this.forward(index);
      for (const line of marked(index)) {
        const level = marks[index][line];
        for (const to of next.lines.get(line) || []) mark(index + 1, to, level);
        for (const symbol of next.symbols.get(line) || [])
          for (let to = symbol.first; to <= symbol.last; ++to)
            mark(index + 1, to, Math.max(level, symbol.users.length > 1 ? SHARED : OWN));
      }
    }
    return { phaseIndex, lines, marks, counts, shared, firsts };
  }

  // The symbols of a phase, made for all who need them, that a trace marks as shared.
  sharedSymbols(trace, index) {
    return this.phases[index].symbols.filter((symbol) =>
      symbol.users && symbol.users.length > 1 && trace.marks[index][symbol.first]);
  }
}

// What a click on a line selects: the line, or all of what it begins.
function linesFor(phase, line) {
  const symbol = symbolAt(phase, line);
  if (!symbol || symbol.first !== line || symbol.last === line) return [line];
  return Array.from({ length: symbol.last - symbol.first + 1 }, (_, i) => symbol.first + i);
}

// "28", "@block.0" or the name of an operation, as a fragment has it; 0 where there is none.
function findLine(phase, text) {
  if (/^\d+$/.test(text)) {
    const line = Number(text);
    return line >= 1 && line <= phase.lines.length ? line : 0;
  }
  if (text.startsWith("@")) {
    const symbol = phase.symbols.find((s) => s.name === text.slice(1));
    return symbol ? symbol.first : 0;
  }
  const index = phase.lines.findIndex((line) => line.includes(text));
  return index + 1;
}
