// Runs passes on MLIR files, as mlir-opt does, with llmc's dialects and passes.
#include "compiler/Registration.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  llmc::registerLlmcDialects(registry);
  llmc::registerLlmcPasses();
  return mlir::asMainReturnCode(
      mlir::MlirOptMain(argc, argv, "Runs llmc's passes on MLIR files", registry));
}
