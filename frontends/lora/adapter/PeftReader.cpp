#include "absl/container/btree_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "frontends/gguf/file/GgufText.h"
#include "frontends/lora/adapter/ModuleNames.h"
#include "frontends/lora/adapter/PeftAdapter.h"
#include "frontends/lora/adapter/PeftConfig.h"
#include <filesystem>

namespace llmc::lora {
namespace {

// How a tensor's name ends, and what it then is.
struct Ending {
  absl::string_view suffix;
  bool isB;
  bool transposed; // with regard to AdapterMatrix's layout
  bool table;      // of an embedding
};
constexpr Ending kEndings[] = {
    {".lora_A.weight", false, false, false},  {".lora_A.default.weight", false, false, false},
    {".lora_B.weight", true, false, false},   {".lora_B.default.weight", true, false, false},
    {".lora_embedding_A", false, true, true}, {".lora_embedding_A.default", false, true, true},
    {".lora_embedding_B", true, false, true}, {".lora_embedding_B.default", true, false, true},
    {".lora_a", false, true, false},          {".lora_b", true, true, false},
};

// DoRA's vector; PEFT has had it as a module for a while.
constexpr absl::string_view kMagnitudeEndings[] = {
    ".lora_magnitude_vector", ".lora_magnitude_vector.weight",
    ".lora_magnitude_vector.default", ".lora_magnitude_vector.default.weight"};

struct Halves {
  const SafetensorsTensor *a = nullptr, *b = nullptr, *magnitude = nullptr;
  const Ending *endingA = nullptr, *endingB = nullptr;
};

absl::Status bad(absl::string_view path, absl::string_view tensor, absl::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat(path, ": ", gguf::inQuotes(tensor, 120), " ", what));
}

std::vector<float> transposed(const std::vector<float> &values, uint64_t rows, uint64_t columns) {
  std::vector<float> out(values.size());
  for (uint64_t row = 0; row < rows; ++row)
    for (uint64_t column = 0; column < columns; ++column)
      out[column * rows + row] = values[row * columns + column];
  return out;
}

// The values in AdapterMatrix's layout.
absl::StatusOr<std::vector<float>> valuesOf(absl::string_view path, const SafetensorsTensor &tensor,
                                            const Ending &ending) {
  absl::StatusOr<std::vector<float>> values = safetensorsFloats(tensor);
  if (!values.ok())
    return absl::InvalidArgumentError(absl::StrCat(path, ": ", values.status().message()));
  return ending.transposed ? transposed(*values, tensor.shape[0], tensor.shape[1])
                           : *std::move(values);
}

absl::StatusOr<AdapterMatrix> makeMatrix(absl::string_view path, const std::string &module,
                                         const Halves &halves, const PeftConfig &config,
                                         const BaseModel &base) {
  const std::optional<ModulePlace> place = placeOfPeft(module);
  if (!place)
    return bad(path, module,
               absl::StrCat("is no module that can be adapted; those are ", moduleNames()));
  if (!halves.a || !halves.b)
    return bad(path, module, "has only one of lora_A and lora_B; fetch the adapter again");
  if (halves.endingA->table != halves.endingB->table)
    return bad(path, module, "has lora_A and lora_B of different kinds; fetch the adapter again");
  AdapterMatrix matrix;
  matrix.weight = place->ggufName();
  matrix.lookup = halves.endingA->table;
  if (matrix.lookup != (place->module->gguf == absl::string_view("token_embd")))
    return bad(path, module, "is an embedding's adapter on another module, or the reverse");
  if (halves.a->shape.size() != 2 || halves.b->shape.size() != 2)
    return bad(path, module, "has an adapter that is not two-dimensional");
  // mlx-lm has both halves transposed, the embedding of PEFT keeps A as [rank, vocabulary].
  const bool mlx = halves.endingB->transposed;
  matrix.rank = halves.a->shape[mlx ? 1 : 0];
  matrix.inputs = halves.a->shape[mlx ? 0 : 1];
  matrix.outputs = halves.b->shape[mlx ? 1 : 0];
  if (matrix.rank == 0 || matrix.rank != halves.b->shape[mlx ? 0 : 1])
    return bad(path, module,
               absl::StrCat("has the shapes [", absl::StrJoin(halves.a->shape, ", "), "] and [",
                            absl::StrJoin(halves.b->shape, ", "), "], which do not fit together"));
  matrix.alpha = config.alpha(module, matrix.rank);

  absl::StatusOr<std::vector<float>> a = valuesOf(path, *halves.a, *halves.endingA);
  if (!a.ok())
    return a.status();
  matrix.a = *std::move(a);
  absl::StatusOr<std::vector<float>> b = valuesOf(path, *halves.b, *halves.endingB);
  if (!b.ok())
    return b.status();
  matrix.b = *std::move(b);
  if (config.dora() != (halves.magnitude != nullptr))
    return bad(path, module,
               config.dora() ? "has no lora_magnitude_vector, and use_dora says that it should; "
                               "fetch the adapter again"
                             : "has a lora_magnitude_vector, and use_dora does not say so; fetch "
                               "the adapter again");
  if (halves.magnitude) {
    absl::StatusOr<std::vector<float>> magnitude = safetensorsFloats(*halves.magnitude);
    if (!magnitude.ok())
      return absl::InvalidArgumentError(absl::StrCat(path, ": ", magnitude.status().message()));
    if (magnitude->size() != matrix.outputs)
      return bad(path, module,
                 absl::StrCat("has ", magnitude->size(), " magnitudes for ", matrix.outputs,
                              " rows; fetch the adapter again"));
    matrix.dora = true;
    matrix.magnitude = *std::move(magnitude);
  }
  if (const uint32_t heads = interleavedHeads(base, *place); heads > 0) {
    if (matrix.outputs % (2 * heads) != 0)
      return bad(path, module,
                 absl::StrCat("has ", matrix.outputs, " rows for ", heads,
                              " heads; give the model that it was made for"));
    matrix.b = reorderRows(matrix.b, matrix.rank, heads, RowOrder::Gguf);
    if (matrix.dora)
      matrix.magnitude = reorderRows(matrix.magnitude, 1, heads, RowOrder::Gguf);
  }
  return matrix;
}

// The tensors by module, without the prefix that PEFT's wrappers add.
absl::StatusOr<absl::btree_map<std::string, Halves>> findHalves(const SafetensorsFile &file) {
  absl::btree_map<std::string, Halves> modules;
  for (const SafetensorsTensor &tensor : file.tensors()) {
    absl::string_view module = tensor.name;
    absl::ConsumePrefix(&module, "base_model.model.");
    bool isMagnitude = false;
    for (absl::string_view ending : kMagnitudeEndings)
      isMagnitude = isMagnitude || absl::ConsumeSuffix(&module, ending);
    if (isMagnitude) {
      const SafetensorsTensor *&magnitude = modules[std::string(module)].magnitude;
      if (magnitude)
        return bad(file.path(), tensor.name, "is there under two names; fetch the adapter again");
      magnitude = &tensor;
      continue;
    }
    const Ending *found = nullptr;
    for (const Ending &ending : kEndings)
      if (absl::EndsWith(tensor.name, ending.suffix))
        found = &ending;
    if (!found)
      return bad(file.path(), tensor.name,
                 "is no part of a LoRA adapter (biases and whole modules cannot be read); "
                 "merge the adapter with PEFT");
    absl::ConsumeSuffix(&module, found->suffix);
    Halves &halves = modules[std::string(module)];
    const SafetensorsTensor *&half = found->isB ? halves.b : halves.a;
    if (half)
      return bad(file.path(), tensor.name, "is there under two names; fetch the adapter again");
    half = &tensor;
    (found->isB ? halves.endingB : halves.endingA) = found;
  }
  return modules;
}

} // namespace

