#include "frontends/gguf/quantize/Mixtures.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include <algorithm>
#include <iterator>

namespace llmc::quantize {
namespace {

struct RoleName {
  absl::string_view part; // of the tensor's name
  TensorRole role;
};
// The first that the name contains.
constexpr RoleName kRoleNames[] = {
    {"attn_qkv.weight", TensorRole::AttentionValue},
    {"attn_kv_b.weight", TensorRole::AttentionValue},
    {"attn_v.weight", TensorRole::AttentionValue},
    {"attn_k.weight", TensorRole::AttentionKey},
    {"attn_q.weight", TensorRole::AttentionQuery},
    {"attn_output.weight", TensorRole::AttentionOutput},
    {"ffn_up", TensorRole::FfnUp},
    {"ffn_gate", TensorRole::FfnGate},
    {"ffn_down", TensorRole::FfnDown},
};

// Parts of the names of matrices that keep their type.
constexpr absl::string_view kKept[] = {"_norm.weight",
                                       "ffn_gate_inp.weight",
                                       "ffn_gate_tid2eid.weight",
                                       "altup",
                                       "laurel",
                                       "per_layer_model_proj",
                                       "ssm_conv1d",
                                       "shortconv.conv.weight",
                                       "indexer.k_proj.weight",
                                       "indexer.q_proj.weight",
                                       "time_mix_first.weight",
                                       "time_mix_w0.weight",
                                       "time_mix_w1.weight",
                                       "time_mix_w2.weight",
                                       "time_mix_v0.weight",
                                       "time_mix_v1.weight",
                                       "time_mix_v2.weight",
                                       "time_mix_a0.weight",
                                       "time_mix_a1.weight",
                                       "time_mix_a2.weight",
                                       "time_mix_g1.weight",
                                       "time_mix_g2.weight",
                                       "time_mix_decay_w1.weight",
                                       "time_mix_decay_w2.weight",
                                       "time_mix_lerp_fused.weight",
                                       "attn_rel_b.weight",
                                       ".position_embd",
                                       "sam.pos_embd",
                                       "sam.neck.",
                                       "sam.net_",
                                       ".rel_pos",
                                       ".patch_embd",
                                       ".patch_merger",
                                       "a.rvq.codebook",
                                       "mm.a.code_embd"};
constexpr absl::string_view kKeptWhole[] = {"position_embd.weight", "token_types.weight"};

// Conditions of a rule; all that are set must hold. A rule's `i` is the tensor's place: of FfnDown
// among the model's blocks, of AttentionValue among the value tensors; `n` is their number.
enum Condition : uint32_t {
  kAlways = 0,
  kFirstTwo = 1 << 0,
  kFirstFour = 1 << 1,
  kFirstSixteenth = 1 << 2, // i < n / 16
  kFirstEighth = 1 << 3,
  kMoreBits = 1 << 4,    // the first and last eighth, and every third between
  kSharedHeads = 1 << 5, // four or more query heads for each value head
  kImportance = 1 << 6,
  kNoImportance = 1 << 7,
  kEightExperts = 1 << 8,
  kFalcon = 1 << 9,
  kNotFalcon = 1 << 10,
};

struct Rule {
  FileTypeId type;
  TensorRole role;
  uint32_t conditions;
  const char *format;
};

// The first rule that applies wins; where none does, the file type's base format stands.
constexpr Rule kRules[] = {
    {FileTypeId::TQ2_0, TensorRole::TokenEmbedding, kAlways, "q4_K"},

    {FileTypeId::Q2_K, TensorRole::AttentionValue, kSharedHeads, "q4_K"},
    {FileTypeId::Q2_K, TensorRole::AttentionValue, kAlways, "q3_K"},
    {FileTypeId::Q2_K, TensorRole::AttentionOutput, kNotFalcon | kEightExperts, "q5_K"},
    {FileTypeId::Q2_K, TensorRole::AttentionOutput, kNotFalcon, "q3_K"},
    {FileTypeId::Q2_K, TensorRole::FfnDown, kAlways, "q3_K"},

    {FileTypeId::Q2_K_S, TensorRole::AttentionValue, kSharedHeads, "q4_K"},
    {FileTypeId::Q2_K_S, TensorRole::FfnDown, kFirstEighth, "q4_K"},

    {FileTypeId::Q3_K_S, TensorRole::AttentionOutput, kNotFalcon | kEightExperts, "q5_K"},

    {FileTypeId::Q3_K_M, TensorRole::AttentionValue, kFirstTwo, "q5_K"},
    {FileTypeId::Q3_K_M, TensorRole::AttentionValue, kAlways, "q4_K"},
    {FileTypeId::Q3_K_M, TensorRole::AttentionOutput, kNotFalcon | kEightExperts, "q5_K"},
    {FileTypeId::Q3_K_M, TensorRole::AttentionOutput, kNotFalcon, "q4_K"},
    {FileTypeId::Q3_K_M, TensorRole::FfnDown, kFirstSixteenth, "q5_K"},
    {FileTypeId::Q3_K_M, TensorRole::FfnDown, kNotFalcon, "q4_K"},
    {FileTypeId::Q3_K_M, TensorRole::FfnDown, kFalcon | kMoreBits, "q4_K"},

    {FileTypeId::Q3_K_L, TensorRole::AttentionValue, kAlways, "q5_K"},
    {FileTypeId::Q3_K_L, TensorRole::AttentionOutput, kNotFalcon | kEightExperts, "q3_K"},
    {FileTypeId::Q3_K_L, TensorRole::AttentionOutput, kNotFalcon, "q5_K"},
    {FileTypeId::Q3_K_L, TensorRole::AttentionOutput, kFalcon, "q4_K"},
    {FileTypeId::Q3_K_L, TensorRole::FfnDown, kNotFalcon, "q5_K"},
    {FileTypeId::Q3_K_L, TensorRole::FfnDown, kFalcon, "q4_K"},

    {FileTypeId::Q4_0, TensorRole::FfnDown, kFirstEighth | kImportance, "q4_1"},
    {FileTypeId::Q5_0, TensorRole::FfnDown, kFirstEighth | kImportance, "q5_1"},

    {FileTypeId::Q4_K_S, TensorRole::AttentionValue, kFirstFour, "q5_K"},
    {FileTypeId::Q4_K_S, TensorRole::AttentionOutput, kNotFalcon | kEightExperts, "q5_K"},
    {FileTypeId::Q4_K_S, TensorRole::FfnDown, kNotFalcon | kFirstEighth, "q5_K"},

    {FileTypeId::Q4_K_M, TensorRole::AttentionValue, kMoreBits, "q6_K"},
    {FileTypeId::Q4_K_M, TensorRole::AttentionOutput, kNotFalcon | kEightExperts, "q5_K"},
    {FileTypeId::Q4_K_M, TensorRole::FfnDown, kNotFalcon | kMoreBits, "q6_K"},
    {FileTypeId::Q4_K_M, TensorRole::FfnDown, kFalcon | kFirstSixteenth, "q6_K"},
    {FileTypeId::Q4_K_M, TensorRole::FfnDown, kFalcon | kMoreBits, "q5_K"},

    {FileTypeId::Q5_K_M, TensorRole::AttentionValue, kMoreBits, "q6_K"},
    {FileTypeId::Q5_K_M, TensorRole::FfnDown, kMoreBits, "q6_K"},

    {FileTypeId::IQ4_NL, TensorRole::AttentionValue, kSharedHeads, "q5_K"},
    {FileTypeId::IQ4_NL, TensorRole::AttentionOutput, kNotFalcon | kEightExperts, "q5_K"},
    {FileTypeId::IQ4_NL, TensorRole::FfnDown, kFirstEighth | kNoImportance, "q5_K"},

    {FileTypeId::IQ4_XS, TensorRole::AttentionValue, kSharedHeads, "q5_K"},
    {FileTypeId::IQ4_XS, TensorRole::AttentionOutput, kNotFalcon | kEightExperts, "q5_K"},
    {FileTypeId::IQ4_XS, TensorRole::FfnDown, kFirstEighth | kNoImportance, "q5_K"},
};

// What stands in for a format with 256 weights per block.
struct Fallback {
  const char *format, *instead;
};
constexpr Fallback kFallbacks[] = {{"q2_K", "q4_0"}, {"q3_K", "q4_0"}, {"q4_K", "q5_0"},
                                   {"q5_K", "q5_1"}, {"q6_K", "q8_0"}, {"iq4_xs", "iq4_nl"},
                                   {"tq2_0", "q4_0"}};

bool hasMoreBits(int64_t i, int64_t n) {
  return i < n / 8 || i >= 7 * n / 8 || (i - n / 8) % 3 == 2;
}

bool holds(uint32_t conditions, int64_t i, int64_t n, const ModelFacts &facts) {
  const bool falcon = facts.architecture == "falcon";
  const std::pair<uint32_t, bool> truths[] = {
      {kFirstTwo, i < 2},
      {kFirstFour, i < 4},
      {kFirstSixteenth, i < n / 16},
      {kFirstEighth, i < n / 8},
      {kMoreBits, hasMoreBits(i, n)},
      {kSharedHeads, facts.headsPerKey >= 4},
      {kImportance, facts.importance},
      {kNoImportance, !facts.importance},
      {kEightExperts, facts.experts == 8},
      {kFalcon, falcon},
      {kNotFalcon, !falcon},
  };
  return std::all_of(std::begin(truths), std::end(truths), [&](const auto &truth) {
    return !(conditions & truth.first) || truth.second;
  });
}

const BlockFormat &format(const char *name) { return *findBlockFormat(name); }
bool is(const BlockFormat &f, absl::string_view name) { return name == f.name; }

} // namespace

TensorRole roleOf(absl::string_view name) {
  if (name == "output.weight")
    return TensorRole::Output;
  if (name == "token_embd.weight" || name == "per_layer_token_embd.weight")
    return TensorRole::TokenEmbedding;
  for (const RoleName &row : kRoleNames)
    if (absl::StrContains(name, row.part))
      return row.role;
  return TensorRole::Other;
}

int64_t blockOf(absl::string_view name) {
  if (!absl::StartsWith(name, "blk."))
    return -1;
  int64_t number = 0;
  size_t i = 4;
  for (; i < name.size() && i < 13 && name[i] >= '0' && name[i] <= '9'; ++i)
    number = 10 * number + (name[i] - '0');
  return i > 4 && i < name.size() && name[i] == '.' ? number : -1;
}

bool comesBefore(absl::string_view a, absl::string_view b) {
  int64_t blockA = blockOf(a), blockB = blockOf(b);
  return blockA != blockB ? blockA < blockB : a < b;
}

bool isQuantizable(const gguf::TensorInfo &tensor) {
  // Extents of 1 behind the last larger one do not make a vector a matrix.
  bool matrix = std::any_of(tensor.shape.begin() + 1, tensor.shape.end(),
                            [](uint64_t extent) { return extent > 1; });
  if (!matrix || !tensor.format || !absl::EndsWith(tensor.name, "weight"))
    return false;
  for (absl::string_view part : kKept)
    if (absl::StrContains(tensor.name, part))
      return false;
  return std::find(std::begin(kKeptWhole), std::end(kKeptWhole), tensor.name) ==
         std::end(kKeptWhole);
}

ModelFacts factsOf(const gguf::GgufFile &file, bool importance) {
  ModelFacts facts;
  facts.importance = importance;
  facts.architecture = file.getOr<std::string>("general.architecture", "").value_or("");
  // A number, or the first of a number for each block.
  auto number = [&](absl::string_view key, uint32_t fallback) {
    std::string full = absl::StrCat(facts.architecture, ".", key);
    if (absl::StatusOr<uint32_t> value = file.get<uint32_t>(full); value.ok())
      return *value;
    absl::StatusOr<std::vector<uint32_t>> values = file.getArray<uint32_t>(full);
    return values.ok() && !values->empty() ? values->front() : fallback;
  };
  facts.blocks = number("block_count", 0);
  facts.experts = number("expert_count", 0);
  uint32_t heads = number("attention.head_count", 0);
  uint32_t keyHeads = number("attention.head_count_kv", heads);
  facts.headsPerKey = keyHeads == 0 ? 0 : heads / keyHeads;
  const std::string &architecture = facts.architecture;
  facts.seventyB = facts.blocks == 80 && ((architecture == "llama" && heads != keyHeads) ||
                                          architecture == "qwen2" || architecture == "deci");
  for (const gguf::TensorInfo &tensor : file.tensors()) {
    TensorRole role = roleOf(tensor.name);
    facts.valueTensors += role == TensorRole::AttentionValue;
    facts.tied &= role != TensorRole::Output;
  }
  return facts;
}

Mixture::Mixture(const FileType &type, const ModelFacts &facts, const BlockFormat *outputFormat)
    : type_(type), facts_(facts), outputFormat_(outputFormat) {}

const BlockFormat *Mixture::outputFormatFor(const gguf::TensorInfo &tensor) const {
  if (outputFormat_)
    return outputFormat_;
  const BlockFormat &base = *type_.format();
  if (type_.id == FileTypeId::MXFP4_MOE || facts_.architecture == "falcon" ||
      tensor.shape[0] % base.weights != 0 || is(base, "q8_0"))
    return &format("q8_0");
  return &format("q6_K");
}

const BlockFormat &Mixture::choose(const gguf::TensorInfo &tensor, absl::string_view name) {
  const BlockFormat &base = *type_.format();
  TensorRole role = roleOf(name);
  if (role == TensorRole::Output || (role == TensorRole::TokenEmbedding && facts_.tied))
    return *outputFormatFor(tensor);
  if (type_.id == FileTypeId::MXFP4_MOE)
    return tensor.shape.size() > 2 && tensor.shape[2] > 1 ? base : format("q8_0");

  int64_t i = 0, n = 0;
  if (role == TensorRole::AttentionValue) {
    i = valuesSeen_++;
    n = facts_.valueTensors;
  } else if (role == TensorRole::FfnDown) {
    i = downsSeen_++;
    n = facts_.blocks;
    // Experts may have a tensor each, in any order.
    if (int64_t block = blockOf(name); facts_.experts > 1 && block >= 0)
      i = block;
  }
  if (facts_.experts == 8 &&
      (role == TensorRole::AttentionValue || role == TensorRole::AttentionKey))
    return format("q8_0");
  const BlockFormat *chosen = &base;
  for (const Rule &rule : kRules)
    if (rule.type == type_.id && rule.role == role && holds(rule.conditions, i, n, facts_)) {
      chosen = &format(rule.format);
      break;
    }
  // Eight heads share each value there, so more bits for it cost little.
  if (facts_.seventyB && role == TensorRole::AttentionValue &&
      (is(*chosen, "q3_K") || is(*chosen, "q4_K")))
    return format("q5_K");
  return *chosen;
}

const BlockFormat &fittingFormat(const BlockFormat &wanted, uint64_t columns) {
  if (columns % wanted.weights == 0)
    return wanted;
  for (const Fallback &row : kFallbacks)
    if (is(wanted, row.format))
      return fittingFormat(format(row.instead), columns);
  return format("f16");
}

bool needsImportance(const FileType &type, const BlockFormat &format, TensorRole role) {
  return type.id == FileTypeId::Q2_K_S && is(format, "q2_K") && role != TensorRole::Output &&
         role != TensorRole::TokenEmbedding;
}

} // namespace llmc::quantize
