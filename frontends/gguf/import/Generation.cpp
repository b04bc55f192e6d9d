// The program that generates: steps over a KV cache, and logits.
#include "frontends/gguf/import/DecoderGraph.h"
#include "frontends/gguf/import/Programs.h"

using namespace mlir;

namespace llmc {
namespace {

// Adds B u to `y`.
Value addProduct(ImplicitLocOpBuilder &b, Value y, Value u, Value matrix) {
  Value product = llm::LinearOp::create(b, y.getType(), u, matrix, Value());
  return llm::AddOp::create(b, y.getType(), y, product);
}

// Adds B (A x) to `y`.
Value adapt(ModelBuilder &m, const ModelBuilder::Adapter &adapter, Value x, Value y) {
  Value u = llm::LinearOp::create(m.b, m.rows(llm::getWidth(adapter.b)), x, adapter.a, Value());
  return addProduct(m.b, y, u, adapter.b);
}

} // namespace

absl::Status buildGeneration(ModelBuilder &m, const Architecture &architecture,
                             const ImportOptions &options) {
  absl::StatusOr<DecoderGraph> graph = DecoderGraph::create(m, architecture, options.context);
  if (!graph.ok())
    return graph.status();
  const ModelParameters &p = graph->parameters();
  ImplicitLocOpBuilder &b = m.b;

  for (auto [type, length, key, flag] :
       {std::tuple(options.cacheTypes.key, p.keyLength, "key", "k"),
        {options.cacheTypes.value, p.valueLength, "value", "v"}})
    if (type == "q8_0" && length % llm::kCacheBlock)
      return m.error(absl::StrCat("a ", key, " has ", length, " elements, and q8_0 takes them by ",
                                  llm::kCacheBlock, "; choose --cache-type-", flag, "=f16"));
  auto cacheElement = [&](absl::string_view type) {
    return llm::getWeightElementType(b.getContext(), *findBlockFormat(type));
  };
  auto cacheType = llm::KvCacheType::get(b.getContext(), p.layers, p.kvHeads, p.keyLength,
                                         cacheElement(options.cacheTypes.key), p.valueLength,
                                         cacheElement(options.cacheTypes.value));
  b.setInsertionPointToEnd(m.module->getBody());
  llm::StateOp::create(b, "kv", cacheType, /*weights=*/ArrayAttr());

  auto tokens = RankedTensorType::get({ShapedType::kDynamic}, b.getI32Type());
  auto step = graph->beginFunction("step", {tokens, b.getIndexType()}, m.rows(p.width));
  Value start = step.getArgument(1);
  Value cache = llm::GetStateOp::create(b, cacheType, "kv");
  SmallVector<Value> shared = graph->ropeTables(start, /*sequence=*/0);
  shared.append({cache, start});
  Value hidden =
      llm::EmbedOp::create(b, m.rows(p.width), step.getArgument(0), m.use(graph->embedding));
  if (auto own = m.adapterOf("token_embd.weight", p.vocabulary, p.width, /*lookup=*/true); own.a)
    hidden = addProduct(
        b, hidden,
        llm::EmbedOp::create(b, m.rows(llm::getWidth(own.b)), step.getArgument(0), own.a), own.b);
  auto result = graph->layers(
      graph->scaleEmbedding(hidden), shared,
      {.attend = [](BlockBuilder &block, Value query, Value keys, Value values) -> Value {
         ImplicitLocOpBuilder &b = block.b;
         Value cache = block.shared(0), start = block.shared(1), layer = block.in.layer;
         llm::CacheWriteOp::create(b, cache, layer, start, keys, values);
         return llm::AttentionOp::create(b, block.rows(block.p.attended()), query, cache, layer,
                                         start, b.getF32FloatAttr(block.p.attentionScale),
                                         b.getI64IntegerAttr(block.attentionKind().window),
                                         b.getF32FloatAttr(block.p.attentionSoftcap));
       },
       .adapt = [&](BlockBuilder &, const ModelBuilder::Adapter &own, int64_t, Value x,
                    Value y) { return adapt(m, own, x, y); }});
  if (!result.ok())
    return result.status();
  func::ReturnOp::create(b, *result);

  auto logits = graph->beginFunction("logits", m.rows(p.width), m.rows(p.vocabulary));
  Value x = graph->outputNorm(logits.getArgument(0));
  Value y = llm::LinearOp::create(b, m.rows(p.vocabulary), x, m.use(graph->output), Value());
  // Of a tied matrix the adapter is one of the embedding.
  if (graph->output != graph->embedding)
    if (auto own = m.adapterOf("output.weight", p.vocabulary, p.width, /*lookup=*/false); own.a)
      y = adapt(m, own, x, y);
  if (p.outputSoftcap > 0)
    y = llm::SoftcapOp::create(b, y.getType(), y, b.getF32FloatAttr(p.outputSoftcap));
  func::ReturnOp::create(b, y);
  return graph->finish();
}

} // namespace llmc
