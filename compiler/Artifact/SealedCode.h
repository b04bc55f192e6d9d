// Object code with a seal: an authentication code under the user's key (HMAC-SHA512-256,
// libsodium's crypto_auth) of the code and of its origin. Only what is sealed may run.
//
// The origin is what the code was made from and for, ObjectCache::key(): a digest of the program
// with its entry points, the target and this build of llmc. So code cannot be passed off for
// another program's, another CPU's or another llmc's.
#ifndef LLMC_COMPILER_ARTIFACT_SEALEDCODE_H
#define LLMC_COMPILER_ARTIFACT_SEALEDCODE_H

#include "absl/strings/string_view.h"
#include "compiler/Artifact/UserKey.h"
#include <array>
#include <optional>
#include <span>
#include <string>

namespace llmc {

// In files it stands before the code.
using CodeSeal = std::array<uint8_t, 32>;

CodeSeal sealCode(const UserKey &key, absl::string_view origin, absl::string_view code);

// The code in `sealed`, a seal with code behind it, copied: what is checked can then no longer
// change, as a mapped file may. nullopt when the seal is not that of this code of this origin, or
// when there is more than any program has.
std::optional<std::string> openSealed(const UserKey &key, absl::string_view origin,
                                      std::span<const uint8_t> sealed);

} // namespace llmc

#endif
