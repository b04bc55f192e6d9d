#include "compiler/Interpreter/Frame.h"
#include "absl/strings/str_cat.h"
#include "compiler/Interpreter/Status.h"

using namespace mlir;

namespace llmc {
namespace {

// More calls inside each other than any model has, and few enough for the stack.
constexpr int kMaximumDepth = 64;

constexpr absl::string_view kLocated = "llmc.located";

std::string locationText(Location location) {
  if (auto file = dyn_cast<FileLineColLoc>(location))
    return absl::StrCat(file.getFilename().str(), ":", file.getLine(), ":", file.getColumn());
  std::string text;
  llvm::raw_string_ostream(text) << location;
  return text;
}

// Names the operation at which `status` arose; the operations that called it add nothing.
absl::Status locate(Operation *op, const absl::Status &status) {
  if (status.GetPayload(kLocated))
    return status;
  absl::Status located(status.code(),
                       absl::StrCat(op->getName().getStringRef().str(), " at ",
                                    locationText(op->getLoc()), ": ", status.message()));
  located.SetPayload(kLocated, absl::Cord());
  return located;
}

std::string typeText(Type type) {
  std::string text;
  llvm::raw_string_ostream(text) << type;
  return text;
}

bool matches(ArrayRef<int64_t> type, std::span<const int64_t> shape) {
  if (type.size() != shape.size())
    return false;
  for (auto [expected, is] : llvm::zip(type, shape))
    if (is < 0 || (!ShapedType::isDynamic(expected) && expected != is))
      return false;
  return true;
}

bool isTokens(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && tensor.getRank() == 1 && tensor.getElementType().isInteger(32);
}

// Those of experts are in tensors of numbers.
bool isExpertIds(RankedTensorType type) {
  return type.getRank() == 2 && type.getElementType().isInteger(32);
}

template <class Real>
absl::Status checkType(const InterpreterValue<Real> &value, Type type,
                       Interpreter<Real> &interpreter) {
  absl::Status other =
      absl::InvalidArgumentError(absl::StrCat("a value of another kind than ", typeText(type)));
  if (isa<IndexType>(type))
    return std::holds_alternative<IndexValue>(value) ? absl::OkStatus() : other;
  if (isa<llm::KvCacheType, llm::ColumnSumsType>(type)) {
    auto *handle = std::get_if<StateHandle>(&value);
    if (!handle)
      return other;
    LLMC_ASSIGN_OR_RETURN(Type declared, interpreter.stateType(*handle));
    if (declared != type)
      return absl::InvalidArgumentError(absl::StrCat(
          "state '", handle->name, "' is ", typeText(declared), ", expected ", typeText(type)));
    return isa<llm::KvCacheType>(type) ? interpreter.state(*handle).status()
                                       : interpreter.columnSums(*handle).status();
  }
  auto tensorType = dyn_cast<RankedTensorType>(type);
  if (!tensorType)
    return absl::UnimplementedError(
        absl::StrCat("the interpreter has no values of type ", typeText(type)));
  std::vector<int64_t> shape;
  if (isTokens(type)) {
    auto *tokens = std::get_if<TokensValue>(&value);
    if (!tokens)
      return other;
    shape = {static_cast<int64_t>(tokens->tokens.size())};
  } else {
    auto *tensor = std::get_if<TensorRef<Real>>(&value);
    if (!tensor || !*tensor ||
        (!llm::getBlockFormat(tensorType.getElementType()) && !isExpertIds(tensorType)))
      return other;
    shape = (*tensor)->shape;
    LLMC_ASSIGN_OR_RETURN(int64_t count, elementCount(shape));
    if (count != static_cast<int64_t>((*tensor)->data.size()))
      return absl::InvalidArgumentError(absl::StrCat("a tensor of shape ", shapeText(shape),
                                                     " has ", (*tensor)->data.size(), " elements"));
  }
  if (!matches(tensorType.getShape(), shape))
    return absl::InvalidArgumentError(
        absl::StrCat("a tensor of shape ", shapeText(shape), ", expected ", typeText(type)));
  return absl::OkStatus();
}

// Rows per step, if a parameter tells them.
template <class Real>
std::optional<int64_t> rowsOfStep(func::FuncOp function,
                                  const std::vector<InterpreterValue<Real>> &arguments) {
  for (auto [type, argument] : llvm::zip(function.getArgumentTypes(), arguments))
    if (isTokens(type))
      return std::get<TokensValue>(argument).tokens.size();
  for (auto [type, argument] : llvm::zip(function.getArgumentTypes(), arguments)) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    if (tensor && tensor.getRank() == 2 && tensor.isDynamicDim(0))
      return std::get<TensorRef<Real>>(argument)->rows();
  }
  return std::nullopt;
}

} // namespace

