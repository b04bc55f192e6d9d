// From a config with a description of a model to a file that training can start from.
#ifndef LLMC_FRONTENDS_SCRATCH_SCRATCHMODEL_H
#define LLMC_FRONTENDS_SCRATCH_SCRATCHMODEL_H

#include "absl/status/statusor.h"
#include "frontends/lora/config/TrainConfig.h"
#include <cstdint>
#include <string>

namespace llmc::scratch {

// The name of the file in a folder.
std::string initialModelPath(const std::string &folder);

struct InitialModel {
  std::string path;
  bool isNew = false; // else it was there
  // Of a new one:
  int64_t vocabulary = 0;
  uint64_t parameters = 0;
};

// Makes the vocabulary, or takes that of scratch.tokenizer, and writes the initial model to its
// name in `folder`, which is made where it is missing. A file that is there already and was made of
// the same description and data stays: a resumed run starts from the same bytes without making them
// again. Errors name the config's key or the file, and what to do.
absl::StatusOr<InitialModel> makeInitialModel(const lora::TrainConfig &config,
                                              const std::string &folder);

} // namespace llmc::scratch

#endif
