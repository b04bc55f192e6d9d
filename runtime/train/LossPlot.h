#ifndef LLMC_RUNTIME_TRAIN_LOSSPLOT_H
#define LLMC_RUNTIME_TRAIN_LOSSPLOT_H

#include "runtime/train/MetricsLog.h"

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

#include <span>
#include <string>

namespace llmc {

/// A picture of the losses over the steps (SVG): each step's as a faint line, their moving mean,
/// and those of validations with a dot each. Losses that are not finite are left out. Long runs are
/// thinned out to what the picture can show.
std::string lossSvg(std::span<const Metrics> lines, absl::string_view title);

/// Writes it; the file is replaced as a whole.
absl::Status writeLossPlot(absl::string_view path, std::span<const Metrics> lines,
                           absl::string_view title);

} // namespace llmc

#endif // LLMC_RUNTIME_TRAIN_LOSSPLOT_H
