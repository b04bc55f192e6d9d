// Faults for CheckDocs.test to find.
include "mlir/IR/OpBase.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/Pass/PassBase.td"

def Bare_Dialect : Dialect {
  let name = "bare";
  let cppNamespace = "::llmc::bare";
}
def Bare_Op : Op<Bare_Dialect, "op">;
def Bare_OtherOp : Op<Bare_Dialect, "other"> {
  let summary = "Has the example of another";
  let description = [{
    ```mlir
    bare.op
    ```
  }];
}
def Bare_Type : TypeDef<Bare_Dialect, "Some"> {
  let mnemonic = "some";
  let summary = "Has no description";
}
def BareWords : Pass<"llm-other-words">;
