// What symbols of a program stand for.
#ifndef LLMC_COMPILER_INTERPRETER_SYMBOLS_H
#define LLMC_COMPILER_INTERPRETER_SYMBOLS_H

#include "absl/strings/str_cat.h"
#include "compiler/Interpreter/Frame.h"
#include "compiler/Interpreter/Status.h"

namespace llmc {

// The operation that `symbol` names where `from` stands.
template <class Op>
absl::StatusOr<Op> resolve(mlir::Operation *from, mlir::Attribute symbol) {
  auto reference = mlir::dyn_cast<mlir::SymbolRefAttr>(symbol);
  auto found = reference ? mlir::SymbolTable::lookupNearestSymbolFrom<Op>(from, reference) : Op();
  if (found)
    return found;
  std::string text;
  llvm::raw_string_ostream(text) << symbol;
  return absl::NotFoundError(absl::StrCat("no ", Op::getOperationName().str(), " named ", text));
}

template <class Real>
absl::StatusOr<TensorRef<Real>> weightAt(llm::WeightOp weight, int64_t index, Frame<Real> &frame) {
  if (index >= weight.getCount())
    return absl::InvalidArgumentError(absl::StrCat("weight ", weight.getSymName().str(), " has ",
                                                   weight.getCount(), " tensors, not ", index + 1));
  return frame.interpreter().weights().get(weight.getSourceName(index),
                                           mlir::cast<mlir::RankedTensorType>(weight.getType()),
                                           weight.getFirstRow());
}

} // namespace llmc

#endif
