// How the importance of a matrix's columns is spread: llama-imatrix's statistics.
#ifndef LLMC_FRONTENDS_GGUF_QUANTIZE_IMPORTANCESTATISTICS_H
#define LLMC_FRONTENDS_GGUF_QUANTIZE_IMPORTANCESTATISTICS_H

#include "frontends/gguf/quantize/ImportanceSums.h"
#include <optional>
#include <string>
#include <vector>

namespace llmc::quantize {

// Of the mean squares of one tensor's columns.
struct ImportanceStatistics {
  std::string tensor;
  size_t columns = 0; // of all matrices, where there are several
  double sum = 0, least = 0, most = 0, mean = 0, deviation = 0;
  double active = 0;  // share of the columns above 1e-5
  double entropy = 0; // of the columns' shares of the sum, in bits; at most log2(columns)
  double high = 0;    // share of the columns more than a deviation above the mean
  // Cosine of the angle to the columns of the same tensor in the block before, where it has as
  // many.
  std::optional<double> cosine;

  // entropy / log2(columns): 1 when all columns count the same.
  double evenness() const;
};

// One for each entry: the tensor with the largest sum first.
std::vector<ImportanceStatistics> importanceStatistics(const ImportanceSums &sums);

} // namespace llmc::quantize

#endif
