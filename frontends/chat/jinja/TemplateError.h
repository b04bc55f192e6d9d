// The error of a template. It is thrown inside this room only: Template makes a Status of it.
#ifndef LLMC_FRONTENDS_CHAT_JINJA_TEMPLATEERROR_H
#define LLMC_FRONTENDS_CHAT_JINJA_TEMPLATEERROR_H

#include "absl/strings/str_cat.h"
#include <string>

namespace llmc::chat {

struct TemplateError {
  std::string message;
  int line = 0; // 0: not known where it is thrown
};

template <class... Parts>
[[noreturn]] void fail(const Parts &...parts) {
  throw TemplateError{absl::StrCat(parts...)};
}

template <class... Parts>
[[noreturn]] void failAt(int line, const Parts &...parts) {
  throw TemplateError{absl::StrCat(parts...), line};
}

} // namespace llmc::chat

#endif
