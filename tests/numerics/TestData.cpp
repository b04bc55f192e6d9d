#include "tests/numerics/TestData.h"
#include <cmath>

namespace llmc {

std::string elementType(const BlockFormat &format) {
  return format.weights == 1 ? format.name : absl::StrCat("!llm.block<", format.name, ">");
}

std::vector<float> roundWeights(std::vector<float> weights) {
  for (float &w : weights)
    w = roundWeight(w);
  return weights;
}

bool usesMatrixUnit(int64_t rows) {
  static const TargetDescription target = *describeTarget(testTarget());
  return usesMatrixUnit(target, rows);
}

double distanceToTie(std::span<const double> row, bool matrixUnit) {
  using kernel::kActivationBlock;
  // A norm in f32 is wrong by a few units in the last place, 2^-24 each.
  constexpr double kError = 16 * 0x1p-24;
  double least = INFINITY;
  for (size_t k = 0; k < row.size(); k += kActivationBlock) {
    std::span<const double> block =
        row.subspan(k, std::min<size_t>(kActivationBlock, row.size() - k));
    ActivationScale s = activationScale(block);
    for (double x : block) {
      if (x == 0)
        continue;
      // In units of what it is rounded to, and the largest that such a number is.
      double scaled =
          matrixUnit ? std::ldexp(std::abs(x), 7 - std::ilogb(x)) : std::abs(x) * s.inverse;
      double largest = matrixUnit ? 256 : 127;
      least = std::min(least, std::abs(scaled - std::floor(scaled) - 0.5) / (kError * largest));
    }
  }
  return least;
}

} // namespace llmc
