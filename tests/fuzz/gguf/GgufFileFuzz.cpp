// Feeds any bytes to the GGUF reader and reads back all that it accepts.
#include "frontends/gguf/file/GgufFile.h"
#include "tests/fuzz/Fuzz.h"

using llmc::fuzz::require;
using llmc::gguf::GgufFile;
using llmc::gguf::KeyValue;
using llmc::gguf::TensorInfo;

namespace {

void visitKey(const GgufFile &file, const KeyValue &keyValue) {
  require(file.find(keyValue.key) == &keyValue);
  require(keyValue.preview().find('\n') == std::string::npos);
  (void)file.get<uint32_t>(keyValue.key);
  (void)file.get<int64_t>(keyValue.key);
  (void)file.get<float>(keyValue.key);
  (void)file.get<bool>(keyValue.key);
  (void)file.get<std::string>(keyValue.key);
  (void)file.getArray<int32_t>(keyValue.key);
  (void)file.getArray<uint64_t>(keyValue.key);
  (void)file.getArray<float>(keyValue.key);
  (void)file.getArray<bool>(keyValue.key);
  auto strings = file.getArray<absl::string_view>(keyValue.key);
  require(!strings.ok() || strings->size() == keyValue.count);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  auto parsed = GgufFile::parse({data, size}, "fuzz.gguf");
  if (!parsed.ok()) {
    llmc::fuzz::requireError(parsed.status(), "fuzz.gguf: ");
    return 0;
  }
  const GgufFile &file = **parsed;
  for (const KeyValue &keyValue : file.keyValues())
    visitKey(file, keyValue);
  unsigned sum = 0;
  for (const TensorInfo &tensor : file.tensors()) {
    require(file.findTensor(tensor.name) == &tensor);
    require(tensor.data >= data && tensor.bytes <= size_t(data + size - tensor.data));
    for (uint8_t byte : tensor.span())
      sum += byte;
  }
  // Keeps the reads above from being optimized away.
  asm volatile("" : : "r"(sum));
  return 0;
}
