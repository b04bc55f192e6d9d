// The program that trains adapters, or the model itself: the loss of whole sequences.
#include "frontends/gguf/import/DecoderGraph.h"
#include "frontends/gguf/import/Programs.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include <cmath>

using namespace mlir;

namespace llmc {
namespace {

class TrainingGraph {
public:
  TrainingGraph(ModelBuilder &m, DecoderGraph &graph, const TrainingImportOptions &options)
      : m(m), b(m.b), graph(graph), p(graph.parameters()), options(options) {}

  absl::Status build() {
    auto tokens = RankedTensorType::get({ShapedType::kDynamic}, b.getI32Type());
    auto loss = graph.beginFunction("loss", {tokens, tokens, b.getIndexType()}, m.rows(1));
    loss->setAttr(llm::kDifferentiateAttrName, b.getUnitAttr());
    seed = loss.getArgument(2);
    zero = arith::ConstantIndexOp::create(b, 0);
    SmallVector<Value> shared = graph.ropeTables(zero, options.sequence);
    if (options.dropout > 0)
      shared.push_back(seed);
    absl::StatusOr<Value> hidden = graph.layers(
        graph.scaleEmbedding(addNoise(embed(loss.getArgument(0)))), shared,
        {.attend = [&](BlockBuilder &block, Value query, Value keys,
                       Value values) { return attend(block, query, keys, values); },
         .adapt = [&](BlockBuilder &block, const ModelBuilder::Adapter &adapter, int64_t site,
                      Value x, Value y) -> Value {
           x = drop(x, options.dropout > 0 ? block.shared(0) : Value(), block.in.layer, site);
           Value u = narrow(adapter, x, 1);
           return llm::MatmulOp::create(b, y.getType(), u, adapter.b, y, b.getUnitAttr(),
                                        b.getF32FloatAttr(adapter.scale));
         }});
    if (!hidden.ok())
      return hidden.status();

    Value x = graph.outputNorm(*hidden);
    SmallVector<Value> adapter;
    // Of a tied matrix the adapter is one of the embedding.
    if (graph.output != graph.embedding)
      if (auto own = m.adapterOf("output.weight", p.vocabulary, p.width, /*lookup=*/false); own.a)
        // The scale stands here, because the loss has none.
        adapter = {narrow(own, drop(x, seed, zero, kOutputSite), own.scale), own.b};
    auto losses = llm::LinearCrossEntropyOp::create(b, m.rows(1), m.rows(1), x, m.use(graph.output),
                                                    loss.getArgument(1), adapter);
    func::ReturnOp::create(b, losses.getLosses());
    return graph.finish();
  }

private:
  // Weights of layers have smaller ones.
  static constexpr int64_t kOutputSite = 1000, kEmbeddingSite = 1001;

  Value embed(Value tokens) {
    Value hidden = llm::EmbedOp::create(b, m.rows(p.width), tokens, m.use(graph.embedding));
    auto adapter = m.adapterOf("token_embd.weight", p.vocabulary, p.width, /*lookup=*/true);
    if (!adapter.a)
      return hidden;
    Value u = llm::EmbedOp::create(b, m.rows(rank(adapter)), tokens, adapter.a);
    return llm::MatmulOp::create(b, hidden.getType(), u, adapter.b, hidden, b.getUnitAttr(),
                                 b.getF32FloatAttr(adapter.scale));
  }

  // Jain et al. 2023, "NEFTune: Noisy Embeddings Improve Instruction Finetuning".
  Value addNoise(Value hidden) {
    if (options.embeddingNoise == 0)
      return hidden;
    const double amplitude = options.embeddingNoise / std::sqrt(double(options.sequence) * p.width);
    return llm::NoiseOp::create(b, hidden.getType(), hidden, seed,
                                b.getI64IntegerAttr(kEmbeddingSite),
                                b.getF32FloatAttr(static_cast<float>(amplitude)));
  }

  Value attend(BlockBuilder &block, Value query, Value keys, Value values) {
    return llm::CausalAttentionOp::create(
               b, m.rows(p.attended()), m.rows(p.heads), query, keys, values,
               b.getI64IntegerAttr(p.heads), b.getI64IntegerAttr(p.kvHeads),
               b.getI64IntegerAttr(options.sequence), b.getF32FloatAttr(p.attentionScale),
               b.getI64IntegerAttr(block.attentionKind().window))
        .getResult();
  }

  int64_t rank(const ModelBuilder::Adapter &adapter) { return llm::getWidth(adapter.b); }

  Value narrow(const ModelBuilder::Adapter &adapter, Value x, float scale) {
    return llm::MatmulOp::create(b, m.rows(rank(adapter)), x, adapter.a, Value(), b.getUnitAttr(),
                                 b.getF32FloatAttr(scale));
  }

  Value drop(Value x, Value seed, Value layer, int64_t site) {
    if (options.dropout == 0)
      return x;
    return llm::DropoutOp::create(b, x.getType(), x, seed, layer, b.getI64IntegerAttr(site),
                                  b.getF32FloatAttr(options.dropout));
  }

  ModelBuilder &m;
  ImplicitLocOpBuilder &b;
  DecoderGraph &graph;
  const ModelParameters &p;
  const TrainingImportOptions &options;
  Value seed, zero;
};

} // namespace

absl::Status buildTraining(ModelBuilder &m, const Architecture &architecture,
                           const TrainingImportOptions &options) {
  absl::StatusOr<DecoderGraph> graph =
      DecoderGraph::create(m, architecture, options.sequence, options.full);
  if (!graph.ok())
    return graph.status();
  if (graph->parameters().experts.count)
    return m.error("it is a mixture of experts, which llmc does not train; choose a dense model");
  return TrainingGraph(m, *graph, options).build();
}

} // namespace llmc
