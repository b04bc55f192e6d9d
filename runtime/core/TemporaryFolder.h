#ifndef LLMC_RUNTIME_CORE_TEMPORARYFOLDER_H
#define LLMC_RUNTIME_CORE_TEMPORARYFOLDER_H

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/core/Leftover.h"

#include <memory>
#include <string>
#include <vector>

namespace llmc {

/// A folder of its own in the user's folder for temporary files ($TMPDIR), removed with all that is
/// in it at the end.
class TemporaryFolder {
public:
  /// Errors name the place, and TMPDIR.
  static absl::StatusOr<std::unique_ptr<TemporaryFolder>> create();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder &) = delete;
  TemporaryFolder &operator=(const TemporaryFolder &) = delete;

  const std::string &path() const { return path_; }
  /// The path of a file in it, which goes with it even if the process ends without destructors.
  std::string fileNamed(absl::string_view name);

private:
  explicit TemporaryFolder(std::string path);

  std::string path_;
  std::vector<Leftover> leftovers_;
};

} // namespace llmc

#endif // LLMC_RUNTIME_CORE_TEMPORARYFOLDER_H
