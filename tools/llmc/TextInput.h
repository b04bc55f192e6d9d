// Text that a command works on: from the command line, a file or standard input.
#ifndef LLMC_TOOLS_LLMC_TEXTINPUT_H
#define LLMC_TOOLS_LLMC_TEXTINPUT_H

#include "absl/status/statusor.h"
#include <string>

namespace CLI {
class App;
class Option;
} // namespace CLI

namespace llmc::cli {

class TextInput {
public:
  // -p TEXT and -f FILE, which exclude each other.
  void addTo(CLI::App &command);
  // Only -f FILE.
  void addFileTo(CLI::App &command, bool required = true);

  bool given() const;
  // The text. A wrong-usage error when none was given; else errors name the file.
  absl::StatusOr<std::string> read() const;
  // What errors about the text call it: "the prompt" or the file's name.
  std::string name() const;

private:
  CLI::Option *textOption_ = nullptr, *fileOption_ = nullptr;
  std::string text_, file_;
};

} // namespace llmc::cli

#endif
