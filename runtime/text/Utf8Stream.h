#ifndef LLMC_RUNTIME_TEXT_UTF8STREAM_H
#define LLMC_RUNTIME_TEXT_UTF8STREAM_H

#include "absl/strings/string_view.h"

#include <cstdint>
#include <string>

namespace llmc {

/// Turns the bytes of token pieces into valid UTF-8 as they come. A character whose bytes are
/// spread over pieces is given out when it is whole; bytes that can be no character become U+FFFD
/// (one for each maximal start of a character, as web browsers do).
///
/// The concatenation of all results does not depend on where the input was cut.
class Utf8Stream {
public:
  /// Takes the next bytes and returns all text that is now certain. At most three bytes stay back.
  std::string push(absl::string_view bytes);

  /// Ends the text: returns U+FFFD if a character was left unfinished, else nothing. The stream is
  /// then as new.
  std::string finish();

private:
  std::string pending_;  ///< the bytes of an unfinished character
  unsigned missing_ = 0; ///< how many bytes it still lacks
  uint8_t low_ = 0x80;   ///< the range that its next byte must be in
  uint8_t high_ = 0xBF;
};

} // namespace llmc

#endif // LLMC_RUNTIME_TEXT_UTF8STREAM_H
