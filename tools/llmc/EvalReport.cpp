#include "tools/llmc/EvalReport.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "frontends/tokenizer/Utf8.h"
#include "runtime/core/AtomicFile.h"
#include "runtime/eval/Statistics.h"
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

namespace llmc::cli {
namespace {

using eval::EvalSample;
using eval::RecordKind;
using Json = nlohmann::ordered_json;

// Chance that a difference in right and wrong answers is one, below which it is none.
constexpr double kSignificant = 0.05;

// What a record adds to a metric, which is sum(value) / sum(weight).
struct Part {
  double value, weight;
};

// Shares of right answers, and losses in nats per token.
enum class MetricKind { Share, Loss };

struct Metric {
  const char *key, *name;
  MetricKind kind;
  std::optional<Part> (*of)(const EvalSample &, const RecordResult &);
};

std::optional<Part> right(bool value) { return Part{value ? 1.0 : 0.0, 1}; }

std::optional<Part> lossOf(RecordKind kind, const EvalSample &sample, const RecordResult &result) {
  if (sample.kind != kind || !result.loss)
    return std::nullopt;
  return Part{*result.loss, static_cast<double>(result.tokens)};
}

constexpr Metric kMetrics[] = {
    {"exact_match", "exact match", MetricKind::Share,
     [](const EvalSample &, const RecordResult &r) {
       return r.exact ? right(*r.exact) : std::nullopt;
     }},
    {"acc", "acc", MetricKind::Share,
     [](const EvalSample &sample, const RecordResult &r) {
       return r.logLikelihoods.empty() ? std::nullopt : right(r.chosen == sample.answer);
     }},
    {"acc_norm", "acc_norm", MetricKind::Share,
     [](const EvalSample &sample, const RecordResult &r) {
       return r.logLikelihoods.empty() ? std::nullopt
                                       : right(r.chosenByCharacters == sample.answer);
     }},
    {"completion_loss", "completion loss", MetricKind::Loss,
     [](const EvalSample &sample, const RecordResult &r) {
       return lossOf(RecordKind::Completion, sample, r);
     }},
    {"text_loss", "text loss", MetricKind::Loss,
     [](const EvalSample &sample, const RecordResult &r) {
       return lossOf(RecordKind::Text, sample, r);
     }},
};

// "completion_ppl"
std::string perplexityKey(const Metric &metric) {
  const absl::string_view key = metric.key;
  return absl::StrCat(key.substr(0, key.rfind('_')), "_ppl");
}

std::string perplexityName(const Metric &metric) {
  const absl::string_view name = metric.name;
  return absl::StrCat(name.substr(0, name.rfind(' ')), " perplexity");
}

Estimate estimateOf(const Metric &metric, const EvalReport &report, const EvalVariant &variant) {
  std::vector<double> values, weights;
  for (size_t i = 0; i < variant.results.size(); ++i)
    if (const std::optional<Part> part = metric.of(report.samples[i], variant.results[i])) {
      values.push_back(part->value);
      weights.push_back(part->weight);
    }
  return ratioOf(values, weights);
}

// One variant less another, record by record.
struct Difference {
  const Metric *metric;
  Estimate change = {};
  uint64_t won = 0, lost = 0; // records that are right in one of them only
  double chance = 1;          // of a Share: signTest()

