#ifndef LLMC_RUNTIME_CORE_CRC32C_H
#define LLMC_RUNTIME_CORE_CRC32C_H

#include <cstdint>
#include <span>

namespace llmc {

/// CRC-32C (RFC 3720, polynomial 0x1EDC6F41, reflected) of `bytes`.
uint32_t crc32c(std::span<const uint8_t> bytes);

/// The same, masked as TFRecord files have it, so that a checksum of bytes that hold checksums is
/// none of them: rotated right by 15 bits, plus 0xa282ead8.
uint32_t maskedCrc32c(std::span<const uint8_t> bytes);

} // namespace llmc

#endif // LLMC_RUNTIME_CORE_CRC32C_H
