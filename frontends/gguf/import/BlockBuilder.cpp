#include "frontends/gguf/import/BlockBuilder.h"

using namespace mlir;

namespace llmc {

Value BlockBuilder::rmsNorm(const std::string &name, Value x) {
  return llm::RmsNormOp::create(b, x.getType(), x, weight(name + ".weight"),
                                b.getF32FloatAttr(p.normEps));
}

Value BlockBuilder::linear(const std::string &name, Value x, Value residual) {
  Value matrix = weight(name + ".weight");
  auto type = rows(cast<RankedTensorType>(matrix.getType()).getDimSize(0));
  Value y = llm::LinearOp::create(b, type, x, matrix, weight(name + ".bias"));
  // Before an adapter's part, so that each product has one sum to become a part of.
  if (residual)
    y = llm::AddOp::create(b, type, residual, y);
  const ModelBuilder::Adapter &adapter = in.adapters.at(name + ".weight");
  return adapter.a ? environment.adapt(*this, adapter, sites++, x, y) : y;
}

Value BlockBuilder::rope(Value x) {
  return llm::RopeOp::create(b, x.getType(), x, in.shared[attentionKind().rope], p.keyLength);
}

Value BlockBuilder::swiglu(Value gate, Value up) {
  return llm::SwigluOp::create(b, gate.getType(), gate, up);
}

} // namespace llmc
