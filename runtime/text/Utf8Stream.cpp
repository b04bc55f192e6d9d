#include "runtime/text/Utf8Stream.h"

namespace llmc {
namespace {
constexpr char kReplacement[] = "\xEF\xBF\xBD";
}

std::string Utf8Stream::push(absl::string_view bytes) {
  std::string text;
  text.reserve(pending_.size() + bytes.size());
  for (char byte : bytes) {
    const uint8_t value = static_cast<uint8_t>(byte);
    if (missing_ > 0) {
      if (value >= low_ && value <= high_) {
        pending_.push_back(byte);
        low_ = 0x80;
        high_ = 0xBF;
        if (--missing_ == 0) {
          text += pending_;
          pending_.clear();
        }
        continue;
      }
      // The byte may start a character of its own.
      text += finish();
    }
    // The narrower ranges of a second byte keep out overlong forms (E0, F0), surrogates (ED) and
    // what is beyond U+10FFFF (F4).
    if (value < 0x80) {
      text.push_back(byte);
      continue;
    } else if (value >= 0xC2 && value <= 0xDF) {
      missing_ = 1;
    } else if (value >= 0xE0 && value <= 0xEF) {
      missing_ = 2;
      low_ = value == 0xE0 ? 0xA0 : 0x80;
      high_ = value == 0xED ? 0x9F : 0xBF;
    } else if (value >= 0xF0 && value <= 0xF4) {
      missing_ = 3;
      low_ = value == 0xF0 ? 0x90 : 0x80;
      high_ = value == 0xF4 ? 0x8F : 0xBF;
    } else {
      text += kReplacement;
      continue;
    }
    pending_.push_back(byte);
  }
  return text;
}

std::string Utf8Stream::finish() {
  const bool unfinished = missing_ > 0;
  pending_.clear();
  missing_ = 0;
  low_ = 0x80;
  high_ = 0xBF;
  return unfinished ? kReplacement : "";
}

} // namespace llmc
