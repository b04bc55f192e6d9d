#include "compiler/Driver/PhaseDump.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "runtime/core/AtomicFile.h"
#include "llvm/Support/FileSystem.h"
#include <algorithm>

namespace llmc {
namespace {

// One page without scripts: the chosen phase is the URL's fragment.
constexpr absl::string_view kStyle = R"css(
:root { color-scheme: light dark; --line: #8884; --dim: #888; --mark: #3b7dd8; }
* { box-sizing: border-box; }
body { margin: 0; display: grid; grid-template: auto 1fr / 17rem 1fr; height: 100vh;
       font: 15px/1.45 system-ui, sans-serif; }
header { grid-column: 1 / 3; padding: .8rem 1.2rem; border-bottom: 1px solid var(--line); }
h1 { font-size: 1.1rem; margin: 0; }
header p, nav small, h2 small { color: var(--dim); margin: 0; font-size: .85rem; font-weight: 400; }
nav { border-right: 1px solid var(--line); overflow: auto; }
nav a { display: block; padding: .55rem 1.2rem; text-decoration: none; color: inherit;
        border-bottom: 1px solid var(--line); }
nav a:hover { background: #8882; }
nav b { display: block; }
nav i { display: block; height: 3px; margin-top: .3rem; background: var(--mark); border-radius: 2px;
        min-width: 2px; }
main { overflow: auto; }
section { display: none; padding: .8rem 1.2rem; }
section:target { display: block; }
body:not(:has(section:target)) section:first-of-type { display: block; }
h2 { font-size: 1rem; margin: 0 0 .6rem; }
pre { margin: 0; font: 12.5px/1.5 ui-monospace, monospace; tab-size: 4; }
)css";

std::string escaped(absl::string_view text) {
  return absl::StrReplaceAll(text,
                             {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}});
}

std::string time(double seconds) { return absl::StrFormat("%.1f ms", seconds * 1000); }

std::string size(absl::string_view text) {
  return absl::StrFormat("%d lines, %.1f KiB", std::count(text.begin(), text.end(), '\n'),
                         double(text.size()) / 1024);
}

} // namespace

absl::StatusOr<PhaseDump> PhaseDump::create(absl::string_view directory) {
  std::string path(directory);
  if (std::error_code error = llvm::sys::fs::create_directories(path))
    return absl::Status(absl::ErrnoToStatusCode(error.value()),
                        absl::StrCat(path, ": cannot make the directory: ", error.message()));
  if (!llvm::sys::fs::is_directory(path))
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": is not a directory; give another name"));
  return PhaseDump(std::move(path));
}

absl::Status PhaseDump::writeFile(absl::string_view name, absl::string_view content) const {
  absl::StatusOr<AtomicFile> file = AtomicFile::create(absl::StrCat(directory_, "/", name));
  if (!file.ok())
    return file.status();
  if (absl::Status status = file->write(content); !status.ok())
    return status;
  return file->commit();
}

absl::Status PhaseDump::add(Phase phase, std::string text, double seconds) {
  std::string name = absl::StrFormat("%02d-%s.%s", static_cast<int>(phase), phaseInfo(phase).name,
                                     phase == Phase::Object ? "s" : "mlir");
  entries_.push_back({phase, std::move(name), std::move(text), seconds});
  return writeFile(entries_.back().fileName, entries_.back().text);
}

absl::Status PhaseDump::finish(absl::string_view title, absl::string_view target) const {
  double total = 0;
  for (const Entry &entry : entries_)
    total += entry.seconds;
  std::string page = absl::StrCat(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>",
      escaped(title), ": phases</title>\n<style>", kStyle,
      "</style>\n</head>\n<body>\n<header><h1>", escaped(title), "</h1><p>compiled for ",
      escaped(target), " in ", time(total), "</p></header>\n<nav>\n");
  for (const Entry &entry : entries_)
    absl::StrAppend(&page, "<a href=\"#", phaseInfo(entry.phase).name, "\"><b>",
                    phaseInfo(entry.phase).name, "</b><small>", time(entry.seconds), " &middot; ",
                    size(entry.text), "</small><i style=\"width:",
                    absl::StrFormat("%.1f", total > 0 ? 100 * entry.seconds / total : 0),
                    "%\"></i></a>\n");
  absl::StrAppend(&page, "</nav>\n<main>\n");
  for (const Entry &entry : entries_)
    absl::StrAppend(&page, "<section id=\"", phaseInfo(entry.phase).name, "\"><h2>",
                    phaseInfo(entry.phase).name, " <small>",
                    escaped(phaseInfo(entry.phase).description), " &middot; <a href=\"",
                    entry.fileName, "\">", entry.fileName, "</a></small></h2>\n<pre>",
                    escaped(entry.text), "</pre></section>\n");
  absl::StrAppend(&page, "</main>\n</body>\n</html>\n");
  return writeFile("index.html", page);
}

} // namespace llmc
