// Object code on disk, so that a program is compiled once.
#ifndef LLMC_COMPILER_DRIVER_OBJECTCACHE_H
#define LLMC_COMPILER_DRIVER_OBJECTCACHE_H

#include "absl/strings/string_view.h"
#include "compiler/Target/TargetDescription.h"
#include "mlir/IR/BuiltinOps.h"
#include <optional>
#include <string>

namespace llmc {

class ObjectCache {
public:
  // An empty directory switches the cache off.
  explicit ObjectCache(std::string directory) : directory_(std::move(directory)) {}

  // What an object depends on, as a short name: the module at phase kernel without locations, the
  // target, and this very build of llmc.
  static std::string key(mlir::ModuleOp module, const TargetDescription &target);

  std::optional<std::string> find(absl::string_view key) const;
  // A cache that cannot be written is no error: the next start compiles again.
  void store(absl::string_view key, absl::string_view object) const;

  // Whether this user's llmc made `object`, here: only then may it run when it comes from a file
  // that somebody else could have written.
  bool knows(absl::string_view key, absl::string_view object) const;

private:
  std::string path(absl::string_view key) const;
  std::string directory_;
};

} // namespace llmc

#endif
