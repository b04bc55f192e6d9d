// Architecture `llama`: Llama 1 to 3, CodeLlama, Mistral, TinyLlama, OpenLLaMA, Vicuna.
#include "frontends/gguf/import/Architectures.h"
#include "frontends/gguf/import/LlamaParameters.h"

using namespace mlir;

namespace llmc {
namespace {

Value linear(ImplicitLocOpBuilder &b, RankedTensorType type, Value x, Value weight, Value bias) {
  return llm::LinearOp::create(b, type, x, weight, bias);
}

// One layer: attention and feed-forward, each with a norm before and the residual added after.
Value buildBlock(ModelBuilder &m, const LlamaParameters &p,
                 const ModelBuilder::BlockArguments &in) {
  ImplicitLocOpBuilder &b = m.b;
  auto weight = [&](const char *name) { return in.weights.at(name); };
  Value table = in.shared[0], cache = in.shared[1], start = in.shared[2];
  FloatAttr eps = b.getF32FloatAttr(p.normEps);
  auto width = m.rows(p.width), queries = m.rows(p.heads * p.keyLength);
  auto keys = m.rows(p.kvHeads * p.keyLength), values = m.rows(p.kvHeads * p.valueLength);
  auto heads = m.rows(p.heads * p.valueLength), hidden = m.rows(p.feedForward);

  Value x = llm::RmsNormOp::create(b, width, in.hidden, weight("attn_norm.weight"), eps);
  Value q = linear(b, queries, x, weight("attn_q.weight"), weight("attn_q.bias"));
  Value k = linear(b, keys, x, weight("attn_k.weight"), weight("attn_k.bias"));
  Value v = linear(b, values, x, weight("attn_v.weight"), weight("attn_v.bias"));
  q = llm::RopeOp::create(b, queries, q, table, p.keyLength);
  k = llm::RopeOp::create(b, keys, k, table, p.keyLength);
  llm::CacheWriteOp::create(b, cache, in.layer, start, k, v);
  Value a =
      llm::AttentionOp::create(b, heads, q, cache, in.layer, start,
                               b.getF32FloatAttr(p.attentionScale), b.getI64IntegerAttr(p.window));
  a = linear(b, width, a, weight("attn_output.weight"), weight("attn_output.bias"));
  Value h = llm::AddOp::create(b, width, in.hidden, a);

  x = llm::RmsNormOp::create(b, width, h, weight("ffn_norm.weight"), eps);
  Value gate = linear(b, hidden, x, weight("ffn_gate.weight"), weight("ffn_gate.bias"));
  Value up = linear(b, hidden, x, weight("ffn_up.weight"), weight("ffn_up.bias"));
  Value f = llm::MulOp::create(b, hidden, llm::SiluOp::create(b, hidden, gate), up);
  f = linear(b, width, f, weight("ffn_down.weight"), weight("ffn_down.bias"));
  return llm::AddOp::create(b, width, h, f);
}

func::FuncOp beginFunction(ModelBuilder &m, StringRef name, ArrayRef<Type> arguments, Type result) {
  m.b.setInsertionPointToEnd(m.module->getBody());
  auto function = func::FuncOp::create(m.b, name, m.b.getFunctionType(arguments, result));
  m.b.setInsertionPointToStart(function.addEntryBlock());
  return function;
}

Value use(ModelBuilder &m, llm::WeightOp weight) {
  return llm::GetWeightOp::create(m.b, weight.getType(), weight.getSymName());
}

} // namespace

absl::Status buildLlama(ModelBuilder &m, const ImportOptions &options) {
  absl::StatusOr<LlamaParameters> parameters = readLlamaParameters(m);
  if (!parameters.ok())
    return parameters.status();
  const LlamaParameters &p = *parameters;
  ImplicitLocOpBuilder &b = m.b;
  (*m.module)->setAttr(kVocabularyAttrName, b.getI64IntegerAttr(p.vocabulary));
  (*m.module)->setAttr(kContextLengthAttrName, b.getI64IntegerAttr(p.contextLength));

  auto embedding = m.weight("token_embd.weight", p.vocabulary, p.width);
  auto norm = m.weight("output_norm.weight", p.width, 0);
  auto output = m.weight("output.weight", p.vocabulary, p.width, /*required=*/false);
  auto factors = m.weight("rope_freqs.weight", p.rope.dims / 2, 0, /*required=*/false);
  for (const absl::Status &status :
       {embedding.status(), norm.status(), output.status(), factors.status()})
    if (!status.ok())
      return status;
  if (!*output) // tied to the embedding
    output = *embedding;

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
  auto step = beginFunction(m, "step", {tokens, b.getIndexType()}, m.rows(p.width));
  Value start = step.getArgument(1);
  Value cache = llm::GetStateOp::create(b, cacheType, "kv");
  Value table = llm::RopeTableOp::create(
      b, m.rows(p.rope.dims), start, *factors ? use(m, *factors) : Value(),
      b.getF32FloatAttr(p.rope.base),
      llm::RopeScalingAttr::get(b.getContext(), static_cast<llm::RopeScaling>(p.rope.scaling)),
      b.getF32FloatAttr(p.rope.factor), b.getF32FloatAttr(p.rope.attentionFactor),
      b.getF32FloatAttr(p.rope.betaFast), b.getF32FloatAttr(p.rope.betaSlow),
      b.getF32FloatAttr(p.rope.extrapolation), b.getI64IntegerAttr(p.rope.originalContext));
  Value hidden = llm::EmbedOp::create(b, m.rows(p.width), step.getArgument(0), use(m, *embedding));

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
  auto result =
      m.layers(p.layers, tensors, hidden, {table, cache, start},
               [&](const ModelBuilder::BlockArguments &in) { return buildBlock(m, p, in); });
  if (!result.ok())
    return result.status();
  func::ReturnOp::create(b, *result);

  auto logits = beginFunction(m, "logits", m.rows(p.width), m.rows(p.vocabulary));
  Value x = llm::RmsNormOp::create(b, m.rows(p.width), logits.getArgument(0), use(m, *norm),
                                   b.getF32FloatAttr(p.normEps));
  func::ReturnOp::create(b, linear(b, m.rows(p.vocabulary), x, use(m, *output), Value()));
  // Old files carry frequencies that rope.freq_base says already.
  return m.checkAllUsed({"attn_rot_embd", "rope.freqs"});
}

} // namespace llmc
