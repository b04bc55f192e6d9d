#include "frontends/lora/report/RunReport.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "frontends/lora/config/ConfigKeys.h"
#include "frontends/lora/config/ConfigValues.h"
#include "frontends/lora/report/Charts.h"
#include "frontends/lora/report/PageFiles.h"
#include "runtime/core/AtomicFile.h"
#include "runtime/text/Markup.h"
#include <algorithm>
#include <cmath>
#include <sodium.h>
#include <vector>

namespace llmc::lora {
namespace {

// The page's policy allows no script but its own, and nothing to be loaded.
std::string digestOf(absl::string_view script) {
  unsigned char hash[crypto_hash_sha256_BYTES];
  crypto_hash_sha256(hash, reinterpret_cast<const unsigned char *>(script.data()), script.size());
  char text[sodium_base64_ENCODED_LEN(sizeof(hash), sodium_base64_VARIANT_ORIGINAL)];
  return sodium_bin2base64(text, sizeof(text), hash, sizeof(hash), sodium_base64_VARIANT_ORIGINAL);
}

std::string fileName(absl::string_view path) {
  const size_t slash = path.rfind('/');
  return std::string(slash == path.npos ? path : path.substr(slash + 1));
}

std::string durationText(double seconds) {
  const auto whole = static_cast<int64_t>(std::llround(std::clamp(seconds, 0.0, 1e12)));
  if (whole < 60)
    return absl::StrFormat("%d s", whole);
  if (whole < 3600)
    return absl::StrFormat("%d min %d s", whole / 60, whole % 60);
  return absl::StrFormat("%d h %d min", whole / 3600, whole / 60 % 60);
}

// 1234567 as "1 234 567", with spaces that do not break.
std::string countText(int64_t count) {
  const std::string digits = absl::StrCat(count);
  std::string out;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0)
      out += "\u202f";
    out += digits[i];
  }
  return out;
}

// A heading of level 2 and what follows it.
std::string section(absl::string_view id, absl::string_view title, absl::string_view content) {
  return content.empty() ? ""
                         : absl::StrCat("<section id=\"", id, "\">\n<h2>", title, "</h2>\n",
                                        content, "</section>\n");
}

std::optional<double> lastOf(std::span<const Metrics> lines,
                             std::optional<double> Metrics::*member) {
  for (size_t i = lines.size(); i-- > 0;)
    if (lines[i].*member)
      return lines[i].*member;
  return std::nullopt;
}

std::string stateText(const RunReport &report) {
  if (!report.stopped.empty())
    return absl::StrCat("stopped early after step ", report.step, ": ",
                        escapedMarkup(report.stopped));
  if (report.step >= report.totalSteps)
    return absl::StrCat("all ", report.totalSteps, " steps");
  return absl::StrCat("step ", report.step, " of ", report.totalSteps);
}

std::string tiles(const RunReport &report) {
  std::string out;
  const auto tile = [&](absl::string_view name, absl::string_view value, absl::string_view note) {
    absl::StrAppend(&out, "<div class=\"tile\"><dt>", name, "</dt><dd>", value,
                    note.empty() ? "" : absl::StrCat("<small>", note, "</small>"), "</dd></div>\n");
  };
  const bool pairs = learnsPreferences(report.config);
  if (const std::optional<Comparison> &c = report.comparison; c && pairs)
    tile("Loss of held-back pairs", absl::StrFormat("%.4f", c->lossAfter),
         absl::StrFormat("%.4f before", c->lossBefore));
  else if (c)
    tile("Perplexity of held-back data", absl::StrFormat("%+.1f %%", 100 * std::expm1(c->change)),
         absl::StrFormat("%.4g &rarr; %.4g", std::exp(c->lossBefore), std::exp(c->lossAfter)));
  else if (const auto loss = lastOf(report.metrics, &Metrics::validationLoss))
    tile("Validation loss", absl::StrFormat("%.4f", *loss),
         pairs ? "per pair" : absl::StrFormat("perplexity %.4g", std::exp(*loss)));
  if (const auto loss = lastOf(report.metrics, &Metrics::loss))
    tile("Training loss", absl::StrFormat("%.4f", *loss), "of the last step");
  tile("Tokens learned", countText(report.tokens),
       absl::StrCat("in ", countText(report.step), report.step == 1 ? " step" : " steps"));
  tile("Time", durationText(report.seconds),
       report.step > 0 ? absl::StrFormat("%.3g s a step", report.seconds / double(report.step))
                       : "");
  return absl::StrCat("<dl class=\"tiles\">\n", out, "</dl>\n");
}

