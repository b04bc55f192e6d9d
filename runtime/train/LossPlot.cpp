#include "runtime/train/LossPlot.h"

#include "runtime/core/AtomicFile.h"
#include "runtime/text/Markup.h"
#include "runtime/train/Curve.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

#include <algorithm>
#include <cmath>

namespace llmc {
namespace {

constexpr double kWidth = 860, kHeight = 420, kLeft = 64, kRight = 24, kTop = 64, kBottom = 48;
constexpr char kInk[] = "#1d2430", kFaint[] = "#66707f", kGrid[] = "#e3e7ed", kStep[] = "#a9c4e4",
               kMean[] = "#2563a8", kValidation[] = "#d0662e";

/// 1, 2 or 5 times a power of ten, for about `marks` marks over `range`.
double markDistance(double range, int marks) {
  const double rough = range / marks, power = std::pow(10, std::floor(std::log10(rough)));
  for (double factor : {1.0, 2.0, 5.0})
    if (factor * power >= rough)
      return factor * power;
  return 10 * power;
}

class Picture {
public:
  Picture(double firstStep, double lastStep, double least, double most)
      : firstStep_(firstStep), lastStep_(lastStep), least_(least), most_(most) {}

  double x(double step) const {
    return kLeft + (kWidth - kLeft - kRight) * (step - firstStep_) / (lastStep_ - firstStep_);
  }
  double y(double loss) const {
    return kHeight - kBottom - (kHeight - kTop - kBottom) * (loss - least_) / (most_ - least_);
  }

  void text(double x, double y, const char *anchor, const char *color, absl::string_view what,
            int size = 12) {
    absl::StrAppendFormat(&out_,
                          "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" fill=\"%s\" "
                          "font-size=\"%d\">%s</text>\n",
                          x, y, anchor, color, size, escapedMarkup(what));
  }
  void line(double x1, double y1, double x2, double y2, const char *color, double width) {
    absl::StrAppendFormat(&out_,
                          "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\" "
                          "stroke-width=\"%.1f\"/>\n",
                          x1, y1, x2, y2, color, width);
  }
  void dot(double x, double y, const char *color) {
    absl::StrAppendFormat(&out_, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"%s\"/>\n", x, y,
                          color);
  }
  void curve(const Curve &points, const char *color, double width) {
    if (points.empty())
      return;
    absl::StrAppendFormat(&out_,
                          "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"%.1f\" "
                          "stroke-linejoin=\"round\" points=\"",
                          color, width);
    for (const CurvePoint &point : points)
      absl::StrAppendFormat(&out_, "%.1f,%.1f ", x(point.step), y(point.value));
    out_ += "\"/>\n";
  }
  void axes() {
    const double lossMark = markDistance(most_ - least_, 6);
    for (double loss = std::ceil(least_ / lossMark) * lossMark; loss <= most_ + lossMark * 1e-6;
         loss += lossMark) {
      line(kLeft, y(loss), kWidth - kRight, y(loss), kGrid, 1);
      text(kLeft - 8, y(loss) + 4, "end", kFaint, absl::StrFormat("%g", loss));
    }
    const double stepMark = std::max(1.0, markDistance(lastStep_ - firstStep_, 8));
    for (double step = std::ceil(firstStep_ / stepMark) * stepMark; step <= lastStep_;
         step += stepMark)
      text(x(step), kHeight - kBottom + 18, "middle", kFaint, absl::StrFormat("%.0f", step));
    line(kLeft, kHeight - kBottom, kWidth - kRight, kHeight - kBottom, kFaint, 1);
    text((kLeft + kWidth - kRight) / 2, kHeight - 10, "middle", kInk, "step");
    text(kLeft - 8, kTop - 2, "end", kInk, "loss");
  }
  std::string finish() const {
    return absl::StrFormat("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" "
                           "height=\"%.0f\" viewBox=\"0 0 %.0f %.0f\" font-family=\"system-ui, "
                           "'DejaVu Sans', sans-serif\">\n<rect width=\"100%%\" height=\"100%%\" "
                           "fill=\"white\"/>\n%s</svg>\n",
                           kWidth, kHeight, kWidth, kHeight, out_);
  }

private:
  double firstStep_, lastStep_, least_, most_;
  std::string out_;
};

} // namespace

std::string lossSvg(std::span<const Metrics> lines, absl::string_view title) {
  const Curve all = curveOf(lines, &Metrics::loss);
  const Curve steps = thinned(all), mean = thinned(movingMean(all));
  const Curve validation = thinned(curveOf(lines, &Metrics::validationLoss));
  double least = 0, most = 1, first = 0, last = 1;
  bool any = false;
  for (const Curve *curve : {&steps, &validation})
    for (const CurvePoint &point : *curve) {
      least = any ? std::min(least, point.value) : point.value;
      most = any ? std::max(most, point.value) : point.value;
      first = any ? std::min(first, point.step) : point.step;
      last = any ? std::max(last, point.step) : point.step;
      any = true;
    }
  // Room around the curves, and some range where there is none.
  const double margin = std::max((most - least) * 0.05, std::max(std::abs(most), 1e-6) * 1e-3);
  Picture picture(first, std::max(last, first + 1), least - margin, most + margin);
  picture.axes();
  picture.curve(steps, kStep, 1);
  picture.curve(mean, kMean, 2.2);
  picture.curve(validation, kValidation, 1.6);
  for (const CurvePoint &point : validation)
    picture.dot(picture.x(point.step), picture.y(point.value), kValidation);

  picture.text(kLeft, 26, "start", kInk, title, 15);
  double x = kLeft;
  const auto legend = [&](const char *color, const std::string &what) {
    picture.line(x, 44, x + 22, 44, color, 3);
    picture.text(x + 28, 48, "start", kInk, what);
    x += 44 + 7.0 * static_cast<double>(what.size());
  };
  if (!steps.empty()) {
    legend(kStep, "training");
    legend(kMean, absl::StrFormat("moving mean, now %.4g", mean.back().value));
  }
  if (!validation.empty())
    legend(kValidation, absl::StrFormat("validation, now %.4g", validation.back().value));
  if (!any)
    picture.text(kWidth / 2, kHeight / 2, "middle", kFaint, "no losses yet");
  return picture.finish();
}

absl::Status writeLossPlot(absl::string_view path, std::span<const Metrics> lines,
                           absl::string_view title) {
  absl::StatusOr<AtomicFile> file = AtomicFile::create(path);
  if (!file.ok())
    return file.status();
  if (absl::Status status = file->write(lossSvg(lines, title)); !status.ok())
    return status;
  return file->commit();
}

} // namespace llmc
