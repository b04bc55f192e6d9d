// The secret by which llmc knows again the object code that it made for this user.
#ifndef LLMC_COMPILER_ARTIFACT_USERKEY_H
#define LLMC_COMPILER_ARTIFACT_USERKEY_H

#include "absl/status/statusor.h"
#include <array>
#include <cstdint>
#include <span>
#include <string>

namespace llmc {

// Random bytes in a file that nobody but its owner may read.
class UserKey {
public:
  static constexpr size_t kBytes = 32;

  // Reads the key at `path`; where there is none, makes it first, with its folder. Processes that
  // do so at the same time get the same key.
  //
  // FailedPrecondition, with what to do, for a file that others may read or write, that belongs to
  // another user, that is a link or no plain file, or whose size is not a key's. Unavailable where
  // there is no key and none can be made.
  static absl::StatusOr<UserKey> open(const std::string &path);

  UserKey(const UserKey &) = delete;
  UserKey &operator=(const UserKey &) = delete;
  UserKey(UserKey &&other) noexcept;
  ~UserKey(); // wipes the bytes

  std::span<const uint8_t, kBytes> bytes() const { return bytes_; }

private:
  UserKey() = default;
  std::array<uint8_t, kBytes> bytes_{};
};

// $XDG_STATE_HOME/llmc/object.key or ~/.local/state/llmc/object.key; empty when neither variable is
// set.
std::string userKeyPath();

} // namespace llmc

#endif