std::string comparisonTable(const RunReport &report) {
  if (!report.comparison)
    return "";
  const Comparison &c = *report.comparison;
  const bool pairs = learnsPreferences(report.config);
  // A loss per pair is no logarithm of a perplexity.
  const auto perplexity = [&](std::string cell) { return pairs ? std::string() : cell; };
  std::string out =
      absl::StrCat("<table class=\"numbers\">\n<thead><tr><th scope=\"col\">held-back ",
                   pairs ? "pairs" : "data", "</th><th scope=\"col\">loss</th>",
                   perplexity("<th scope=\"col\">perplexity</th>"), "</tr></thead>\n");
  for (auto [name, loss] : {std::pair("before", c.lossBefore), std::pair("after", c.lossAfter)})
    absl::StrAppendFormat(&out, "<tr><th scope=\"row\">%s training</th><td>%.4f</td>%s</tr>\n",
                          name, loss, perplexity(absl::StrFormat("<td>%.4f</td>", std::exp(loss))));
  absl::StrAppendFormat(
      &out,
      "<tr class=\"sum\"><th scope=\"row\">change</th><td>%+.4f <small>&plusmn; "
      "%.4f</small></td>%s</tr>\n</table>\n",
      c.change, c.error,
      perplexity(absl::StrFormat("<td>%+.1f&nbsp;%%</td>", 100 * std::expm1(c.change))));
  absl::StrAppend(&out, "<p class=\"verdict\">", escapedMarkup(c.verdict), "</p>\n",
                  "<p class=\"note\">Losses are ",
                  pairs ? "means over " : "in nats per token, over ",
                  countText(static_cast<int64_t>(c.count)), pairs ? " pairs" : " tokens",
                  " that were not trained on; &plusmn; is the standard error.</p>\n");
  return out;
}

std::string quote(absl::string_view label, absl::string_view text) {
  return absl::StrCat("<div class=\"sample\"><h4>", label, "</h4><pre dir=\"auto\">",
                      escapedMarkup(text), "</pre></div>\n");
}

std::string promptText(absl::string_view prompt) {
  return absl::StrCat("<pre class=\"prompt\" dir=\"auto\">", escapedMarkup(prompt), "</pre>\n");
}

std::string pairText(const RunReport &report) {
  if (!report.pair)
    return "";
  return absl::StrCat("<p class=\"note\">The likeliest continuation of</p>\n",
                      promptText(report.pair->prompt), "<div class=\"pair\">\n",
                      quote("without the training", report.pair->before),
                      quote("with it", report.pair->after), "</div>\n");
}

// By prompt, in the order in which the prompts came; of each, by step.
std::string samplesText(std::span<const TextSample> samples) {
  std::vector<std::string> prompts;
  for (const TextSample &sample : samples)
    if (std::ranges::find(prompts, sample.prompt) == prompts.end())
      prompts.push_back(sample.prompt);
  std::string out;
  for (const std::string &prompt : prompts) {
    absl::StrAppend(&out, promptText(prompt), "<ol class=\"timeline\">\n");
    for (const TextSample &sample : samples)
      if (sample.prompt == prompt)
        absl::StrAppend(&out, "<li data-step=\"", sample.step, "\">",
                        quote(absl::StrCat("step ", sample.step), sample.text), "</li>\n");
    absl::StrAppend(&out, "</ol>\n");
  }
  return out;
}

std::string dataText(const DataReport &data) {
  std::string out = "<ul>\n";
  for (absl::string_view line : absl::StrSplit(data.text(), '\n', absl::SkipEmpty()))
    absl::StrAppend(&out, "<li>", escapedMarkup(line), "</li>\n");
  return out + "</ul>\n";
}

std::string configTable(const TrainConfig &config) {
  const TrainConfig defaults = defaultConfig();
  std::string given, others;
  for (const ConfigKey &key : configKeys()) {
    const std::string value = valueText(config, key);
    std::string &rows = value == valueText(defaults, key) ? others : given;
    absl::StrAppend(&rows, "<tr><th scope=\"row\"><code>", key.name, "</code></th><td><code>",
                    escapedMarkup(value), "</code></td><td>", escapedMarkup(key.help),
                    "</td></tr>\n");
  }
  return absl::StrCat("<table class=\"config\">\n", given,
                      "</table>\n<details><summary>Keys that have their default</summary>\n"
                      "<table class=\"config\">\n",
                      others, "</table></details>\n");
}

} // namespace

std::string reportHtml(const RunReport &report) {
  const std::string model = escapedMarkup(fileName(report.config.model));
  std::string body =
      absl::StrCat("<header>\n<h1>Training of <bdi>", model, "</bdi></h1>\n<p>on <bdi>",
                   escapedMarkup(report.config.data), "</bdi>, ", stateText(report),
                   "</p>\n</header>\n", tiles(report));
  absl::StrAppend(
      &body, section("result", "Did it help?", comparisonTable(report) + pairText(report)),
      section(
          "curves", "Curves",
          "<div id=\"charts\"></div>\n<noscript><p>The curves are drawn by a script, which this "
          "browser does not run; loss.svg beside this page has the losses.</p></noscript>\n"),
      section("samples", "Samples over time", samplesText(report.samples)),
      section("data", "Data", dataText(report.data)),
      section("config", "Config", configTable(report.config)));
  const std::string script = absl::StrCat("\n", kPageScript);
  // What is put in is not looked at again.
  return absl::StrReplaceAll(kPageHtml, {{"@TITLE@", absl::StrCat("Training of ", model)},
                                         {"@STYLE@", kPageStyle},
                                         {"@BODY@", body},
                                         {"@DATA@", chartsJson(report.metrics)},
                                         {"@SCRIPT@", script},
                                         {"@SCRIPT_DIGEST@", digestOf(script)}});
}

absl::Status writeReport(absl::string_view path, const RunReport &report) {
  absl::StatusOr<AtomicFile> file = AtomicFile::create(path);
  if (!file.ok())
    return file.status();
  if (absl::Status status = file->write(reportHtml(report)); !status.ok())
    return status;
  return file->commit();
}

} // namespace llmc::lora
