// Colours for MLIR, assembly and the list of the source.

const GRAMMARS = {
  mlir: {
    pattern: new RegExp([
      '(?<string>"(?:[^"\\\\]|\\\\.)*")',
      "(?<comment>//.*$)",
      "(?<value>%[\\w$.#-]+)",
      '(?<symbol>@(?:[\\w$.-]+|"[^"]*")|\\^bb\\d+)',
      "(?<attribute>#[A-Za-z_][\\w.]*)",
      "(?<type>![A-Za-z_][\\w.]*|\\b(?:tensor|vector|memref|index|none|bf16|f\\d+|[su]?i\\d+)\\b)",
      "(?<operation>\\b(?:llm|kernel|func|arith|scf|cf|vector|llvm|tensor|builtin)\\.[\\w.]+|" +
        "(?<=^\\s*|= )(?:return|call|module)\\b)",
      "(?<number>-?\\b(?:0x[0-9A-Fa-f]+|\\d+(?:\\.\\d+)?(?:[eE][+-]?\\d+)?)\\b)",
    ].join("|"), "g"),
  },
  asm: {
    pattern: new RegExp([
      '(?<symbol>^[^\\s].*:$|(?<=\\t(?:callq|jmp)\\t)[^%*].*$|\\.L\\w+)',
      "(?<comment>^\\t\\.\\w+.*$)",
      "(?<operation>^\\t[a-z]\\w*)",
      "(?<value>%\\w+)",
      "(?<number>\\$?-?\\b(?:0x[0-9A-Fa-f]+|\\d+)\\b)",
    ].join("|"), "g"),
  },
  source: {
    pattern: new RegExp([
      "(?<operation>^# .*$)",
      "(?<symbol>^[^\\s#]\\S*)",
      "(?<number>\\b\\d+(?:\\.\\d+)?\\b)",
    ].join("|"), "g"),
  },
};
const LONGEST_LINE = 6000;

// A line as elements.
function highlighted(text, language) {
  const fragment = document.createDocumentFragment();
  const shown = text.length > LONGEST_LINE ? text.slice(0, LONGEST_LINE) : text;
  let at = 0;
  for (const match of shown.matchAll(GRAMMARS[language].pattern)) {
    if (match.index > at) fragment.append(shown.slice(at, match.index));
    const kind = Object.keys(match.groups).find((name) => match.groups[name] !== undefined);
    fragment.append(element("span", { class: `t-${kind}` }, match[0]));
    at = match.index + match[0].length;
  }
  fragment.append(shown.slice(at));
  if (shown !== text)
    fragment.append(element("i", { class: "cut" }, ` ... ${text.length - shown.length} characters more in the file`));
  return fragment;
}
