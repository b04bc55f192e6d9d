// What an evaluation has come to, for people and for programs.
#ifndef LLMC_TOOLS_LLMC_EVALREPORT_H
#define LLMC_TOOLS_LLMC_EVALREPORT_H

#include "absl/status/status.h"
#include "frontends/eval/EvalData.h"
#include "tools/llmc/EvalRunner.h"
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

namespace llmc::cli {

// A way to run the model, and what it made of the first records.
struct EvalVariant {
  std::string name; // "base", "adapter", "merged", "merged Q8_0"
  std::vector<RecordResult> results = {};
  double seconds = 0;
};

// The first variant is the base; the others are compared with it, and those after the second with
// that, too: what is merged with the adapter.
struct EvalReport {
  std::string model, data;
  std::vector<std::string> adapters; // as on the command line
  std::span<const eval::EvalSample> samples;
  std::vector<EvalVariant> variants = {};
  bool interrupted = false;
};

// Tables with a sentence on what to make of each comparison.
std::string evalText(const EvalReport &report);
nlohmann::ordered_json evalJson(const EvalReport &report);

// A line of JSON for each record that the base has done, with what each variant made of it. The file
// appears as a whole.
absl::Status writeEvalRecords(const std::string &path, const EvalReport &report);

} // namespace llmc::cli

#endif
