#include "tools/llmc/TextInput.h"
#include "runtime/core/FileError.h"
#include "tools/llmc/Commands.h"
#include <CLI/CLI.hpp>
#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

namespace llmc::cli {
namespace {

constexpr char kStandardInput[] = "-";

absl::StatusOr<std::string> readAll(int descriptor, const std::string &name) {
  std::string text;
  size_t size = 0;
  while (true) {
    text.resize(size + (size_t(1) << 16));
    ssize_t count = read(descriptor, text.data() + size, text.size() - size);
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0)
      return fileError(errno, name, "read");
    if (count == 0)
      break;
    size += count;
  }
  text.resize(size);
  return text;
}

} // namespace

void TextInput::addTo(CLI::App &command) {
  textOption_ = command.add_option("-p,--prompt", text_, "The text")->type_name("TEXT");
  fileOption_ = command.add_option("-f,--file", file_, "Read the text from a file; - is stdin")
                    ->type_name("FILE")
                    ->excludes(textOption_);
}

void TextInput::addFileTo(CLI::App &command, bool required) {
  fileOption_ = command.add_option("-f,--file", file_, "The text; - is stdin")
                    ->type_name("FILE")
                    ->required(required);
}

bool TextInput::given() const {
  return fileOption_->count() > 0 || (textOption_ && textOption_->count() > 0);
}

std::string TextInput::name() const {
  if (fileOption_->count() == 0)
    return "the prompt";
  return file_ == kStandardInput ? "standard input" : file_;
}

absl::StatusOr<std::string> TextInput::read() const {
  if (!given())
    return usageError("no text: give -p TEXT or -f FILE");
  if (fileOption_->count() == 0)
    return text_;
  if (file_ == kStandardInput)
    return readAll(STDIN_FILENO, name());
  int descriptor = open(file_.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0)
    return fileError(errno, file_, "open");
  absl::StatusOr<std::string> text = readAll(descriptor, file_);
  close(descriptor);
  return text;
}

} // namespace llmc::cli
