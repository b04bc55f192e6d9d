// What an importance matrix is made from: for each weight matrix the sums of the squares that each
// of its columns met, and of how many rows. In this form measurements of several texts can be
// joined.
#ifndef LLMC_FRONTENDS_GGUF_QUANTIZE_IMPORTANCESUMS_H
#define LLMC_FRONTENDS_GGUF_QUANTIZE_IMPORTANCESUMS_H

#include "absl/container/btree_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "frontends/gguf/file/GgufFile.h"
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace llmc::quantize {

class ImportanceSums {
public:
  // One matrix, or several one after the other for a tensor of experts.
  struct Entry {
    std::vector<double> sums;   // of the columns, matrix by matrix
    std::vector<double> counts; // rows that were summed, for each matrix

    size_t columns() const { return sums.size() / counts.size(); }
    // The mean square of column `i` of all; 1 where no row was summed.
    double mean(size_t i) const {
      const double count = counts[i / columns()];
      return count > 0 ? sums[i] / count : 1;
    }
  };

  // `chunkSize` is the number of rows of a chunk.
  explicit ImportanceSums(uint32_t chunkSize) : chunkSize_(chunkSize) {}

  // Reads a GGUF with tensors NAME.in_sum2 and NAME.counts, or the older .dat format, which counts
  // whole chunks, of `chunkSize` rows each. Every sum and count of the result is finite and not
  // negative. Errors name the file and the entry.
  static absl::StatusOr<ImportanceSums> load(const std::string &path, uint32_t chunkSize = 1);

  // Adds a dense matrix's sums over `rows` rows. InvalidArgument, naming the tensor, for a sum that
  // is no finite number or another number of columns than before.
  absl::Status add(absl::string_view tensor, std::span<const float> sums, uint64_t rows);
  // The same for `counts.size()` experts, whose sums follow each other.
  absl::Status addExperts(absl::string_view tensor, std::span<const float> sums,
                          std::span<const float> counts);
  // Adds all of another's. `name` stands in errors.
  absl::Status add(const ImportanceSums &other, absl::string_view name);
  void addDataset(absl::string_view name) { datasets_.emplace_back(name); }

  // Writes llama-imatrix's GGUF: sums and counts as F32, in the order of the tensors' names. It
  // appears under `path` when it is complete. Errors name the file.
  absl::Status save(const std::string &path) const;

  using Entries = absl::btree_map<std::string, Entry>;
  const Entries &entries() const { return entries_; }
  // The texts it was made from; empty where a file does not say.
  const std::vector<std::string> &datasets() const { return datasets_; }
  // How many chunks of them; 0 where a file does not say.
  uint32_t chunks() const { return chunks_; }
  void addChunks(uint32_t count) { chunks_ += count; }

private:
  absl::Status readGguf(const gguf::GgufFile &file);
  absl::Status readLegacy(std::span<const uint8_t> bytes, const std::string &path);
  // Takes an entry of a file.
  absl::Status put(absl::string_view name, Entry entry, const std::string &path);

  uint32_t chunkSize_, chunks_ = 0;
  std::vector<std::string> datasets_;
  Entries entries_;
};

} // namespace llmc::quantize

#endif
