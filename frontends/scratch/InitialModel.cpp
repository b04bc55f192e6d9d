#include "frontends/scratch/InitialModel.h"
#include "absl/strings/str_cat.h"
#include "runtime/train/Random.h"
#include <algorithm>
#include <cmath>
#include <vector>

namespace llmc::scratch {
namespace {

constexpr uint32_t kF32 = 0; // a ggml type

absl::Status bad(absl::string_view key, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("scratch.", key, ": ", what));
}

// 8/3 of the width, in whole blocks of what quantization will want.
int64_t defaultFeedForward(int64_t width) {
  const int64_t block = width >= 256 ? 256 : 32;
  return (8 * width / 3 + block - 1) / block * block;
}

// A tensor of `rows` x `columns`; a norm where `rows` is 0.
struct Tensor {
  std::string name;
  int64_t rows, columns;
  bool residual = false; // its product is added to the residual stream

  uint64_t elements() const { return std::max<int64_t>(rows, 1) * columns; }
};

std::vector<Tensor> tensorsOf(const ModelShape &s, bool tied) {
  std::vector<Tensor> tensors = {{"token_embd.weight", s.vocabulary, s.width}};
  for (int64_t layer = 0; layer < s.layers; ++layer) {
    const auto add = [&](const char *name, int64_t rows, int64_t columns, bool residual = false) {
      tensors.push_back(
          {absl::StrCat("blk.", layer, ".", name, ".weight"), rows, columns, residual});
    };
    add("attn_norm", 0, s.width);
    add("attn_q", s.heads * s.headSize, s.width);
    add("attn_k", s.keyValueHeads * s.headSize, s.width);
    add("attn_v", s.keyValueHeads * s.headSize, s.width);
    add("attn_output", s.width, s.heads * s.headSize, true);
    add("ffn_norm", 0, s.width);
    add("ffn_gate", s.feedForward, s.width);
    add("ffn_up", s.feedForward, s.width);
    add("ffn_down", s.width, s.feedForward, true);
  }
  tensors.push_back({"output_norm.weight", 0, s.width});
  if (!tied)
    tensors.push_back({"output.weight", s.vocabulary, s.width});
  return tensors;
}

absl::Status writeWeights(gguf::GgufWriter &writer, const Tensor &tensor, double deviation,
                          uint64_t seed) {
  constexpr uint64_t kPiece = 1 << 16;
  Random random(seed, tensor.name);
  std::vector<float> values;
  return writer.writeTensor(tensor.name, [&](gguf::GgufWriter::Append append) -> absl::Status {
    for (uint64_t done = 0; done < tensor.elements(); done += values.size()) {
      values.assign(std::min(kPiece, tensor.elements() - done), 1.0f);
      if (tensor.rows > 0)
        for (float &value : values)
          value = static_cast<float>(random.normal() * deviation);
      if (absl::Status status =
              append({reinterpret_cast<const uint8_t *>(values.data()), 4 * values.size()});
          !status.ok())
        return status;
    }
    return absl::OkStatus();
  });
}

absl::Status setParameters(gguf::GgufWriter &writer, const lora::TrainConfig &config,
                           const ModelShape &s) {
  const std::pair<const char *, int64_t> counts[] = {
      {"vocab_size", s.vocabulary},           {"context_length", s.context},
      {"embedding_length", s.width},          {"block_count", s.layers},
      {"feed_forward_length", s.feedForward}, {"rope.dimension_count", s.headSize},
      {"attention.head_count", s.heads},      {"attention.head_count_kv", s.keyValueHeads},
      {"attention.key_length", s.headSize},   {"attention.value_length", s.headSize}};
  const std::pair<const char *, double> numbers[] = {
      {"attention.layer_norm_rms_epsilon", config.newNormEps},
      {"rope.freq_base", config.ropeTheta}};
  absl::Status status = writer.set("general.architecture", config.architecture);
  status.Update(writer.set("general.name", config.modelName));
  status.Update(writer.set("general.type", "model"));
  status.Update(writer.set("general.file_type", uint32_t(kF32)));
  const std::string &a = config.architecture;
  for (auto [key, value] : counts)
    status.Update(writer.set(absl::StrCat(a, ".", key), static_cast<uint32_t>(value)));
  for (auto [key, value] : numbers)
    status.Update(writer.set(absl::StrCat(a, ".", key), static_cast<float>(value)));
  return status;
}

} // namespace

