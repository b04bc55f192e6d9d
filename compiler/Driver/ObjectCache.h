// Object code on disk, so that a program is compiled once.
#ifndef LLMC_COMPILER_DRIVER_OBJECTCACHE_H
#define LLMC_COMPILER_DRIVER_OBJECTCACHE_H

#include "absl/strings/string_view.h"
#include "compiler/Artifact/SealedCode.h"
#include "compiler/Target/TargetDescription.h"
#include "mlir/IR/BuiltinOps.h"
#include <optional>
#include <string>

namespace llmc {

class ObjectCache {
public:
  // An empty directory switches the cache off. `key` seals what is stored; it lives as long.
  ObjectCache(std::string directory, const UserKey &key)
      : directory_(std::move(directory)), key_(key) {}

  // What an object depends on, as a digest: the module at phase kernel without locations, the
  // target, and this very build of llmc. It is the origin of the object's seal, too.
  static std::string key(mlir::ModuleOp module, const TargetDescription &target);

  // Only what was stored under this name with this user's key.
  std::optional<std::string> find(absl::string_view key) const;
  // A cache that cannot be written is no error: the next start compiles again.
  void store(absl::string_view key, absl::string_view object, const CodeSeal &seal) const;

private:
  std::string path(absl::string_view key) const;
  std::string directory_;
  const UserKey &key_;
};

} // namespace llmc

#endif
