// What goes to the terminal.
#ifndef LLMC_TOOLS_LLMC_CONSOLE_H
#define LLMC_TOOLS_LLMC_CONSOLE_H

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include <chrono>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace llmc::cli {

// Points standard streams that were closed at /dev/null, so that no file that is opened later takes
// their place, lets writes beyond a limit of file sizes fail instead of ending the process, and has
// temporary files removed when a signal ends it.
void prepareProcess();

// "llmc: error: MESSAGE" on stderr, in one line and without control characters.
void printError(absl::string_view message);
// "llmc: MESSAGE" on stderr.
void printNote(absl::string_view message);

// From now on there are no notes and no progress, and on demand no errors: another process speaks.
void keepQuiet(bool errors = false);

// Results, to stdout.
void print(absl::string_view text);
// The same, and the reader sees it now.
void printNow(absl::string_view text);
// One document and a newline; bytes that are not UTF-8 become U+FFFD.
void printJson(const nlohmann::ordered_json &document);
// Whether all output reached its place: a full disk is an error of the work.
absl::Status finishOutput();

bool outputIsTerminal();

// "3.4 MiB"
std::string bytesText(uint64_t bytes);

// A line on stderr that is rewritten as work goes on; nothing at all when stderr is no terminal or
// the work is over in a moment.
class Progress {
public:
  explicit Progress(std::string what);
  ~Progress() { clear(); }
  Progress(const Progress &) = delete;
  Progress &operator=(const Progress &) = delete;

  // `share` is from 0 to 1; `detail` follows it.
  void show(double share, absl::string_view detail = "");
  void clear();

private:
  std::string what_;
  bool terminal_, shown_ = false;
  std::chrono::steady_clock::time_point start_, last_;
};

} // namespace llmc::cli

#endif
