// train_step MODEL.gguf ADAPTERS PARAMETERS OUT REAL SEQUENCE DROPOUT SEED TOKENS TARGETS OPTION...
//
// One step of training, interpreted or compiled. ADAPTERS has a line `weight rank scale dora` for
// each adapter, the last 0 or 1, PARAMETERS its matrices as float32, A before B and, with DoRA, the
// magnitudes, one adapter after the other; with option
// `full` ADAPTERS has the names of the trained tensors, a line each. TOKENS and
// TARGETS are ids with commas between. Writes to OUT as float64: the losses of @loss, those of
// @loss.gradient, and the gradients of the sum of the losses, each weighted by 1 + row / 4, in the
// order of PARAMETERS. REAL is `float` or `double` for the interpreter, `compiled` or
// `compiled-f32` for code for this CPU, with the arithmetic that `compute` chooses by itself or
// f32. OPTION is `save=BYTES`, not to compute all of a block again but keep results of so many
// bytes (0: any), or `fuse`, to run what phases up to `layout` leave, or `noise=ALPHA`, NEFTune's.
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "compiler/Driver/TrainingLoader.h"
#include "compiler/Interpreter/Interpreter.h"
#include "compiler/Interpreter/Status.h"
#include "compiler/Pipeline/Phases.h"
#include "frontends/gguf/import/Importer.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "tests/numerics/Inputs.h"
#include <fstream>
#include <iostream>

