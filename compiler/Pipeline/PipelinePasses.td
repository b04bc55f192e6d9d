#ifndef LLMC_COMPILER_PIPELINE_PIPELINEPASSES_TD
#define LLMC_COMPILER_PIPELINE_PIPELINEPASSES_TD

include "mlir/Pass/PassBase.td"

def LlmVerifyPhase : Pass<"llm-verify-phase", "::mlir::ModuleOp"> {
  let summary = "Check that a module has what the end of a phase promises";
  let description = [{
    Only operations of the dialects that the phase table lists for the phase may be left; the first
    other one is an error, and so is a phase that does not exist. Every phase of a pipeline ends with
    this check.

    ```
    llmc-opt --llm-verify-phase=phase=vector module.mlir
    ```
  }];
  let options = [Option<"phase", "phase", "std::string", "\"import\"", "name of the phase">];
}

#endif
