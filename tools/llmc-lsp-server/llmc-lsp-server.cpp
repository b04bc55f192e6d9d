// A language server for MLIR files with llmc's dialects: errors, hover, definitions and references
// in an editor. README.md beside this file says how editors start it.
#include "compiler/Registration.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/Support/LogicalResult.h"
#include "mlir/Tools/mlir-lsp-server/MlirLspServerMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  llmc::registerLlmcDialects(registry);
  return mlir::failed(mlir::MlirLspServerMain(argc, argv, registry));
}
