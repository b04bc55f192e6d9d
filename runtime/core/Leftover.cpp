#include "runtime/core/Leftover.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <unistd.h>
#include <utility>

namespace llmc {
namespace {

constexpr int kSlots = 256;
std::array<std::atomic<const char *>, kSlots> slots{};
static_assert(std::atomic<const char *>::is_always_lock_free,
              "a signal handler may not take a lock");

} // namespace

Leftover::Leftover(std::string path) : path_(std::make_unique<const std::string>(std::move(path))) {
  for (slot_ = 0; slot_ < kSlots; ++slot_) {
    const char *none = nullptr;
    if (slots[slot_].compare_exchange_strong(none, path_->c_str()))
      return;
  }
  slot_ = -1;
}

Leftover::Leftover(Leftover &&other) noexcept
    : path_(std::move(other.path_)), slot_(std::exchange(other.slot_, -1)) {}

Leftover &Leftover::operator=(Leftover &&other) noexcept {
  std::swap(path_, other.path_);
  std::swap(slot_, other.slot_);
  return *this;
}

Leftover::~Leftover() {
  if (slot_ >= 0)
    slots[slot_].store(nullptr);
}

void removeLeftovers() {
  const int error = errno;
  for (auto &slot : slots)
    if (const char *path = slot.load())
      unlink(path);
  for (auto &slot : slots)
    if (const char *path = slot.load())
      rmdir(path);
  errno = error;
}

} // namespace llmc