  bool measurable() const {
    return metric->kind == MetricKind::Share ? chance < kSignificant : change.measurable();
  }
  bool better() const {
    return metric->kind == MetricKind::Share ? change.value > 0 : change.value < 0;
  }
};

std::vector<Difference> differences(const EvalReport &report, const EvalVariant &variant,
                                    const EvalVariant &against) {
  std::vector<Difference> out;
  const size_t count = std::min(variant.results.size(), against.results.size());
  for (const Metric &metric : kMetrics) {
    Difference difference{.metric = &metric};
    std::vector<double> values, weights;
    for (size_t i = 0; i < count; ++i) {
      const std::optional<Part> now = metric.of(report.samples[i], variant.results[i]);
      const std::optional<Part> before = metric.of(report.samples[i], against.results[i]);
      if (!now || !before)
        continue;
      values.push_back(now->value - before->value);
      weights.push_back(now->weight);
      difference.won += now->value > before->value;
      difference.lost += now->value < before->value;
    }
    if (values.empty())
      continue;
    difference.change = ratioOf(values, weights);
    difference.chance = signTest(difference.won, difference.lost);
    out.push_back(difference);
  }
  return out;
}

struct Pair {
  const EvalVariant *variant, *against;
};

// Each with the base, and what follows the second, which is the adapter beside the weights where
// there is one, with that.
std::vector<Pair> pairsOf(const EvalReport &report) {
  std::vector<Pair> pairs;
  for (size_t i = 1; i < report.variants.size(); ++i)
    pairs.push_back({&report.variants[i], &report.variants[0]});
  for (size_t i = 2; i < report.variants.size(); ++i)
    pairs.push_back({&report.variants[i], &report.variants[1]});
  std::erase_if(pairs, [](const Pair &pair) { return pair.variant->results.empty(); });
  return pairs;
}

std::string verdict(const std::vector<Difference> &differences) {
  std::vector<std::string> better, worse;
  size_t records = 0;
  for (const Difference &difference : differences) {
    records = std::max(records, difference.change.count);
    if (difference.measurable())
      (difference.better() ? better : worse).emplace_back(difference.metric->name);
  }
  const auto list = [](const std::vector<std::string> &names) {
    return absl::StrJoin(names, ", ");
  };
  if (better.empty() && worse.empty())
    return absl::StrCat("No difference that can be measured on ", records,
                        " records; more of them would show a smaller one.");
  if (worse.empty())
    return absl::StrCat("Better by more than chance: ", list(better), ".");
  if (better.empty())
    return absl::StrCat("Worse by more than chance: ", list(worse), ".");
  return absl::StrCat("Better by more than chance: ", list(better), "; worse: ", list(worse), ".");
}

struct Row {
  std::string name;
  std::vector<std::string> cells = {};
};

std::string estimateText(const Metric &metric, const Estimate &estimate) {
  if (estimate.count == 0)
    return "";
  return metric.kind == MetricKind::Share
             ? absl::StrFormat("%.1f %% ± %.1f", 100 * estimate.value, 100 * estimate.error)
             : absl::StrFormat("%.4f ± %.4f", estimate.value, estimate.error);
}

std::vector<Row> rowsOf(const EvalReport &report) {
  std::vector<Row> rows;
  rows.push_back({.name = "records"});
  for (const EvalVariant &variant : report.variants)
    rows[0].cells.push_back(absl::StrCat(variant.results.size()));
  for (const Metric &metric : kMetrics) {
    Row row{.name = metric.name}, perplexity{.name = perplexityName(metric)};
    bool any = false;
    for (const EvalVariant &variant : report.variants) {
      const Estimate estimate = estimateOf(metric, report, variant);
      any |= estimate.count > 0;
      row.cells.push_back(estimateText(metric, estimate));
      const double value = std::exp(estimate.value);
      perplexity.cells.push_back(
          estimate.count ? absl::StrFormat("%.4f ± %.4f", value, value * estimate.error) : "");
    }
    if (any)
      rows.push_back(std::move(row));
    if (any && metric.kind == MetricKind::Loss)
      rows.push_back(std::move(perplexity));
  }
  return rows;
}

std::string table(const EvalReport &report) {
  std::vector<Row> rows = {{.name = ""}};
  for (const EvalVariant &variant : report.variants)
    rows[0].cells.push_back(variant.name);
  std::ranges::move(rowsOf(report), std::back_inserter(rows));
  std::vector<size_t> widths(report.variants.size() + 1);
  for (const Row &row : rows) {
    widths[0] = std::max(widths[0], tokenizer::characterCount(row.name));
    for (size_t i = 0; i < row.cells.size(); ++i)
      widths[i + 1] = std::max(widths[i + 1], tokenizer::characterCount(row.cells[i]));
  }
  std::string out;
  for (const Row &row : rows) {
    absl::StrAppend(&out, row.name,
                    std::string(widths[0] - tokenizer::characterCount(row.name), ' '));
    for (size_t i = 0; i < row.cells.size(); ++i)
      absl::StrAppend(&out, "   ",
                      std::string(widths[i + 1] - tokenizer::characterCount(row.cells[i]), ' '),
                      row.cells[i]);
    out += "\n";
  }
  return out;
}

std::string differenceText(const Difference &difference) {
  const Estimate &change = difference.change;
  std::string out = absl::StrFormat("  %-16s ", difference.metric->name);
  if (difference.metric->kind == MetricKind::Share)
    absl::StrAppendFormat(&out, "%+.1f points ± %.1f; %d won, %d lost, p = %.2g",
                          100 * change.value, 100 * change.error, difference.won, difference.lost,
                          difference.chance);
  else
    absl::StrAppendFormat(&out, "%+.4f ± %.4f nats per token; perplexity %+.1f %%", change.value,
                          change.error, 100 * std::expm1(change.value));
  return out + "\n";
}

Json estimateJson(const Estimate &estimate) {
  return {{"value", estimate.value}, {"stderr", estimate.error}, {"records", estimate.count}};
}

Json resultJson(const EvalSample &sample, const RecordResult &result) {
  Json json = Json::object();
  if (result.exact) {
    json["exact_match"] = *result.exact;
    json["text"] = result.text;
  }
  if (result.loss) {
    json["loss"] = *result.loss / static_cast<double>(result.tokens);
    json["tokens"] = result.tokens;
  }
  if (!result.logLikelihoods.empty()) {
    json["log_likelihoods"] = result.logLikelihoods;
    json["chosen"] = result.chosen;
    json["chosen_norm"] = result.chosenByCharacters;
  }
  return json;
}

const char *kindName(RecordKind kind) {
  return kind == RecordKind::Completion ? "completion"
         : kind == RecordKind::Choice   ? "choice"
                                        : "text";
}

} // namespace

std::string evalText(const EvalReport &report) {
  std::string out = absl::StrCat(report.data, "\n", table(report));
  for (const Pair &pair : pairsOf(report)) {
    const std::vector<Difference> all = differences(report, *pair.variant, *pair.against);
    if (all.empty())
      continue;
    absl::StrAppend(&out, "\n", pair.variant->name, " against ", pair.against->name, "\n");
    for (const Difference &difference : all)
      out += differenceText(difference);
    absl::StrAppend(&out, "  ", verdict(all), "\n");
  }
  return out;
}

Json evalJson(const EvalReport &report) {
  Json document{{"model", report.model},
                {"data", report.data},
                {"adapters", report.adapters},
                {"records", report.samples.size()},
                {"interrupted", report.interrupted},
                {"variants", Json::array()},
                {"comparisons", Json::array()}};
  for (const EvalVariant &variant : report.variants) {
    Json metrics = Json::object();
    for (const Metric &metric : kMetrics) {
      const Estimate estimate = estimateOf(metric, report, variant);
      if (estimate.count == 0)
        continue;
      metrics[metric.key] = estimateJson(estimate);
      const double perplexity = std::exp(estimate.value);
      if (metric.kind == MetricKind::Loss)
        metrics[perplexityKey(metric)] =
            estimateJson({perplexity, perplexity * estimate.error, estimate.count});
    }
    document["variants"].push_back({{"name", variant.name},
                                    {"records", variant.results.size()},
                                    {"seconds", variant.seconds},
                                    {"metrics", metrics}});
  }
  for (const Pair &pair : pairsOf(report)) {
    const std::vector<Difference> all = differences(report, *pair.variant, *pair.against);
    Json metrics = Json::object();
    for (const Difference &difference : all) {
      Json json = {{"change", difference.change.value},
                   {"stderr", difference.change.error},
                   {"records", difference.change.count}};
      if (difference.metric->kind == MetricKind::Share) {
        json["won"] = difference.won;
        json["lost"] = difference.lost;
        json["p_value"] = difference.chance;
      }
      json["measurable"] = difference.measurable();
      metrics[difference.metric->key] = json;
    }
    document["comparisons"].push_back({{"variant", pair.variant->name},
                                       {"against", pair.against->name},
                                       {"metrics", metrics},
                                       {"verdict", verdict(all)}});
  }
  return document;
}

absl::Status writeEvalRecords(const std::string &path, const EvalReport &report) {
  absl::StatusOr<AtomicFile> file = AtomicFile::create(path);
  if (!file.ok())
    return file.status();
  for (size_t i = 0; i < report.variants[0].results.size(); ++i) {
    const EvalSample &sample = report.samples[i];
    Json record{{"line", sample.line}, {"kind", kindName(sample.kind)}};
    if (sample.kind == RecordKind::Choice)
      record["answer"] = sample.answer;
    if (sample.kind == RecordKind::Completion)
      record["completion"] = sample.continuations[0].text;
    for (const EvalVariant &variant : report.variants)
      if (i < variant.results.size())
        record[variant.name] = resultJson(sample, variant.results[i]);
    const std::string line = record.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
    if (absl::Status status = file->write(line); !status.ok())
      return status;
  }
  return file->commit();
}

} // namespace llmc::cli
