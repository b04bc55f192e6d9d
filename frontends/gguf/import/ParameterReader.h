// Reads an architecture's hyperparameters from GGUF metadata, remembering the first error.
#ifndef LLMC_FRONTENDS_GGUF_IMPORT_PARAMETERREADER_H
#define LLMC_FRONTENDS_GGUF_IMPORT_PARAMETERREADER_H

#include "frontends/gguf/import/ModelBuilder.h"

namespace llmc {

// Keys are given without the architecture's name: "embedding_length".
class ParameterReader {
public:
  ParameterReader(const ModelBuilder &builder, absl::string_view architecture);

  absl::Status status;
  const gguf::GgufFile &file() const { return builder_.file; }

  // With the architecture's name: "llama.embedding_length".
  std::string key(absl::string_view key) const { return prefix_ + std::string(key); }
  bool has(absl::string_view key) const;
  // A count from 1 to `most`; `fallback` below 0 makes the key required. An array must have the
  // same count for all layers.
  int64_t count(absl::string_view key, int64_t most, int64_t fallback = -1);
  // A finite number.
  double number(absl::string_view key, double fallback);
  // Empty where there is none.
  std::string text(absl::string_view key);
  bool flag(absl::string_view key, bool fallback);
  // attention.sliding_window in positions; 0: none.
  int64_t window();

  // Remembers the error that `key` is, or has, `what`.
  void fail(absl::string_view key, absl::string_view what);

private:
  template <class T>
  T get(const std::string &key);
  int64_t sameForAllLayers(const std::string &key);

  const ModelBuilder &builder_;
  std::string prefix_;
};

} // namespace llmc

#endif
