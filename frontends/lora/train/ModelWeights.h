// The model's own weights as what a run trains: full fine-tuning.
#ifndef LLMC_FRONTENDS_LORA_TRAIN_MODELWEIGHTS_H
#define LLMC_FRONTENDS_LORA_TRAIN_MODELWEIGHTS_H

#include "absl/status/statusor.h"
#include "frontends/gguf/file/GgufFile.h"
#include "frontends/lora/train/TrainableParameters.h"
#include "runtime/core/ThreadTeam.h"
#include "runtime/train/TrainingModel.h"
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace llmc::lora {

// The values are f32, whatever floats the file has; the result has the types of a file type of
// `llmc quantize`, by default the file's own again.
class ModelWeights : public TrainableParameters {
public:
  // All live at least as long. Internal when the model's parameters are not tensors of the file, or
  // parts of them.
  static absl::StatusOr<std::unique_ptr<ModelWeights>> create(const gguf::GgufFile &file,
                                                              TrainingModel &model,
                                                              ThreadTeam &team,
                                                              std::string fileType = "COPY");

  // The values of step 0 are the file's.
  absl::Status initialize() override { return restoreBase(); }
  absl::Status restoreBase() override;
  absl::Status write(const OutputFolder &output) const override;
  absl::Status dumpFirst(const DebugDumps &) const override { return absl::OkStatus(); }
  absl::Status dumpGradients(const DebugDumps &dumps, int64_t step, double scale) const override;
  std::vector<Kind> kinds() const override;

private:
  ModelWeights(const gguf::GgufFile &file, TrainingModel &model, ThreadTeam &team,
               std::string fileType)
      : file_(file), model_(model), team_(team), fileType_(std::move(fileType)) {}

  // Of the tensor that parameter i is a part of.
  const gguf::TensorInfo &tensorOf(size_t i) const;

  const gguf::GgufFile &file_;
  TrainingModel &model_;
  ThreadTeam &team_;
  std::string fileType_;
};

} // namespace llmc::lora

#endif
