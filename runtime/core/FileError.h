#ifndef LLMC_RUNTIME_CORE_FILEERROR_H
#define LLMC_RUNTIME_CORE_FILEERROR_H

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

#include <cerrno>
#include <cstring>

namespace llmc {

/// A Status for a failed system call on `path`: the code follows `error` (an errno value), the
/// message is "PATH: cannot ACTION: REASON".
inline absl::Status fileError(int error, absl::string_view path, absl::string_view action) {
  return absl::Status(absl::ErrnoToStatusCode(error),
                      absl::StrCat(path, ": cannot ", action, ": ", std::strerror(error)));
}

} // namespace llmc

#endif // LLMC_RUNTIME_CORE_FILEERROR_H
