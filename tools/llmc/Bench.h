// The measurement that `llmc bench` is.
#ifndef LLMC_TOOLS_LLMC_BENCH_H
#define LLMC_TOOLS_LLMC_BENCH_H

#include "tools/llmc/SharedOptions.h"
#include "tools/llmc/TextInput.h"
#include <vector>

namespace llmc::cli {

struct BenchOptions {
  ModelOptions model;
  std::string types; // "all", or names between commas; empty: the model as it is
  // Each combination is a test; of prompts and generations, 0 is none.
  std::vector<int64_t> prompts, generations, depths, batches;
  std::vector<int64_t> threads; // 0: one for each core
  int64_t repeats = 5;
  int64_t window = 512;     // of the perplexity
  int64_t bufferMiB = 2048; // that the read bandwidth is measured with
  TextInput text;
  std::string format = "md";            // or "csv" or "json"
  std::string svg, compare, importance; // files; empty: none
  bool splatWeights = false, allowRequantize = false;
};

// Measures and prints. Cancelled after Ctrl-C, with nothing printed.
absl::Status runBench(const BenchOptions &options);

} // namespace llmc::cli

#endif
