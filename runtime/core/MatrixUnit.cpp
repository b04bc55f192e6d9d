#include "runtime/core/MatrixUnit.h"
#include <sys/syscall.h>
#include <unistd.h>

namespace llmc {

bool enableMatrixUnit() {
#if defined(__x86_64__) && defined(SYS_arch_prctl)
  // Numbers of the Linux x86 ABI: ARCH_REQ_XCOMP_PERM and the state component of tile data.
  static const bool enabled = syscall(SYS_arch_prctl, 0x1023, 18) == 0;
  return enabled;
#else
  return false;
#endif
}

} // namespace llmc
