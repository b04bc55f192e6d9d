#include "tests/numerics/JitProgram.h"
#include "compiler/Driver/Manifest.h"
#include "dialects/llm/Formats/PackedLayout.h"
#include "dialects/llm/IR/LlmDialect.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "runtime/core/ThreadTeam.h"
#include <cmath>
#include <cstring>

namespace llmc {
namespace {

// What is not written yet: not a number, in f32, so that it shows wherever it is read.
constexpr uint8_t kUnwritten = 0xff;
// Of a cache: stale numbers, large but finite (1124 in f16), as an earlier conversation leaves
// them.
constexpr uint8_t kStale = 0x64;
constexpr unsigned kTeams = 3;

ThreadTeam &team(unsigned threads) {
  static ThreadTeam teams[kTeams] = {ThreadTeam(1), ThreadTeam(2), ThreadTeam(3)};
  return teams[threads - 1];
}

int64_t paddedWidth(int64_t width) { return (width + 15) / 16 * 16; }

// Rows as compiled code takes them.
GuardedMemory paddedRows(const Rows &rows) {
  const int64_t stride = paddedWidth(rows.width) * sizeof(float);
  GuardedMemory memory((rows.count + kResultRowPadding) * stride, 64, kUnwritten);
  for (int64_t r = 0; r < rows.count; ++r)
    std::memcpy(memory.data() + r * stride, &rows.data[r * rows.width], rows.width * sizeof(float));
  return memory;
}

// Element `e`, counted row after row, of a parameter.
float &elementOf(const ProgramParameter &parameter, const GuardedMemory &memory, int64_t e) {
  const int64_t row = e / parameter.columns, column = e % parameter.columns;
  return reinterpret_cast<float *>(
      memory.data())[parameter.transposed() ? column * parameter.stride() + row
                                            : row * parameter.stride() + column];
}

} // namespace

std::string &testTarget() {
  static std::string target = "native";
  return target;
}

llvm::StringSet<> &loweredOperations() {
  static llvm::StringSet<> names;
  return names;
}

ParsedProgram::ParsedProgram(const std::string &text, WeightBytes weights)
    : weights_(std::move(weights)) {
  auto module = compiler_.parse(text, "test.mlir");
  if (!module.ok()) {
    ADD_FAILURE() << module.status() << "\n" << text;
    module = mlir::ModuleOp::create(mlir::UnknownLoc::get(compiler_.context()));
  }
  module_ = std::move(*module);
}

absl::StatusOr<std::span<const uint8_t>> ParsedProgram::find(absl::string_view name) const {
  auto found = weights_.find(std::string(name));
  if (found == weights_.end())
    return absl::NotFoundError(absl::StrCat("no tensor '", name, "'"));
  return std::span<const uint8_t>(found->second);
}

JitProgram::JitProgram(const std::string &text, WeightBytes weights, Options options)
    : ParsedProgram(text, std::move(weights)), options_(options) {
  mlir::OwningOpRef<mlir::ModuleOp> module(module_->clone());
  absl::StatusOr<CompiledModel> compiled = compile(*module);
  absl::StatusOr<std::unique_ptr<LoadedCode>> code =
      compiled.ok() ? LoadedCode::load(compiled->object) : compiled.status();
  if (!code.ok()) {
    ADD_FAILURE() << code.status() << "\n" << text;
    return;
  }
  code_ = std::move(*code);
  manifest_ = std::move(compiled->manifest);
  bindWeights();
  for (unsigned i = 0; i < kTeams; ++i) {
    instances_.push_back({GuardedMemory(manifest_.arenaBytes, 64, kUnwritten), {}, {}, {}});
    for (const KvCacheShape &shape : manifest_.caches)
      instances_.back().caches.emplace_back(shape.bytes(options_.capacity), 64, kStale);
    for (const ColumnSumsShape &shape : manifest_.columnSums) {
      instances_.back().sums.emplace_back(shape.bytes(), 64, kUnwritten);
      for (int64_t row = 0; row < shape.rows; ++row)
        std::memset(instances_.back().sums.back().data() + row * shape.stride() * sizeof(float), 0,
                    shape.columns * sizeof(float));
    }
    for (const ProgramParameter &parameter : manifest_.parameters) {
      const std::vector<float> &values = options_.parameters[parameter.name];
      EXPECT_EQ(int64_t(values.size()), parameter.rows * parameter.columns) << parameter.name;
      for (bool gradient : {false, true}) {
        GuardedMemory memory(parameter.floats() * sizeof(float), 64, 0);
        for (size_t e = 0; e < values.size() && !gradient; ++e)
          elementOf(parameter, memory, e) = values[e];
        instances_.back().parameters.push_back(std::move(memory));
      }
    }
  }
}

absl::StatusOr<CompiledModel> JitProgram::compile(mlir::ModuleOp module) {
  CompileOptions options;
  options.targetCpu = testTarget();
  options.maxRows = options_.maxRows;
  options.phases = options_.phases;
  const Phase lowered = options_.form == Form::Fused ? Phase::Fuse : Phase::Simplify;
  options.observer = [&](Phase phase, mlir::ModuleOp now, double) {
    if (phase == lowered)
      now->walk([](mlir::Operation *op) {
        if (llvm::isa_and_nonnull<llm::LlmDialect>(op->getDialect()))
          loweredOperations().insert(op->getName().getStringRef());
      });
    return absl::OkStatus();
  };
  return options_.form == Form::Fused ? compiler_.compile(module, options)
                                      : compileUnfused(module, options);
}

// As Compiler::compile, without the phase that fuses.
absl::StatusOr<CompiledModel> JitProgram::compileUnfused(mlir::ModuleOp module,
                                                         const CompileOptions &options) {
  absl::StatusOr<TargetDescription> target = describeTarget(options.targetCpu);
  if (!target.ok())
    return target.status();
  CompiledModel result{*target, {}, "", false};
  for (auto [first, last] :
       {std::pair{Phase::Simplify, Phase::Simplify}, {Phase::Layout, Phase::Kernel}})
    if (absl::Status status = compiler_.runPhases(module, first, last, *target, options);
        !status.ok())
      return status;
  absl::StatusOr<ProgramManifest> manifest = readManifest(module);
  if (!manifest.ok())
    return manifest.status();
  result.manifest = std::move(*manifest);
  absl::Status status = compiler_.runPhases(module, Phase::Vector, Phase::Llvm, *target, options);
  if (!status.ok())
    return status;
  absl::StatusOr<std::string> object = emitObject(module, *target);
  if (!object.ok())
    return object.status();
  result.object = std::move(*object);
  return result;
}

void JitProgram::bindWeights() {
  for (const ProgramWeight &weight : manifest_.weights) {
    const std::vector<uint8_t> &source = weights_[weight.name];
    ASSERT_EQ(source.size(), weight.rows * weight.format->rowBytes(weight.columns)) << weight.name;
    // In GGUF's layout a tensor may begin anywhere that its smallest element may.
    weightMemory_.emplace_back(weight.bytes(), weight.packed ? 64 : 4, kUnwritten);
    uint8_t *to = weightMemory_.back().data();
    if (!weight.packed) {
      std::memcpy(to, source.data(), source.size());
      continue;
    }
    packGroups(PackedLayout(*weight.format), source.data(), weight.rows, weight.columns, 0,
               PackedLayout::groups(weight.rows), to);
    checkPacker(weight, source, weightMemory_.back());
  }
}

// Compiled packing writes the same bytes as packGroups, and reads the matrix alone.
void JitProgram::checkPacker(const ProgramWeight &weight, const std::vector<uint8_t> &bytes,
                             const GuardedMemory &expected) {
  absl::StatusOr<StepFunction> pack = code_->find(absl::StrCat("pack.", weight.format->name));
  ASSERT_TRUE(pack.ok()) << pack.status();
  GuardedMemory source(bytes.size(), 2, kUnwritten);
  std::memcpy(source.data(), bytes.data(), bytes.size());
  for (unsigned threads = 1; threads <= kTeams; ++threads) {
    GuardedMemory packed(expected.size(), 64, kUnwritten);
    const int64_t arguments[] = {reinterpret_cast<int64_t>(source.data()),
                                 reinterpret_cast<int64_t>(packed.data()), int64_t(weight.rows),
                                 int64_t(weight.columns)};
    StepContext context = {};
    context.arguments = arguments;
    context.team = &team(threads);
    team(threads).run([&](unsigned thread, unsigned count) { (*pack)(&context, thread, count); });
    EXPECT_TRUE(packed.isIntact()) << weight.name << ": written outside of the packed matrix";
    EXPECT_EQ(std::memcmp(packed.data(), expected.data(), packed.size()), 0)
        << weight.name << ": " << weight.rows << " x " << weight.columns << " of "
        << weight.format->name << " is packed otherwise on " << threads << " threads";
  }
}

std::vector<Rows> JitProgram::runInstance(StepFunction function, llvm::ArrayRef<mlir::Type> results,
                                          int64_t rows, const Arguments &arguments,
                                          unsigned threads) {
  Instance &instance = instances_[threads - 1];
  std::vector<GuardedMemory> memory;
  std::vector<int64_t> values;
  auto pass = [&](GuardedMemory m) {
    values.push_back(reinterpret_cast<int64_t>(m.data()));
    memory.push_back(std::move(m));
  };
  for (const Argument &argument : arguments) {
    if (auto *number = std::get_if<int64_t>(&argument)) {
      values.push_back(*number);
    } else if (auto *tokens = std::get_if<std::vector<int32_t>>(&argument)) {
      GuardedMemory m(tokens->size() * sizeof(int32_t), 4, kUnwritten);
      std::memcpy(m.data(), tokens->data(), m.size());
      pass(std::move(m));
    } else {
      pass(paddedRows(std::get<Rows>(argument)));
    }
  }
  const size_t firstResult = memory.size();
  std::vector<Rows> read;
  for (mlir::Type type : results) {
    read.push_back({rows, llvm::cast<mlir::RankedTensorType>(type).getDimSize(1), {}});
    pass(GuardedMemory((rows + kResultRowPadding) * paddedWidth(read.back().width) * sizeof(float),
                       64, kUnwritten));
  }
  std::vector<const uint8_t *> weights;
  for (const GuardedMemory &m : weightMemory_)
    weights.push_back(m.data());
  std::vector<uint8_t *> states;
  for (const std::vector<GuardedMemory> *all : {&instance.caches, &instance.sums})
    for (const GuardedMemory &m : *all)
      states.push_back(m.data());
  instance.arena.fill(kUnwritten);

  StepContext context = {};
  context.weights = weights.data();
  context.states = states.data();
  std::vector<float *> parameters;
  for (const GuardedMemory &m : instance.parameters)
    parameters.push_back(reinterpret_cast<float *>(m.data()));
  context.parameters = parameters.data();
  context.arena = instance.arena.data();
  GuardedMemory scratch(manifest_.scratchBytes * threads, 64, kUnwritten);
  context.scratch = scratch.data();
  context.arguments = values.data();
  context.team = &team(threads);
  context.rows = rows;
  context.capacity = options_.capacity;
  team(threads).run([&](unsigned thread, unsigned count) { function(&context, thread, count); });

  for (const std::vector<GuardedMemory> *all :
       {&memory, &instance.caches, &instance.sums, &instance.parameters, &weightMemory_})
    for (const GuardedMemory &m : *all)
      EXPECT_TRUE(m.isIntact()) << "written outside of an argument, a result, a cache or a weight";
  EXPECT_TRUE(instance.arena.isIntact()) << "written outside of the arena";
  EXPECT_TRUE(scratch.isIntact()) << "written outside of the scratch memory";
  for (size_t i = 0; i < read.size(); ++i)
    for (int64_t r = 0; r < rows; ++r) {
      auto *row = reinterpret_cast<const float *>(memory[firstResult + i].data()) +
                  r * paddedWidth(read[i].width);
      read[i].data.insert(read[i].data.end(), row, row + read[i].width);
    }
  return read;
}

Rows JitProgram::columnSums(size_t index) {
  const ColumnSumsShape &shape = manifest_.columnSums[index];
  Rows sums{shape.rows, shape.columns, {}};
  for (const Instance &instance : instances_) {
    std::vector<float> found;
    for (int64_t row = 0; row < shape.rows; ++row) {
      auto *data =
          reinterpret_cast<const float *>(instance.sums[index].data()) + row * shape.stride();
      found.insert(found.end(), data, data + shape.columns);
    }
    EXPECT_TRUE(sums.data.empty() ||
                std::memcmp(sums.data.data(), found.data(), found.size() * sizeof(float)) == 0)
        << "column sums " << index << " differ from those of one thread";
    sums.data = std::move(found);
  }
  return sums;
}

Rows JitProgram::gradient(const std::string &name) {
  for (size_t i = 0; i < manifest_.parameters.size(); ++i) {
    const ProgramParameter &parameter = manifest_.parameters[i];
    if (parameter.name != name)
      continue;
    Rows rows{parameter.rows, parameter.columns, {}};
    const GuardedMemory &first = instances_[0].parameters[2 * i + 1];
    double sum = 0, all = 0;
    for (int64_t e = 0; e < parameter.rows * parameter.columns; ++e) {
      rows.data.push_back(elementOf(parameter, first, e));
      sum += std::abs(rows.data.back());
    }
    for (int64_t e = 0; e < parameter.floats(); ++e)
      all += std::abs(reinterpret_cast<const float *>(first.data())[e]);
    EXPECT_NEAR(sum, all, 1e-9 * sum) << name << ": the padding is not zero";
    for (const Instance &instance : instances_)
      EXPECT_EQ(std::memcmp(first.data(), instance.parameters[2 * i + 1].data(), first.size()), 0)
          << name << ": the gradient differs from that of one thread";
    return rows;
  }
  ADD_FAILURE() << "no parameter " << name;
  return {};
}

std::vector<Rows> JitProgram::run(const std::string &name, int64_t rows,
                                  const Arguments &arguments) {
  auto declared = module_->lookupSymbol<mlir::func::FuncOp>(name);
  if (!code_ || !declared) {
    ADD_FAILURE() << "no function " << name;
    return {};
  }
  absl::StatusOr<StepFunction> function = code_->find(name);
  if (!function.ok()) {
    ADD_FAILURE() << function.status();
    return {};
  }
  std::vector<Rows> first;
  for (unsigned threads = 1; threads <= kTeams; ++threads) {
    std::vector<Rows> results =
        runInstance(*function, declared.getResultTypes(), rows, arguments, threads);
    if (threads == 1) {
      first = std::move(results);
      continue;
    }
    for (size_t i = 0; i < results.size(); ++i)
      EXPECT_EQ(std::memcmp(results[i].data.data(), first[i].data.data(),
                            first[i].data.size() * sizeof(float)),
                0)
          << name << ": result " << i << " of " << threads << " threads differs from that of one";
    for (size_t i = 0; i < instances_[0].caches.size(); ++i)
      EXPECT_EQ(std::memcmp(instances_[0].caches[i].data(),
                            instances_[threads - 1].caches[i].data(),
                            instances_[0].caches[i].size()),
                0)
          << name << ": cache " << i << " of " << threads << " threads differs from that of one";
  }
  return first;
}

void expectRows(const Rows &is, const TensorValue<double> &expected,
                const std::function<double(int64_t, int64_t)> &tolerance) {
  ASSERT_EQ(is.count, expected.rows());
  ASSERT_EQ(is.width, expected.columns());
  double worst = 0;
  int64_t worstRow = 0, worstColumn = 0;
  for (int64_t r = 0; r < is.count; ++r)
    for (int64_t c = 0; c < is.width; ++c) {
      double distance = std::abs(is.at(r, c) - expected.row(r)[c]);
      double error = distance == 0          ? 0
                     : std::isnan(distance) ? INFINITY
                                            : distance / tolerance(r, c);
      if (error > worst) {
        worst = error;
        worstRow = r, worstColumn = c;
      }
    }
  if (std::getenv("LLMC_TEST_SHOW_ERRORS"))
    std::printf("  error %.3f of the tolerance\n", worst);
  EXPECT_LE(worst, 1) << "row " << worstRow << " of " << is.count << ", column " << worstColumn
                      << " of " << is.width << ": " << is.at(worstRow, worstColumn) << ", expected "
                      << expected.row(worstRow)[worstColumn] << " within "
                      << tolerance(worstRow, worstColumn);
}

void expectSameRows(const Rows &is, const TensorValue<double> &expected) {
  ASSERT_EQ(is.count, expected.rows());
  ASSERT_EQ(is.width, expected.columns());
  for (int64_t r = 0; r < is.count; ++r)
    for (int64_t c = 0; c < is.width; ++c)
      ASSERT_EQ(is.at(r, c), static_cast<float>(expected.row(r)[c]))
          << "row " << r << " column " << c;
}

} // namespace llmc
