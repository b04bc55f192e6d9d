#include "frontends/gguf/import/LlamaParameters.h"
#include "absl/strings/str_cat.h"
#include <cmath>

namespace llmc {
namespace {

// Reads keys of one architecture, remembering the first error.
class Reader {
public:
  Reader(const ModelBuilder &builder, absl::string_view architecture)
      : builder_(builder), prefix_(absl::StrCat(architecture, ".")) {}

  absl::Status status;

  // A count from 1 to `most`; `fallback` below 0 makes the key required.
  int64_t count(absl::string_view key, int64_t most, int64_t fallback = -1) {
    std::string full = prefix_ + std::string(key);
    const gguf::KeyValue *found = builder_.file.find(full);
    if (!found && fallback >= 0)
      return fallback;
    int64_t value = found && found->type == gguf::ValueType::Array ? sameForAllLayers(full)
                                                                   : get<int64_t>(full);
    if (status.ok() && (value < 1 || value > most))
      fail(full, absl::StrCat("is ", value, ", expected 1 to ", most));
    return status.ok() ? value : 1;
  }

  double number(absl::string_view key, double fallback) {
    std::string full = prefix_ + std::string(key);
    if (!builder_.file.contains(full))
      return fallback;
    double value = get<float>(full);
    if (status.ok() && !std::isfinite(value))
      fail(full, "is not a finite number");
    return value;
  }

  std::string text(absl::string_view key) {
    std::string full = prefix_ + std::string(key);
    return builder_.file.contains(full) ? get<std::string>(full) : "";
  }

  bool has(absl::string_view key) { return builder_.file.contains(prefix_ + std::string(key)); }

  void fail(absl::string_view key, absl::string_view what) {
    if (status.ok())
      status = builder_.error(absl::StrCat("'", key, "' ", what));
  }
  const std::string &prefix() const { return prefix_; }

private:
  template <class T>
  T get(const std::string &key) {
    absl::StatusOr<T> value = builder_.file.get<T>(key);
    if (value.ok())
      return *value;
    if (status.ok())
      status = value.status();
    return T();
  }

  int64_t sameForAllLayers(const std::string &key) {
    absl::StatusOr<std::vector<int64_t>> values = builder_.file.getArray<int64_t>(key);
    if (!values.ok()) {
      if (status.ok())
        status = values.status();
      return 1;
    }
    for (int64_t value : *values)
      if (value != values->front())
        fail(key, "differs from layer to layer, which llmc does not support");
    return values->empty() ? 0 : values->front();
  }

  const ModelBuilder &builder_;
  std::string prefix_;
};

void readRopeScaling(Reader &r, LlamaParameters &p) {
  std::string type = r.text("rope.scaling.type");
  // Old files have only the linear factor.
  double legacy = r.number("rope.scale_linear", 1.0);
  double factor = r.number("rope.scaling.factor", legacy);
  if (type.empty())
    type = factor != 1.0 ? "linear" : "none";
  if (type == "none")
    p.rope.scaling = RopeScalingKind::None;
  else if (type == "linear")
    p.rope.scaling = RopeScalingKind::Linear;
  else if (type == "yarn")
    p.rope.scaling = RopeScalingKind::Yarn;
  else
    r.fail(r.prefix() + "rope.scaling.type",
           absl::StrCat("is '", type, "'; known: none, linear, yarn"));
  p.rope.factor = factor;
  if (!(factor > 0))
    r.fail(r.prefix() + "rope.scaling.factor", "must be positive");
  p.rope.attentionFactor = r.number("rope.scaling.attn_factor", 1.0);
  p.rope.betaFast = r.number("rope.scaling.yarn_beta_fast", 32.0);
  p.rope.betaSlow = r.number("rope.scaling.yarn_beta_slow", 1.0);
  p.rope.extrapolation = r.number("rope.scaling.yarn_ext_factor", 1.0);
  p.rope.originalContext =
      r.count("rope.scaling.original_context_length", int64_t(1) << 31, p.contextLength);
}

} // namespace

absl::StatusOr<LlamaParameters> readLlamaParameters(const ModelBuilder &builder) {
  constexpr int64_t kMost = 1 << 24; // of anything that is a width
  Reader r(builder, "llama");
  LlamaParameters p = {};
  p.width = r.count("embedding_length", kMost);
  p.layers = r.count("block_count", 4096);
  p.heads = r.count("attention.head_count", 65536);
  p.kvHeads = r.count("attention.head_count_kv", 65536, p.heads);
  p.feedForward = r.count("feed_forward_length", kMost);
  p.contextLength = r.count("context_length", int64_t(1) << 31);
  p.window = r.has("attention.sliding_window")
                 ? r.count("attention.sliding_window", int64_t(1) << 31, 0)
                 : 0;
  p.normEps = r.number("attention.layer_norm_rms_epsilon", 1e-5);
  if (r.has("expert_count") && r.count("expert_count", 65536, 0) > 0)
    r.fail("llama.expert_count", "asks for a mixture of experts, which llmc does not support");
  if (!r.has("attention.key_length") && p.width % p.heads != 0)
    r.fail("llama.attention.head_count",
           absl::StrCat("is ", p.heads, ", which does not divide embedding_length ", p.width));
  p.keyLength = r.count("attention.key_length", 65536, p.width / p.heads);
  p.valueLength = r.count("attention.value_length", 65536, p.width / p.heads);
  if (p.heads % p.kvHeads != 0)
    r.fail("llama.attention.head_count_kv",
           absl::StrCat("is ", p.kvHeads, ", which does not divide head_count ", p.heads));
  if (!(p.normEps >= 0))
    r.fail("llama.attention.layer_norm_rms_epsilon", "must not be negative");
  p.attentionScale = r.number("attention.scale", 1.0 / std::sqrt(double(p.keyLength)));

  p.rope.dims = r.count("rope.dimension_count", 65536, p.keyLength);
  if (p.rope.dims % 2 != 0 || p.rope.dims > p.keyLength)
    r.fail("llama.rope.dimension_count",
           absl::StrCat("is ", p.rope.dims, ", expected an even number up to ", p.keyLength));
  p.rope.base = r.number("rope.freq_base", 10000.0);
  if (!(p.rope.base > 0))
    r.fail("llama.rope.freq_base", "must be positive");
  readRopeScaling(r, p);
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
