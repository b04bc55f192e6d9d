#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "compiler/PhaseDump/PageData.h"
#include "compiler/PhaseDump/PageFiles.h"
#include "llvm/Support/Base64.h"
#include "llvm/Support/Compression.h"
#include "llvm/Support/SHA256.h"

namespace llmc {
namespace {

// The page's policy allows no script but this one, and nothing to be loaded.
std::string digestOf(absl::string_view script) {
  llvm::SHA256 hash;
  hash.update(llvm::StringRef(script.data(), script.size()));
  return llvm::encodeBase64(hash.final());
}

} // namespace

absl::StatusOr<std::string> pageText(const PageData &data) {
  const std::string json = pageJson(data);
  llvm::ArrayRef<uint8_t> bytes(reinterpret_cast<const uint8_t *>(json.data()), json.size());
  // IR is long and repeats itself: a tenth remains. Base64 has no character that means something to
  // HTML.
  const bool deflate = llvm::compression::zlib::isAvailable();
  llvm::SmallVector<uint8_t> compressed;
  if (deflate)
    llvm::compression::zlib::compress(bytes, compressed);
  else
    compressed.assign(bytes.begin(), bytes.end());
  const std::string script = absl::StrCat("\n", kPageScript);
  return absl::StrReplaceAll(kPageHtml, {{"@STYLE@", kPageStyle},
                                         {"@SCRIPT@", script},
                                         {"@SCRIPT_DIGEST@", digestOf(script)},
                                         {"@ENCODING@", deflate ? "deflate" : "none"},
                                         {"@DATA@", llvm::encodeBase64(compressed)}});
}

} // namespace llmc
