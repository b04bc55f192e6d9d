#include "tools/llmc/BenchReport.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "frontends/gguf/file/GgufText.h"
#include "runtime/core/CacheSize.h"
#include "tools/llmc/BenchTable.h"
#include <algorithm>
#include <nlohmann/json.hpp>

namespace llmc::cli {
namespace {

using Json = nlohmann::ordered_json;

// A name from a file, fit for a cell.
std::string cellText(absl::string_view text) {
  return absl::StrReplaceAll(gguf::printable(text, 60), {{"|", "\\|"}});
}

// As llama-bench has them.
std::string sizeText(uint64_t bytes) {
  const double mebi = static_cast<double>(bytes) / (1 << 20);
  return mebi >= 1024 ? absl::StrFormat("%.2f GiB", mebi / 1024)
                      : absl::StrFormat("%.2f MiB", mebi);
}

std::string parametersText(uint64_t parameters) {
  const double count = static_cast<double>(parameters);
  return count >= 1e9 ? absl::StrFormat("%.2f B", count / 1e9)
                      : absl::StrFormat("%.2f M", count / 1e6);
}

// Three digits that mean something.
std::string number(double value) {
  return value >= 100  ? absl::StrFormat("%.1f", value)
         : value >= 10 ? absl::StrFormat("%.2f", value)
                       : absl::StrFormat("%.3f", value);
}

// One repeat has no spread.
std::string withSpread(const BenchRow &row, double value, double deviation) {
  return row.seconds.size() < 2 ? number(value)
                                : absl::StrCat(number(value), " ± ", number(deviation));
}

bool readsMemory(const BenchRow &row) { return row.test.kind != BenchKind::Prompt; }

std::optional<double> speedUp(const BenchReport &report, const BenchComparison *comparison,
                              const BenchRow &row) {
  std::optional<double> theirs;
  if (comparison)
    theirs = comparison->tokensPerSecond(report.models[row.model], row);
  return theirs ? std::optional(row.tokensPerSecond() / *theirs) : std::nullopt;
}

// Marked where a cache, not memory, may be what is read; see footer().
std::string shareText(const BenchRow &row) {
  return absl::StrFormat("%.1f%s", 100 * row.shareOfBandwidth(), row.cached ? "*" : "");
}

bool anyBatch(const BenchReport &report) {
  return std::ranges::any_of(report.rows,
                             [](const BenchRow &row) { return row.ofOneToken.has_value(); });
}

std::string footer(const BenchReport &report) {
  std::string text = absl::StrFormat(
      "\nllmc %s; %s; 100 %% is a plain read of %s of memory in the same run:", LLMC_VERSION,
      report.repeats == 1 ? "one repeat" : absl::StrCat("means of ", report.repeats, " repeats"),
      sizeText(report.bufferBytes));
  std::vector<unsigned> counts;
  for (const BenchRow &row : report.rows)
    if (std::ranges::find(counts, row.threads) == counts.end())
      counts.push_back(row.threads);
  const char *separator = " ";
  for (unsigned threads : counts) {
    double least = 1e300, most = 0;
    for (const BenchRow &row : report.rows)
      if (row.threads == threads) {
        least = std::min(least, row.bandwidth);
        most = std::max(most, row.bandwidth);
      }
    absl::StrAppendFormat(&text, "%s%.1f to %.1f GB/s with %s", separator, least, most,
                          threadsText(threads));
    separator = ", ";
  }
  if (!report.text.empty())
    absl::StrAppend(&text, "; perplexity of ", gguf::printable(report.text, 200), " in windows of ",
                    report.window, " tokens");
  absl::StrAppend(&text, "\n");
  if (std::ranges::any_of(report.rows,
                          [](const BenchRow &row) { return row.cached && readsMemory(row); }))
    absl::StrAppend(&text, "* What a step reads fits the last-level cache of ",
                    sizeText(lastLevelCacheBytes()),
                    ", and may be read faster than memory, whose speed is the 100 %.\n");
  return text;
}

std::string testTable(const BenchReport &report, const BenchComparison *comparison) {
  const bool batches = anyBatch(report);
  const bool perplexity = report.models[0].perplexity.has_value();
  MarkdownTable table(1);
  std::vector<std::string> heading = {"model", "size",     "params", "threads",  "test",
                                      "t/s",   "ms/token", "GB/s",   "% of read"};
  if (batches)
    heading.insert(heading.end(), {"ms/step", "x one token"});
  if (perplexity)
    heading.push_back("ppl");
  if (comparison)
    heading.insert(heading.end(), {comparison->label() + " t/s", "ratio"});
  table.add(heading);
  for (const BenchRow &row : report.rows) {
    const BenchModel &model = report.models[row.model];
    std::vector<std::string> cells = {
        cellText(absl::StrCat(model.label, " ", model.type)),
        sizeText(model.tensorBytes),
        parametersText(model.parameters),
        absl::StrCat(row.threads),
        row.test.name(),
        withSpread(row, row.tokensPerSecond(), row.tokensPerSecondDeviation()),
        number(row.msPerToken().mean),
        readsMemory(row) ? number(row.gigabytesPerSecond()) : "",
        readsMemory(row) ? shareText(row) : ""};
    if (batches) {
      cells.push_back(row.ofOneToken ? number(row.msPerStep()) : "");
      cells.push_back(row.ofOneToken ? absl::StrFormat("%.2f", *row.ofOneToken) : "");
    }
    if (perplexity)
      cells.push_back(absl::StrFormat("%.4f", *model.perplexity));
    if (std::optional<double> ratio = speedUp(report, comparison, row)) {
      cells.push_back(number(row.tokensPerSecond() / *ratio));
      cells.push_back(absl::StrFormat("%.2f", *ratio));
    }
    table.add(cells);
  }
  return table.text();
}

// The table with a column for each type.
class TypeTable {
public:
  TypeTable(const BenchReport &report, const BenchComparison *comparison)
      : report_(report), comparison_(comparison), table_(2) {}

