// Remarks of passes: what they did or missed, where, and why.
#ifndef LLMC_COMPILER_DRIVER_REMARKS_H
#define LLMC_COMPILER_DRIVER_REMARKS_H

#include "mlir/IR/Location.h"
#include "mlir/IR/MLIRContext.h"
#include <functional>
#include <string>

namespace llmc {

struct PassRemark {
  bool passed;                 // else missed
  std::string text;            // "norm into linear", "norm has 2 uses"
  std::string pass;            // its flag, "llm-fuse-norm"
  std::string function;        // where the operation was
  mlir::LocationAttr location; // of the operation
};

// "fused: norm into linear (llm-fuse-norm in @layer_0)",
// "not fused: norm has 2 uses (llm-fuse-norm in @layer_0)".
std::string toLine(const PassRemark &remark);

// While one lives, each remark that a pass of the context emits is given to `listener`. An empty
// listener switches remarks off.
class RemarkListener {
public:
  using Listener = std::function<void(const PassRemark &)>;

  RemarkListener(mlir::MLIRContext &context, const Listener &listener);
  ~RemarkListener();
  RemarkListener(const RemarkListener &) = delete;
  RemarkListener &operator=(const RemarkListener &) = delete;

private:
  mlir::MLIRContext &context_;
  bool active_;
};

} // namespace llmc

#endif
