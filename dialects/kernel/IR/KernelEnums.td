#ifndef LLMC_DIALECTS_KERNEL_IR_KERNELENUMS_TD
#define LLMC_DIALECTS_KERNEL_IR_KERNELENUMS_TD

// In a file of their own because the enum generators take everything they see, with no dialect to
// choose by.
include "mlir/IR/EnumAttr.td"

def Kernel_Dot : I32EnumAttr<"Dot", "the instructions that int8 dot products are made of", [
  I32EnumAttrCase<"Vnni512", 0, "vnni512">, I32EnumAttrCase<"Vnni256", 1, "vnni256">,
  I32EnumAttrCase<"Avx2", 2, "avx2">, I32EnumAttrCase<"Plain", 3, "plain">,
  I32EnumAttrCase<"Amx", 4, "amx">, I32EnumAttrCase<"Neon", 5, "neon">,
  I32EnumAttrCase<"DotProd", 6, "dotprod">, I32EnumAttrCase<"I8mm", 7, "i8mm">]> {
  let cppNamespace = "::llmc::kernel";
  let genSpecializedAttr = 0;
}

def Kernel_Epilogue : I32EnumAttr<"Epilogue", "what a matrix product does with its sums", [
  I32EnumAttrCase<"Store", 0, "store">, I32EnumAttrCase<"Add", 1, "add">,
  I32EnumAttrCase<"Swiglu", 2, "swiglu">, I32EnumAttrCase<"Geglu", 3, "geglu">,
  I32EnumAttrCase<"Gelu", 4, "gelu">]> {
  let cppNamespace = "::llmc::kernel";
  let genSpecializedAttr = 0;
}

def Kernel_Map : I32EnumAttr<"Map", "an elementwise function", [
  I32EnumAttrCase<"Copy", 0, "copy">, I32EnumAttrCase<"Silu", 1, "silu">,
  I32EnumAttrCase<"Add", 2, "add">, I32EnumAttrCase<"Mul", 3, "mul">,
  I32EnumAttrCase<"Swiglu", 4, "swiglu">, I32EnumAttrCase<"Geglu", 5, "geglu">,
  I32EnumAttrCase<"Gelu", 6, "gelu">, I32EnumAttrCase<"Scale", 7, "scale">,
  I32EnumAttrCase<"Softcap", 8, "softcap">]> {
  let cppNamespace = "::llmc::kernel";
  let genSpecializedAttr = 0;
}

def Kernel_FactorForm : I32EnumAttr<"FactorForm", "which operand of a tile product", [
  I32EnumAttrCase<"Rows", 0, "rows">, I32EnumAttrCase<"Pairs", 1, "pairs">]> {
  let cppNamespace = "::llmc::kernel";
  let genSpecializedAttr = 0;
}

#endif
