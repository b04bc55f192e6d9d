// Weights of a packed group as plain numbers, in the forms that products of training take.
#ifndef LLMC_PASSES_VECTOR_WEIGHTPANEL_H
#define LLMC_PASSES_VECTOR_WEIGHTPANEL_H

#include "dialects/llm/Formats/BlockFormats.h"
#include "passes/Vector/Kernels.h"

namespace llmc::kernel {

enum class PanelForm {
  Columns,    // f32 [columns][16 rows]
  Rows,       // f32 [16 rows][columns], rows `rowBytes` apart
  SplitPairs, // bf16 [columns / 32][high, low][16 pairs of columns][16 rows][2]
  SplitRows,  // bf16 [columns / 16][high, low][16 columns][32 rows], of which a group fills 16
};

// Bytes of a panel from one column to the next, where columns follow each other.
constexpr int64_t panelColumnBytes(PanelForm form) {
  switch (form) {
  case PanelForm::Rows:
    return 4;
  case PanelForm::SplitRows:
    return 128;
  default:
    return 64;
  }
}

// A function (group, panel, columns, rowBytes, ahead) that unpacks so many columns, whole units, of
// the group from `group` on, and asks for what lies `ahead` bytes behind that to be in the cache.
// Float formats pad with zeros to 32 columns.
mlir::func::FuncOp getPanelUnpack(KernelLibrary &library, mlir::Location loc,
                                  const BlockFormat &format, PanelForm form);

} // namespace llmc::kernel

#endif
