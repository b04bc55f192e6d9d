// What the tools that read and write MLIR know of: llmc's dialects and passes.
#ifndef LLMC_COMPILER_REGISTRATION_H
#define LLMC_COMPILER_REGISTRATION_H

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace llmc {

// Adds the dialects that a module of any phase may use.
void registerLlmcDialects(mlir::DialectRegistry &registry);

// Registers every pass and pipeline by its flag, for the whole process. To be called once.
void registerLlmcPasses();

} // namespace llmc

#endif
