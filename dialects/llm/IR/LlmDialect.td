#ifndef LLMC_DIALECTS_LLM_IR_LLMDIALECT_TD
#define LLMC_DIALECTS_LLM_IR_LLMDIALECT_TD

include "mlir/IR/DialectBase.td"
include "mlir/IR/OpBase.td"

def Llm_Dialect : Dialect {
  let name = "llm";
  let cppNamespace = "::llmc::llm";
  let summary = "Language models as tensor programs over GGUF weights";
  let description = [{
    Operations of transformer language models at the level at which people describe them: embedding,
    norms, linear layers, rotary positions, attention over a KV cache. Values are tensors of f32 with
    one row per token, `tensor<?x2048xf32>`; the row count is only known when the program runs.

    Weights are symbols (`llm.weight`), bound by name to memory-mapped bytes when the program runs; no
    weight is ever in the IR. A block format is the element type of a weight
    (`tensor<4096x4096x!llm.block<q4_K>>`), the way its blocks are arranged in memory is the tensor's
    encoding (`#llm.packed`). What outlives a step, such as the KV cache, is a named state
    (`llm.state`).

    The operations stay whole until `fuse` has seen them; the `kernel` dialect is the level below.
  }];
  let dependentDialects = ["::mlir::tensor::TensorDialect"];
  let useDefaultTypePrinterParser = 1;
  let useDefaultAttributePrinterParser = 1;
}

class Llm_Op<string mnemonic, list<Trait> traits = []> : Op<Llm_Dialect, mnemonic, traits>;

#endif
