// Remarks of passes as lines of text.
#ifndef LLMC_COMPILER_DRIVER_REMARKS_H
#define LLMC_COMPILER_DRIVER_REMARKS_H

#include "absl/strings/string_view.h"
#include "mlir/IR/MLIRContext.h"
#include <functional>

namespace llmc {

// While one lives, each remark that a pass of the context emits is given to `listener` as one line:
// what was done or missed, where, and why. An empty listener switches remarks off.
class RemarkListener {
public:
  using Listener = std::function<void(absl::string_view)>;

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
