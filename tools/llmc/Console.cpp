#include "tools/llmc/Console.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "runtime/core/Interrupt.h"
#include "tools/llmc/Commands.h"
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sys/ioctl.h>
#include <unistd.h>

namespace llmc::cli {
namespace {

constexpr char kUsagePayload[] = "llmc/usage";
constexpr std::chrono::milliseconds kProgressDelay(300), kProgressInterval(100);

// Columns of the terminal at stderr; 0 where it does not tell.
size_t terminalColumns() {
  winsize size = {};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

std::string oneLine(absl::string_view message) {
  std::string line;
  for (unsigned char c : message)
    line += c < 0x20 || c == 0x7f ? ' ' : static_cast<char>(c);
  return line;
}

} // namespace

absl::Status usageError(absl::string_view message) {
  absl::Status status = absl::InvalidArgumentError(message);
  status.SetPayload(kUsagePayload, absl::Cord());
  return status;
}

bool isUsageError(const absl::Status &status) {
  return status.GetPayload(kUsagePayload).has_value();
}

void prepareProcess() {
  std::signal(SIGXFSZ, SIG_IGN);
  removeLeftoversOnSignals();
  // open() gives the lowest number that is free.
  for (int descriptor = 0; descriptor <= 2; ++descriptor)
    if (fcntl(descriptor, F_GETFD) < 0 && errno == EBADF)
      (void)!open("/dev/null", O_RDWR);
}

namespace {
bool notesAreWanted = true, errorsAreWanted = true;
} // namespace

void keepQuiet(bool errors) {
  notesAreWanted = false;
  errorsAreWanted = errorsAreWanted && !errors;
}

void printError(absl::string_view message) {
  if (!errorsAreWanted)
    return;
  std::fflush(stdout);
  std::string line = absl::StrCat("llmc: error: ", oneLine(message), "\n");
  std::fwrite(line.data(), 1, line.size(), stderr);
}

void printNote(absl::string_view message) {
  if (!notesAreWanted)
    return;
  std::fflush(stdout);
  std::string line = absl::StrCat("llmc: ", oneLine(message), "\n");
  std::fwrite(line.data(), 1, line.size(), stderr);
}

void print(absl::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

void printNow(absl::string_view text) {
  print(text);
  std::fflush(stdout);
}

void printJson(const nlohmann::ordered_json &document) {
  print(document.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
}

absl::Status finishOutput() {
  if (std::fflush(stdout) != 0 || std::ferror(stdout))
    return absl::DataLossError(absl::StrCat("cannot write to standard output: ",
                                            errno ? std::strerror(errno) : "it is closed or full"));
  return absl::OkStatus();
}

bool outputIsTerminal() { return isatty(STDOUT_FILENO); }

std::string bytesText(uint64_t bytes) {
  constexpr const char *kUnits[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
  double value = static_cast<double>(bytes);
  size_t unit = 0;
  while (value >= 1024 && unit + 1 < std::size(kUnits)) {
    value /= 1024;
    ++unit;
  }
  return unit == 0 ? absl::StrFormat("%d bytes", bytes)
                   : absl::StrFormat("%.1f %s", value, kUnits[unit]);
}

Progress::Progress(std::string what)
    : what_(std::move(what)), terminal_(notesAreWanted && isatty(STDERR_FILENO)),
      start_(std::chrono::steady_clock::now()), last_(start_) {}

void Progress::show(double share, absl::string_view detail) {
  if (!terminal_)
    return;
  auto now = std::chrono::steady_clock::now();
  if (now - start_ < kProgressDelay || (shown_ && now - last_ < kProgressInterval))
    return;
  last_ = now;
  shown_ = true;
  std::string line =
      absl::StrFormat("%s %3.0f %%%s%s", what_, share * 100, detail.empty() ? "" : "  ", detail);
  // Only the last line of a longer one could be taken back.
  if (const size_t columns = terminalColumns(); columns > 1 && line.size() >= columns)
    line.resize(columns - 1);
  line.insert(0, "\r\033[K");
  std::fwrite(line.data(), 1, line.size(), stderr);
}

void Progress::clear() {
  if (shown_)
    std::fwrite("\r\033[K", 1, 4, stderr);
  shown_ = false;
}

} // namespace llmc::cli
