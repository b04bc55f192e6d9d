#include "frontends/tokenizer/Utf8.h"
#include <algorithm>
#include <array>
#include <cstring>

namespace llmc::tokenizer {
namespace {

// Bytes that are their own character: '!' to '~', U+00A1 to U+00AC, U+00AE to U+00FF.
constexpr bool isPrintable(int byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

constexpr int firstExtra = 0x100;

struct ByteAlphabet {
  struct Character {
    char text[2] = {};
    uint8_t size = 0;
  };
  std::array<Character, 256> characters{};
  std::array<int16_t, 0x180> bytes{};

  constexpr ByteAlphabet() {
    for (int16_t &byte : bytes)
      byte = -1;
    int extra = firstExtra;
    for (int byte = 0; byte < 256; ++byte) {
      int codepoint = isPrintable(byte) ? byte : extra++;
      bytes[codepoint] = static_cast<int16_t>(byte);
      Character &out = characters[byte];
      if (codepoint < 0x80) {
        out.text[0] = static_cast<char>(codepoint);
        out.size = 1;
      } else {
        out.text[0] = static_cast<char>(0xC0 | (codepoint >> 6));
        out.text[1] = static_cast<char>(0x80 | (codepoint & 0x3F));
        out.size = 2;
      }
    }
  }
};

constexpr ByteAlphabet alphabet;

bool isContinuation(unsigned char byte) { return (byte & 0xC0) == 0x80; }

// The length of the well-formed character at the front of `rest`, or 0.
size_t wellFormedLength(const unsigned char *rest, size_t size) {
  unsigned char lead = rest[0];
  if (lead < 0x80)
    return 1;
  if (lead < 0xC2 || lead > 0xF4)
    return 0;
  size_t length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  if (size < length)
    return 0;
  for (size_t i = 1; i < length; ++i)
    if (!isContinuation(rest[i]))
      return 0;
  unsigned char second = rest[1];
  bool overlong = (lead == 0xE0 && second < 0xA0) || (lead == 0xF0 && second < 0x90);
  bool surrogate = lead == 0xED && second > 0x9F;
  bool tooLarge = lead == 0xF4 && second > 0x8F;
  return overlong || surrogate || tooLarge ? 0 : length;
}

} // namespace

size_t characterCount(absl::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return !isContinuation(static_cast<unsigned char>(c));
  }));
}

size_t findInvalidUtf8(absl::string_view text) {
  const auto *bytes = reinterpret_cast<const unsigned char *>(text.data());
  size_t i = 0;
  while (i < text.size()) {
    uint64_t chunk;
    if (i + sizeof(chunk) <= text.size()) {
      std::memcpy(&chunk, bytes + i, sizeof(chunk));
      if ((chunk & 0x8080808080808080u) == 0) {
        i += sizeof(chunk);
        continue;
      }
    }
    size_t length = wellFormedLength(bytes + i, text.size() - i);
    if (length == 0)
      return i;
    i += length;
  }
  return absl::string_view::npos;
}

void appendEscaped(absl::string_view text, std::string &out) {
  size_t begin = 0;
  for (size_t space; (space = text.find(' ', begin)) != absl::string_view::npos;
       begin = space + 1) {
    out.append(text.data() + begin, space - begin);
    out.append(escapedSpace.data(), escapedSpace.size());
  }
  out.append(text.data() + begin, text.size() - begin);
}

std::string unescapeSpaces(absl::string_view text) {
  std::string out;
  size_t begin = 0;
  for (size_t hit; (hit = text.find(escapedSpace, begin)) != absl::string_view::npos;
       begin = hit + escapedSpace.size()) {
    out.append(text.data() + begin, hit - begin);
    out.push_back(' ');
  }
  out.append(text.data() + begin, text.size() - begin);
  return out;
}

absl::string_view byteCharacter(uint8_t byte) {
  const auto &character = alphabet.characters[byte];
  return {character.text, character.size};
}

std::string toByteCharacters(absl::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (char byte : bytes) {
    absl::string_view character = byteCharacter(static_cast<uint8_t>(byte));
    out.append(character.data(), character.size());
  }
  return out;
}

std::string fromByteCharacters(absl::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    auto lead = static_cast<unsigned char>(text[i]);
    int codepoint = lead < 0x80 ? lead : -1;
    size_t length = 1;
    if (lead >= 0xC2 && lead < 0xE0 && i + 1 < text.size() &&
        isContinuation(static_cast<unsigned char>(text[i + 1]))) {
      codepoint = ((lead & 0x1F) << 6) | (static_cast<unsigned char>(text[i + 1]) & 0x3F);
      length = 2;
    }
    bool known = codepoint >= 0 && codepoint < static_cast<int>(alphabet.bytes.size()) &&
                 alphabet.bytes[codepoint] >= 0;
    if (known)
      out.push_back(static_cast<char>(alphabet.bytes[codepoint]));
    else
      out.append(text.data() + i, length);
    i += length;
  }
  return out;
}

std::optional<uint8_t> parseByteToken(absl::string_view text) {
  if (text.size() != 6 || text.substr(0, 3) != "<0x" || text[5] != '>')
    return std::nullopt;
  int value = 0;
  for (char digit : text.substr(3, 2)) {
    value *= 16;
    if (digit >= '0' && digit <= '9')
      value += digit - '0';
    else if (digit >= 'A' && digit <= 'F')
      value += digit - 'A' + 10;
    else if (digit >= 'a' && digit <= 'f')
      value += digit - 'a' + 10;
    else
      return std::nullopt;
  }
  return static_cast<uint8_t>(value);
}

std::string byteTokenText(uint8_t byte) {
  constexpr char hex[] = "0123456789ABCDEF";
  return {'<', '0', 'x', hex[byte >> 4], hex[byte & 15], '>'};
}

} // namespace llmc::tokenizer
