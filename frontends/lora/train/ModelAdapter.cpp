#include "frontends/lora/train/ModelAdapter.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "frontends/lora/config/AdapterPlan.h"

namespace llmc::lora {

absl::StatusOr<ModelAdapter> ModelAdapter::create(Adapter plan, TrainingModel &model) {
  const std::span<const TrainingModel::Parameter> parameters = model.parameters();
  absl::flat_hash_map<std::string, size_t> byName;
  for (size_t i = 0; i < parameters.size(); ++i)
    byName.emplace(parameters[i].name, i);
  ModelAdapter out(std::move(plan), model);
  size_t tensors = 0;
  const auto find = [&](const std::string &name, uint64_t rows,
                        uint64_t columns) -> absl::StatusOr<size_t> {
    const auto found = byName.find(name);
    if (found == byName.end() || static_cast<uint64_t>(parameters[found->second].rows) != rows ||
        static_cast<uint64_t>(parameters[found->second].columns) != columns)
      return absl::InternalError(
          absl::StrCat("the program that trains has no '", name, "' of ", rows, " x ", columns));
    return found->second;
  };
  for (const AdapterMatrix &m : out.plan_.matrices) {
    absl::StatusOr<size_t> a = m.lookup ? find(m.weight + ".lora_a", m.inputs, m.rank)
                                        : find(m.weight + ".lora_a", m.rank, m.inputs);
    absl::StatusOr<size_t> b = find(m.weight + ".lora_b", m.outputs, m.rank);
    absl::StatusOr<size_t> magnitude = 0;
    if (m.dora)
      magnitude = find(m.weight + ".lora_magnitude", 1, m.outputs);
    for (const auto *place : {&a, &b, &magnitude})
      if (!place->ok())
        return place->status();
    out.places_.push_back({*a, *b, *magnitude});
    tensors += m.dora ? 3 : 2;
  }
  if (tensors != parameters.size() || out.tensors_.size() != parameters.size())
    return absl::InternalError("the program that trains has other matrices than were asked for");
  return out;
}

void ModelAdapter::store(const Adapter &adapter) {
  for (size_t i = 0; i < places_.size(); ++i) {
    model_->fromRows(places_[i].a, adapter.matrices[i].a, tensors_[places_[i].a].values);
    model_->fromRows(places_[i].b, adapter.matrices[i].b, tensors_[places_[i].b].values);
    if (plan_.matrices[i].dora)
      model_->fromRows(places_[i].magnitude, adapter.matrices[i].magnitude,
                       tensors_[places_[i].magnitude].values);
  }
}

template <class Part>
Adapter ModelAdapter::collect(Part part, double scale) const {
  Adapter out = plan_;
  for (size_t i = 0; i < places_.size(); ++i) {
    AdapterMatrix &m = out.matrices[i];
    m.a.resize(m.rank * m.inputs);
    m.b.resize(m.rank * m.outputs);
    model_->toRows(places_[i].a, tensors_[places_[i].a].*part, m.a);
    model_->toRows(places_[i].b, tensors_[places_[i].b].*part, m.b);
    if (m.dora) {
      m.magnitude.resize(m.outputs);
      model_->toRows(places_[i].magnitude, tensors_[places_[i].magnitude].*part, m.magnitude);
    }
    if (scale != 1)
      for (std::vector<float> *half : {&m.a, &m.b, &m.magnitude})
        for (float &value : *half)
          value = static_cast<float>(value * scale);
  }
  return out;
}

Adapter ModelAdapter::values() const { return collect(&TrainedTensor::values, 1); }

Adapter ModelAdapter::gradients(double scale) const {
  return collect(&TrainedTensor::gradient, scale);
}

absl::StatusOr<Adapter> firstAdapter(const TrainConfig &config, const Adapter &plan,
                                     const BaseModel &base) {
  Adapter first = plan;
  if (config.adapterInit.empty()) {
    initializeAdapter(first, static_cast<uint64_t>(config.seed));
    return first;
  }
  absl::StatusOr<Adapter> given = readAdapter(config.adapterInit, base);
  if (!given.ok())
    return absl::Status(given.status().code(),
                        absl::StrCat("adapter_init: ", given.status().message()));
  const auto differs = [&](absl::string_view what) {
    return absl::InvalidArgumentError(
        absl::StrCat("adapter_init: ", config.adapterInit, ": ", what));
  };
  for (const AdapterMatrix &matrix : given->matrices)
    if (!plan.find(matrix.weight))
      return differs(absl::StrCat("adapts ", matrix.weight,
                                  ", which is not trained; add it to lora.target_modules"));
  for (AdapterMatrix &matrix : first.matrices) {
    const AdapterMatrix *from = given->find(matrix.weight);
    if (!from)
      return differs(
          absl::StrCat("does not adapt ", matrix.weight, "; remove it from lora.target_modules"));
    if (from->rank != matrix.rank)
      return differs(absl::StrCat("has rank ", from->rank, " for ", matrix.weight, ", the config ",
                                  matrix.rank, "; give lora.rank: ", from->rank));
    if (from->dora != matrix.dora)
      return differs(absl::StrCat(from->dora ? "is DoRA" : "is not DoRA",
                                  "; give lora.use_dora: ", from->dora ? "true" : "false"));
    matrix.a = from->a;
    matrix.b = from->b;
    matrix.magnitude = from->magnitude;
    if (from->alpha != matrix.alpha)
      for (float &value : matrix.b)
        value = static_cast<float>(value * (from->scale() / matrix.scale()));
  }
  return first;
}

} // namespace llmc::lora
