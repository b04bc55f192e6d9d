#include "runtime/abi/EntryPoints.h"
#include <cmath>

void llmc_rope_table(float *table, int64_t rowBytes, int64_t start, int64_t firstRow,
                     int64_t lastRow, const double *frequencies, int64_t pairs,
                     const float *factors, double magnitude) {
  for (int64_t row = firstRow; row < lastRow; ++row) {
    float *out = reinterpret_cast<float *>(reinterpret_cast<char *>(table) + row * rowBytes);
    const double position = static_cast<double>(start + row);
    for (int64_t i = 0; i < pairs; ++i) {
      double angle = position * frequencies[i];
      if (factors)
        angle /= factors[i];
      out[2 * i] = static_cast<float>(std::cos(angle) * magnitude);
      out[2 * i + 1] = static_cast<float>(std::sin(angle) * magnitude);
    }
  }
}
