#include "frontends/lora/adapter/BaseModel.h"
#include "absl/strings/str_cat.h"

namespace llmc::lora {
namespace {

constexpr uint32_t kMostLayers = 1 << 16;

// A head count is one number, or an array of one for each layer.
absl::StatusOr<std::vector<uint32_t>> readHeads(const gguf::GgufFile &file, const std::string &key,
                                                uint32_t layers) {
  const gguf::KeyValue *found = file.find(key);
  if (found && found->type == gguf::ValueType::Array) {
    absl::StatusOr<std::vector<uint32_t>> heads = file.getArray<uint32_t>(key);
    if (heads.ok() && heads->size() < layers)
      return absl::InvalidArgumentError(absl::StrCat(file.path(), ": ", key, " has ", heads->size(),
                                                     " elements for ", layers,
                                                     " layers; fetch or convert the file again"));
    return heads;
  }
  absl::StatusOr<uint32_t> heads = file.get<uint32_t>(key);
  if (!heads.ok())
    return heads.status();
  return std::vector<uint32_t>(layers, *heads);
}

} // namespace

absl::StatusOr<BaseModel> BaseModel::describe(const gguf::GgufFile &file) {
  BaseModel base;
  base.path_ = file.path();
  absl::StatusOr<std::string> architecture = file.get<std::string>("general.architecture");
  if (!architecture.ok())
    return architecture.status();
  base.architecture_ = *architecture;
  absl::StatusOr<std::string> name = file.getOr<std::string>("general.name", "");
  if (!name.ok())
    return name.status();
  base.name_ = *name;

  const std::string prefix = base.architecture_ + ".";
  absl::StatusOr<uint32_t> layers = file.get<uint32_t>(prefix + "block_count");
  if (!layers.ok())
    return layers.status();
  if (*layers > kMostLayers)
    return absl::InvalidArgumentError(absl::StrCat(file.path(), ": ", prefix, "block_count is ",
                                                   *layers, ", more than ", kMostLayers));
  base.layers_ = *layers;
  const std::string headKey = prefix + "attention.head_count";
  absl::StatusOr<std::vector<uint32_t>> heads = readHeads(file, headKey, *layers);
  if (!heads.ok())
    return heads.status();
  base.heads_ = base.kvHeads_ = *heads;
  if (file.contains(headKey + "_kv")) {
    heads = readHeads(file, headKey + "_kv", *layers);
    if (!heads.ok())
      return heads.status();
    base.kvHeads_ = *heads;
  }

  for (const gguf::TensorInfo &tensor : file.tensors()) {
    if (tensor.shape.size() != 2)
      continue;
    base.positions_.emplace(tensor.name, base.matrices_.size());
    base.matrices_.push_back({tensor.name, tensor.shape[0], tensor.shape[1]});
  }
  return base;
}

const BaseMatrix *BaseModel::find(absl::string_view name) const {
  const size_t at = position(name);
  return at == matrices_.size() ? nullptr : &matrices_[at];
}

size_t BaseModel::position(absl::string_view name) const {
  const auto found = positions_.find(name);
  return found == positions_.end() ? matrices_.size() : found->second;
}

} // namespace llmc::lora
