#include "compiler/Interpreter/Interpreter.h"
#include "absl/strings/str_cat.h"
#include "compiler/Interpreter/Frame.h"
#include "compiler/Interpreter/Status.h"

namespace llmc {

template <class Real>
const OpTable<Real> &opTable() {
  static const OpTable<Real> *table = [] {
    auto *result = new OpTable<Real>();
    addModelOps(*result);
    addProgramOps(*result);
    addLayerOps(*result);
    addExpertOps(*result);
    addTrainingOps(*result);
    return result;
  }();
  return *table;
}

bool isInterpreted(llvm::StringRef operationName) {
  return opTable<float>().contains(operationName);
}

template <class Real>
Interpreter<Real>::Interpreter(mlir::ModuleOp module, WeightSource weights,
                               InterpreterOptions options)
    : module_(module), weights_(std::move(weights)), options_(options) {}

template <class Real>
absl::StatusOr<std::vector<InterpreterValue<Real>>>
Interpreter<Real>::call(llvm::StringRef function, std::vector<Value> arguments) {
  auto callee = module_.lookupSymbol<mlir::func::FuncOp>(function);
  if (!callee)
    return absl::NotFoundError(absl::StrCat("the module has no function '", function.str(), "'"));
  return Frame<Real>(*this, nullptr).run(callee, std::move(arguments));
}

template <class Real>
absl::StatusOr<mlir::Type> Interpreter<Real>::stateType(const StateHandle &handle) {
  auto declaration = module_.lookupSymbol<llm::StateOp>(handle.name);
  if (!declaration)
    return absl::NotFoundError(absl::StrCat("the module has no state '", handle.name, "'"));
  return declaration.getType();
}

template <class Real>
absl::StatusOr<TensorValue<Real> *> Interpreter<Real>::columnSums(const StateHandle &handle) {
  LLMC_ASSIGN_OR_RETURN(mlir::Type declared, stateType(handle));
  auto type = mlir::dyn_cast<llm::ColumnSumsType>(declared);
  if (!type)
    return absl::InvalidArgumentError(
        absl::StrCat("state '", handle.name, "' holds no column sums"));
  std::vector<int64_t> shape{type.getLayers(), type.getColumns()};
  auto found = sums_.find(handle.name);
  if (found != sums_.end() && found->second.shape == shape)
    return &found->second;
  LLMC_ASSIGN_OR_RETURN(auto created, allocateTensor<Real>(shape));
  return &sums_.insert_or_assign(handle.name, std::move(created)).first->second;
}

template <class Real>
absl::StatusOr<Parameter<Real> *> Interpreter<Real>::parameter(llm::ParameterOp symbol,
                                                               int64_t index) {
  auto type = mlir::cast<mlir::RankedTensorType>(symbol.getType());
  std::vector<int64_t> shape(type.getShape().begin(), type.getShape().end());
  std::string source = symbol.getSourceName(index);
  auto found = parameters_.find(source);
  if (found != parameters_.end() && found->second.value.shape == shape)
    return &found->second;
  Parameter<Real> created;
  LLMC_ASSIGN_OR_RETURN(created.value, allocateTensor<Real>(shape));
  created.gradient = created.value;
  return &parameters_.insert_or_assign(source, std::move(created)).first->second;
}

template <class Real>
absl::StatusOr<Parameter<Real> *> Interpreter<Real>::parameter(const std::string &source) {
  for (auto symbol : module_.getOps<llm::ParameterOp>())
    for (int64_t i = 0; i < symbol.getCount(); ++i)
      if (symbol.getSourceName(i) == source)
        return parameter(symbol, i);
  return absl::NotFoundError(absl::StrCat("the module has no parameter '", source, "'"));
}

template <class Real>
absl::StatusOr<KvCacheState<Real> *> Interpreter<Real>::state(const StateHandle &handle) {
  LLMC_ASSIGN_OR_RETURN(mlir::Type declared, stateType(handle));
  auto type = mlir::dyn_cast<llm::KvCacheType>(declared);
  if (!type)
    return absl::InvalidArgumentError(absl::StrCat("state '", handle.name, "' is no KV cache"));
  auto found = states_.find(handle.name);
  if (found != states_.end() && found->second.type() == type)
    return &found->second;
  LLMC_ASSIGN_OR_RETURN(auto created, KvCacheState<Real>::create(type, options_.exactCache));
  return &states_.insert_or_assign(handle.name, std::move(created)).first->second;
}

template const OpTable<float> &opTable<float>();
template const OpTable<double> &opTable<double>();
template class Interpreter<float>;
template class Interpreter<double>;

} // namespace llmc
