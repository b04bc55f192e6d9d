// An adapter's matrices in a model that is trained, and as files have them.
#ifndef LLMC_FRONTENDS_LORA_TRAIN_MODELADAPTER_H
#define LLMC_FRONTENDS_LORA_TRAIN_MODELADAPTER_H

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "frontends/lora/adapter/Adapter.h"
#include "frontends/lora/config/TrainConfig.h"
#include "runtime/train/TrainingModel.h"
#include <span>
#include <string>
#include <vector>

namespace llmc::lora {

class ModelAdapter {
public:
  // `plan` is what the model was built for; its values are not looked at. `model` lives at least as
  // long. Internal when the model's parameters are not the plan's matrices.
  static absl::StatusOr<ModelAdapter> create(Adapter plan, TrainingModel &model);

  // Copies the values of an adapter with the plan's matrices into the model.
  void store(const Adapter &adapter);
  // The plan with the model's values.
  Adapter values() const;
  // The same with the gradients times `scale`.
  Adapter gradients(double scale) const;

  const Adapter &plan() const { return plan_; }

private:
  ModelAdapter(Adapter plan, TrainingModel &model)
      : plan_(std::move(plan)), model_(&model), tensors_(model.tensors()) {}

  // Matrix i of the plan is parameters a and b of the model, and with DoRA `magnitude`.
  struct Place {
    size_t a, b, magnitude;
  };
  template <class Part>
  Adapter collect(Part part, double scale) const;

  Adapter plan_;
  TrainingModel *model_;
  std::vector<TrainedTensor> tensors_;
  std::vector<Place> places_;
};

// The first values of a run: those of config.adapterInit, or new ones. An adapter that is not of
// the plan's matrices and ranks is an error that names the key and the adapter's file; where its
// alphas differ, B is scaled so that it says the same.
absl::StatusOr<Adapter> firstAdapter(const TrainConfig &config, const Adapter &plan,
                                     const BaseModel &base);

} // namespace llmc::lora

#endif
