#include "compiler/Check/CompiledProgram.h"
#include "absl/strings/str_cat.h"
#include "compiler/Driver/Manifest.h"
#include "compiler/Interpreter/Status.h"
#include "dialects/llm/Formats/PackedLayout.h"
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

ThreadTeam &team(unsigned threads) {
  static ThreadTeam teams[] = {ThreadTeam(1), ThreadTeam(2), ThreadTeam(3)};
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
      memory.data())[parameter.place(row, column)];
}

bool sameBytes(const GuardedMemory &a, const GuardedMemory &b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size()) == 0;
}

template <class... Parts>
absl::Status error(const Parts &...parts) {
  return absl::InternalError(absl::StrCat(parts...));
}

} // namespace

absl::StatusOr<std::unique_ptr<CompiledProgram>> CompiledProgram::create(Compiler &compiler,
                                                                         mlir::ModuleOp module,
                                                                         const WeightBytes &weights,
                                                                         Options options) {
  std::unique_ptr<CompiledProgram> program(new CompiledProgram(std::move(options)));
  for (auto function : module.getOps<mlir::func::FuncOp>()) {
    std::vector<int64_t> &widths = program->resultWidths_[function.getName().str()];
    for (mlir::Type type : function.getResultTypes())
      if (auto rows = llvm::dyn_cast<mlir::RankedTensorType>(type); rows && rows.getRank() == 2)
        widths.push_back(rows.getDimSize(1));
  }
  mlir::OwningOpRef<mlir::ModuleOp> copy(module.clone());
  LLMC_RETURN_IF_ERROR(program->compile(compiler, *copy));
  LLMC_RETURN_IF_ERROR(program->bindWeights(weights));
  for (unsigned i = 0; i < program->options_.teams; ++i)
    LLMC_RETURN_IF_ERROR(program->addInstance());
  return program;
}

absl::Status CompiledProgram::compile(Compiler &compiler, mlir::ModuleOp module) {
  CompileOptions options;
  options.targetCpu = options_.targetCpu;
  options.tiles = options_.tiles;
  options.maxRows = options_.maxRows;
  options.phases = options_.phases;
  options.observer = options_.observer;
  std::string object;
  if (options_.form == Form::Fused) {
    LLMC_ASSIGN_OR_RETURN(CompiledModel compiled, compiler.compile(module, options));
    manifest_ = std::move(compiled.manifest);
    object = std::move(compiled.object);
  } else { // as Compiler::compile, without the phase that fuses
    LLMC_ASSIGN_OR_RETURN(TargetDescription target, describeTarget(options.targetCpu));
    target.tiles = options_.tiles.value_or(target.tiles);
    for (auto [first, last] :
         {std::pair{Phase::Simplify, Phase::Simplify}, {Phase::Layout, Phase::Kernel}})
      LLMC_RETURN_IF_ERROR(compiler.runPhases(module, first, last, target, options));
    LLMC_ASSIGN_OR_RETURN(manifest_, readManifest(module));
    LLMC_RETURN_IF_ERROR(compiler.runPhases(module, Phase::Vector, Phase::Llvm, target, options));
    LLMC_ASSIGN_OR_RETURN(object, emitArchive(module, target));
  }
  LLMC_ASSIGN_OR_RETURN(code_, LoadedCode::load(object));
  return absl::OkStatus();
}

absl::Status CompiledProgram::addInstance() {
  instances_.push_back({GuardedMemory(manifest_.arenaBytes, 64, kUnwritten), {}, {}, {}});
  Instance &instance = instances_.back();
  for (const KvCacheShape &shape : manifest_.caches)
    instance.caches.emplace_back(shape.bytes(options_.capacity), 64, kStale);
  for (const ColumnSumsShape &shape : manifest_.columnSums) {
    instance.sums.emplace_back(shape.bytes(), 64, kUnwritten);
    for (int64_t row = 0; row < shape.rows; ++row)
      std::memset(instance.sums.back().data() + row * shape.stride() * sizeof(float), 0,
                  shape.columns * sizeof(float));
  }
  for (const ProgramParameter &parameter : manifest_.parameters) {
    const std::vector<float> &values = options_.parameters[parameter.name];
    if (int64_t(values.size()) != parameter.rows * parameter.columns)
      return error("parameter ", parameter.name, " has ", values.size(), " values, expected ",
                   parameter.rows, " x ", parameter.columns);
    for (bool gradient : {false, true}) {
      GuardedMemory memory(parameter.floats() * sizeof(float), 64, 0);
      for (size_t e = 0; e < values.size() && !gradient; ++e)
        elementOf(parameter, memory, e) = values[e];
      instance.parameters.push_back(std::move(memory));
    }
  }
  return absl::OkStatus();
}

absl::Status CompiledProgram::bindWeights(const WeightBytes &weights) {
  for (const ProgramWeight &weight : manifest_.weights) {
    auto source = weights.find(weight.name);
    const size_t offset = weight.sourceOffset();
    const size_t size = weight.rows * weight.format->rowBytes(weight.columns);
    if (source == weights.end() || source->second.size() < offset + size ||
        (!weight.firstRow && source->second.size() != size))
      return error("weight ", weight.name, " is not there, or of another size than the program's");
    const std::vector<uint8_t> bytes(source->second.begin() + offset,
                                     source->second.begin() + offset + size);
    // In GGUF's layout a tensor may begin anywhere that its smallest element may.
    weightMemory_.emplace_back(weight.bytes(), weight.packed ? 64 : 4, kUnwritten);
    uint8_t *to = weightMemory_.back().data();
    if (!weight.packed) {
      std::memcpy(to, bytes.data(), size);
      continue;
    }
    packGroups(PackedLayout(*weight.format), bytes.data(), weight.rows, weight.columns, 0,
               PackedLayout::groups(weight.rows), to);
    LLMC_RETURN_IF_ERROR(checkPacker(weight, bytes, weightMemory_.back()));
  }
  return absl::OkStatus();
}

