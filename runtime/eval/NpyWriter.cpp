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
constexpr absl::string_view kFloat = "<f4", kInt = "<i4";

std::string header(absl::string_view type, uint64_t rows, uint64_t columns) {
  constexpr size_t kPrefixBytes = 10;
  std::string text("\x93NUMPY\x01\x00", 8);
  text.push_back(static_cast<char>(kHeaderBytes - kPrefixBytes));
  text.push_back(0);
  absl::StrAppend(&text, "{'descr': '", type, "', 'fortran_order': False, 'shape': (", rows, ", ",
                  columns, "), }");
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
  if (absl::Status status = file->write(header(kFloat, 0, columns)); !status.ok())
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
  if (absl::Status status = file_.overwrite(0, header(kFloat, rows_, columns_)); !status.ok())
    return status;
  return file_.commit();
}

absl::Status writeNpy(absl::string_view path, std::span<const int32_t> values, uint64_t columns) {
  if (columns == 0 || values.size() % columns != 0)
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": ", values.size(), " values are no whole number of rows of ", columns));
  absl::StatusOr<AtomicFile> file = AtomicFile::create(path);
  if (!file.ok())
    return file.status();
  absl::Status status = file->write(header(kInt, values.size() / columns, columns));
  if (status.ok())
    status = file->write(
        std::span(reinterpret_cast<const uint8_t *>(values.data()), values.size_bytes()));
  return status.ok() ? file->commit() : status;
}

} // namespace llmc
