#include "passes/Fuse/FuseRemarks.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace llmc {

static remark::RemarkOpts getOptions(Pass &pass, Operation *op) {
  auto function = op->getParentOfType<FunctionOpInterface>();
  return remark::RemarkOpts::name(pass.getArgument())
      .category("fuse")
      .function(function ? function.getName() : StringRef());
}

void remarkFused(Pass &pass, Operation *op, const llvm::Twine &what) {
  if (op->getContext()->getRemarkEngine())
    remark::passed(op->getLoc(), getOptions(pass, op)) << what.str();
}

void remarkMissed(Pass &pass, Operation *op, const llvm::Twine &reason) {
  if (op->getContext()->getRemarkEngine())
    remark::missed(op->getLoc(), getOptions(pass, op))
        << remark::detail::Remark::Arg("Reason", reason.str());
}

std::string describeUses(StringRef what, Value value) {
  int64_t uses = llvm::range_size(value.getUses());
  return llvm::formatv("{0} has {1} use{2}", what, uses, uses == 1 ? "" : "s").str();
}

} // namespace llmc
