// Random programs of the `llm` dialect: prints them, or checks what the compiler makes of them. See
// README.md beside this file.
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "compiler/Interpreter/Status.h"
#include "tools/llmc-smith/Check.h"
#include "tools/llmc-smith/Program.h"
#include "tools/llmc-smith/Workers.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MemoryBuffer.h"
#include <chrono>

namespace cl = llvm::cl;
using namespace llmc;
using namespace llmc::smith;

namespace {

constexpr int kFailed = 1, kWrongUsage = 2;

cl::OptionCategory category("llmc-smith's options");
cl::opt<std::string> file(cl::Positional, cl::desc("[FILE]"), cl::cat(category));
cl::opt<uint32_t> seedOption("seed", cl::init(0), cl::cat(category),
                             cl::desc("The program of this seed; with a FILE, its inputs"));
cl::opt<std::string> seedsOption("seeds", cl::value_desc("A..B"), cl::cat(category),
                                 cl::desc("Check the programs of these seeds"));
cl::opt<bool> checkOption("check", cl::cat(category),
                          cl::desc("Check the program, or FILE, instead of printing it"));
cl::list<std::string> targetOption("target-cpu", cl::CommaSeparated, cl::cat(category),
                                   cl::desc("CPUs to check compiled code for; default native"));
cl::opt<int> jobsOption("jobs", cl::init(1), cl::cat(category),
                        cl::desc("Processes that check seeds"));
cl::opt<std::string> outputOption("output-dir", cl::init("."), cl::cat(category),
                                  cl::desc("Where the programs of failing seeds are written"));
cl::opt<bool>
    printAllOption("print-all", cl::cat(category),
                   cl::desc("Print and parse the program after all phases, not only up to kernel"));

int fail(const absl::Status &status) {
  llvm::errs() << "llmc-smith: " << std::string(status.message()) << "\n";
  return absl::IsInvalidArgument(status) ? kWrongUsage : kFailed;
}

std::string textOf(mlir::MLIRContext *context, uint32_t seed) {
  std::string text;
  llvm::raw_string_ostream(text) << *makeProgram(context, seed);
  return text;
}

absl::StatusOr<SeedRange> parseSeeds(absl::string_view text) {
  std::vector<absl::string_view> ends = absl::StrSplit(text, "..");
  SeedRange range{};
  if (ends.size() != 2 || !absl::SimpleAtoi(ends[0], &range.first) ||
      !absl::SimpleAtoi(ends[1], &range.last) || range.first < 0 || range.last < range.first ||
      range.last > UINT32_MAX)
    return absl::InvalidArgumentError(
        absl::StrCat("--seeds is a range like 1..100, not '", text, "'"));
  return range;
}

absl::StatusOr<CheckOptions> parseOptions() {
  CheckOptions options;
  options.printAll = printAllOption;
  if (!targetOption.empty())
    options.targets.assign(targetOption.begin(), targetOption.end());
  for (const std::string &cpu : options.targets) {
    absl::StatusOr<TargetDescription> target = describeTarget(cpu);
    if (!target.ok() || !runsHere(*target))
      return absl::InvalidArgumentError(
          target.ok() ? absl::StrCat("code for ", cpu, " does not run on this CPU")
                      : target.status().message());
  }
  return options;
}

// Parses, so that errors have places in the text.
absl::Status checkText(absl::string_view text, absl::string_view name, uint32_t seed,
                       const CheckOptions &options) {
  Compiler compiler;
  LLMC_ASSIGN_OR_RETURN(auto module, compiler.parse(text, name));
  return checkProgram(compiler, *module, seed, options);
}

absl::Status checkSeed(uint32_t seed, const CheckOptions &options) {
  Compiler compiler;
  return checkText(textOf(compiler.context(), seed), absl::StrCat("seed ", seed), seed, options);
}

// One line, and the program in a file.
void report(uint32_t seed, absl::string_view what) {
  Compiler compiler;
  const std::string path = absl::StrCat(outputOption.getValue(), "/smith-", seed, ".mlir");
  llvm::Error error = llvm::writeToOutput(path, [&](llvm::raw_ostream &out) {
    out << textOf(compiler.context(), seed);
    return llvm::Error::success();
  });
  llvm::outs() << "seed " << seed << ": " << std::string(what) << "; "
               << (error ? llvm::toString(std::move(error)) : "the program is in " + path) << "\n";
  llvm::outs().flush();
}

int checkSeeds(SeedRange seeds, const CheckOptions &options) {
  const auto start = std::chrono::steady_clock::now();
  absl::StatusOr<int64_t> failed = forEachSeed(
      seeds, std::max<int>(jobsOption, 1),
      [&](uint32_t seed) {
        absl::Status status = checkSeed(seed, options);
        if (!status.ok())
          report(seed, status.message());
        return status.ok();
      },
      [](uint32_t seed, const char *how) { report(seed, how); });
  if (!failed.ok())
    return fail(failed.status());
  const int64_t count = seeds.last - seeds.first + 1;
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  llvm::outs() << llvm::formatv("{0} programs, {1} failed; {2:f1} ms each\n", count, *failed,
                                seconds * 1000 / double(count));
  return *failed ? kFailed : 0;
}

int checkFile(const CheckOptions &options) {
  auto buffer = llvm::MemoryBuffer::getFileOrSTDIN(file);
  if (!buffer)
    return fail(
        absl::NotFoundError(absl::StrCat(file.getValue(), ": ", buffer.getError().message())));
  llvm::StringRef text = (*buffer)->getBuffer();
  if (absl::Status status =
          checkText({text.data(), text.size()}, file.getValue(), seedOption, options);
      !status.ok())
    return fail(absl::InternalError(status.message()));
  return 0;
}

} // namespace

int main(int argc, char **argv) {
  cl::HideUnrelatedOptions(category);
  if (!cl::ParseCommandLineOptions(argc, argv, "Random programs of the llm dialect\n",
                                   &llvm::errs()))
    return kWrongUsage;
  absl::StatusOr<CheckOptions> options = parseOptions();
  if (!options.ok())
    return fail(options.status());
  if (!file.empty())
    return checkOption ? checkFile(*options)
                       : fail(absl::InvalidArgumentError("a FILE is for --check"));
  if (!seedsOption.empty()) {
    absl::StatusOr<SeedRange> seeds = parseSeeds(seedsOption.getValue());
    return seeds.ok() ? checkSeeds(*seeds, *options) : fail(seeds.status());
  }
  if (checkOption)
    return checkSeeds({seedOption, seedOption}, *options);
  Compiler compiler;
  llvm::outs() << textOf(compiler.context(), seedOption);
  return 0;
}