  std::string text() {
    std::vector<std::string> heading = {"model", "measure"};
    for (const BenchModel &model : report_.models)
      heading.push_back(model.type);
    table_.add(heading);
    if (report_.models[0].perplexity)
      addModels("perplexity",
                [](const BenchModel &model) { return absl::StrFormat("%.4f", *model.perplexity); });
    addModels("file size", [](const BenchModel &model) { return sizeText(model.fileBytes); });
    addModels("bits/weight",
              [](const BenchModel &model) { return absl::StrFormat("%.2f", model.bitsPerWeight); });
    for (const BenchRow &row : report_.rows)
      if (row.model == 0)
        addTest(row);
    return table_.text();
  }

private:
  template <class Cell>
  void addModels(absl::string_view measure, Cell cell) {
    std::vector<std::string> cells = {cellText(report_.models[0].label), std::string(measure)};
    for (const BenchModel &model : report_.models)
      cells.push_back(cell(model));
    table_.add(cells);
  }

  // One measure of the test of `like`, across the models.
  template <class Cell>
  void addRow(absl::string_view measure, const BenchRow &like, Cell cell) {
    std::vector<std::string> cells = {
        cellText(report_.models[0].label),
        absl::StrCat(like.test.name(), " ", measure, " @ ", like.threads, "th")};
    for (size_t model = 0; model < report_.models.size(); ++model)
      for (const BenchRow &row : report_.rows)
        if (row.model == model && row.threads == like.threads &&
            row.test.name() == like.test.name())
          cells.push_back(cell(row));
    table_.add(cells);
  }

