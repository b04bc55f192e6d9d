#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "compiler/Artifact/UserKey.h"
#include "compiler/Driver/Artifact.h"
#include "compiler/Driver/ModelLoader.h"
#include "compiler/PhaseDump/PhaseDump.h"
#include "frontends/gguf/shape/ModelShape.h"
#include "runtime/core/CacheSize.h"
#include "runtime/core/Interrupt.h"
#include "runtime/core/ReadBandwidth.h"
#include "tools/llmc/Commands.h"
#include "tools/llmc/Console.h"
#include "tools/llmc/SharedOptions.h"
#include "tools/llmc/StepTimer.h"
#include <CLI/CLI.hpp>
#include <filesystem>
#include <unistd.h>

namespace llmc::cli {
namespace {

constexpr char kAssembly[] = "asm";
constexpr char kObject[] = "object";
constexpr int64_t kMostTimedSteps = 1 << 20;
constexpr size_t kLeastReadBuffer = size_t(64) << 20, kMostReadBuffer = size_t(256) << 20;

using Clock = std::chrono::steady_clock;

double secondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

struct CompileCommandOptions {
  ModelOptions model;
  std::string output, emit, dumpDirectory;
  bool splatWeights = false, timePhases = false, remarks = false;
  int64_t timeSteps = 0;

  // Whether all phases are wanted, not only those up to the one that is printed.
  bool wholeCompilation() const {
    return emit.empty() || !output.empty() || !dumpDirectory.empty() || timePhases || timeSteps > 0;
  }
};

std::string printed(mlir::ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream out(text);
  module->print(out);
  out << '\n';
  return text;
}

class Compile {
public:
  explicit Compile(const CompileCommandOptions &options) : options_(options) {}
  absl::Status operator()();

private:
  absl::Status checkOptions() const;
  absl::Status checkOutput() const;
  absl::Status compileModel();
  absl::Status observe(Phase phase, mlir::ModuleOp module, double seconds);
  absl::Status finishDump();
  absl::Status write();
  void report(double seconds) const;
  void reportPhases() const;
  // What is not the IR that was asked for leaves stdout to it.
  void say(absl::string_view text) const;

