#include "tools/llmc-smith/Check.h"
#include "absl/strings/str_cat.h"
#include "compiler/Interpreter/Status.h"
#include "tools/llmc-smith/Derivatives.h"
#include "tools/llmc-smith/Inputs.h"
#include "tools/llmc-smith/Worlds.h"
#include <cmath>

using namespace mlir;

namespace llmc::smith {
namespace {

// Interpretations in f64 of the same operations in another order, relative to the largest of a row.
constexpr double kReordered = 1e-9;

std::string textOf(ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream(text) << module;
  return text;
}

// `status`, saying where it arose.
absl::Status within(absl::string_view where, const absl::Status &status) {
  return status.ok() ? status
                     : absl::Status(status.code(), absl::StrCat(where, ": ", status.message()));
}

// The operation that yields the first result of a function.
std::string producer(func::FuncOp function) {
  Operation *end = function.front().getTerminator();
  Operation *op = end->getNumOperands() ? end->getOperand(0).getDefiningOp() : nullptr;
  return op ? op->getName().getStringRef().str() : "an argument";
}

// Some of the CPU's tile widths: results are the same with any choice, and code is made sooner. The
// last two stay, which say when the matrix unit takes over.
TileChoice someTiles(const TargetDescription &target, uint32_t seed) {
  Random random(seed);
  TileChoice tiles = target.tiles;
  for (size_t i = tiles.widths.size(); i-- > 1;) {
    TileChoice fewer = tiles;
    fewer.widths.erase(fewer.widths.begin() + i);
    if (i + 2 < tiles.widths.size() && random.uniform(0, 1) < 0.8 &&
        checkTiles(target.dot, fewer).ok())
      tiles = fewer;
  }
  return tiles;
}

class ProgramCheck {
public:
  ProgramCheck(Compiler &compiler, ModuleOp module, uint32_t seed, const CheckOptions &options)
      : compiler_(compiler), module_(module.clone()), seed_(seed), options_(options),
        plan_(makePlan(module, seed)), numbers_(module, seed) {
    trains_ = !numbers_.parameters.empty();
    phases_.gradientCheckpointing = seed % 2;
    phases_.memoryBudget = seed % 4 / 2 * 10000;
    phases_.stepTokens = plan_.maxRows;
    phases_.compute = seed % 3 ? PhaseOptions::Compute::Auto : PhaseOptions::Compute::F32;
  }

  absl::Status run() {
    if (trains_)
      LLMC_RETURN_IF_ERROR(within("phase autodiff", differentiate()));
    LLMC_RETURN_IF_ERROR(within("phase import", interpret(*module_)));
    LLMC_RETURN_IF_ERROR(within("phase import", checkText(*module_)));
    for (const std::string &target : options_.targets)
      LLMC_RETURN_IF_ERROR(within(absl::StrCat("code for ", target), compileAndRun(target)));
    return absl::OkStatus();
  }

private:
  // Of programs for training, what is checked is the one with gradients.
  absl::Status differentiate() {
    CompileOptions options;
    options.phases = phases_;
    LLMC_ASSIGN_OR_RETURN(TargetDescription target, describeTarget("native"));
    LLMC_RETURN_IF_ERROR(
        compiler_.runPhases(*module_, Phase::Simplify, Phase::Autodiff, target, options));
    return checkDerivatives(*module_, numbers_, plan_.steps.back(), seed_);
  }

  // For each call: `call(function, name of the call, arguments)`, which yields the results.
  template <class Call>
  absl::Status forEachCall(Call call) {
    ArgumentMaker maker(*module_, seed_);
    for (auto [number, step] : llvm::enumerate(plan_.steps)) {
      maker.beginStep();
      for (func::FuncOp function : entryFunctions(*module_)) {
        const std::string name =
            absl::StrCat("step ", number, " (", step.rows, " rows at ", step.start, "), @",
                         function.getName().str(), " (", producer(function), ")");
        LLMC_ASSIGN_OR_RETURN(Arguments arguments, maker.make(function, number, step));
        absl::StatusOr<std::vector<Rows>> results = call(function, step, arguments);
        if (!results.ok())
          return within(name, results.status());
        maker.addResults(*results);
      }
    }
    return absl::OkStatus();
  }

  // The first interpretation is what others are held against.
  absl::Status interpret(ModuleOp module) {
    Interpreter<double> interpreter(module, numbers_.weightSource());
    numbers_.setParameters(interpreter);
    const bool isFirst = exact_.empty();
    size_t next = 0;
    return forEachCall([&](func::FuncOp function, const Step &,
                           const Arguments &arguments) -> absl::StatusOr<std::vector<Rows>> {
      LLMC_ASSIGN_OR_RETURN(auto values, interpreter.call(function.getName(),
                                                          interpreterArguments<double>(arguments)));
      std::vector<TensorValue<double>> all;
      for (InterpreterValue<double> &value : values)
        all.push_back(*std::get<TensorRef<double>>(value));
      llvm::append_range(all, numbers_.gradientsOf(interpreter));
      std::vector<Rows> results;
      for (auto [i, is] : llvm::enumerate(all)) {
        if (isFirst)
          exact_.push_back(is);
        else
          LLMC_RETURN_IF_ERROR(within(absl::StrCat("result ", i), compare(is, exact_[next])));
        // All have the same arguments, so that what is found is this call's.
        const TensorValue<double> &first = exact_[next++];
        if (i < values.size())
          results.push_back(
              {first.rows(), first.columns(), {first.data.begin(), first.data.end()}});
      }
      return results;
    });
  }

