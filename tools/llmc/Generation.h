// Feeding a prompt to a model and sampling what follows: what run and chat share.
#ifndef LLMC_TOOLS_LLMC_GENERATION_H
#define LLMC_TOOLS_LLMC_GENERATION_H

#include "absl/functional/function_ref.h"
#include "runtime/sampling/Sampler.h"
#include "tools/llmc/Engine.h"

namespace llmc::cli {

struct Generation {
  size_t cachedTokens = 0; // of the prompt, that the KV cache had already
  size_t promptTokens = 0; // that were read
  std::vector<int32_t> tokens;
  std::string text;
  const char *stop = "limit"; // or "end", "context", "interrupted"
  double promptMs = 0, generationMs = 0;

  // The first token comes with the prompt.
  size_t steps() const { return tokens.empty() ? 0 : tokens.size() - 1; }
  double msPerToken() const { return steps() ? generationMs / steps() : 0; }
  double tokensPerSecond() const { return generationMs > 0 ? steps() * 1000 / generationMs : 0; }
  // Positions of the KV cache that a step reads, on average.
  double meanPositions() const {
    return double(cachedTokens + promptTokens) + (double(steps()) + 1) / 2;
  }
};

// Evaluates `prompt`, showing progress, and lets the sampler see it. Ends early, without an error,
// when the user interrupts.
absl::Status readPrompt(const Engine &engine, Session &session, Sampler &sampler,
                        std::span<const int32_t> prompt, Generation &result);

// Samples until something ends it, which `result.stop` then says. `emit` gets the text as it comes.
absl::Status generate(const Engine &engine, const Tokenizer &tokenizer, Session &session,
                      Sampler &sampler, const GenerationLimits &limits,
                      absl::FunctionRef<void(absl::string_view)> emit, Generation &result);

// How fast a generation was, beside what reading memory allows.
struct GenerationSpeed {
  double gigabytesPerSecond = 0;
  std::optional<double> bandwidth, percent; // GB/s of a plain read, and the share of it
  bool fitsCaches = false;
};

GenerationSpeed speedOf(Engine &engine, const Generation &generation);
// One line for people.
std::string speedText(const Generation &generation, const GenerationSpeed &speed);

} // namespace llmc::cli

#endif
