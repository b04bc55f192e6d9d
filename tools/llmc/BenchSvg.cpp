#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "frontends/gguf/file/GgufText.h"
#include "runtime/text/Markup.h"
#include "tools/llmc/BenchReport.h"
#include <algorithm>
#include <cmath>
#include <tuple>

namespace llmc::cli {
namespace {

constexpr int kWidth = 960, kLeft = 150, kBars = 500, kTop = 84, kBar = 18, kThinBar = 8, kGap = 10;
constexpr char kOurs[] = "#2563a8", kTheirs[] = "#d08a2e", kLimit[] = "#b3261e", kInk[] = "#1d2430",
               kFaint[] = "#66707f";

std::string escaped(absl::string_view text) { return escapedMarkup(gguf::printable(text, 120)); }

// 1, 2 or 5 times a power of ten, so that the axis has about five marks.
double markDistance(double most) {
  const double rough = most / 5, power = std::pow(10, std::floor(std::log10(rough)));
  for (double factor : {1.0, 2.0, 5.0})
    if (factor * power >= rough)
      return factor * power;
  return 10 * power;
}

class Picture {
public:
  explicit Picture(double most) : most_(most) {}

  double x(double gigabytesPerSecond) const { return kLeft + kBars * gigabytesPerSecond / most_; }

  void text(double x, double y, absl::string_view what, const char *color, const char *anchor,
            int size = 13, bool bold = false) {
    absl::StrAppendFormat(
        &out_,
        "<text x=\"%.1f\" y=\"%.1f\" fill=\"%s\" text-anchor=\"%s\" font-size=\"%d\"%s>%s</text>\n",
        x, y, color, anchor, size, bold ? " font-weight=\"bold\"" : "", escaped(what));
  }

  void bar(double y, int height, double gigabytesPerSecond, const char *color) {
    absl::StrAppendFormat(
        &out_, "<rect x=\"%d\" y=\"%.1f\" width=\"%.1f\" height=\"%d\" rx=\"2\" fill=\"%s\"/>\n",
        kLeft, y, std::max(x(gigabytesPerSecond) - kLeft, 1.0), height, color);
  }

  void line(double x, double from, double to, const char *color, double width) {
    absl::StrAppendFormat(&out_,
                          "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\" "
                          "stroke-width=\"%.1f\"/>\n",
                          x, from, x, to, color, width);
  }

  std::string finish(absl::string_view title, double height) const {
    return absl::StrFormat("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%.0f\" "
                           "viewBox=\"0 0 %d %.0f\" font-family=\"system-ui, 'DejaVu Sans', "
                           "sans-serif\" role=\"img\">\n<title>%s</title>\n"
                           "<rect width=\"%d\" height=\"%.0f\" fill=\"#ffffff\"/>\n%s</svg>\n",
                           kWidth, height, kWidth, height, escaped(title), kWidth, height, out_);
  }

private:
  double most_;
  std::string out_;
};

} // namespace

std::string benchSvg(const BenchReport &report, const BenchComparison *comparison) {
  std::vector<const BenchRow *> rows;
  double most = 0;
  bool compared = false;
  auto theirsOf = [&](const BenchRow &row) -> std::optional<double> {
    std::optional<double> rate;
    if (comparison)
      rate = comparison->tokensPerSecond(report.models[row.model], row);
    // What the same bytes per token come to at their speed.
    return rate ? std::optional(row.gigabytesPerSecond() * *rate / row.tokensPerSecond())
                : std::nullopt;
  };
  for (const BenchRow &row : report.rows)
    if (row.test.kind == BenchKind::Generation) {
      rows.push_back(&row);
      most = std::max({most, row.gigabytesPerSecond(), row.bandwidth});
      if (std::optional<double> theirs = theirsOf(row)) {
        most = std::max(most, *theirs);
        compared = true;
      }
    }
  // Types side by side for each test and number of threads.
  std::ranges::sort(rows, {}, [](const BenchRow *row) {
    return std::tuple(row->test.depth, row->test.tokens, row->threads, row);
  });
  most = std::max(most, 1e-3) * 1.02;
  Picture picture(most);
  const std::string title =
      absl::StrCat(report.models[0].label, ": weights and KV cache read by generation, GB/s");
  picture.text(20, 30, title, kInk, "start", 17, /*bold=*/true);

  double y = kTop;
  std::string section;
  std::vector<std::pair<const BenchRow *, double>> places;
  for (const BenchRow *row : rows) {
    const std::string heading = absl::StrCat(row->test.name(), ", ", threadsText(row->threads));
    if (heading != section) {
      y += section.empty() ? 0 : 12;
      picture.text(20, y + 14, heading, kFaint, "start", 13, /*bold=*/true);
      section = heading;
      y += 26;
    }
    places.push_back({row, y});
    y += kBar + (compared ? kThinBar + 2 : 0) + kGap;
  }
  // Marks lie below the bars, limits above.
  for (double mark = 0; mark <= most; mark += markDistance(most)) {
    picture.line(picture.x(mark), kTop, y, "#e3e7ec", 1);
    picture.text(picture.x(mark), y + 18, absl::StrFormat("%g", mark), kFaint, "middle", 12);
  }
  for (auto [row, top] : places) {
    picture.text(kLeft - 10, top + 14, report.models[row->model].type, kInk, "end");
    picture.bar(top, kBar, row->gigabytesPerSecond(), kOurs);
    std::optional<double> theirs = theirsOf(*row);
    if (theirs)
      picture.bar(top + kBar + 2, kThinBar, *theirs, kTheirs);
    picture.line(picture.x(row->bandwidth), top - 4, top + kBar + (compared ? kThinBar + 6 : 4),
                 kLimit, 2);
    std::string note = absl::StrFormat("%.1f GB/s, %.0f %%%s, %.3g ms/token",
                                       row->gigabytesPerSecond(), 100 * row->shareOfBandwidth(),
                                       row->cached ? "*" : "", row->msPerToken().mean);
    if (theirs)
      absl::StrAppendFormat(&note, ", %.2fx", row->gigabytesPerSecond() / *theirs);
    picture.text(kLeft + kBars + 14, top + 14, note, kInk, "start");
  }
  // What the colours mean.
  const double legend = 58;
  double at = 20;
  auto entry = [&](const char *color, absl::string_view what) {
    picture.text(at, legend, "\u25a0", color, "start", 14);
    picture.text(at + 18, legend, what, kInk, "start");
    at += 36 + 7.5 * double(what.size());
  };
  entry(kOurs, "llmc");
  if (compared)
    entry(kTheirs, comparison->label());
  entry(kLimit, "limit: a plain read of memory, measured in the same run");
  if (std::ranges::any_of(rows, &BenchRow::cached))
    entry(kFaint, "* fits the last-level cache");
  if (rows.empty())
    picture.text(20, kTop + 14, "no generation was measured", kFaint, "start");
  return picture.finish(title, y + 34);
}

} // namespace llmc::cli