uint64_t ModelShape::parameters(bool tied) const {
  uint64_t sum = 0;
  for (const Tensor &tensor : tensorsOf(*this, tied))
    sum += tensor.elements();
  return sum;
}

absl::StatusOr<ModelShape> shapeOf(const lora::TrainConfig &config, int64_t vocabulary) {
  ModelShape s = {.vocabulary = vocabulary,
                  .width = config.hiddenSize,
                  .layers = config.hiddenLayers,
                  .heads = config.attentionHeads,
                  .keyValueHeads = config.keyValueHeads,
                  .headSize = config.headSize,
                  .feedForward = config.intermediateSize,
                  .context = config.contextLength};
  if (s.keyValueHeads == 0)
    s.keyValueHeads = s.heads;
  if (s.heads % s.keyValueHeads != 0)
    return bad("num_key_value_heads",
               absl::StrCat(s.keyValueHeads, " does not divide num_attention_heads ", s.heads,
                            "; give a divisor of it"));
  if (s.headSize == 0) {
    if (s.width % s.heads != 0)
      return bad("num_attention_heads",
                 absl::StrCat(s.heads, " does not divide hidden_size ", s.width,
                              "; give a divisor of it, or head_dim"));
    s.headSize = s.width / s.heads;
  }
  if (s.headSize % 2 != 0)
    return bad(config.headSize ? "head_dim" : "num_attention_heads",
               absl::StrCat("a head of ", s.headSize,
                            " numbers cannot be rotated in pairs; give heads of an even size"));
  if (s.feedForward == 0)
    s.feedForward = defaultFeedForward(s.width);
  if (s.context == 0)
    s.context = config.maxSeqLength;
  if (s.context < config.maxSeqLength)
    return bad("context_length", absl::StrCat(s.context, " is shorter than max_seq_length ",
                                              config.maxSeqLength, "; give at least that"));
  return s;
}

absl::Status
writeInitialModel(const lora::TrainConfig &config, const ModelShape &shape,
                  absl::string_view description,
                  absl::FunctionRef<absl::Status(gguf::GgufWriter &writer)> setTokenizer,
                  const std::string &path) {
  absl::StatusOr<std::unique_ptr<gguf::GgufWriter>> created = gguf::GgufWriter::create(path);
  if (!created.ok())
    return created.status();
  gguf::GgufWriter &writer = **created;
  absl::Status status = setParameters(writer, config, shape);
  status.Update(writer.set(kDescriptionKey, description));
  status.Update(setTokenizer(writer));
  const std::vector<Tensor> tensors = tensorsOf(shape, config.tieWordEmbeddings);
  for (const Tensor &tensor : tensors) {
    std::vector<uint64_t> extents = {static_cast<uint64_t>(tensor.columns)};
    if (tensor.rows > 0)
      extents.push_back(static_cast<uint64_t>(tensor.rows));
    if (status.ok())
      status = writer.addTensor(tensor.name, extents, kF32, 4 * tensor.elements());
  }
  const double residual =
      config.initializerRange / std::sqrt(2 * static_cast<double>(shape.layers));
  for (const Tensor &tensor : tensors)
    if (status.ok())
      status = writeWeights(writer, tensor, tensor.residual ? residual : config.initializerRange,
                            static_cast<uint64_t>(config.seed));
  return status.ok() ? writer.finish() : status;
}

} // namespace llmc::scratch
