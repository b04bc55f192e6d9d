// The curves of a run as the page's script draws them.
#ifndef LLMC_FRONTENDS_LORA_REPORT_CHARTS_H
#define LLMC_FRONTENDS_LORA_REPORT_CHARTS_H

#include "runtime/train/MetricsLog.h"
#include <span>
#include <string>

namespace llmc::lora {

// {"charts": [{"id", "title", "unit", "series": [{"name", "style", "points": [[step, value],
// ...]}]}]} of loss, learning rate, gradient norm and tokens per second, and of runs that learn
// from pairs of answers the rewards; thinned out to what a screen can show. Has no text but names
// of this program's.
std::string chartsJson(std::span<const Metrics> metrics);

} // namespace llmc::lora

#endif
