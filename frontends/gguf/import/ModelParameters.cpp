#include "frontends/gguf/import/ModelParameters.h"
#include "absl/strings/str_cat.h"
#include "dialects/llm/Formats/DefaultContext.h"
#include "frontends/gguf/import/Architectures.h"
#include <cmath>

namespace llmc {
namespace {

void readRopeScaling(ParameterReader &r, const ModelParameters &p, RopeParameters &rope) {
  std::string type = r.text("rope.scaling.type");
  // Old files have only the linear factor.
  double legacy = r.number("rope.scale_linear", 1.0);
  double factor = r.number("rope.scaling.factor", legacy);
  if (type.empty())
    type = factor != 1.0 ? "linear" : "none";
  if (type == "none")
    rope.scaling = RopeScalingKind::None;
  else if (type == "linear")
    rope.scaling = RopeScalingKind::Linear;
  else if (type == "yarn")
    rope.scaling = RopeScalingKind::Yarn;
  else
    r.fail("rope.scaling.type", absl::StrCat("is '", type, "'; known: none, linear, yarn"));
  rope.factor = factor;
  if (!(factor > 0))
    r.fail("rope.scaling.factor", "must be positive");
  rope.attentionFactor = r.number("rope.scaling.attn_factor", 1.0);
  rope.betaFast = r.number("rope.scaling.yarn_beta_fast", 32.0);
  rope.betaSlow = r.number("rope.scaling.yarn_beta_slow", 1.0);
  rope.extrapolation = r.number("rope.scaling.yarn_ext_factor", 1.0);
  rope.originalContext =
      r.count("rope.scaling.original_context_length", int64_t(1) << 31, p.contextLength);
}

} // namespace

void ModelParameters::alternateWindow(int64_t window, int64_t pattern) {
  attentionKinds = {{window, 0}, {0, 0}};
  for (int64_t layer = 0; layer < layers; ++layer)
    kindOfLayer.push_back(layer % pattern == pattern - 1);
}

absl::StatusOr<ModelParameters> readModelParameters(const ModelBuilder &builder,
                                                    const Architecture &architecture,
                                                    int64_t context) {
  constexpr int64_t kMost = 1 << 24; // of anything that is a width
  ParameterReader r(builder, architecture.name);
  ModelParameters p = {};
  p.width = r.count("embedding_length", kMost);
  p.layers = r.count("block_count", 4096);
  p.heads = r.count("attention.head_count", 65536);
  p.kvHeads = r.count("attention.head_count_kv", 65536, p.heads);
  p.feedForward = r.count("feed_forward_length", kMost);
  p.contextLength = r.count("context_length", int64_t(1) << 31);
  p.context = context ? context : defaultContext(p.contextLength);
  p.normEps = r.number("attention.layer_norm_rms_epsilon", 1e-5);
  if (!r.has("attention.key_length") && p.width % p.heads != 0)
    r.fail("attention.head_count",
           absl::StrCat("is ", p.heads, ", which does not divide embedding_length ", p.width));
  p.keyLength = r.count("attention.key_length", 65536, p.width / p.heads);
  p.valueLength = r.count("attention.value_length", 65536, p.width / p.heads);
  if (p.heads % p.kvHeads != 0)
    r.fail("attention.head_count_kv",
           absl::StrCat("is ", p.kvHeads, ", which does not divide head_count ", p.heads));
  p.attentionScale = r.number("attention.scale", 1.0 / std::sqrt(double(p.keyLength)));

  RopeParameters &rope = p.ropes[0];
  rope.dims = r.count("rope.dimension_count", 65536, p.keyLength);
  if (rope.dims % 2 != 0 || rope.dims > p.keyLength)
    r.fail("rope.dimension_count",
           absl::StrCat("is ", rope.dims, ", expected an even number up to ", p.keyLength));
  rope.base = r.number("rope.freq_base", 10000.0);
  if (!(rope.base > 0))
    r.fail("rope.freq_base", "must be positive");
  readRopeScaling(r, p, rope);
  if (r.status.ok())
    architecture.configure(r, p);
  if (!(p.normEps >= 0))
    r.fail("attention.layer_norm_rms_epsilon", "must not be negative");
  if (!r.status.ok())
    return r.status;

  const gguf::TensorInfo *embedding = builder.file.findTensor("token_embd.weight");
  if (!embedding || embedding->shape.size() != 2)
    return builder.error("tensor 'token_embd.weight' is missing or is no matrix");
  p.vocabulary = embedding->shape[1];
  if (const gguf::KeyValue *tokens = builder.file.find("tokenizer.ggml.tokens");
      tokens && tokens->count != uint64_t(p.vocabulary))
    return builder.error(absl::StrCat("the vocabulary has ", tokens->count,
                                      " tokens, token_embd.weight ", p.vocabulary, " rows"));
  return p;
}

} // namespace llmc
