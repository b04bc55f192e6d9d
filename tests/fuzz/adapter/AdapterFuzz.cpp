// Feeds any bytes to the readers of adapters: a GGUF adapter where the input starts as one, else a
// PEFT or mlx-lm directory. Of the latter an input is adapter_config.json, an empty line, and the
// safetensors file.
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "frontends/lora/adapter/Combined.h"
#include "frontends/lora/adapter/GgufAdapter.h"
#include "frontends/lora/adapter/PeftAdapter.h"
#include "runtime/core/Safetensors.h"
#include "tests/fuzz/Fuzz.h"
#include "tests/unit/gguf/FileBuilder.h"
#include <cmath>

using namespace llmc;
using fuzz::require;

namespace {

// Two layers of width 8 with 2 heads, 1 of them for keys and values, and 10 tokens; also what
// make_seeds.py makes adapters for.
lora::BaseModel makeBase() {
  using namespace gguf::testing;
  FileBuilder file;
  file.key("general.architecture", 8, packedString("llama"));
  file.key("llama.block_count", 4, packed(2u));
  file.key("llama.attention.head_count", 4, packed(2u));
  file.key("llama.attention.head_count_kv", 4, packed(1u));
  const auto add = [&](const std::string &name, uint64_t columns, uint64_t rows) {
    file.tensors.push_back({name, {columns, rows}, 0, file.tensors.size() * 512});
  };
  add("token_embd.weight", 8, 10);
  for (const char *block : {"blk.0.", "blk.1."}) {
    for (const char *square : {"attn_q.weight", "attn_output.weight"})
      add(absl::StrCat(block, square), 8, 8);
    for (const char *narrow : {"attn_k.weight", "attn_v.weight"})
      add(absl::StrCat(block, narrow), 8, 4);
    for (const char *wide : {"ffn_gate.weight", "ffn_up.weight"})
      add(absl::StrCat(block, wide), 8, 12);
    add(absl::StrCat(block, "ffn_down.weight"), 12, 8);
  }
  add("output.weight", 8, 10);
  const std::vector<uint8_t> bytes = file.build();
  auto opened = gguf::GgufFile::parse(bytes, "base.gguf", {.headerOnly = true});
  require(opened.ok());
  auto base = lora::BaseModel::describe(**opened);
  require(base.ok());
  return *base;
}

void use(const lora::Adapter &adapter, const lora::BaseModel &base) {
  for (const lora::AdapterMatrix &matrix : adapter.matrices) {
    require(base.find(matrix.weight) != nullptr);
    require(matrix.rank > 0 && matrix.a.size() == matrix.rank * matrix.inputs &&
            matrix.b.size() == matrix.rank * matrix.outputs);
    for (float value : matrix.a)
      require(std::isfinite(value));
    std::vector<float> row(base.find(matrix.weight)->columns);
    lora::addDelta(matrix, matrix.scale(), 0, row);
  }
  const double scale = 0.5;
  (void)lora::combine({&adapter, 1}, {&scale, 1}, base);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const lora::BaseModel base = makeBase();
  static const fuzz::Folder folder;
  absl::string_view input = fuzz::textOf({data, size});
  std::string path = folder.path();
  if (absl::StartsWith(input, "GGUF")) {
    path = folder.write("fuzz.gguf", input);
  } else {
    folder.write("adapter_config.json", fuzz::takeUntil(input, "\n\n"));
    const std::string tensors = folder.write("adapter_model.safetensors", input);
    if (absl::StatusOr<SafetensorsFile> file = SafetensorsFile::open(tensors); file.ok()) {
      uint64_t bytes = 0;
      for (const SafetensorsTensor &tensor : file->tensors()) {
        require(file->find(tensor.name) == &tensor);
        bytes += tensor.bytes.size();
        if (!tensor.bytes.empty())
          require(tensor.bytes.data() >= file->data().data() &&
                  tensor.bytes.data() + tensor.bytes.size() <=
                      file->data().data() + file->data().size());
        (void)safetensorsFloats(tensor);
      }
      require(bytes == file->data().size());
    } else {
      fuzz::requireError(file.status(), tensors);
    }
  }
  absl::StatusOr<lora::Adapter> adapter = lora::readAdapter(path, base);
  if (adapter.ok())
    use(*adapter, base);
  else
    fuzz::requireError(adapter.status(), path);
  return 0;
}
