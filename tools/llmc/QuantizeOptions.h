// The command line of `llmc quantize`.
#ifndef LLMC_TOOLS_LLMC_QUANTIZEOPTIONS_H
#define LLMC_TOOLS_LLMC_QUANTIZEOPTIONS_H

#include "absl/status/statusor.h"
#include "frontends/gguf/quantize/QuantizationPlan.h"
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace llmc::cli {

struct QuantizeCommandOptions {
  std::vector<std::string> arguments; // IN [OUT] TYPE [THREADS]
  std::vector<std::string> tensorTypes, overrides, includedWeights, excludedWeights;
  std::string outputType, embeddingType, importance, tensorTypeFile, prunedBlocks;
  unsigned threads = 0;
  bool pure = false, leaveOutput = false, allowRequantize = false, keepSplit = false,
       dryRun = false, json = false;

  // From `arguments`.
  std::string input, output;
  const quantize::FileType *type = nullptr;

  // Declares all of them.
  void addTo(CLI::App &command);
  // Both give wrong-usage errors for what cannot be understood, and errors that name a file that
  // cannot be read.
  absl::Status readArguments();
  absl::StatusOr<quantize::QuantizationOptions> planOptions() const;

private:
  absl::Status addRule(const std::string &text, absl::string_view place,
                       quantize::QuantizationOptions &plan) const;
};

} // namespace llmc::cli

#endif
