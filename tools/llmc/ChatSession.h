// A conversation's state in the model: which text its KV cache holds.
#ifndef LLMC_TOOLS_LLMC_CHATSESSION_H
#define LLMC_TOOLS_LLMC_CHATSESSION_H

#include "tools/llmc/Generation.h"

namespace llmc::cli {

class ChatSession {
public:
  // All must live longer.
  ChatSession(Engine &engine, const Tokenizer &tokenizer, Session &session, Sampler &sampler)
      : engine_(engine), tokenizer_(tokenizer), session_(session), sampler_(sampler) {}

  // The model's answer to `prompt`, a whole conversation as its template writes it. What the KV
  // cache has of it already is not read again. OutOfRange, before anything ran, when the
  // conversation does not fit the context.
  absl::StatusOr<Generation> answer(const std::string &prompt, const GenerationLimits &limits,
                                    absl::FunctionRef<void(absl::string_view)> emit);

  int64_t context() const { return session_.context(); }

private:
  absl::StatusOr<std::vector<int32_t>> tokensOf(const std::string &prompt) const;

  Engine &engine_;
  const Tokenizer &tokenizer_;
  Session &session_;
  Sampler &sampler_;
  std::vector<int32_t> tokens_; // in the KV cache
  std::string text_;            // what they stand for; empty when that is not certain
};

} // namespace llmc::cli

#endif
