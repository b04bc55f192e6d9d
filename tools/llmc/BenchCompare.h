// Results of another program, or of another build, to stand beside those of `llmc bench`.
#ifndef LLMC_TOOLS_LLMC_BENCHCOMPARE_H
#define LLMC_TOOLS_LLMC_BENCHCOMPARE_H

#include "absl/status/statusor.h"
#include "tools/llmc/BenchTest.h"
#include <optional>
#include <string>
#include <vector>

namespace llmc::cli {

class BenchComparison {
public:
  // Reads what `llama-bench -o json` (or jsonl) or `llmc bench -o json` printed. Errors name the
  // file and the entry.
  static absl::StatusOr<BenchComparison> load(const std::string &path);

  // Tokens per second of the same test of the same type with as many threads.
  std::optional<double> tokensPerSecond(const BenchModel &model, const BenchRow &row) const;

  // What made the results: "llama.cpp" or "before".
  const std::string &label() const { return label_; }

private:
  struct Entry {
    std::string type, test; // the type as the file has it
    int64_t threads = 0;
    double tokensPerSecond = 0;
  };
  std::vector<Entry> entries_;
  std::string label_;
};

} // namespace llmc::cli

#endif
