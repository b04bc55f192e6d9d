// Importance matrices, as llama-imatrix writes them: for each weight matrix the mean square of the
// activations that each of its columns met.
#ifndef LLMC_FRONTENDS_GGUF_QUANTIZE_IMPORTANCEMATRIX_H
#define LLMC_FRONTENDS_GGUF_QUANTIZE_IMPORTANCEMATRIX_H

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace llmc::quantize {

class ImportanceMatrix {
public:
  // Reads what ImportanceSums::load() reads. Every value of the result is finite and not negative.
  static absl::StatusOr<ImportanceMatrix> load(const std::string &path);

  // Drops entries whose name contains one of `excluded` or, where there is any, none of `included`.
  void filter(std::span<const std::string> included, std::span<const std::string> excluded);

  // The factors of the tensor's columns, one matrix after the other for a tensor of experts; empty
  // when there are none.
  std::span<const float> find(absl::string_view tensor) const;

  const std::string &path() const { return path_; }
  size_t size() const { return entries_.size(); }
  // The text it was made from, and how many chunks of it; empty and 0 where the file does not say.
  const std::string &dataset() const { return dataset_; }
  uint32_t chunks() const { return chunks_; }

private:
  std::string path_, dataset_;
  uint32_t chunks_ = 0;
  absl::flat_hash_map<std::string, std::vector<float>> entries_;
};

} // namespace llmc::quantize

#endif
