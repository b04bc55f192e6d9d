#ifndef LLMC_DIALECTS_LLM_IR_DIFFERENTIABLE_TD
#define LLMC_DIALECTS_LLM_IR_DIFFERENTIABLE_TD

include "mlir/IR/OpBase.td"

def Llm_Differentiable : OpInterface<"Differentiable"> {
  let description = [{
    An operation whose adjoint is known: what the derivative of a scalar by its operands is, given the
    derivative by its results. `llm-mark-active` asks which operands have a rule, `llm-build-adjoints`
    builds what the rules say, and `llm-save-activations` weighs the work of computing a result again
    against the memory of keeping it.
  }];
  let cppNamespace = "::llmc::llm";
  let methods = [
    InterfaceMethod<"Whether there is a rule for the derivative by operand `index`.",
                    "bool", "isDifferentiableBy", (ins "unsigned":$index)>,
    InterfaceMethod<[{
      The operands and results whose values the rule reads; it may ask for no others. Those of the
      operands without a rule, such as weights, need not be listed.
    }], "::llvm::SmallVector<::mlir::Value>", "getValuesToSave">,
    InterfaceMethod<[{
      Builds the derivatives by the active operands. At least one result has a derivative.
    }], "void", "buildAdjoint", (ins "::llmc::llm::AdjointBuilder &":$adjoint)>,
    InterfaceMethod<[{
      Multiplications of computing the results, for each of their rows; those of attention count one
      earlier position.
    }], "int64_t", "getWorkPerRow", (ins), "",
    [{ return ::llmc::llm::getWidth($_op->getResult(0)); }]>,
  ];
}

#endif
