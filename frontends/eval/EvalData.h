// Records of a JSONL file as the tokens that a model is given.
#ifndef LLMC_FRONTENDS_EVAL_EVALDATA_H
#define LLMC_FRONTENDS_EVAL_EVALDATA_H

#include "absl/status/statusor.h"
#include "frontends/chat/ChatTemplate.h"
#include "frontends/eval/EvalRecord.h"
#include "frontends/tokenizer/Tokenizer.h"
#include <cstdint>
#include <string>
#include <vector>

namespace llmc::eval {

// A text behind a prompt.
struct Continuation {
  std::string text;            // of a choice, as the record has it
  std::vector<int32_t> tokens; // of the prompt and the text, as encodeSegments() has them
  // The place in `tokens` of the text's first; at least 1. Of an empty completion it is the end.
  size_t first = 0;

  bool operator==(const Continuation &) const = default;
};

struct EvalSample {
  uint64_t line = 0; // in the file, counted from 1
  RecordKind kind;
  std::vector<int32_t> prompt = {}; // alone, as `llmc run` reads it; empty for a Text
  // Of a Choice, all of them; else one.
  std::vector<Continuation> continuations = {};
  size_t answer = 0; // which of them is right

  bool operator==(const EvalSample &) const = default;
};

struct EvalReadOptions {
  // The model's tokenizer.chat_template, or empty: conversations become text as in training
  // (chat_template: auto).
  std::string modelTemplate = {};
  // Unless null, prompts and conversations become text by this instead, prompts as the user's
  // message, with `system` in front where a record has no system message.
  const chat::ChatTemplate *chat = nullptr;
  std::string system = {};
  uint64_t limit = 0; // records that are read; 0: all
};

// Texts of special tokens are those tokens. Where a prompt does not end in white space and a choice
// does not begin with it, a space is put between them. Errors are "FILE:LINE: what is wrong; what
// to do".
absl::StatusOr<std::vector<EvalSample>>
readEvalData(const std::string &path, const Tokenizer &tokenizer, const EvalReadOptions &options);

} // namespace llmc::eval

#endif
