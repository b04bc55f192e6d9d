// The matrices of an adapter as what a run trains.
#ifndef LLMC_FRONTENDS_LORA_TRAIN_ADAPTERPARAMETERS_H
#define LLMC_FRONTENDS_LORA_TRAIN_ADAPTERPARAMETERS_H

#include "absl/status/statusor.h"
#include "frontends/gguf/file/GgufFile.h"
#include "frontends/lora/adapter/BaseModel.h"
#include "frontends/lora/config/TrainConfig.h"
#include "frontends/lora/train/ModelAdapter.h"
#include "frontends/lora/train/Pissa.h"
#include "frontends/lora/train/TrainableParameters.h"
#include <functional>
#include <memory>
#include <optional>

namespace llmc::lora {

class AdapterParameters : public TrainableParameters {
public:
  // `plan` is planAdapter()'s; the others live at least as long. `file` is the base's, from whose
  // weights DoRA's first magnitudes and the first values of lora.init: pissa are; `progress` is
  // told the share of the latter. Errors are those of ModelAdapter::create().
  static absl::StatusOr<std::unique_ptr<AdapterParameters>> create(
      const TrainConfig &config, const BaseModel &base, const gguf::GgufFile *file, Adapter plan,
      TrainingModel &model, std::function<void(double)> progress = [](double) {});

  absl::Status initialize() override;
  absl::Status restoreBase() override;
  void beforeUpdate() override;
  void afterUpdate() override;
  absl::Status write(const OutputFolder &output) const override;
  absl::Status dumpFirst(const DebugDumps &dumps) const override;
  absl::Status dumpGradients(const DebugDumps &dumps, int64_t step, double scale) const override;
  std::vector<Kind> kinds() const override;

  const ModelAdapter &adapter() const { return adapter_; }

private:
  AdapterParameters(const TrainConfig &config, const BaseModel &base, const gguf::GgufFile *file,
                    ModelAdapter adapter, TrainingModel &model,
                    std::function<void(double)> progress);

  // Fills in the magnitudes with which the base's weights stay as they are.
  void addBaseNorms(Adapter &adapter);

  const TrainConfig &config_;
  const BaseModel &base_;
  const gguf::GgufFile *file_;
  ModelAdapter adapter_;
  TrainingModel &model_;
  std::vector<std::vector<float>> baseNorms_; // of the plan's matrices, once they are needed
  std::function<void(double)> progress_;
  std::optional<FrozenHalves> frozen_; // of lora.init: pissa
};

} // namespace llmc::lora

#endif