  const CompileCommandOptions &options_;
  std::shared_ptr<gguf::GgufFile> file_;
  std::optional<TargetDescription> target_;
  std::optional<PhaseDump> dump_;
  AdapterWeights adapters_;
  std::string programText_;
  CompiledModel compiled_;
  double importSeconds_ = 0;
  std::vector<std::pair<Phase, double>> phaseSeconds_;
  bool stopped_ = false; // after the phase that was asked for
};

void Compile::say(absl::string_view text) const {
  if (options_.emit.empty())
    print(text);
  else
    std::fwrite(text.data(), 1, text.size(), stderr);
}

absl::Status Compile::checkOptions() const {
  if (!options_.emit.empty() && options_.emit != kAssembly && !findPhase(options_.emit)) {
    std::string known;
    for (const PhaseInfo &info : phases())
      absl::StrAppend(&known, info.name, ", ");
    return usageError(absl::StrCat("--emit: there is no phase '", options_.emit, "'; known are ",
                                   known, kAssembly));
  }
  if (options_.emit == kObject && outputIsTerminal())
    return usageError(
        "--emit=object prints machine code, which is not for a terminal; send it to a "
        "file, or use --emit=asm");
  if (options_.splatWeights && !options_.output.empty())
    return usageError(
        "-o needs the model's weights, which --splat-weights does not read; leave out "
        "one of the two");
  if (options_.timeSteps > 0 && !options_.splatWeights)
    return usageError("--time-steps times made-up weights; add --splat-weights");
  return absl::OkStatus();
}

absl::Status Compile::checkOutput() const {
  std::error_code none;
  if (std::filesystem::equivalent(options_.output, options_.model.path, none))
    return usageError(
        absl::StrCat("-o ", options_.output, " is the model itself; choose another name"));
  if (isArtifact(*file_))
    return absl::InvalidArgumentError(
        absl::StrCat(options_.model.path, ": is a compiled model already; -o takes its source, the "
                                          ".gguf"));
  return absl::OkStatus();
}

absl::Status Compile::observe(Phase phase, mlir::ModuleOp module, double seconds) {
  phaseSeconds_.emplace_back(phase, phase == Phase::Import ? importSeconds_ : seconds);
  const bool emitted = options_.emit == phaseInfo(phase).name && phase != Phase::Object;
  if (emitted)
    print(printed(module));
  const bool wantsCode =
      (options_.emit == kAssembly || options_.emit == kObject) && phase == Phase::Llvm;
  if (wantsCode) {
    absl::StatusOr<std::string> code =
        options_.emit == kObject ? emitObject(module, *target_) : emitAssembly(module, *target_);
    if (!code.ok())
      return code.status();
    print(*code);
  }
  if (dump_)
    if (absl::Status status = dump_->add(phase, module, *target_, phaseSeconds_.back().second);
        !status.ok())
      return status;
  if (!options_.wholeCompilation() && (emitted || wantsCode)) {
    stopped_ = true;
    return absl::AbortedError("the phases after this one were not asked for");
  }
  return absl::OkStatus();
}

absl::Status Compile::compileModel() {
  absl::StatusOr<TargetDescription> target = describeTarget(options_.model.targetCpu);
  if (!target.ok())
    return usageError(target.status().message());
  target_ = *std::move(target);
  Clock::time_point start = Clock::now();
  absl::StatusOr<AdapterWeights> adapters = AdapterWeights::read(options_.model.adapters, *file_);
  if (!adapters.ok())
    return adapters.status();
  adapters_ = *std::move(adapters);
  Compiler compiler;
  absl::StatusOr<mlir::OwningOpRef<mlir::ModuleOp>> module = importModel(
      compiler, *file_,
      {{options_.model.keyCacheType, options_.model.valueCacheType},
       adapters_.requests(),
       options_.model.context});
  if (!module.ok())
    return module.status();
  importSeconds_ = secondsSince(start);
  if (!options_.output.empty())
    programText_ = printed(**module);

  CompileOptions compile;
  compile.targetCpu = options_.model.targetCpu;
  compile.maxRows = options_.model.maxRows;
  if (!options_.model.noObjectCache) {
    compile.cacheDirectory = defaultCacheDirectory();
    compile.keyPath = userKeyPath();
  }
  if (options_.timePhases || dump_ || !options_.emit.empty())
    compile.observer = [this](Phase phase, mlir::ModuleOp now, double seconds) {
      return observe(phase, now, seconds);
    };
  if (options_.remarks || dump_)
    compile.remark = [this](const PassRemark &remark) {
      if (options_.remarks)
        say(absl::StrCat(toLine(remark), "\n"));
      if (dump_)
        dump_->add(remark);
    };
  absl::StatusOr<CompiledModel> compiled = compiler.compile(**module, compile);
  if (stopped_)
    return absl::OkStatus();
  if (!compiled.ok())
    return compiled.status();
  compiled_ = *std::move(compiled);
  return dump_ ? finishDump() : absl::OkStatus();
}

absl::Status Compile::finishDump() {
  ThreadTeam team(options_.model.threads);
  MachineSpeed speed;
  speed.threads = team.threads();
  const size_t bytes =
      std::clamp<size_t>(2 * lastLevelCacheBytes(), kLeastReadBuffer, kMostReadBuffer);
  // Without the memory for it, or where the code cannot run, the page does without the figure.
  if (absl::StatusOr<double> rate = measureReadBandwidth(team, {.bytes = bytes, .repeats = 3});
      rate.ok())
    speed.readBytesPerSecond = *rate * 1e9;
  if (runsHere(*target_))
    if (absl::StatusOr<std::vector<InstructionPeak>> peaks =
            measureInstructionPeaks(*target_, team);
        peaks.ok())
      speed.peaks = *std::move(peaks);
  return dump_->finish(std::filesystem::path(options_.model.path).filename().string(), *target_,
                       compiled_.object.size(), std::move(speed));
}

absl::Status Compile::write() {
  InterruptGuard guard;
  ThreadTeam team(options_.model.threads);
  Progress progress(absl::StrCat("writing ", options_.output));
  return writeArtifact(
      options_.output, *file_, adapters_, programText_, compiled_, team, [&](double share) {
        progress.show(share);
        return InterruptGuard::interrupted() ? absl::CancelledError() : absl::OkStatus();
      });
}

void Compile::reportPhases() const {
  double total = 0;
  for (const auto &[phase, seconds] : phaseSeconds_)
    total += seconds;
  std::string table = absl::StrFormat("%-10s %10s %7s\n", "phase", "ms", "%");
  auto row = [&](absl::string_view name, double seconds) {
    absl::StrAppendFormat(&table, "%-10s %10.2f %7.1f\n", name, seconds * 1000,
                          total > 0 ? 100 * seconds / total : 0);
  };
  for (const auto &[phase, seconds] : phaseSeconds_)
    row(phaseInfo(phase).name, seconds);
  row("total", total);
  say(table);
}

void Compile::report(double seconds) const {
  std::string line;
  if (options_.output.empty()) {
    line = "compiled";
  } else {
    std::error_code none;
    line = absl::StrCat(options_.output, ": ",
                        bytesText(std::filesystem::file_size(options_.output, none)));
  }
  absl::StrAppendFormat(&line, ", code %s for %s%s, %.2f s\n", bytesText(compiled_.object.size()),
                        compiled_.target.cpu, compiled_.fromCache ? " (from the cache)" : "",
                        seconds);
  say(line);
}

absl::Status Compile::operator()() {
  if (absl::Status status = checkOptions(); !status.ok())
    return status;
  Clock::time_point start = Clock::now();
  absl::StatusOr<std::shared_ptr<gguf::GgufFile>> file =
      openModel(options_.model.path, options_.splatWeights);
  if (!file.ok())
    return file.status();
  file_ = *std::move(file);
  if (!options_.output.empty())
    if (absl::Status status = checkOutput(); !status.ok())
      return status;
  if (!options_.dumpDirectory.empty()) {
    absl::StatusOr<PhaseDump> dump = PhaseDump::create(options_.dumpDirectory);
    if (!dump.ok())
      return dump.status();
    dump_.emplace(*std::move(dump));
  }
  if (absl::Status status = compileModel(); !status.ok())
    return status;
  if (stopped_)
    return absl::OkStatus();
  if (!options_.output.empty())
    if (absl::Status status = write(); !status.ok())
      return status;
  if (options_.timePhases)
    reportPhases();
  report(secondsSince(start));
  if (options_.timeSteps == 0)
    return absl::OkStatus();
  absl::StatusOr<std::string> times = timeSteps(options_.model, options_.timeSteps);
  if (!times.ok())
    return times.status();
  say(*times);
  return absl::OkStatus();
}

} // namespace

void addCompileCommand(CLI::App &app, Action &action) {
  CLI::App *command = app.add_subcommand("compile", "Compile a model, and look inside");
  auto options = std::make_shared<CompileCommandOptions>();
  addModelArgument(*command, options->model.path);
  command
      ->add_option("-o,--output", options->output,
                   "Write the compiled model, with its weights; without -o only the code is kept, "
                   "in the cache")
      ->type_name("OUT.llmc");
  addThreadsOption(*command, options->model.threads);
  addCompileOptions(*command, options->model);
  addLoraOption(*command, options->model.adapters);
  addContextOption(*command, options->model.context, 0,
                   "Tokens of the contexts that it will run with, for models that turn positions "
                   "by other factors in long ones (phi3); 0: the model's, at most 4096");
  std::string phaseNames;
  for (const PhaseInfo &info : phases())
    phaseNames += std::string(info.name) + ", ";
  command
      ->add_option("--emit", options->emit, "Print the IR after a phase: " + phaseNames + kAssembly)
      ->type_name("PHASE")
      ->group("Seeing");
  command
      ->add_option("--dump-phases", options->dumpDirectory,
                   "Write the IR after each phase to this directory, and index.html, which shows "
                   "them side by side")
      ->type_name("DIR")
      ->group("Seeing");
  command->add_flag("--time-phases", options->timePhases, "Print how long each phase took")
      ->group("Seeing");
  command
      ->add_flag("--remarks", options->remarks,
                 "Print a line for each fusion that was made or missed, and why")
      ->group("Seeing");
  command
      ->add_flag(
          "--splat-weights", options->splatWeights,
          "Compile the shape alone, with made-up weights: MODEL's tensor data is not read and "
          "may be missing")
      ->group("Shapes");
  command
      ->add_option("--time-steps", options->timeSteps,
                   "With --splat-weights: time a prompt of 512 tokens and N generated ones")
      ->check(
          integer(1, kMostTimedSteps, absl::StrCat("a whole number from 1 to ", kMostTimedSteps)))
      ->type_name("N")
      ->group("Shapes");
  command->footer(
      "With --splat-weights MODEL may also be shape:NAME[:TYPE], a known shape without any\n"
      "file, as in shape:llama2-7b:q8_0 (TYPE is q4_0 unless given). Shapes are\n" +
      gguf::modelShapeNames() + ".");
  command->callback([options, &action] { action = [options] { return Compile(*options)(); }; });
}

} // namespace llmc::cli