template <class Real>
absl::StatusOr<std::vector<InterpreterValue<Real>>> Frame<Real>::run(func::FuncOp function,
                                                                     std::vector<Value> arguments) {
  std::string name = function.getSymName().str();
  if (depth_ > kMaximumDepth)
    return absl::ResourceExhaustedError(
        absl::StrCat("calls of '", name, "' are nested more than ", kMaximumDepth, " deep"));
  if (!llvm::hasSingleElement(function.getBody()))
    return absl::UnimplementedError(
        absl::StrCat("function '", name, "' has ", function.getBody().getBlocks().size(),
                     " basic blocks; the interpreter runs functions of one"));
  if (arguments.size() != function.getNumArguments())
    return absl::InvalidArgumentError(absl::StrCat("function '", name, "' takes ",
                                                   function.getNumArguments(), " arguments, not ",
                                                   arguments.size()));
  for (size_t i = 0; i < arguments.size(); ++i)
    if (absl::Status status = set(function.getArgument(i), arguments[i]); !status.ok())
      return absl::Status(status.code(), absl::StrCat("argument ", i, " of function '", name,
                                                      "': ", status.message()));
  if (std::optional<int64_t> rows = rowsOfStep(function, arguments))
    stepRows_ = rows;

  for (Operation &op : function.front()) {
    if (auto end = dyn_cast<func::ReturnOp>(op)) {
      std::vector<Value> results;
      for (mlir::Value operand : end.getOperands()) {
        absl::StatusOr<Value> result = get(operand);
        if (!result.ok())
          return locate(&op, result.status());
        results.push_back(*std::move(result));
      }
      return results;
    }
    OpFunction<Real> evaluate = opTable<Real>().lookup(op.getName().getStringRef());
    absl::Status status =
        evaluate ? evaluate(&op, *this)
                 : absl::UnimplementedError("the interpreter does not know this operation");
    if (!status.ok())
      return locate(&op, status);
  }
  return absl::UnimplementedError(
      absl::StrCat("function '", name, "' does not end in func.return"));
}

template <class Real>
absl::StatusOr<InterpreterValue<Real>> Frame<Real>::get(mlir::Value operand) const {
  auto found = values_.find(operand);
  if (found == values_.end())
    return absl::InternalError("an operand that no operation has yielded");
  return found->second;
}

template <class Real>
absl::StatusOr<TensorRef<Real>> Frame<Real>::tensor(mlir::Value operand) const {
  LLMC_ASSIGN_OR_RETURN(Value value, get(operand));
  if (auto *tensor = std::get_if<TensorRef<Real>>(&value))
    return *tensor;
  return absl::InvalidArgumentError("an operand is no tensor of floats");
}

template <class Real>
absl::StatusOr<TensorRef<Real>> Frame<Real>::optionalTensor(mlir::Value operand) const {
  return operand ? tensor(operand) : TensorRef<Real>();
}

template <class Real>
absl::StatusOr<int64_t> Frame<Real>::index(mlir::Value operand) const {
  LLMC_ASSIGN_OR_RETURN(Value value, get(operand));
  if (auto *index = std::get_if<IndexValue>(&value))
    return index->value;
  return absl::InvalidArgumentError("an operand is no index");
}

template <class Real>
absl::StatusOr<KvCacheState<Real> *> Frame<Real>::cache(mlir::Value operand) {
  LLMC_ASSIGN_OR_RETURN(Value value, get(operand));
  if (auto *handle = std::get_if<StateHandle>(&value))
    return interpreter_.state(*handle);
  return absl::InvalidArgumentError("an operand is no state");
}

template <class Real>
absl::StatusOr<TensorValue<Real> *> Frame<Real>::columnSums(mlir::Value operand) {
  LLMC_ASSIGN_OR_RETURN(Value value, get(operand));
  if (auto *handle = std::get_if<StateHandle>(&value))
    return interpreter_.columnSums(*handle);
  return absl::InvalidArgumentError("an operand is no state");
}

template <class Real>
absl::Status Frame<Real>::set(mlir::Value result, absl::StatusOr<Value> value) {
  LLMC_RETURN_IF_ERROR(value.status());
  LLMC_RETURN_IF_ERROR(checkType<Real>(*value, result.getType(), interpreter_));
  values_[result] = *std::move(value);
  return absl::OkStatus();
}

template <class Real>
absl::Status Frame<Real>::setTensor(mlir::Value result, absl::StatusOr<TensorValue<Real>> tensor) {
  LLMC_RETURN_IF_ERROR(tensor.status());
  if (Arithmetic<Real> *arithmetic = interpreter_.arithmetic())
    arithmetic->roundResult(result.getDefiningOp(), *tensor);
  return set(result, Value(std::make_shared<const TensorValue<Real>>(*std::move(tensor))));
}

template <class Real>
absl::Status Frame<Real>::setResults(ValueRange results, std::vector<Value> values) {
  if (results.size() != values.size())
    return absl::InternalError("a function yields another number of results than its caller");
  for (auto [result, value] : llvm::zip(results, values))
    LLMC_RETURN_IF_ERROR(set(result, std::move(value)));
  return absl::OkStatus();
}

template <class Real>
absl::StatusOr<int64_t> Frame<Real>::stepRows() const {
  if (stepRows_)
    return *stepRows_;
  return absl::FailedPreconditionError(
      "cannot tell how many tokens the step has; give the function a parameter of tokens or of "
      "rows, or the result a static shape");
}

template class Frame<float>;
template class Frame<double>;

} // namespace llmc
