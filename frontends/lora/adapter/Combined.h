// Several adapters, each with a scale, as one.
#ifndef LLMC_FRONTENDS_LORA_ADAPTER_COMBINED_H
#define LLMC_FRONTENDS_LORA_ADAPTER_COMBINED_H

#include "frontends/lora/adapter/Adapter.h"
#include <span>
#include <string>
#include <vector>

namespace llmc::lora {

// An adapter that a user asked for.
struct AdapterChoice {
  std::string path; // as readAdapter() takes it
  double scale = 1; // of what it adds to the model
};

// "FILE" or "FILE:SCALE". A colon that no number follows belongs to the name, and so does a number
// where there is a file of the whole name.
absl::StatusOr<AdapterChoice> parseAdapterChoice(absl::string_view text);

// Reads the adapters and combines them: the sum of the low-rank products of a weight is one of the
// sum of their ranks, whose A has the rows of all one below the other (of a table the columns side
// by side) and whose B has the columns of all side by side, multiplied by their scales. All scale()
// of the result are 1, and its matrices are in the order of the base. What a scale of 0 switches
// off is left out, so that there may be no matrices. Errors are those of readAdapter(), and values
// that become infinite.
absl::StatusOr<std::vector<AdapterMatrix>> readCombined(std::span<const AdapterChoice> choices,
                                                        const BaseModel &base);

// The combining alone, of adapters for the same base; scales[i] is that of adapters[i].
std::vector<AdapterMatrix> combine(std::span<const Adapter> adapters,
                                   std::span<const double> scales, const BaseModel &base);

} // namespace llmc::lora

#endif
