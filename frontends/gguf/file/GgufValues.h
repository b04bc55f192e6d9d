// Metadata values by type.
#ifndef LLMC_FRONTENDS_GGUF_FILE_GGUFVALUES_H
#define LLMC_FRONTENDS_GGUF_FILE_GGUFVALUES_H

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "frontends/gguf/file/GgufFile.h"
#include <vector>

namespace llmc::gguf {

// Bytes of a number or a bool; 0 for strings, arrays and ids that GGUF does not have.
size_t scalarBytes(ValueType type);

// GgufFile::get() and getArray() of a record that is there. `file` stands in errors.
template <MetadataValue T>
absl::StatusOr<T> scalarAs(const KeyValue &keyValue, absl::string_view file);
template <MetadataValue T>
absl::StatusOr<std::vector<T>> arrayAs(const KeyValue &keyValue, absl::string_view file);

// "u32", "string", ...: T in messages.
template <MetadataValue T>
absl::string_view typeNameOf();

} // namespace llmc::gguf

#endif
