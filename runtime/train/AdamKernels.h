#ifndef LLMC_RUNTIME_TRAIN_ADAMKERNELS_H
#define LLMC_RUNTIME_TRAIN_ADAMKERNELS_H

#include <cstdint>
#include <span>

namespace llmc {

/// What a step of AdamW does to each element of a tensor.
struct AdamFactors {
  float beta1, beta2, oneMinusBeta1, oneMinusBeta2, epsilon;
  float gradient;     ///< scale and clipping
  float keep;         ///< 1 - learning rate * decay
  float step;         ///< learning rate / (1 - beta1^t)
  float rootOfSecond; ///< 1 / sqrt(1 - beta2^t)
};

/// Moments in 8-bit blocks (MomentCode.h): a code for each element, a scale for each block. A
/// second moment above 0 gets at least the least share above 0, even where 0 is nearer: else the
/// first moment is divided by epsilon when the next gradient is 0.
struct AdamBlocks {
  uint8_t *first, *second;
  float *firstScale, *secondScale;
};

/// One step for `count` elements from the start of a block on; gradients are 0 afterwards.
struct AdamKernels {
  void (*updateFloats)(const AdamFactors &f, uint64_t count, float *values, float *gradient,
                       float *first, float *second);
  void (*updateBlocks)(const AdamFactors &f, uint64_t count, float *values, float *gradient,
                       const AdamBlocks &moments);
};

/// Those that this CPU can run, the best ones last. All give the same bits.
std::span<const AdamKernels *const> adamKernels();

} // namespace llmc

#endif // LLMC_RUNTIME_TRAIN_ADAMKERNELS_H