namespace llmc {
namespace {

struct Arguments {
  std::string model, adapters, parameters, out, real;
  TrainingImportOptions import;
  int64_t seed = 0;
  std::vector<std::string> trained; // names of parameters, in the order of PARAMETERS
  std::vector<int32_t> tokens, targets;
  PhaseOptions phases;
  bool fuse = false, print = false;
};

absl::StatusOr<Arguments> parseArguments(std::span<char *> argv) {
  if (argv.size() < 11)
    return absl::InvalidArgumentError("see the first lines of train_step.cpp for its arguments");
  Arguments a{argv[1], argv[2], argv[3], argv[4], argv[5], {}, 0, {}, {}, {}, {}};
  if (!absl::SimpleAtoi(argv[6], &a.import.sequence) ||
      !absl::SimpleAtof(argv[7], &a.import.dropout) || !absl::SimpleAtoi(argv[8], &a.seed))
    return absl::InvalidArgumentError("sequence, dropout and seed are numbers");
  LLMC_ASSIGN_OR_RETURN(a.tokens, parseTokens(argv[9]));
  LLMC_ASSIGN_OR_RETURN(a.targets, parseTokens(argv[10]));
  a.phases.stepTokens = static_cast<int64_t>(a.tokens.size());
  for (absl::string_view option : argv.subspan(11)) {
    if (option == "fuse")
      a.fuse = true;
    else if (option == "full")
      a.import.full = true;
    else if (option == "print")
      a.print = true;
    else if (absl::ConsumePrefix(&option, "save=") &&
             absl::SimpleAtoi(option, &a.phases.memoryBudget))
      a.phases.gradientCheckpointing = false;
    else if (!absl::ConsumePrefix(&option, "noise=") ||
             !absl::SimpleAtof(option, &a.import.embeddingNoise))
      return absl::InvalidArgumentError(
          "an option is full, fuse, print, save=BYTES or noise=ALPHA");
  }
  std::ifstream file(a.adapters);
  AdaptedWeight adapter;
  for (std::string name; a.import.full && file >> name;)
    a.trained.push_back(name);
  while (file >> adapter.weight >> adapter.rank >> adapter.scale >> adapter.dora) {
    a.import.adapters.push_back(adapter);
    for (const char *suffix : {kAdapterSuffixA, kAdapterSuffixB})
      a.trained.push_back(absl::StrCat(adapter.weight, suffix));
    if (adapter.dora)
      a.trained.push_back(absl::StrCat(adapter.weight, kAdapterSuffixMagnitude));
  }
  return a;
}

// The weight of a row's loss in gradients.
double lossWeight(size_t row) { return 1 + static_cast<double>(row) / 4; }

template <class Real>
absl::Status step(mlir::ModuleOp module, gguf::GgufFile &model, const Arguments &a) {
  Interpreter<Real> interpreter(module, weightsOf(model));
  std::ifstream in(a.parameters, std::ios::binary);
  std::vector<Parameter<Real> *> parameters;
  for (const std::string &name : a.trained) {
    LLMC_ASSIGN_OR_RETURN(Parameter<Real> * parameter, interpreter.parameter(name));
    std::vector<float> values(parameter->value.data.size());
    if (!in.read(reinterpret_cast<char *>(values.data()),
                 static_cast<std::streamsize>(values.size() * sizeof(float))))
      return absl::InvalidArgumentError(absl::StrCat(a.parameters, ": is too short"));
    parameter->value.data.assign(values.begin(), values.end());
    parameters.push_back(parameter);
  }

  std::ofstream out(a.out, std::ios::binary);
  auto write = [&](const std::vector<Real> &data) {
    std::vector<double> values(data.begin(), data.end());
    out.write(reinterpret_cast<const char *>(values.data()),
              static_cast<std::streamsize>(values.size() * sizeof(double)));
  };
  std::vector<InterpreterValue<Real>> arguments{TokensValue{a.tokens}, TokensValue{a.targets},
                                                IndexValue{a.seed}};
  std::vector<Real> weights;
  for (size_t t = 0; t < a.tokens.size(); ++t)
    weights.push_back(static_cast<Real>(lossWeight(t)));
  for (const char *function : {"loss", "loss.gradient"}) {
    LLMC_ASSIGN_OR_RETURN(auto results, interpreter.call(function, arguments));
    write(std::get<TensorRef<Real>>(results[0])->data);
    arguments.push_back(
        makeTensor<Real>({static_cast<int64_t>(a.tokens.size()), 1}, std::move(weights)));
  }
  for (const Parameter<Real> *parameter : parameters)
    write(parameter->gradient.data);
  return out.good() ? absl::OkStatus() : absl::InternalError("the results cannot be written");
}

absl::Status compiledStep(std::shared_ptr<gguf::GgufFile> file, const Arguments &a) {
  ThreadTeam team(2);
  TrainingLoadOptions options;
  options.import = a.import;
  options.batch = static_cast<int64_t>(a.tokens.size()) / a.import.sequence;
  options.compile.phases = a.phases;
  if (a.real == "compiled-f32")
    options.compile.phases.compute = PhaseOptions::Compute::F32;
  LLMC_ASSIGN_OR_RETURN(auto model, loadTraining(std::move(file), team, options));
  std::ifstream in(a.parameters, std::ios::binary);
  std::vector<TrainedTensor> tensors = model->tensors();
  std::vector<size_t> order; // of the model's parameters, as the file has them
  std::vector<float> rows;
  for (const std::string &name : a.trained)
    for (size_t i = 0; i < tensors.size(); ++i)
      if (tensors[i].name == name)
        order.push_back(i);
  auto size = [&](size_t i) {
    return static_cast<size_t>(model->parameters()[i].rows * model->parameters()[i].columns);
  };
  for (size_t i : order) {
    rows.resize(size(i));
    if (!in.read(reinterpret_cast<char *>(rows.data()),
                 static_cast<std::streamsize>(rows.size() * sizeof(float))))
      return absl::InvalidArgumentError(absl::StrCat(a.parameters, ": is too short"));
    model->fromRows(i, rows, tensors[i].values);
  }
  std::ofstream out(a.out, std::ios::binary);
  auto write = [&](std::span<const float> data) {
    std::vector<double> values(data.begin(), data.end());
    out.write(reinterpret_cast<const char *>(values.data()),
              static_cast<std::streamsize>(values.size() * sizeof(double)));
  };
  LLMC_ASSIGN_OR_RETURN(std::span<const float> forward, model->losses(a.tokens, a.targets, a.seed));
  write(forward);
  std::vector<float> weights;
  for (size_t t = 0; t < a.tokens.size(); ++t)
    weights.push_back(static_cast<float>(lossWeight(t)));
  LLMC_ASSIGN_OR_RETURN(std::span<const float> losses,
                        model->addGradients(a.tokens, a.targets, a.seed, weights));
  write(losses);
  for (size_t i : order) {
    rows.resize(size(i));
    model->toRows(i, tensors[i].gradient, rows);
    write(rows);
  }
  return out.good() ? absl::OkStatus() : absl::InternalError("the results cannot be written");
}

absl::Status run(std::span<char *> argv) {
  LLMC_ASSIGN_OR_RETURN(Arguments a, parseArguments(argv));
  if (absl::StartsWith(a.real, "compiled")) {
    LLMC_ASSIGN_OR_RETURN(auto file, gguf::GgufFile::open(a.model));
    return compiledStep(std::move(file), a);
  }
  mlir::MLIRContext context;
  context.loadDialect<mlir::tensor::TensorDialect>();
  LLMC_ASSIGN_OR_RETURN(auto model, gguf::GgufFile::open(a.model));
  LLMC_ASSIGN_OR_RETURN(auto module, importGgufForTraining(&context, *model, a.import));
  mlir::PassManager pm(&context);
  for (Phase phase : {Phase::Simplify, Phase::Autodiff})
    buildPhase(pm, phase, a.phases);
  if (a.fuse)
    for (Phase phase : {Phase::Fuse, Phase::Layout})
      buildPhase(pm, phase, a.phases);
  if (mlir::failed(pm.run(*module)))
    return absl::InternalError("the passes failed");
  if (a.print)
    module->print(llvm::outs());
  return a.real == "float" ? step<float>(*module, *model, a) : step<double>(*module, *model, a);
}

} // namespace
} // namespace llmc

int main(int argc, char **argv) {
  absl::Status status = llmc::run(std::span<char *>(argv, argc));
  if (status.ok())
    return 0;
  std::cerr << "train_step: " << status.message() << "\n";
  return 1;
}
