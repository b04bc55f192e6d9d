#include "frontends/gguf/import/BlockBuilder.h"

using namespace mlir;

namespace llmc {

Value BlockBuilder::weight(const std::string &name) {
  auto found = in.weights.find(name);
  return found == in.weights.end() ? Value() : found->second;
}

Value BlockBuilder::rmsNorm(const std::string &name, Value x) {
  return llm::RmsNormOp::create(b, x.getType(), x, weight(name + ".weight"),
                                b.getF32FloatAttr(p.normEps));
}

Value BlockBuilder::layerNorm(const std::string &name, Value x) {
  return llm::LayerNormOp::create(b, x.getType(), x, weight(name + ".weight"),
                                  weight(name + ".bias"), b.getF32FloatAttr(p.normEps));
}

Value BlockBuilder::linear(const std::string &name, Value x, Value residual) {
  Value matrix = weight(name + ".weight"), bias = weight(name + ".bias");
  auto type = rows(cast<RankedTensorType>(matrix.getType()).getDimSize(0));
  const ModelBuilder::Adapter &adapter = in.adapters.at(name + ".weight");
  if (adapter.magnitude) {
    // What is scaled is the product alone.
    Value y = llm::LinearOp::create(b, type, x, matrix, Value());
    y = environment.adapt(*this, adapter, sites++, x, y);
    Value norms = llm::RowNormsOp::create(b, adapter.magnitude.getType(), matrix, adapter.a,
                                          adapter.b, b.getF32FloatAttr(adapter.scale));
    y = llm::ScaleColumnsOp::create(b, type, y, adapter.magnitude, norms, bias);
    return residual ? llm::AddOp::create(b, type, residual, y) : y;
  }
  Value y = llm::LinearOp::create(b, type, x, matrix, bias);
  // Before an adapter's part, so that each product has one sum to become a part of.
  if (residual)
    y = llm::AddOp::create(b, type, residual, y);
  return adapter.a ? environment.adapt(*this, adapter, sites++, x, y) : y;
}

Value BlockBuilder::positioned(const std::string &norm, Value x) {
  if (weight(norm + ".weight"))
    x = rmsNorm(norm, x);
  return llm::RopeOp::create(b, x.getType(), x, in.shared[attentionKind().rope], p.keyLength,
                             p.ropeHalves);
}

Value BlockBuilder::attention(Value x, Value residual) {
  Value query = linear("attn_q", x), keys = linear("attn_k", x), values = linear("attn_v", x);
  query = positioned("attn_q_norm", query);
  keys = positioned("attn_k_norm", keys);
  return linear("attn_output", environment.attend(*this, query, keys, values), residual);
}

Value BlockBuilder::add(Value x, Value y) { return llm::AddOp::create(b, x.getType(), x, y); }

Value BlockBuilder::swiglu(Value gate, Value up) {
  return llm::SwigluOp::create(b, gate.getType(), gate, up);
}

Value BlockBuilder::geglu(Value gate, Value up) {
  return llm::GegluOp::create(b, gate.getType(), gate, up);
}

Value BlockBuilder::gelu(Value x) { return llm::GeluOp::create(b, x.getType(), x); }

} // namespace llmc
