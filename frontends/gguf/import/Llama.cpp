// Architecture `llama`: Llama 1 to 3, CodeLlama, Mistral, TinyLlama, OpenLLaMA, Vicuna.
#include "frontends/gguf/import/Architectures.h"
#include "frontends/gguf/import/LlamaGraph.h"

using namespace mlir;

namespace llmc {

absl::Status buildLlama(ModelBuilder &m, const ImportOptions &options) {
  absl::StatusOr<LlamaGraph> graph = LlamaGraph::create(m);
  if (!graph.ok())
    return graph.status();
  const LlamaParameters &p = graph->parameters();
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
  Value table = graph->ropeTable(start, /*sequence=*/0);
  Value hidden =
      llm::EmbedOp::create(b, m.rows(p.width), step.getArgument(0), graph->use(graph->embedding));
  auto result = graph->layers(
      hidden, {table, cache, start},
      [&](const ModelBuilder::BlockArguments &in, RankedTensorType heads, Value q, Value k,
          Value v) -> Value {
        Value cache = in.shared[1], start = in.shared[2];
        llm::CacheWriteOp::create(b, cache, in.layer, start, k, v);
        return llm::AttentionOp::create(b, heads, q, cache, in.layer, start,
                                        b.getF32FloatAttr(p.attentionScale),
                                        b.getI64IntegerAttr(p.window));
      },
      /*adapt=*/nullptr);
  if (!result.ok())
    return result.status();
  func::ReturnOp::create(b, *result);

  auto logits = graph->beginFunction("logits", m.rows(p.width), m.rows(p.vocabulary));
  Value x = graph->outputNorm(logits.getArgument(0));
  Value y = llm::LinearOp::create(b, m.rows(p.vocabulary), x, graph->use(graph->output), Value());
  func::ReturnOp::create(b, y);
  return graph->finish();
}

} // namespace llmc
