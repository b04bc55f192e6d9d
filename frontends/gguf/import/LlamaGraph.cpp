#include "frontends/gguf/import/LlamaGraph.h"

using namespace mlir;

namespace llmc {

absl::StatusOr<LlamaGraph> LlamaGraph::create(ModelBuilder &m) {
  absl::StatusOr<LlamaParameters> parameters = readLlamaParameters(m);
  if (!parameters.ok())
    return parameters.status();
  LlamaGraph graph(m, *parameters);
  const LlamaParameters &p = graph.p;
  (*m.module)->setAttr(kVocabularyAttrName, m.b.getI64IntegerAttr(p.vocabulary));
  (*m.module)->setAttr(kContextLengthAttrName, m.b.getI64IntegerAttr(p.contextLength));
  auto embedding = m.weight("token_embd.weight", p.vocabulary, p.width);
  auto norm = m.weight("output_norm.weight", p.width, 0);
  auto output = m.weight("output.weight", p.vocabulary, p.width, /*required=*/false);
  auto factors = m.weight("rope_freqs.weight", p.rope.dims / 2, 0, /*required=*/false);
  for (const absl::Status &status :
       {embedding.status(), norm.status(), output.status(), factors.status()})
    if (!status.ok())
      return status;
  graph.embedding = *embedding;
  graph.norm = *norm;
  graph.factors = *factors;
  graph.output = *output ? *output : *embedding; // tied to the embedding
  return graph;
}

Value LlamaGraph::use(llm::WeightOp weight) {
  return llm::GetWeightOp::create(m.b, weight.getType(), weight.getSymName());
}

func::FuncOp LlamaGraph::beginFunction(StringRef name, ArrayRef<Type> arguments, Type result) {
  m.b.setInsertionPointToEnd(m.module->getBody());
  auto function = func::FuncOp::create(m.b, name, m.b.getFunctionType(arguments, result));
  m.b.setInsertionPointToStart(function.addEntryBlock());
  return function;
}

Value LlamaGraph::ropeTable(Value start, int64_t sequence) {
  ImplicitLocOpBuilder &b = m.b;
  return llm::RopeTableOp::create(
      b, m.rows(p.rope.dims), start, factors ? use(factors) : Value(),
      b.getF32FloatAttr(p.rope.base),
      llm::RopeScalingAttr::get(b.getContext(), static_cast<llm::RopeScaling>(p.rope.scaling)),
      b.getF32FloatAttr(p.rope.factor), b.getF32FloatAttr(p.rope.attentionFactor),
      b.getF32FloatAttr(p.rope.betaFast), b.getF32FloatAttr(p.rope.betaSlow),
      b.getF32FloatAttr(p.rope.extrapolation), b.getI64IntegerAttr(p.rope.originalContext),
      b.getI64IntegerAttr(sequence));
}

Value LlamaGraph::outputNorm(Value hidden) {
  return llm::RmsNormOp::create(m.b, m.rows(p.width), hidden, use(norm),
                                m.b.getF32FloatAttr(p.normEps));
}

// One layer: attention and feed-forward, each with a norm before and the residual added after.
Value LlamaGraph::block(const ModelBuilder::BlockArguments &in, const Attend &attend,
                        const Adapt &adapt) {
  ImplicitLocOpBuilder &b = m.b;
  auto weight = [&](const std::string &name) { return in.weights.at(name); };
  int64_t site = 0;
  auto linear = [&](const std::string &name, RankedTensorType type, Value x,
                    Value residual = Value()) -> Value {
    Value y = llm::LinearOp::create(b, type, x, weight(name + ".weight"), weight(name + ".bias"));
    // Before an adapter's part, so that each product has one sum to become a part of.
    if (residual)
      y = llm::AddOp::create(b, type, residual, y);
    const ModelBuilder::Adapter &adapter = in.adapters.at(name + ".weight");
    return adapter.a ? adapt(in, adapter, site++, x, y) : y;
  };
  FloatAttr eps = b.getF32FloatAttr(p.normEps);
  auto width = m.rows(p.width), queries = m.rows(p.heads * p.keyLength);
  auto keys = m.rows(p.kvHeads * p.keyLength), values = m.rows(p.kvHeads * p.valueLength);
  auto heads = m.rows(p.heads * p.valueLength), hidden = m.rows(p.feedForward);
  Value table = in.shared[0];

  Value x = llm::RmsNormOp::create(b, width, in.hidden, weight("attn_norm.weight"), eps);
  Value q = linear("attn_q", queries, x);
  Value k = linear("attn_k", keys, x);
  Value v = linear("attn_v", values, x);
  q = llm::RopeOp::create(b, queries, q, table, p.keyLength);
  k = llm::RopeOp::create(b, keys, k, table, p.keyLength);
  Value h = linear("attn_output", width, attend(in, heads, q, k, v), in.hidden);

  x = llm::RmsNormOp::create(b, width, h, weight("ffn_norm.weight"), eps);
  Value gate = linear("ffn_gate", hidden, x);
  Value up = linear("ffn_up", hidden, x);
  Value f = llm::SwigluOp::create(b, hidden, gate, up);
  return linear("ffn_down", width, f, h);
}

absl::StatusOr<Value> LlamaGraph::layers(Value hidden, ValueRange shared, const Attend &attend,
                                         const Adapt &adapt) {
  const int64_t queries = p.heads * p.keyLength, keys = p.kvHeads * p.keyLength;
  const int64_t values = p.kvHeads * p.valueLength, heads = p.heads * p.valueLength;
  const LayerTensor tensors[] = {
      {"attn_norm.weight", p.width, 0, true},
      {"attn_q.weight", queries, p.width, true},
      {"attn_k.weight", keys, p.width, true},
      {"attn_v.weight", values, p.width, true},
      {"attn_output.weight", p.width, heads, true},
      {"ffn_norm.weight", p.width, 0, true},
      {"ffn_gate.weight", p.feedForward, p.width, true},
      {"ffn_up.weight", p.feedForward, p.width, true},
      {"ffn_down.weight", p.width, p.feedForward, true},
      {"attn_q.bias", queries, 0, false},
      {"attn_k.bias", keys, 0, false},
      {"attn_v.bias", values, 0, false},
      {"attn_output.bias", p.width, 0, false},
      {"ffn_gate.bias", p.feedForward, 0, false},
      {"ffn_up.bias", p.feedForward, 0, false},
      {"ffn_down.bias", p.width, 0, false},
  };
  return m.layers(p.layers, tensors, hidden, shared,
                  [&](const ModelBuilder::BlockArguments &in) { return block(in, attend, adapt); });
}

absl::Status LlamaGraph::finish() {
  // Old files carry frequencies that rope.freq_base says already.
  return m.checkAllUsed({"attn_rot_embd", "rope.freqs"});
}

} // namespace llmc