  static absl::Status compare(const TensorValue<double> &is, const TensorValue<double> &expected) {
    if (is.shape != expected.shape)
      return absl::InternalError("another shape than at phase import");
    for (int64_t r = 0; r < is.rows(); ++r) {
      double worst = 0, largest = 0;
      for (int64_t c = 0; c < is.columns(); ++c) {
        const double distance = std::abs(is.row(r)[c] - expected.row(r)[c]);
        worst = std::isnan(distance) ? INFINITY : std::max(worst, distance);
        largest = std::max(largest, std::abs(expected.row(r)[c]));
      }
      if (worst > kReordered * largest)
        return absl::InternalError(absl::StrCat("row ", r, " differs from phase import by ", worst,
                                                ", its largest being ", largest));
    }
    return absl::OkStatus();
  }

  // What is printed is parsed, and printed again is the same.
  absl::Status checkText(ModuleOp module) {
    const std::string text = textOf(module);
    LLMC_ASSIGN_OR_RETURN(OwningOpRef<ModuleOp> parsed, compiler_.parse(text, "printed"));
    return textOf(*parsed) == text
               ? absl::OkStatus()
               : absl::InternalError("the module is printed otherwise after it is parsed");
  }

  absl::Status observe(Phase phase, ModuleOp module) {
    switch (phase) {
    case Phase::Simplify:
    case Phase::Fuse:
    case Phase::Layout:
      LLMC_RETURN_IF_ERROR(interpret(module));
      return checkText(module);
    case Phase::Kernel:
      return checkText(module);
    case Phase::Vector:
    case Phase::Llvm:
      return options_.printAll ? checkText(module) : absl::OkStatus();
    default:
      return absl::OkStatus();
    }
  }

  // Products of experts are only compiled after fusion.
  bool hasExperts() {
    return module_->walk([](llm::ExpertLinearOp) { return WalkResult::interrupt(); })
        .wasInterrupted();
  }

  absl::Status compileAndRun(const std::string &cpu) {
    LLMC_ASSIGN_OR_RETURN(TargetDescription target, describeTarget(cpu));
    target.tiles = someTiles(target, seed_);
    CompiledProgram::Options options;
    options.tiles = target.tiles;
    options.form = seed_ % 8 == 7 && !hasExperts() ? Form::Unfused : Form::Fused;
    options.maxRows = plan_.maxRows;
    options.capacity = plan_.capacity;
    options.phases = phases_;
    options.parameters = numbers_.parameters;
    options.targetCpu = cpu;
    options.teams = 2;
    if (!observed_)
      options.observer = [&](Phase phase, ModuleOp module, double) {
        return within(absl::StrCat("phase ", phaseInfo(phase).name), observe(phase, module));
      };
    observed_ = true;
    LLMC_ASSIGN_OR_RETURN(auto program,
                          CompiledProgram::create(compiler_, *module_, numbers_.weights, options));
    const Products products = !trains_                                        ? Products::Rounded
                              : phases_.compute == PhaseOptions::Compute::F32 ? Products::F32
                                                                              : Products::Split;
    Worlds worlds(*module_, numbers_, target, products);
    return forEachCall([&](func::FuncOp function, const Step &step,
                           const Arguments &arguments) -> absl::StatusOr<std::vector<Rows>> {
      const std::string name = function.getName().str();
      LLMC_ASSIGN_OR_RETURN(std::vector<Rows> results, program->run(name, step.rows, arguments));
      std::vector<Rows> all = results;
      for (const auto &[parameter, values] : numbers_.parameters) {
        LLMC_ASSIGN_OR_RETURN(Rows gradient, program->gradient(parameter));
        all.push_back(std::move(gradient));
      }
      LLMC_RETURN_IF_ERROR(worlds.check(name, arguments, all));
      return results;
    });
  }

  Compiler &compiler_;
  OwningOpRef<ModuleOp> module_;
  uint32_t seed_;
  const CheckOptions &options_;
  Plan plan_;
  Numbers numbers_;
  PhaseOptions phases_;
  bool trains_ = false;
  std::vector<TensorValue<double>> exact_; // results and gradients of all calls
  bool observed_ = false;
};

} // namespace

absl::Status checkProgram(Compiler &compiler, ModuleOp module, uint32_t seed,
                          const CheckOptions &options) {
  return ProgramCheck(compiler, module, seed, options).run();
}

} // namespace llmc::smith