// Compiled packing writes the same bytes as packGroups, and reads the matrix alone.
absl::Status CompiledProgram::checkPacker(const ProgramWeight &weight,
                                          const std::vector<uint8_t> &bytes,
                                          const GuardedMemory &expected) const {
  LLMC_ASSIGN_OR_RETURN(StepFunction pack, code_->find(absl::StrCat("pack.", weight.format->name)));
  GuardedMemory source(bytes.size(), 2, kUnwritten);
  std::memcpy(source.data(), bytes.data(), bytes.size());
  for (unsigned threads = 1; threads <= options_.teams; ++threads) {
    GuardedMemory packed(expected.size(), 64, kUnwritten);
    const int64_t arguments[] = {reinterpret_cast<int64_t>(source.data()),
                                 reinterpret_cast<int64_t>(packed.data()), int64_t(weight.rows),
                                 int64_t(weight.columns)};
    StepContext context = {};
    context.arguments = arguments;
    context.team = &team(threads);
    team(threads).run([&](unsigned thread, unsigned count) { pack(&context, thread, count); });
    if (!packed.isIntact())
      return error(weight.name, ": written outside of the packed matrix");
    if (!sameBytes(packed, expected))
      return error(weight.name, ": ", weight.rows, " x ", weight.columns, " of ",
                   weight.format->name, " is packed otherwise on ", threads, " threads");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Rows>>
CompiledProgram::runInstance(StepFunction function, llvm::ArrayRef<int64_t> widths, int64_t rows,
                             const Arguments &arguments, unsigned threads) {
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
  for (int64_t width : widths)
    pass(GuardedMemory((rows + kResultRowPadding) * paddedWidth(width) * sizeof(float), 64,
                       kUnwritten));
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
      if (!m.isIntact())
        return error("written outside of an argument, a result, a cache or a weight");
  if (!instance.arena.isIntact())
    return error("written outside of the arena");
  if (!scratch.isIntact())
    return error("written outside of the scratch memory");
  std::vector<Rows> read;
  for (auto [i, width] : llvm::enumerate(widths)) {
    read.push_back({rows, width, {}});
    for (int64_t r = 0; r < rows; ++r) {
      auto *row =
          reinterpret_cast<const float *>(memory[firstResult + i].data()) + r * paddedWidth(width);
      read.back().data.insert(read.back().data.end(), row, row + width);
    }
  }
  return read;
}

absl::StatusOr<Rows> CompiledProgram::columnSums(size_t index) const {
  const ColumnSumsShape &shape = manifest_.columnSums[index];
  Rows sums{shape.rows, shape.columns, {}};
  for (const Instance &instance : instances_) {
    std::vector<float> found;
    for (int64_t row = 0; row < shape.rows; ++row) {
      auto *data =
          reinterpret_cast<const float *>(instance.sums[index].data()) + row * shape.stride();
      found.insert(found.end(), data, data + shape.columns);
    }
    if (!sums.data.empty() &&
        std::memcmp(sums.data.data(), found.data(), found.size() * sizeof(float)) != 0)
      return error("column sums ", index, " differ from those of one thread");
    sums.data = std::move(found);
  }
  return sums;
}

absl::StatusOr<Rows> CompiledProgram::gradient(const std::string &name) const {
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
    if (std::abs(sum - all) > 1e-9 * sum)
      return error(name, ": the padding is not zero");
    for (const Instance &instance : instances_)
      if (!sameBytes(first, instance.parameters[2 * i + 1]))
        return error(name, ": the gradient differs from that of one thread");
    return rows;
  }
  return error("no parameter ", name);
}

absl::StatusOr<std::vector<Rows>> CompiledProgram::run(const std::string &name, int64_t rows,
                                                       const Arguments &arguments) {
  auto widths = resultWidths_.find(name);
  if (widths == resultWidths_.end())
    return error("no function ", name);
  LLMC_ASSIGN_OR_RETURN(StepFunction function, code_->find(name));
  std::vector<Rows> first;
  for (unsigned threads = 1; threads <= options_.teams; ++threads) {
    LLMC_ASSIGN_OR_RETURN(std::vector<Rows> results,
                          runInstance(function, widths->second, rows, arguments, threads));
    if (threads == 1) {
      first = std::move(results);
      continue;
    }
    for (size_t i = 0; i < results.size(); ++i)
      if (std::memcmp(results[i].data.data(), first[i].data.data(),
                      first[i].data.size() * sizeof(float)) != 0)
        return error(name, ": result ", i, " of ", threads, " threads differs from that of one");
    for (size_t i = 0; i < instances_[0].caches.size(); ++i)
      if (!sameBytes(instances_[0].caches[i], instances_[threads - 1].caches[i]))
        return error(name, ": cache ", i, " of ", threads, " threads differs from that of one");
  }
  return first;
}

} // namespace llmc
