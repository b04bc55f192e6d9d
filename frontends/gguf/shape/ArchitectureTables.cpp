#include "frontends/gguf/shape/ArchitectureTables.h"
#include "absl/strings/string_view.h"
#include <initializer_list>

namespace llmc::gguf {
namespace {

using Shape = const ModelShape &;

// Numbers that follow from the shape.
constexpr KeyRow kHeadCount = {"attention.head_count",
                               [](Shape s) -> KeyNumber { return s.heads; }};
constexpr KeyRow kKvHeadCount = {"attention.head_count_kv",
                                 [](Shape s) -> KeyNumber { return s.kvHeads; }};
constexpr KeyRow kRopeDims = {"rope.dimension_count", [](Shape s) -> KeyNumber {
                                return s.options.ropeDims ? s.options.ropeDims : s.keyLength();
                              }};
constexpr KeyRow kRopeBase = {"rope.freq_base", [](Shape s) -> KeyNumber { return s.ropeBase; }};
constexpr KeyRow kWindow = {"attention.sliding_window",
                            [](Shape s) -> KeyNumber { return s.options.window; }};
constexpr KeyRow kKeyLength = {"attention.key_length",
                               [](Shape s) -> KeyNumber { return s.keyLength(); }};
constexpr KeyRow kValueLength = {"attention.value_length",
                                 [](Shape s) -> KeyNumber { return s.keyLength(); }};
constexpr KeyRow kExperts = {"expert_count",
                             [](Shape s) -> KeyNumber { return s.options.experts; }};
constexpr KeyRow kExpertsUsed = {"expert_used_count",
                                 [](Shape s) -> KeyNumber { return s.options.expertsUsed; }};
constexpr KeyRow kExpertFeedForward = {"expert_feed_forward_length",
                                       [](Shape s) -> KeyNumber { return s.feedForward; }};
const std::initializer_list<KeyRow> kSizes = {
    {"context_length", [](Shape s) -> KeyNumber { return s.contextLength; }},
    {"embedding_length", [](Shape s) -> KeyNumber { return s.width; }},
    {"block_count", [](Shape s) -> KeyNumber { return s.layers; }},
    {"feed_forward_length", [](Shape s) -> KeyNumber { return s.feedForward; }},
    kHeadCount};
// Numbers that all models of an architecture have.
constexpr KeyRow kEps5 = {"attention.layer_norm_rms_epsilon",
                          [](Shape) -> KeyNumber { return 1e-5f; }};
constexpr KeyRow kEps6 = {"attention.layer_norm_rms_epsilon",
                          [](Shape) -> KeyNumber { return 1e-6f; }};
constexpr KeyRow kPlainEps = {"attention.layer_norm_epsilon",
                              [](Shape) -> KeyNumber { return 1e-5f; }};
constexpr KeyRow kParallel = {"use_parallel_residual", [](Shape) -> KeyNumber { return true; }};
constexpr KeyRow kScoreCap = {"attn_logit_softcapping", [](Shape) -> KeyNumber { return 50.0f; }};
constexpr KeyRow kLogitCap = {"final_logit_softcapping", [](Shape) -> KeyNumber { return 30.0f; }};

constexpr Extent Width = Extent::Width, Head = Extent::Head, Queries = Extent::Queries,
                 Keys = Extent::Keys, Qkv = Extent::QueriesKeysValues, Ffn = Extent::FeedForward;

const std::initializer_list<TensorRow> kAttention = {{"attn_q.weight", Queries, Width},
                                                     {"attn_k.weight", Keys, Width},
                                                     {"attn_v.weight", Keys, Width},
                                                     {"attn_output.weight", Width, Queries}};
const std::initializer_list<TensorRow> kGated = {{"ffn_gate.weight", Ffn, Width},
                                                 {"ffn_up.weight", Ffn, Width},
                                                 {"ffn_down.weight", Width, Ffn}};
const std::initializer_list<TensorRow> kExpertMatrices = {
    {.name = "ffn_gate_inp.weight", .rows = Extent::Experts, .columns = Width, .alwaysF32 = true},
    {"ffn_gate_exps.weight", Ffn, Width, true},
    {"ffn_up_exps.weight", Ffn, Width, true},
    {"ffn_down_exps.weight", Width, Ffn, true}};
const std::initializer_list<TensorRow> kNorms = {{"attn_norm.weight", Width},
                                                 {"ffn_norm.weight", Width}};
const std::initializer_list<TensorRow> kHeadNorms = {{"attn_q_norm.weight", Head},
                                                     {"attn_k_norm.weight", Head}};
const std::initializer_list<TensorRow> kLaterNorms = {{"post_attention_norm.weight", Width},
                                                      {"post_ffw_norm.weight", Width}};
const std::initializer_list<TensorRow> kQkvBiases = {
    {"attn_q.bias", Queries}, {"attn_k.bias", Keys}, {"attn_v.bias", Keys}};
const std::initializer_list<TensorRow> kOutputNorm = {{"output_norm.weight", Width}};

template <class Row>
std::vector<Row> join(std::initializer_list<std::initializer_list<Row>> parts) {
  std::vector<Row> all;
  for (const std::initializer_list<Row> &part : parts)
    all.insert(all.end(), part.begin(), part.end());
  return all;
}

std::vector<KeyRow> keys(std::initializer_list<KeyRow> own) { return join<KeyRow>({kSizes, own}); }

} // namespace

const ArchitectureTable &architectureOf(const ModelShape &shape) {
  static const ArchitectureTable kTables[] = {
      {"llama", "llama", keys({kKvHeadCount, kEps5, kRopeDims, kRopeBase}),
       join({kNorms, kAttention, kGated}), kOutputNorm},
      {"mixtral", "llama",
       keys({kKvHeadCount, kEps5, kRopeDims, kRopeBase, kExperts, kExpertsUsed}),
       join({kNorms, kAttention, kExpertMatrices}), kOutputNorm},
      {"qwen2", "qwen2", keys({kKvHeadCount, kEps6, kRopeBase}),
       join({kNorms, kAttention, kQkvBiases, kGated}), kOutputNorm},
      {"qwen3", "qwen3", keys({kKvHeadCount, kEps6, kRopeBase, kKeyLength, kValueLength}),
       join({kNorms, kAttention, kHeadNorms, kGated}), kOutputNorm},
      {"qwen3moe", "qwen3moe",
       keys({kKvHeadCount, kEps6, kRopeBase, kKeyLength, kValueLength, kExperts, kExpertsUsed,
             kExpertFeedForward}),
       join({kNorms, kAttention, kHeadNorms, kExpertMatrices}), kOutputNorm},
      {"gptneox", "gptneox", keys({kPlainEps, kRopeDims, kParallel}),
       join<TensorRow>({kNorms,
                        {{"attn_norm.bias", Width},
                         {"ffn_norm.bias", Width},
                         {"attn_qkv.weight", Qkv, Width},
                         {"attn_qkv.bias", Qkv},
                         {"attn_output.weight", Width, Queries},
                         {"attn_output.bias", Width},
                         {"ffn_up.weight", Ffn, Width},
                         {"ffn_up.bias", Ffn},
                         {"ffn_down.weight", Width, Ffn},
                         {"ffn_down.bias", Width}}}),
       join<TensorRow>({kOutputNorm, {{"output_norm.bias", Width}}})},
      {"starcoder2", "starcoder2", keys({kKvHeadCount, kPlainEps, kRopeBase}),
       join<TensorRow>({kNorms,
                        kAttention,
                        kQkvBiases,
                        {{"attn_norm.bias", Width},
                         {"ffn_norm.bias", Width},
                         {"attn_output.bias", Width},
                         {"ffn_up.weight", Ffn, Width},
                         {"ffn_up.bias", Ffn},
                         {"ffn_down.weight", Width, Ffn},
                         {"ffn_down.bias", Width}}}),
       join<TensorRow>({kOutputNorm, {{"output_norm.bias", Width}}})},
      {"phi3", "phi3", keys({kKvHeadCount, kEps5, kRopeDims, kRopeBase, kWindow}),
       join<TensorRow>({kNorms,
                        {{"attn_qkv.weight", Qkv, Width},
                         {"attn_output.weight", Width, Queries},
                         {"ffn_up.weight", Extent::GateAndUp, Width},
                         {"ffn_down.weight", Width, Ffn}}}),
       kOutputNorm},
      {"gemma2", "gemma2",
       keys({kKvHeadCount, kEps6, kKeyLength, kValueLength, kWindow, kScoreCap, kLogitCap}),
       join({kNorms, kLaterNorms, kAttention, kGated}), kOutputNorm},
      {"gemma3", "gemma3",
       keys({kKvHeadCount, kEps6, kKeyLength, kValueLength, kRopeBase, kWindow}),
       join({kNorms, kLaterNorms, kAttention, kHeadNorms, kGated}), kOutputNorm},
  };
  for (const ArchitectureTable &table : kTables)
    if (absl::string_view(table.family) == shape.family)
      return table;
  return kTables[0];
}

uint64_t extentOf(Extent extent, const ModelShape &s) {
  const uint64_t head = s.keyLength(), queries = s.heads * head, keys = s.kvHeads * head;
  switch (extent) {
  case Extent::None:
    return 0;
  case Extent::Vocabulary:
    return s.vocabulary;
  case Extent::Width:
    return s.width;
  case Extent::Head:
    return head;
  case Extent::Queries:
    return queries;
  case Extent::Keys:
    return keys;
  case Extent::QueriesKeysValues:
    return queries + 2 * keys;
  case Extent::FeedForward:
    return s.feedForward;
  case Extent::GateAndUp:
    return 2 * uint64_t(s.feedForward);
  case Extent::Experts:
    return s.options.experts;
  }
  return 0;
}

} // namespace llmc::gguf
