#include "compiler/Check/GuardedMemory.h"
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sys/mman.h>

namespace llmc {
namespace {

constexpr size_t kPage = 4096;
constexpr uint8_t kAround = 0xa5;

size_t roundUp(size_t n, size_t to) { return (n + to - 1) / to * to; }

} // namespace

GuardedMemory::GuardedMemory(size_t bytes, size_t alignment, uint8_t byte)
    : pagesBytes_(roundUp(std::max<size_t>(bytes, 1), kPage)), bytes_(bytes) {
  void *mapped =
      mmap(nullptr, pagesBytes_ + 2 * kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) {
    std::perror("cannot map memory for a test");
    std::abort();
  }
  pages_ = static_cast<uint8_t *>(mapped) + kPage;
  mprotect(pages_, pagesBytes_, PROT_READ | PROT_WRITE);
  std::memset(pages_, kAround, pagesBytes_);
  data_ = pages_ + (pagesBytes_ - bytes) / alignment * alignment;
  fill(byte);
}

GuardedMemory::GuardedMemory(GuardedMemory &&other) noexcept
    : pages_(other.pages_), pagesBytes_(other.pagesBytes_), data_(other.data_),
      bytes_(other.bytes_) {
  other.pages_ = nullptr;
}

GuardedMemory::~GuardedMemory() {
  if (pages_)
    munmap(pages_ - kPage, pagesBytes_ + 2 * kPage);
}

void GuardedMemory::fill(uint8_t byte) {
  if (bytes_)
    std::memset(data_, byte, bytes_);
}

bool GuardedMemory::isIntact() const {
  auto untouched = [](uint8_t b) { return b == kAround; };
  return std::all_of(pages_, data_, untouched) &&
         std::all_of(data_ + bytes_, pages_ + pagesBytes_, untouched);
}

} // namespace llmc
