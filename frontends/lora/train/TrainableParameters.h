// What a run changes, and what it leaves: the matrices of an adapter, or the model's own weights.
#ifndef LLMC_FRONTENDS_LORA_TRAIN_TRAINABLEPARAMETERS_H
#define LLMC_FRONTENDS_LORA_TRAIN_TRAINABLEPARAMETERS_H

#include "absl/status/status.h"
#include "frontends/lora/train/DebugDumps.h"
#include "frontends/lora/train/OutputFolder.h"
#include <cstdint>
#include <string>
#include <vector>

namespace llmc::lora {

class TrainableParameters {
public:
  // Those of one kind, by the name of the weight without its layer: "attn_q".
  struct Kind {
    std::string name;
    uint64_t tensors = 0, parameters = 0;
    uint64_t rank = 0; // of adapters, the highest; else 0
  };

  virtual ~TrainableParameters() = default;

  // Puts the values of step 0 into the model.
  virtual absl::Status initialize() = 0;
  // Puts values into the model with which it computes what its file does.
  virtual absl::Status restoreBase() = 0;
  // Before and after the optimizer changes values: what is to stay as it is has no derivatives, and
  // gets its values back.
  virtual void beforeUpdate() {}
  virtual void afterUpdate() {}
  // The result, each file replaced as a whole.
  virtual absl::Status write(const OutputFolder &output) const = 0;
  // The values of step 0, and the gradients of a step times `scale`, where the config asks for
  // them.
  virtual absl::Status dumpFirst(const DebugDumps &dumps) const = 0;
  virtual absl::Status dumpGradients(const DebugDumps &dumps, int64_t step, double scale) const = 0;

  virtual std::vector<Kind> kinds() const = 0;
  // Numbers that are trained.
  uint64_t parameters() const {
    uint64_t sum = 0;
    for (const Kind &kind : kinds())
      sum += kind.parameters;
    return sum;
  }
};

// Adds to the entry of `kinds` that `weight` ("blk.3.attn_q.weight") belongs to.
void addToKind(std::vector<TrainableParameters::Kind> &kinds, const std::string &weight,
               uint64_t parameters, uint64_t rank);

} // namespace llmc::lora

#endif
