#ifndef LLMC_COMPILER_PIPELINE_PIPELINEPASSES_TD
#define LLMC_COMPILER_PIPELINE_PIPELINEPASSES_TD

include "mlir/Pass/PassBase.td"

def LlmVerifyPhase : Pass<"llm-verify-phase", "::mlir::ModuleOp"> {
  let summary = "Checks that a module has what the end of a phase promises";
  let description = [{
    Only operations of the dialects that the phase table lists for the phase may be left.
  }];
  let options = [Option<"phase", "phase", "std::string", "\"import\"", "name of the phase">];
}

#endif
