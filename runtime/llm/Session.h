// A conversation with a compiled model: its KV cache and scratch memory, and the steps that fill
// them.
#ifndef LLMC_RUNTIME_LLM_SESSION_H
#define LLMC_RUNTIME_LLM_SESSION_H

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/core/ThreadTeam.h"
#include "runtime/llm/Program.h"
#include "runtime/llm/WeightStore.h"
#include <memory>
#include <span>
#include <vector>

namespace llmc {

struct SessionOptions {
  int64_t context = 0; // positions; 0: the model's own, at most 4096
};

class Session {
public:
  // `program` and `team` must live longer than the session.
  static absl::StatusOr<std::unique_ptr<Session>> create(const Program &program, ThreadTeam &team,
                                                         const SessionOptions &options);

  int64_t context() const { return context_; }
  int64_t position() const { return position_; } // tokens seen
  const Program &program() const { return program_; }

  // Runs `tokens` after those seen so far, in chunks. OutOfRange when the context would overflow,
  // before anything ran; InvalidArgument for an id that is not in the vocabulary.
  absl::Status evaluate(std::span<const int32_t> tokens);

  // Logits after the last token of the last evaluate(): `vocabulary` numbers, valid until the next
  // call.
  std::span<const float> lastLogits();

  // Like evaluate(), and calls `consume(i, logits)` for every token i in [first, tokens.size()).
  absl::Status evaluateAll(std::span<const int32_t> tokens, size_t first,
                           absl::FunctionRef<void(size_t, std::span<const float>)> consume);

  // Row `row` of the program's column sums `index`: what all steps have added since the last
  // clearColumnSums(). Valid as long as the session.
  std::span<const float> columnSums(size_t index, int64_t row) const;
  void clearColumnSums();

  // Forgets all tokens from `position` on.
  void rewind(int64_t position) { position_ = position; }

  // Bytes of memory that belong to the session.
  uint64_t bytes() const;

private:
  Session(const Program &program, ThreadTeam &team) : program_(program), team_(team) {}
  absl::Status allocate(int64_t context);
  absl::Status check(std::span<const int32_t> tokens) const;
  void runStep(std::span<const int32_t> tokens);
  void runLogits(int64_t firstRow, int64_t rows);
  void run(StepFunction function, std::span<const int64_t> arguments, int64_t rows);

  const Program &program_;
  ThreadTeam &team_;
  ThreadTeam alone_{1}; // for steps that are not worth sharing
  uint64_t weightBytes_ = 0;
  double cacheBytesPerPosition_ = 0;
  int64_t context_ = 0, capacity_ = 0, position_ = 0;
  int64_t lastRow_ = 0;                        // of hidden_, of the newest token
  int64_t widthStride_ = 0, logitsStride_ = 0; // elements from row to row
  int64_t logitsRows_ = 0;                     // rows that logits_ has room for
  std::shared_ptr<PageMemory> columnSums_;
  std::shared_ptr<PageMemory> cache_, arena_, scratch_, hidden_, logits_;
  std::vector<uint8_t *> states_;
};

} // namespace llmc

#endif
