#include "tools/llmc/BenchCompare.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "runtime/core/MappedFile.h"
#include <cmath>
#include <nlohmann/json.hpp>

namespace llmc::cli {
namespace {

using nlohmann::json;

// How llama.cpp calls a file type in "model_type"; the others it calls as llama-quantize does.
struct TypeName {
  const char *type, *llama;
};
constexpr TypeName kTypeNames[] = {
    {"Q2_K", "Q2_K - Medium"},
    {"Q2_K_S", "Q2_K - Small"},
    {"Q3_K_S", "Q3_K - Small"},
    {"Q3_K_M", "Q3_K - Medium"},
    {"Q3_K_L", "Q3_K - Large"},
    {"Q4_K_S", "Q4_K - Small"},
    {"Q4_K_M", "Q4_K - Medium"},
    {"Q5_K_S", "Q5_K - Small"},
    {"Q5_K_M", "Q5_K - Medium"},
    {"IQ4_NL", "IQ4_NL - 4.5 bpw"},
    {"IQ4_XS", "IQ4_XS - 4.25 bpw"},
    {"MXFP4_MOE", "MXFP4 MoE"},
    {"F32", "all F32"},
};

bool isType(absl::string_view found, absl::string_view type) {
  if (absl::EqualsIgnoreCase(found, type))
    return true;
  found = absl::StripSuffix(found, " (guessed)");
  absl::string_view wanted = type;
  for (const TypeName &name : kTypeNames)
    if (type == name.type)
      wanted = name.llama;
  // "llama 1B Q4_0"
  return absl::EndsWith(found, absl::StrCat(" ", wanted)) || found == wanted;
}

std::vector<json> documentsOf(const std::string &text) {
  json whole = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (whole.is_array())
    return whole.get<std::vector<json>>();
  // One entry to a line.
  std::vector<json> entries;
  for (absl::string_view line : absl::StrSplit(text, '\n', absl::SkipWhitespace()))
    entries.push_back(json::parse(line.begin(), line.end(), nullptr, false));
  return entries;
}

int64_t countOr0(const json &entry, const char *key) {
  auto found = entry.find(key);
  return found != entry.end() && found->is_number_integer() ? found->get<int64_t>() : 0;
}

std::string textOf(const json &entry, const char *key) {
  auto found = entry.find(key);
  return found != entry.end() && found->is_string() ? found->get<std::string>() : "";
}

std::optional<double> rateOf(const json &entry, const char *key) {
  auto found = entry.find(key);
  if (found == entry.end() || !found->is_number())
    return {};
  const double rate = found->get<double>();
  return std::isfinite(rate) && rate > 0 ? std::optional(rate) : std::nullopt;
}

absl::StatusOr<std::string> readText(const std::string &path) {
  absl::StatusOr<MappedFile> file = MappedFile::open(path);
  if (!file.ok())
    return file.status();
  return std::string(reinterpret_cast<const char *>(file->bytes().data()), file->bytes().size());
}

} // namespace

absl::StatusOr<BenchComparison> BenchComparison::load(const std::string &path) {
  absl::StatusOr<std::string> text = readText(path);
  if (!text.ok())
    return text.status();
  BenchComparison comparison;
  size_t number = 0;
  for (const json &entry : documentsOf(*text)) {
    ++number;
    if (!entry.is_object())
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": entry ", number,
                       " is no JSON object; give a file that 'llama-bench -o json' wrote"));
    const bool theirs = entry.contains("avg_ts");
    std::optional<double> rate = rateOf(entry, theirs ? "avg_ts" : "tokens_per_second");
    if (!rate)
      return absl::InvalidArgumentError(absl::StrCat(
          path, ": entry ", number,
          " has no speed in \"avg_ts\"; give a file that 'llama-bench -o json' wrote"));
    comparison.label_ = theirs ? "llama.cpp" : "before";
    if (!theirs) {
      comparison.entries_.push_back(
          {textOf(entry, "type"), textOf(entry, "test"), countOr0(entry, "threads"), *rate});
      continue;
    }
    const int64_t prompt = countOr0(entry, "n_prompt"), generated = countOr0(entry, "n_gen");
    // Prompt and generation in one measure have no counterpart here.
    if ((prompt > 0) == (generated > 0))
      continue;
    const BenchTest test{prompt > 0 ? BenchKind::Prompt : BenchKind::Generation,
                         prompt > 0 ? prompt : generated, countOr0(entry, "n_depth")};
    comparison.entries_.push_back(
        {textOf(entry, "model_type"), test.name(), countOr0(entry, "n_threads"), *rate});
  }
  if (number == 0)
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": is empty; give a file that 'llama-bench -o json' wrote"));
  return comparison;
}

std::optional<double> BenchComparison::tokensPerSecond(const BenchModel &model,
                                                       const BenchRow &row) const {
  for (const Entry &entry : entries_)
    if (entry.test == row.test.name() && entry.threads == row.threads &&
        isType(entry.type, model.type))
      return entry.tokensPerSecond;
  return {};
}

} // namespace llmc::cli
