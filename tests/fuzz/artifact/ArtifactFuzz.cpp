// Feeds any bytes to what reads compiled models without MLIR: their program's text, their sealed
// code, and the places of their weights. What a program would take is said by the input itself, in
// the array `fuzz.weights`: for each tensor its rows, its columns, and which block format, counted
// twice, once as it is and once packed.
#include "compiler/Artifact/ArtifactFile.h"
#include "compiler/Artifact/SealedCode.h"
#include "tests/fuzz/Fuzz.h"
#include <algorithm>
#include <memory>

using namespace llmc;
using fuzz::require;

namespace {

// What the program would take of the file.
std::vector<ProgramWeight> weightsOf(const gguf::GgufFile &file) {
  std::vector<ProgramWeight> weights;
  auto numbers = file.getArray<uint64_t>("fuzz.weights");
  if (!numbers.ok())
    return weights;
  size_t at = 0;
  for (const gguf::TensorInfo &tensor : file.tensors()) {
    if (at + 3 > numbers->size())
      break;
    const uint64_t rows = (*numbers)[at++], columns = (*numbers)[at++], kind = (*numbers)[at++];
    const BlockFormat &format = blockFormats()[kind / 2 % blockFormats().size()];
    // What the program's verifiers see to.
    if (rows > 0 && columns > 0 && columns % format.weights == 0)
      weights.push_back({tensor.name, &format, rows, columns, kind % 2 == 1});
  }
  return weights;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const fuzz::Folder folder;
  static const absl::StatusOr<UserKey> key = UserKey::open(folder.path() + "/llmc/object.key");
  require(key.ok());
  // As a mapping lies; no slack behind it.
  const std::unique_ptr<uint8_t, decltype(&std::free)> copy(
      static_cast<uint8_t *>(std::aligned_alloc(64, (size + 63) / 64 * 64)), &std::free);
  std::copy_n(data, size, copy.get());
  auto parsed = gguf::GgufFile::parse({copy.get(), size}, "fuzz.llmc");
  if (!parsed.ok())
    return 0;
  const gguf::GgufFile &file = **parsed;
  if (absl::StatusOr<absl::string_view> text = artifactProgram(file); !text.ok())
    fuzz::requireError(text.status(), "fuzz.llmc: ");
  require(!openSealed(*key, "origin", artifactCode(file)));
  const std::vector<ProgramWeight> weights = weightsOf(file);
  absl::StatusOr<std::vector<const uint8_t *>> found = artifactWeights(file, weights);
  if (!found.ok()) {
    fuzz::requireError(found.status(), "fuzz.llmc: ");
    return 0;
  }
  require(found->size() == weights.size());
  for (size_t i = 0; i < weights.size(); ++i) {
    const uint8_t *begin = (*found)[i];
    require(begin >= copy.get() && weights[i].bytes() <= size_t(copy.get() + size - begin));
  }
  return 0;
}
