#include "runtime/train/AdamKernels.h"

#include <vector>

namespace llmc {

namespace baseline {
extern const AdamKernels kernels;
}
#ifdef LLMC_SIMD_X86_LEVELS
namespace v3 {
extern const AdamKernels kernels;
}
namespace v4 {
extern const AdamKernels kernels;
}
#endif

namespace {

std::vector<const AdamKernels *> detectLevels() {
  std::vector<const AdamKernels *> levels = {&baseline::kernels};
#ifdef LLMC_SIMD_X86_LEVELS
  __builtin_cpu_init();
  if (__builtin_cpu_supports("x86-64-v3"))
    levels.push_back(&v3::kernels);
  if (__builtin_cpu_supports("x86-64-v4"))
    levels.push_back(&v4::kernels);
#endif
  return levels;
}

} // namespace

std::span<const AdamKernels *const> adamKernels() {
  static const std::vector<const AdamKernels *> levels = detectLevels();
  return levels;
}

} // namespace llmc
