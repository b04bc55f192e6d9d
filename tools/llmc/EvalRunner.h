// What a model makes of records.
#ifndef LLMC_TOOLS_LLMC_EVALRUNNER_H
#define LLMC_TOOLS_LLMC_EVALRUNNER_H

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "frontends/eval/EvalData.h"
#include "tools/llmc/Engine.h"
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace llmc::cli {

// What is measured, of records that allow it.
struct EvalTasks {
  bool exact = true, choice = true, perplexity = true;
};

// Members have a value where a record and the tasks allow it.
struct RecordResult {
  // Of a Completion: what is likeliest to follow the prompt, up to the end of the answer, and
  // whether it is the completion.
  std::optional<bool> exact;
  std::string text;
  // Of a Completion or a Text: the sum of negative log likelihoods over so many tokens, in nats.
  std::optional<double> loss;
  uint64_t tokens = 0;
  // Of a Choice: of each, the sum of log likelihoods, and which one is the likeliest by itself and
  // by character.
  std::vector<double> logLikelihoods;
  size_t chosen = 0, chosenByCharacters = 0;
};

struct EvalLimits {
  int64_t context = 0;   // -c
  int64_t maxTokens = 0; // of an answer; 0: those of the completion and 8 more
};

// Runs `samples` one after the other and gives their results in order: all of them, or, after
// Ctrl-C, for which the caller has an InterruptGuard, those that are done. `progress` is told how
// many. Errors name `file` (that of the samples) and the line: a record that the context does not
// hold, before anything runs.
absl::StatusOr<std::vector<RecordResult>>
evaluateRecords(Engine &engine, const Tokenizer &tokenizer,
                std::span<const eval::EvalSample> samples, absl::string_view file,
                const EvalTasks &tasks, const EvalLimits &limits,
                absl::FunctionRef<void(size_t)> progress);

} // namespace llmc::cli

#endif
