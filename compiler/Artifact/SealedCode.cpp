#include "compiler/Artifact/SealedCode.h"
#include <algorithm>
#include <sodium.h>

namespace llmc {
namespace {

static_assert(std::tuple_size_v<CodeSeal> == crypto_auth_hmacsha512256_BYTES);
static_assert(UserKey::kBytes == crypto_auth_hmacsha512256_KEYBYTES);

// Says what is authenticated, should the key ever authenticate other things.
constexpr absl::string_view kPurpose = "llmc object code 1";
constexpr size_t kMostBytes = size_t(1) << 28;

} // namespace

CodeSeal sealCode(const UserKey &key, absl::string_view origin, absl::string_view code) {
  crypto_auth_hmacsha512256_state state;
  crypto_auth_hmacsha512256_init(&state, key.bytes().data(), UserKey::kBytes);
  for (absl::string_view part : {kPurpose, origin, code}) {
    // With its length, so that no byte can move from one part to the next.
    const uint64_t size = part.size();
    uint8_t length[sizeof(size)];
    for (size_t i = 0; i < sizeof(size); ++i)
      length[i] = static_cast<uint8_t>(size >> (8 * i));
    crypto_auth_hmacsha512256_update(&state, length, sizeof(length));
    crypto_auth_hmacsha512256_update(&state, reinterpret_cast<const uint8_t *>(part.data()),
                                     part.size());
  }
  CodeSeal seal;
  crypto_auth_hmacsha512256_final(&state, seal.data());
  return seal;
}

std::optional<std::string> openSealed(const UserKey &key, absl::string_view origin,
                                      std::span<const uint8_t> sealed) {
  CodeSeal seal;
  if (sealed.size() <= seal.size() || sealed.size() > kMostBytes)
    return std::nullopt;
  std::copy_n(sealed.begin(), seal.size(), seal.begin());
  std::string code(sealed.begin() + seal.size(), sealed.end());
  const CodeSeal expected = sealCode(key, origin, code);
  if (sodium_memcmp(seal.data(), expected.data(), seal.size()) != 0)
    return std::nullopt;
  return code;
}

} // namespace llmc
