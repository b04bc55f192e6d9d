#ifndef LLMC_RUNTIME_EVAL_NPYWRITER_H
#define LLMC_RUNTIME_EVAL_NPYWRITER_H

#include "runtime/core/AtomicFile.h"

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include <cstdint>
#include <span>

namespace llmc {

/// Writes rows of f32 as a two-dimensional NumPy array (.npy version 1.0) whose number of rows is
/// known only at the end. The file appears under its name at commit(), whole, or not at all.
class NpyWriter {
public:
  /// Fails as AtomicFile::create() does.
  static absl::StatusOr<NpyWriter> create(absl::string_view path, uint64_t columns);

  /// Appends whole rows: `values` is [rows, columns] in row order; InvalidArgument otherwise.
  absl::Status append(std::span<const float> values);

  /// Fills in the number of rows and puts the file under its name. Call it once, last.
  absl::Status commit();

  uint64_t rows() const { return rows_; }

private:
  NpyWriter(AtomicFile file, uint64_t columns) : file_(std::move(file)), columns_(columns) {}

  AtomicFile file_;
  uint64_t columns_;
  uint64_t rows_ = 0;
};

/// Writes a whole array of i32 [values.size() / columns, columns], in row order; the file appears
/// whole or not at all.
absl::Status writeNpy(absl::string_view path, std::span<const int32_t> values, uint64_t columns);

} // namespace llmc

#endif // LLMC_RUNTIME_EVAL_NPYWRITER_H
