#include "absl/strings/str_cat.h"
#include "frontends/lora/adapter/ModuleNames.h"
#include "frontends/lora/adapter/PeftAdapter.h"
#include "frontends/lora/adapter/PeftConfig.h"
#include "runtime/core/AtomicFile.h"
#include <cmath>
#include <filesystem>

namespace llmc::lora {

absl::StatusOr<std::vector<NamedFloats>> peftTensors(const AdapterMatrix &matrix,
                                                     const BaseModel &base) {
  const std::optional<ModulePlace> place = placeOfGguf(matrix.weight);
  if (!place)
    return absl::InvalidArgumentError(
        absl::StrCat("PEFT has no name for '", matrix.weight, "'; write the adapter as GGUF"));
  const std::string module = absl::StrCat("base_model.model.", place->peftName());
  NamedFloats a{"", {matrix.rank, matrix.inputs}, matrix.a};
  NamedFloats b{"", {matrix.outputs, matrix.rank}, matrix.b};
  NamedFloats magnitude{
      absl::StrCat(module, ".lora_magnitude_vector"), {matrix.outputs}, matrix.magnitude};
  a.name = absl::StrCat(module, matrix.lookup ? ".lora_embedding_A" : ".lora_A.weight");
  b.name = absl::StrCat(module, matrix.lookup ? ".lora_embedding_B" : ".lora_B.weight");
  if (matrix.lookup)
    for (uint64_t token = 0; token < matrix.inputs; ++token)
      for (uint64_t r = 0; r < matrix.rank; ++r)
        a.values[r * matrix.inputs + token] = matrix.a[token * matrix.rank + r];
  if (const uint32_t heads = interleavedHeads(base, *place); heads > 0) {
    if (matrix.outputs % (2 * heads) != 0)
      return absl::InvalidArgumentError(absl::StrCat("'", matrix.weight, "' has ", matrix.outputs,
                                                     " rows for ", heads, " heads"));
    b.values = reorderRows(matrix.b, matrix.rank, heads, RowOrder::HuggingFace);
    if (matrix.dora)
      magnitude.values = reorderRows(matrix.magnitude, 1, heads, RowOrder::HuggingFace);
  }
  std::vector<NamedFloats> tensors{std::move(a), std::move(b)};
  if (matrix.dora)
    tensors.push_back(std::move(magnitude));
  return tensors;
}

absl::Status writePeftAdapter(const Adapter &adapter, const BaseModel &base,
                              const std::string &directory, const PeftOptions &options) {
  if (absl::Status status = checkAdapter(adapter, base); !status.ok())
    return status;
  absl::StatusOr<std::string> config = peftConfigText(adapter, base, options);
  if (!config.ok())
    return config.status();

  std::vector<std::vector<uint8_t>> storage;
  std::vector<SafetensorsTensor> tensors;
  for (const AdapterMatrix &matrix : adapter.matrices) {
    absl::StatusOr<std::vector<NamedFloats>> halves = peftTensors(matrix, base);
    if (!halves.ok())
      return absl::InvalidArgumentError(absl::StrCat(directory, ": ", halves.status().message()));
    for (NamedFloats &half : *halves) {
      std::vector<uint8_t> &bytes =
          storage.emplace_back(half.values.size() * floatTypeBytes(options.type));
      encodeFloats(options.type, half.values, bytes.data());
      decodeFloats(options.type, bytes.data(), half.values);
      for (float value : half.values)
        if (!std::isfinite(value))
          return absl::InvalidArgumentError(
              absl::StrCat(directory, ": '", half.name, "': a value does not fit into ",
                           floatTypeName(options.type), "; write the adapter as F32"));
      tensors.push_back({half.name, std::string(floatTypeName(options.type)), half.shape, bytes});
    }
  }

  std::error_code error;
  const std::filesystem::path folder(directory);
  const bool made = std::filesystem::create_directory(folder, error);
  if (error)
    return absl::Status(absl::ErrnoToStatusCode(error.value()),
                        absl::StrCat(directory, ": cannot make the directory: ", error.message()));
  // What may fail for lack of space comes before anything has its name.
  absl::StatusOr<AtomicFile> file = AtomicFile::create((folder / "adapter_config.json").string());
  absl::Status status = file.status();
  if (status.ok())
    status = file->write(*config);
  if (status.ok())
    status = writeSafetensors((folder / "adapter_model.safetensors").string(), tensors,
                              {{"format", "pt"}});
  if (status.ok())
    status = file->commit();
  if (!status.ok() && made)
    std::filesystem::remove_all(folder, error);
  return status;
}

} // namespace llmc::lora