  void addTest(const BenchRow &like) {
    switch (like.test.kind) {
    case BenchKind::Prompt:
      addRow("tok/s", like, [](const BenchRow &row) {
        return withSpread(row, row.tokensPerSecond(), row.tokensPerSecondDeviation());
      });
      break;
    case BenchKind::Generation:
      addRow("ms/tok", like, [](const BenchRow &row) {
        return withSpread(row, row.msPerToken().mean, row.msPerToken().deviation);
      });
      addRow("GB/s", like, [](const BenchRow &row) { return number(row.gigabytesPerSecond()); });
      addRow("% of read", like, shareText);
      break;
    case BenchKind::Batch:
      addRow("ms/step", like, [](const BenchRow &row) { return number(row.msPerStep()); });
      addRow("x one token", like,
             [](const BenchRow &row) { return absl::StrFormat("%.2f", *row.ofOneToken); });
      break;
    }
    if (!comparison_ || like.test.kind == BenchKind::Batch)
      return;
    const bool prompt = like.test.kind == BenchKind::Prompt;
    addRow(absl::StrCat(comparison_->label(), prompt ? " tok/s" : " ms/tok"), like,
           [&](const BenchRow &row) -> std::string {
             std::optional<double> theirs =
                 comparison_->tokensPerSecond(report_.models[row.model], row);
             return theirs ? number(prompt ? *theirs : 1000 / *theirs) : "";
           });
    addRow("ratio", like, [&](const BenchRow &row) -> std::string {
      std::optional<double> ratio = speedUp(report_, comparison_, row);
      return ratio ? absl::StrFormat("%.2f", *ratio) : "";
    });
  }

  const BenchReport &report_;
  const BenchComparison *comparison_;
  MarkdownTable table_;
};

template <class T>
Json orNull(const std::optional<T> &value) {
  return value ? Json(*value) : Json();
}

} // namespace

std::string threadsText(unsigned threads) {
  return absl::StrCat(threads, threads == 1 ? " thread" : " threads");
}

std::string benchMarkdown(const BenchReport &report, const BenchComparison *comparison) {
  return (report.byType ? TypeTable(report, comparison).text() : testTable(report, comparison)) +
         footer(report);
}

nlohmann::ordered_json benchJson(const BenchReport &report, const BenchComparison *comparison) {
  Json list = Json::array();
  for (const BenchRow &row : report.rows) {
    const BenchModel &model = report.models[row.model];
    const Spread msPerToken = row.msPerToken();
    Json entry = {{"type", model.type},
                  {"threads", row.threads},
                  {"test", row.test.name()},
                  {"ms_per_token", msPerToken.mean},
                  {"tokens_per_second", row.tokensPerSecond()},
                  {"stddev", row.tokensPerSecondDeviation()},
                  {"size_bytes", model.fileBytes},
                  {"bits_per_weight", model.bitsPerWeight},
                  {"gb_per_second", row.gigabytesPerSecond()},
                  {"bandwidth_gb_per_second", row.bandwidth},
                  {"ppl", orNull(model.perplexity)},
                  {"model", report.path},
                  {"model_type", model.label},
                  {"model_name", model.name},
                  {"params", model.parameters},
                  {"tokens", row.test.tokens},
                  {"depth", row.test.depth},
                  {"repeats", row.seconds.size()},
                  {"median_ms_per_token", msPerToken.median},
                  {"stddev_ms_per_token", msPerToken.deviation},
                  {"bandwidth_percent", 100 * row.shareOfBandwidth()},
                  {"fits_cache", row.cached},
                  {"ms_per_step", row.msPerStep()},
                  {"relative_to_one_token", orNull(row.ofOneToken)},
                  {"ppl_stderr", model.perplexity ? Json(model.perplexityError) : Json()}};
    if (comparison) {
      entry["compared_tokens_per_second"] = orNull(comparison->tokensPerSecond(model, row));
      entry["ratio"] = orNull(speedUp(report, comparison, row));
    }
    list.push_back(std::move(entry));
  }
  return list;
}

std::string benchCsv(const BenchReport &report, const BenchComparison *comparison) {
  // Words in quotes, as llama-bench has them.
  auto cell = [](const Json &value) -> std::string {
    if (value.is_null())
      return "";
    if (!value.is_string())
      return value.dump();
    return absl::StrCat("\"", absl::StrReplaceAll(value.get<std::string>(), {{"\"", "\"\""}}),
                        "\"");
  };
  std::string out;
  for (const Json &entry : benchJson(report, comparison)) {
    std::vector<std::string> names, cells;
    for (const auto &[name, value] : entry.items()) {
      names.push_back(name);
      cells.push_back(cell(value));
    }
    if (out.empty())
      out = absl::StrJoin(names, ",") + "\n";
    absl::StrAppend(&out, absl::StrJoin(cells, ","), "\n");
  }
  return out;
}

} // namespace llmc::cli
