#include "frontends/gguf/import/DecoderGraph.h"

using namespace mlir;

namespace llmc {

absl::StatusOr<DecoderGraph> DecoderGraph::create(ModelBuilder &m,
                                                  const Architecture &architecture) {
  absl::StatusOr<ModelParameters> parameters = readModelParameters(m, architecture);
  if (!parameters.ok())
    return parameters.status();
  DecoderGraph graph(m, architecture, *parameters);
  const ModelParameters &p = graph.p;
  (*m.module)->setAttr(kVocabularyAttrName, m.b.getI64IntegerAttr(p.vocabulary));
  (*m.module)->setAttr(kContextLengthAttrName, m.b.getI64IntegerAttr(p.contextLength));
  auto embedding = m.weight("token_embd.weight", p.vocabulary, p.width);
  auto norm = m.weight("output_norm.weight", p.width, 0);
  auto output = m.weight("output.weight", p.vocabulary, p.width, /*required=*/false);
  auto factors = m.weight("rope_freqs.weight", p.ropes[0].dims / 2, 0, /*required=*/false);
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

Value DecoderGraph::use(llm::WeightOp weight) {
  return llm::GetWeightOp::create(m.b, weight.getType(), weight.getSymName());
}

func::FuncOp DecoderGraph::beginFunction(StringRef name, ArrayRef<Type> arguments, Type result) {
  m.b.setInsertionPointToEnd(m.module->getBody());
  auto function = func::FuncOp::create(m.b, name, m.b.getFunctionType(arguments, result));
  m.b.setInsertionPointToStart(function.addEntryBlock());
  return function;
}

SmallVector<Value> DecoderGraph::ropeTables(Value start, int64_t sequence) {
  ImplicitLocOpBuilder &b = m.b;
  SmallVector<Value> tables;
  for (const RopeParameters &rope : p.ropes)
    tables.push_back(llm::RopeTableOp::create(
        b, m.rows(rope.dims), start, factors ? use(factors) : Value(), b.getF32FloatAttr(rope.base),
        llm::RopeScalingAttr::get(b.getContext(), static_cast<llm::RopeScaling>(rope.scaling)),
        b.getF32FloatAttr(rope.factor), b.getF32FloatAttr(rope.attentionFactor),
        b.getF32FloatAttr(rope.betaFast), b.getF32FloatAttr(rope.betaSlow),
        b.getF32FloatAttr(rope.extrapolation), b.getI64IntegerAttr(rope.originalContext),
        b.getI64IntegerAttr(sequence)));
  return tables;
}

Value DecoderGraph::outputNorm(Value hidden) {
  return llm::RmsNormOp::create(m.b, m.rows(p.width), hidden, use(norm),
                                m.b.getF32FloatAttr(p.normEps));
}

absl::StatusOr<Value> DecoderGraph::layers(Value hidden, ValueRange shared,
                                           const BlockBuilder::Environment &environment) {
  return m.layers(p.layers, architecture.tensors(p), p.kindOfLayer, hidden, shared,
                  [&](const ModelBuilder::BlockArguments &in) {
                    BlockBuilder block(m, p, in, environment);
                    return architecture.block(block, in.hidden);
                  });
}

absl::Status DecoderGraph::finish() {
  // Old files carry frequencies that rope.freq_base says already.
  return m.checkAllUsed({"attn_rot_embd", "rope.freqs"});
}

} // namespace llmc
