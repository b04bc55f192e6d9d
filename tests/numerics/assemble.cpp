// assemble PROGRAM.mlir CPU
//
// Prints the assembly that a program of the `llm` dialect becomes for a CPU, in steps of up to 512
// rows.
#include "compiler/Driver/Compiler.h"
#include "compiler/Jit/ObjectCode.h"
#include "llvm/Support/MemoryBuffer.h"
#include <iostream>

namespace llmc {
namespace {

absl::StatusOr<std::string> assemble(const char *path, const char *cpu) {
  auto file = llvm::MemoryBuffer::getFile(path);
  if (!file)
    return absl::NotFoundError(absl::StrCat(path, ": ", file.getError().message()));
  Compiler compiler;
  llvm::StringRef text = (*file)->getBuffer();
  auto module = compiler.parse(absl::string_view(text.data(), text.size()), path);
  if (!module.ok())
    return module.status();
  absl::StatusOr<TargetDescription> target = describeTarget(cpu);
  if (!target.ok())
    return target.status();
  CompileOptions options;
  options.targetCpu = cpu;
  options.maxRows = 512;
  absl::Status status =
      compiler.runPhases(**module, Phase::Simplify, Phase::Llvm, *target, options);
  if (!status.ok())
    return status;
  return emitAssembly(**module, *target);
}

} // namespace
} // namespace llmc

int main(int argc, char **argv) {
  if (argc != 3)
    return std::cerr << "usage: assemble PROGRAM.mlir CPU\n", 2;
  absl::StatusOr<std::string> text = llmc::assemble(argv[1], argv[2]);
  if (!text.ok())
    return std::cerr << text.status().message() << "\n", 1;
  std::cout << *text;
  return std::cout.good() ? 0 : 1;
}
