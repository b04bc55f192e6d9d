// Memory that nothing may be read or written beyond: unreadable pages on both sides.
#ifndef LLMC_COMPILER_CHECK_GUARDEDMEMORY_H
#define LLMC_COMPILER_CHECK_GUARDEDMEMORY_H

#include <cstddef>
#include <cstdint>

namespace llmc {

// The end lies against the unreadable page, as far as the alignment allows.
class GuardedMemory {
public:
  // `alignment` of the start, a power of two. Every byte is `fill`.
  GuardedMemory(size_t bytes, size_t alignment, uint8_t fill);
  GuardedMemory(GuardedMemory &&other) noexcept;
  GuardedMemory &operator=(GuardedMemory &&) = delete;
  ~GuardedMemory();

  uint8_t *data() const { return data_; }
  size_t size() const { return bytes_; }
  void fill(uint8_t byte);
  // Whether the bytes around the memory on its own pages are as they were made.
  bool isIntact() const;

private:
  uint8_t *pages_ = nullptr;
  size_t pagesBytes_ = 0; // without the unreadable pages
  uint8_t *data_ = nullptr;
  size_t bytes_ = 0;
};

} // namespace llmc

#endif
