// The command line: parse, call, print.
#include "absl/strings/str_cat.h"
#include "runtime/core/Interrupt.h"
#include "tools/llmc/Commands.h"
#include "tools/llmc/Console.h"
#include <CLI/CLI.hpp>

namespace llmc::cli {
namespace {

constexpr int kDone = 0, kFailed = 1, kWrongUsage = 2;
constexpr int kOfSignals = 128; // as a shell has it

int exitCode(const absl::Status &status) {
  if (status.ok())
    return kDone;
  if (status.code() == absl::StatusCode::kCancelled)
    // Without a signal it was another process of the run that had one.
    return kOfSignals + (InterruptGuard::signal() ? InterruptGuard::signal() : SIGTERM);
  printError(status.message());
  return isUsageError(status) ? kWrongUsage : kFailed;
}

std::string usageMessage(const CLI::App &app, absl::string_view what) {
  std::string command = "llmc", message(what);
  for (const CLI::App *chosen : app.get_subcommands())
    absl::StrAppend(&command, " ", chosen->get_name());
  // What was not understood says more than what is therefore missing.
  if (std::vector<std::string> unknown = app.remaining(true); !unknown.empty())
    message = app.get_subcommands().empty() && unknown[0][0] != '-'
                  ? absl::StrCat("there is no command '", unknown[0], "'")
                  : absl::StrCat("unexpected argument '", unknown[0], "'");
  return absl::StrCat(message, "; see '", command, " --help'");
}

int runLlmc(int argc, char **argv) {
  CLI::App app("Compiles language models in GGUF files to code for this CPU, and runs them.",
               "llmc");
  app.set_version_flag("--version", "llmc " LLMC_VERSION, "Print the version and exit");
  app.get_formatter()->column_width(34);
  app.footer("Exit codes: 0 done, 1 the work failed, 2 wrong usage, 130 stopped by Ctrl-C\n"
             "(143 and 129 by SIGTERM and SIGHUP).\n"
             "'llmc COMMAND --help' tells of a command.");
  Action action;
  addRunCommand(app, action);
  addChatCommand(app, action);
  addCompileCommand(app, action);
  addInspectCommand(app, action);
  addTokenizeCommand(app, action);
  addPerplexityCommand(app, action);
  addQuantizeCommand(app, action);
  addImatrixCommand(app, action);
  addTrainCommand(app, action);
  addEvalCommand(app, action);
  addExportLoraCommand(app, action);
  addBenchCommand(app, action);
  addTuneCommand(app, action);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success &help) {
    app.exit(help);
    return exitCode(finishOutput());
  } catch (const CLI::ParseError &error) {
    printError(usageMessage(app, error.what()));
    return kWrongUsage;
  }
  if (!action) {
    printError("which command? 'llmc --help' lists them");
    return kWrongUsage;
  }
  absl::Status status = action();
  absl::Status written = finishOutput();
  return exitCode(status.ok() ? written : status);
}

} // namespace
} // namespace llmc::cli

int main(int argc, char **argv) {
  llmc::cli::prepareProcess();
  // What is thrown here is bad_alloc, or an error in llmc.
  try {
    return llmc::cli::runLlmc(argc, argv);
  } catch (const std::exception &error) {
    llmc::cli::printError(error.what());
    return 1;
  }
}
