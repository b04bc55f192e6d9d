// A model that is ready to run. Keeps MLIR's headers out of the commands.
#ifndef LLMC_TOOLS_LLMC_ENGINE_H
#define LLMC_TOOLS_LLMC_ENGINE_H

#include "absl/status/statusor.h"
#include "frontends/gguf/file/GgufFile.h"
#include "frontends/tokenizer/Tokenizer.h"
#include "runtime/core/ThreadTeam.h"
#include "runtime/llm/Program.h"
#include "runtime/llm/Session.h"
#include "tools/llmc/SharedOptions.h"
#include <memory>

namespace llmc::cli {

class Engine {
public:
  // Compiles or loads the model and starts the threads; shows progress. With `splatWeights` only
  // the shapes count: see openModel().
  static absl::StatusOr<std::unique_ptr<Engine>> open(const ModelOptions &options,
                                                      bool splatWeights = false);

  const gguf::GgufFile &file() const { return *file_; }
  const Program &program() const { return program_; }
  ThreadTeam &team() { return team_; }
  // Of this user, where what was found out once may be kept; empty: nowhere.
  const std::string &cacheDirectory() const { return cacheDirectory_; }

  // A session for `context` tokens; 0 is the default of SessionOptions. ResourceExhausted when the
  // machine has not the memory.
  absl::StatusOr<std::unique_ptr<Session>> newSession(int64_t context);

private:
  explicit Engine(unsigned threads) : team_(threads) {}

  ThreadTeam team_;
  std::string cacheDirectory_;
  std::shared_ptr<gguf::GgufFile> file_;
  Program program_;
};

// Token ids of `text` for a model to run on: with BOS where the vocabulary adds it, never with EOS.
// `name` stands in errors.
absl::StatusOr<std::vector<int32_t>> encodeForModel(const Tokenizer &tokenizer,
                                                    absl::string_view text, absl::string_view name,
                                                    bool parseSpecial);

// `status` with a place in front of its message.
absl::Status atPlace(const absl::Status &status, absl::string_view place);

} // namespace llmc::cli

#endif
