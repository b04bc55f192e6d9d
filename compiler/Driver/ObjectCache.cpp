#include "compiler/Driver/ObjectCache.h"
#include "absl/strings/str_cat.h"
#include "compiler/Driver/Compiler.h"
#include "mlir/IR/OperationSupport.h"
#include "runtime/core/AtomicFile.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/SHA256.h"
#include <sys/stat.h>

namespace llmc {
namespace {

std::string digest(absl::string_view text) {
  llvm::SHA256 hash;
  hash.update(llvm::StringRef(text.data(), text.size()));
  return llvm::toHex(hash.final(), /*LowerCase=*/true);
}

// Changes whenever llmc is built anew.
std::string buildIdentity() {
  struct stat info;
  if (stat("/proc/self/exe", &info) != 0)
    return "unknown";
  return absl::StrCat(info.st_size, ".", info.st_mtim.tv_sec, ".", info.st_mtim.tv_nsec);
}

} // namespace

std::string defaultCacheDirectory() {
  if (const char *xdg = std::getenv("XDG_CACHE_HOME"); xdg && *xdg)
    return absl::StrCat(xdg, "/llmc");
  if (const char *home = std::getenv("HOME"); home && *home)
    return absl::StrCat(home, "/.cache/llmc");
  return "";
}

std::string ObjectCache::key(mlir::ModuleOp module, const TargetDescription &target) {
  std::string text;
  llvm::raw_string_ostream out(text);
  module->print(out, mlir::OpPrintingFlags().useLocalScope());
  out << '\n' << target.key() << '\n' << LLVM_VERSION_STRING << '\n' << buildIdentity();
  return digest(text);
}

std::string ObjectCache::path(absl::string_view key) const {
  return absl::StrCat(directory_, "/", key, ".a");
}

std::optional<std::string> ObjectCache::find(absl::string_view key) const {
  if (directory_.empty())
    return std::nullopt;
  auto buffer =
      llvm::MemoryBuffer::getFile(path(key), /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!buffer)
    return std::nullopt;
  const llvm::StringRef content = (*buffer)->getBuffer();
  return openSealed(key_, key, {content.bytes_begin(), content.size()});
}

void ObjectCache::store(absl::string_view key, absl::string_view object,
                        const CodeSeal &seal) const {
  if (directory_.empty() || llvm::sys::fs::create_directories(directory_))
    return;
  absl::StatusOr<AtomicFile> file = AtomicFile::create(path(key), AtomicFile::Links::Replaced);
  if (!file.ok())
    return;
  if (file->write(seal).ok() && file->write(object).ok())
    file->commit().IgnoreError();
}

} // namespace llmc
