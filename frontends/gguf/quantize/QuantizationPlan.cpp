#include "frontends/gguf/quantize/QuantizationPlan.h"

#include "absl/strings/str_cat.h"
#include "frontends/gguf/file/GgufText.h"
#include "frontends/gguf/file/TensorTypes.h"
#include "frontends/gguf/quantize/Mixtures.h"
#include <algorithm>
#include <memory>
#include <optional>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

namespace llmc::quantize {
namespace {

class Pattern {
public:
  static absl::StatusOr<Pattern> compile(const std::string &text) {
    int code;
    PCRE2_SIZE at;
    Pattern pattern;
    pattern.code_.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(),
                                      PCRE2_CASELESS, &code, &at, nullptr));
    if (!pattern.code_) {
      char message[128] = "";
      pcre2_get_error_message(code, reinterpret_cast<PCRE2_UCHAR *>(message), sizeof message);
      return absl::InvalidArgumentError(absl::StrCat("tensor pattern ", gguf::inQuotes(text),
                                                     " is not a regular expression: ", message,
                                                     " at character ", at));
    }
    pattern.match_.reset(pcre2_match_data_create(1, nullptr));
    return pattern;
  }

  bool findsIn(absl::string_view name) const {
    return pcre2_match(code_.get(), reinterpret_cast<PCRE2_SPTR>(name.data()), name.size(), 0, 0,
                       match_.get(), nullptr) >= 0;
  }

private:
  struct FreeCode {
    void operator()(pcre2_code *code) const { pcre2_code_free(code); }
  };
  struct FreeMatch {
    void operator()(pcre2_match_data *data) const { pcre2_match_data_free(data); }
  };
  std::unique_ptr<pcre2_code, FreeCode> code_;
  std::unique_ptr<pcre2_match_data, FreeMatch> match_;
};

class Planner {
public:
  Planner(const gguf::GgufFile &file, const QuantizationOptions &options,
          const ImportanceMatrix *importance)
      : file_(file), options_(options), importance_(importance),
        facts_(factsOf(file, importance != nullptr)),
        mixture_(*options.fileType, facts_, options.outputFormat) {}

  absl::StatusOr<QuantizationPlan> plan() {
    for (const TensorTypeRule &rule : options_.rules) {
      absl::StatusOr<Pattern> pattern = Pattern::compile(rule.pattern);
      if (!pattern.ok())
        return pattern.status();
      patterns_.push_back(*std::move(pattern));
    }
    QuantizationPlan plan;
    plan.options = options_;
    if (absl::Status status = prune(plan); !status.ok())
      return status;
    for (const gguf::TensorInfo &tensor : file_.tensors())
      if (std::optional<std::string> name = newName(tensor.name))
        plan.tensors.push_back({&tensor, *name, nullptr, tensor.bytes, false, {}, nullptr});
    // Parts are in the order of their tensors already.
    if (!options_.keepSplit)
      std::sort(plan.tensors.begin(), plan.tensors.end(),
                [](const auto &a, const auto &b) { return comesBefore(a.name, b.name); });
    for (PlannedTensor &planned : plan.tensors) {
      if (absl::Status status = planTensor(planned, plan); !status.ok())
        return status;
      plan.weights += planned.tensor->elements();
      plan.sourceBytes += planned.tensor->bytes;
      plan.bytes += planned.bytes;
      plan.fallbacks += planned.fallback;
    }
    return plan;
  }

private:
  // Takes the blocks to prune out of what is known of the model.
  absl::Status prune(QuantizationPlan &plan) {
    std::vector<uint32_t> &pruned = plan.options.prunedBlocks;
    std::sort(pruned.begin(), pruned.end());
    pruned.erase(std::unique(pruned.begin(), pruned.end()), pruned.end());
    pruned_ = pruned;
    if (pruned.empty())
      return absl::OkStatus();
    if (pruned.back() >= facts_.blocks || pruned.size() == facts_.blocks)
      return absl::InvalidArgumentError(
          absl::StrCat(file_.path(), ": the model has blocks 0 to ", int64_t(facts_.blocks) - 1,
                       "; block ", pruned.back(), " cannot be left out",
                       pruned.back() < facts_.blocks ? ", because none would remain" : ""));
    plan.blocks = facts_.blocks;
    facts_.blocks -= pruned.size();
    for (const gguf::TensorInfo &tensor : file_.tensors())
      if (!newName(tensor.name) && roleOf(tensor.name) == TensorRole::AttentionValue)
        --facts_.valueTensors;
    return absl::OkStatus();
  }

