// Makes a program smaller while a script still finds it interesting. See README.md beside
// llmc-smith, whose programs it is for.
//
// Not mlir-reduce, which leaves out operations that others use: hardly any such program is valid.
#include "absl/strings/str_cat.h"
#include "compiler/Registration.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Support/FileUtilities.h"
#include "tools/llmc-reduce/Edits.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/ToolOutputFile.h"

namespace cl = llvm::cl;
using namespace mlir;

namespace {

constexpr int kFailed = 1, kWrongUsage = 2;

cl::OptionCategory category("llmc-reduce's options");
cl::opt<std::string> input(cl::Positional, cl::Required, cl::desc("FILE"), cl::cat(category));
cl::opt<std::string> script("test", cl::Required, cl::value_desc("SCRIPT"), cl::cat(category),
                            cl::desc("Program that exits with 0 when the module in the file that "
                                     "is its argument is still interesting"));
cl::opt<std::string> output("o", cl::init("-"), cl::value_desc("FILE"), cl::cat(category),
                            cl::desc("Where the smallest interesting module goes"));

int fail(const llvm::Twine &what, int code = kFailed) {
  llvm::errs() << "llmc-reduce: " << what << "\n";
  return code;
}

// Asks the script, through a file of which each question is a new version.
class Tester {
public:
  explicit Tester(std::string path) : path_(std::move(path)) {}

  // An error message if the script cannot run.
  std::optional<std::string> ask(ModuleOp module, bool &interesting) {
    if (auto error = llvm::writeToOutput(path_, [&](llvm::raw_ostream &out) {
          out << module;
          return llvm::Error::success();
        }))
      return llvm::toString(std::move(error));
    std::string error;
    const int code = llvm::sys::ExecuteAndWait(script, {script, path_}, /*Env=*/std::nullopt,
                                               /*Redirects=*/{}, /*SecondsToWait=*/300,
                                               /*MemoryLimit=*/0, &error);
    if (code == -1)
      return script + ": " + error;
    interesting = code == 0;
    return std::nullopt;
  }

private:
  std::string path_;
};

size_t sizeOf(ModuleOp module) {
  size_t count = 0;
  module.walk([&](Operation *) { ++count; });
  return count;
}

} // namespace

int main(int argc, char **argv) {
  cl::HideUnrelatedOptions(category);
  if (!cl::ParseCommandLineOptions(argc, argv, "Makes a program of the llm dialect smaller\n",
                                   &llvm::errs()))
    return kWrongUsage;
  DialectRegistry registry;
  llmc::registerLlmcDialects(registry);
  MLIRContext context(registry);
  OwningOpRef<ModuleOp> module = parseSourceFile<ModuleOp>(input, &context);
  if (!module)
    return fail(input + ": is no valid module");
  llvm::SmallString<64> path;
  if (std::error_code error = llvm::sys::fs::createTemporaryFile("llmc-reduce", "mlir", path))
    return fail("cannot create a temporary file: " + error.message());
  llvm::FileRemover remover(path);
  Tester tester(std::string(path.str()));

  bool interesting = false;
  if (auto error = tester.ask(*module, interesting))
    return fail(*error);
  if (!interesting)
    return fail(input + ": the script does not find it interesting as it is");
  const size_t before = sizeOf(*module);
  ScopedDiagnosticHandler quiet(&context, [](Diagnostic &) { return success(); });
  // Around and around, until no edit is left that has not failed since the last one that did not.
  for (size_t next = 0, failed = 0;;) {
    OwningOpRef<ModuleOp> smaller(module->clone());
    if (!llmc::applyEdit(*smaller, next)) {
      if (failed >= next)
        break;
      next = 0;
      continue;
    }
    interesting = false;
    if (succeeded(verify(*smaller)))
      if (auto error = tester.ask(*smaller, interesting))
        return fail(*error);
    if (interesting) {
      module = std::move(smaller);
      failed = 0;
    } else {
      ++next, ++failed;
    }
  }
  llvm::errs() << "llmc-reduce: " << before << " operations, now " << sizeOf(*module) << "\n";
  if (auto error = llvm::writeToOutput(output, [&](llvm::raw_ostream &out) {
        out << *module;
        return llvm::Error::success();
      }))
    return fail(llvm::toString(std::move(error)));
  return 0;
}
