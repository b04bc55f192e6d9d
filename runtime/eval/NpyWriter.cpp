#include "runtime/eval/NpyWriter.h"

#include "absl/strings/str_cat.h"

#include <bit>
#include <string>

namespace llmc {
namespace {

static_assert(std::endian::native == std::endian::little, "values are written as they are stored");

/// The format wants a multiple of 64, which also aligns the values; this holds any two 64-bit
/// dimensions, so the header can be rewritten in place.
constexpr size_t kHeaderBytes = 128;

std::string header(uint64_t rows, uint64_t columns) {
  constexpr size_t kPrefixBytes = 10;
  std::string text("\x93NUMPY\x01\x00", 8);
  text.push_back(static_cast<char>(kHeaderBytes - kPrefixBytes));
  text.push_back(0);
  absl::StrAppend(&text, "{'descr': '<f4', 'fortran_order': False, 'shape': (", rows, ", ", columns,
                  "), }");
  text.resize(kHeaderBytes - 1, ' ');
  text.push_back('\n');
  return text;
}

} // namespace

absl::StatusOr<NpyWriter> NpyWriter::create(absl::string_view path, uint64_t columns) {
  if (columns == 0)
    return absl::InvalidArgumentError(absl::StrCat(path, ": an array needs at least one column"));
  absl::StatusOr<AtomicFile> file = AtomicFile::create(path);
  if (!file.ok())
    return file.status();
  if (absl::Status status = file->write(header(0, columns)); !status.ok())
    return status;
  return NpyWriter(*std::move(file), columns);
}

absl::Status NpyWriter::append(std::span<const float> values) {
  if (values.size() % columns_ != 0)
    return absl::InvalidArgumentError(absl::StrCat(
        file_.path(), ": ", values.size(), " values are no whole number of rows of ", columns_));
  const absl::Status status =
      file_.write(std::span(reinterpret_cast<const uint8_t *>(values.data()), values.size_bytes()));
  if (status.ok())
    rows_ += values.size() / columns_;
  return status;
}

absl::Status NpyWriter::commit() {
  if (absl::Status status = file_.overwrite(0, header(rows_, columns_)); !status.ok())
    return status;
  return file_.commit();
}

} // namespace llmc