  // Nothing for a tensor of a block that is left out.
  std::optional<std::string> newName(const std::string &name) const {
    const int64_t block = blockOf(name);
    if (pruned_.empty() || block < 0)
      return name;
    auto at = std::lower_bound(pruned_.begin(), pruned_.end(), block);
    if (at != pruned_.end() && *at == block)
      return std::nullopt;
    // blk.N.rest
    return absl::StrCat("blk.", block - (at - pruned_.begin()), name.substr(name.find('.', 4)));
  }

  absl::Status planTensor(PlannedTensor &planned, QuantizationPlan &plan) {
    const gguf::TensorInfo &tensor = *planned.tensor;
    if (options_.fileType->copies() || !isQuantizable(tensor) ||
        (options_.leaveOutput && tensor.name == "output.weight"))
      return absl::OkStatus();
    const BlockFormat &wanted = formatFor(tensor, planned.name);
    const BlockFormat &format = fittingFormat(wanted, tensor.shape[0]);
    planned.fallback = &format != &wanted;
    if (&format == tensor.format)
      return absl::OkStatus();
    // Formats of one weight per block are the floats.
    if (tensor.format->weights > 1 && !options_.allowRequantize)
      return absl::InvalidArgumentError(absl::StrCat(
          file_.path(), ": tensor ", gguf::inQuotes(tensor.name), " is ", tensor.format->ggufName,
          " already and would lose twice as ", format.ggufName,
          "; start from the model in 16 bits, or give --allow-requantize"));
    planned.format = &format;
    planned.bytes = tensor.elements() / format.weights * format.bytes;
    if (importance_ && format.weights > 1)
      if (absl::Status status = findImportance(planned); !status.ok())
        return status;
    if (planned.importance.empty() && plan.lacksImportance.empty() &&
        needsImportance(*options_.fileType, format, roleOf(tensor.name)))
      plan.lacksImportance = tensor.name;
    return absl::OkStatus();
  }

  absl::Status findImportance(PlannedTensor &planned) {
    const gguf::TensorInfo &tensor = *planned.tensor;
    std::span<const float> found = importance_->find(tensor.name);
    uint64_t matrices = 1;
    for (size_t i = 2; i < tensor.shape.size(); ++i)
      matrices *= tensor.shape[i];
    if (found.size() == tensor.shape[0] * matrices)
      planned.importance = found;
    // Token embeddings are looked up, not multiplied: what stands there under their name is of a
    // tied output.
    else if (!found.empty() && roleOf(tensor.name) != TensorRole::TokenEmbedding)
      return absl::InvalidArgumentError(
          absl::StrCat(importance_->path(), ": entry ", gguf::inQuotes(tensor.name), " has ",
                       found.size(), " values, but the tensor has ", tensor.shape[0] * matrices,
                       " columns; make the importance matrix with this model"));
    return absl::OkStatus();
  }

  const BlockFormat &formatFor(const gguf::TensorInfo &tensor, absl::string_view name) {
    TensorRole role = roleOf(tensor.name);
    if (options_.embeddingFormat && role == TensorRole::TokenEmbedding)
      return *options_.embeddingFormat;
    if (options_.outputFormat && role == TensorRole::Output)
      return *options_.outputFormat;
    for (size_t i = 0; i < patterns_.size(); ++i)
      if (patterns_[i].findsIn(tensor.name))
        return *options_.rules[i].format;
    const BlockFormat &base = *options_.fileType->format();
    return options_.pure || base.weights == 1 ? base : mixture_.choose(tensor, name);
  }

  const gguf::GgufFile &file_;
  const QuantizationOptions &options_;
  const ImportanceMatrix *importance_;
  ModelFacts facts_;
  std::vector<uint32_t> pruned_; // ascending
  Mixture mixture_;
  std::vector<Pattern> patterns_;
};

} // namespace

absl::StatusOr<QuantizationPlan> planQuantization(const gguf::GgufFile &file,
                                                  const QuantizationOptions &options,
                                                  const ImportanceMatrix *importance) {
  return Planner(file, options, importance).plan();
}

} // namespace llmc::quantize