absl::StatusOr<Adapter> readPeftAdapter(const std::string &path, const BaseModel &base) {
  namespace fs = std::filesystem;
  fs::path weights(path), directory(path);
  std::error_code error;
  if (fs::is_directory(directory, error)) {
    for (const char *name : {"adapter_model.safetensors", "adapters.safetensors"})
      if (weights = directory / name; fs::exists(weights, error))
        break;
    if (!fs::exists(weights, error))
      return absl::NotFoundError(
          absl::StrCat(path, ": no adapter_model.safetensors in the directory",
                       fs::exists(directory / "adapter_model.bin", error)
                           ? "; adapter_model.bin is not read, save it with safe_serialization"
                           : "; give a PEFT directory or a GGUF adapter"));
  } else {
    directory = weights.parent_path();
  }
  absl::StatusOr<PeftConfig> config = PeftConfig::read(directory / "adapter_config.json");
  if (!config.ok())
    return config.status();
  absl::StatusOr<SafetensorsFile> file = SafetensorsFile::open(weights.string());
  if (!file.ok())
    return file.status();
  absl::StatusOr<absl::btree_map<std::string, Halves>> modules = findHalves(*file);
  if (!modules.ok())
    return modules.status();

  Adapter adapter;
  adapter.path = path;
  adapter.architecture = base.architecture(); // the directory does not say
  for (const auto &[module, halves] : *modules) {
    absl::StatusOr<AdapterMatrix> matrix =
        makeMatrix(weights.string(), module, halves, *config, base);
    if (!matrix.ok())
      return matrix.status();
    adapter.matrices.push_back(*std::move(matrix));
  }
  return adapter;
}

} // namespace llmc::lora
