#include "frontends/gguf/import/DecoderGraph.h"

using namespace mlir;

namespace llmc {

absl::StatusOr<DecoderGraph> DecoderGraph::create(ModelBuilder &m, const Architecture &architecture,
                                                  int64_t context, bool trainsWeights) {
  absl::StatusOr<ModelParameters> parameters = readModelParameters(m, architecture, context);
  if (!parameters.ok())
    return parameters.status();
  DecoderGraph graph(m, architecture, *parameters);
  const ModelParameters &p = graph.p;
  (*m.module)->setAttr(kVocabularyAttrName, m.b.getI64IntegerAttr(p.vocabulary));
  (*m.module)->setAttr(kContextLengthAttrName, m.b.getI64IntegerAttr(p.contextLength));
  m.trainWeights(trainsWeights);
  auto embedding = m.weight("token_embd.weight", p.vocabulary, p.width);
  auto norm = m.weight("output_norm.weight", p.width, 0);
  absl::StatusOr<ModelBuilder::Tensor> normBias = ModelBuilder::Tensor();
  if (p.layerNorm)
    normBias = m.weight("output_norm.bias", p.width, 0);
  auto output = m.weight("output.weight", p.vocabulary, p.width, /*required=*/false);
  // Not trained in any case.
  m.trainWeights(false);
  auto factors = m.weight(p.ropeFactors, p.ropes[0].dims / 2, 0, /*required=*/false);
  m.trainWeights(trainsWeights);
  for (const absl::Status &status :
       {embedding.status(), norm.status(), normBias.status(), output.status(), factors.status()})
    if (!status.ok())
      return status;
  graph.embedding = *embedding;
  graph.norm = *norm;
  graph.normBias = *normBias;
  graph.factors = *factors;
  graph.output = *output ? *output : *embedding; // tied to the embedding
  return graph;
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
        b, m.rows(rope.dims), start, factors ? m.use(factors) : Value(), b.getF32FloatAttr(rope.base),
        llm::RopeScalingAttr::get(b.getContext(), static_cast<llm::RopeScaling>(rope.scaling)),
        b.getF32FloatAttr(rope.factor), b.getF32FloatAttr(rope.attentionFactor),
        b.getF32FloatAttr(rope.betaFast), b.getF32FloatAttr(rope.betaSlow),
        b.getF32FloatAttr(rope.extrapolation), b.getI64IntegerAttr(rope.originalContext),
        b.getI64IntegerAttr(sequence)));
  return tables;
}

Value DecoderGraph::scaleEmbedding(Value rows) {
  if (p.embeddingScale == 1)
    return rows;
  return llm::ScaleOp::create(m.b, rows.getType(), rows, m.b.getF32FloatAttr(p.embeddingScale));
}

Value DecoderGraph::outputNorm(Value hidden) {
  if (normBias)
    return llm::LayerNormOp::create(m.b, m.rows(p.width), hidden, m.use(norm), m.use(normBias),
                                    m.b.getF32FloatAttr(p.normEps));
  return llm::RmsNormOp::create(m.b, m.rows(p.width), hidden, m.use(norm),
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
  // Old files carry frequencies that rope.freq_base says already; of factors for short contexts and
  // for long ones the program takes one.
  return m.checkAllUsed(
      {"attn_rot_embd", "rope.freqs", "rope_factors_short.weight", "rope_factors_long.weight"});
}

} // namespace llmc
