// describe_program MODEL.llmc CPU
//
// Prints what a compiled model's code for a CPU needs to run, for run_program, which has neither
// MLIR nor a reader of GGUF: a line of the program, one of each KV cache, and one of each weight in
// the file.
#include "compiler/Driver/ModelLoader.h"
#include <iostream>

namespace llmc {
namespace {

absl::Status describe(const char *path, const char *cpu) {
  absl::StatusOr<std::shared_ptr<gguf::GgufFile>> file = openModel(path, /*shapeOnly=*/false);
  if (!file.ok())
    return file.status();
  CompileOptions options;
  options.targetCpu = cpu;
  absl::StatusOr<ProgramManifest> program = describeProgram(**file, {}, options);
  if (!program.ok())
    return program.status();
  std::cout << "program " << program->maxRows << ' ' << program->width << ' ' << program->vocabulary
            << ' ' << program->arenaBytes << ' ' << program->scratchBytes << '\n';
  for (const KvCacheShape &cache : program->caches)
    std::cout << "cache " << cache.layers << ' ' << cache.heads << ' ' << cache.keyBytes << ' '
              << cache.valueBytes << '\n';
  // Metadata begins behind the file's header.
  constexpr int64_t kHeaderBytes = 24;
  const uint8_t *begin = (*file)->keyValues().front().record.data() - kHeaderBytes;
  for (const ProgramWeight &weight : program->weights) {
    const gguf::TensorInfo *info = (*file)->findTensor(weight.name);
    if (!info)
      return absl::NotFoundError(absl::StrCat(path, ": has no tensor ", weight.name));
    std::cout << "weight " << info->data - begin << ' ' << weight.bytes() << '\n';
  }
  return absl::OkStatus();
}

} // namespace
} // namespace llmc

int main(int argc, char **argv) {
  if (argc != 3)
    return std::cerr << "usage: describe_program MODEL.llmc CPU\n", 2;
  if (absl::Status status = llmc::describe(argv[1], argv[2]); !status.ok())
    return std::cerr << status.message() << "\n", 1;
  return std::cout.good() ? 0 : 1;
}
