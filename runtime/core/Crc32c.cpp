#include "runtime/core/Crc32c.h"

#include <array>
#include <bit>

namespace llmc {
namespace {

constexpr uint32_t kReflected = 0x82f63b78;

constexpr std::array<uint32_t, 256> kTable = [] {
  std::array<uint32_t, 256> table{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t rest = byte;
    for (int bit = 0; bit < 8; ++bit)
      rest = (rest >> 1) ^ (rest & 1 ? kReflected : 0);
    table[byte] = rest;
  }
  return table;
}();

} // namespace

uint32_t crc32c(std::span<const uint8_t> bytes) {
  uint32_t crc = ~0u;
  for (uint8_t byte : bytes)
    crc = (crc >> 8) ^ kTable[(crc ^ byte) & 0xff];
  return ~crc;
}

uint32_t maskedCrc32c(std::span<const uint8_t> bytes) {
  return std::rotr(crc32c(bytes), 15) + 0xa282ead8u;
}

} // namespace llmc
