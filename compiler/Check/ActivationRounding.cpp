#include "compiler/Check/ActivationRounding.h"
#include "dialects/kernel/IR/KernelDialect.h"
#include <bit>
#include <cmath>

namespace llmc {

using kernel::kActivationBlock;

ActivationScale activationScale(std::span<const double> block) {
  float largest = 0;
  for (double x : block)
    largest = std::max(largest, std::abs(static_cast<float>(x)));
  return {largest / 127.0f, largest == 0 ? 0.0f : 127.0f / largest};
}

TensorValue<double> quantizeActivations(const TensorValue<double> &exact) {
  TensorValue<double> result = exact;
  for (int64_t r = 0; r < exact.rows(); ++r)
    for (int64_t k = 0; k < exact.columns(); k += kActivationBlock) {
      int64_t count = std::min(kActivationBlock, exact.columns() - k);
      ActivationScale s = activationScale(exact.row(r).subspan(k, count));
      for (double &x : result.row(r).subspan(k, count))
        x = static_cast<double>(std::nearbyint(static_cast<float>(x) * s.inverse)) * s.scale;
    }
  return result;
}

TensorValue<double> roundActivations(const TensorValue<double> &exact) {
  TensorValue<double> result = exact;
  for (double &x : result.data) {
    uint32_t bits = std::bit_cast<uint32_t>(static_cast<float>(x));
    bits += 0x7fff + ((bits >> 16) & 1);
    x = std::bit_cast<float>(bits & 0xffff0000);
  }
  return result;
}

float roundWeight(float weight) {
  return std::bit_cast<float>((std::bit_cast<uint32_t>(weight) + 0x8000) & 0xffff0000);
}

bool usesMatrixUnit(const TargetDescription &target, int64_t rows) {
  return target.dot == kernel::Dot::Amx &&
         rows > target.tiles.widths[target.tiles.widths.size() - 2];
}

} // namespace llmc
