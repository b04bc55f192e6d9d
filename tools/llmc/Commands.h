// The subcommands of llmc, one file each.
#ifndef LLMC_TOOLS_LLMC_COMMANDS_H
#define LLMC_TOOLS_LLMC_COMMANDS_H

#include "absl/status/status.h"
#include <functional>

namespace CLI {
class App;
}

namespace llmc::cli {

// What the command line asks for. Cancelled means that the user stopped it.
using Action = std::function<absl::Status()>;

// Each adds its subcommand to `app`; when the command line names it, `action` is set to run it.
void addBenchCommand(CLI::App &app, Action &action);
void addChatCommand(CLI::App &app, Action &action);
void addCompileCommand(CLI::App &app, Action &action);
void addEvalCommand(CLI::App &app, Action &action);
void addExportLoraCommand(CLI::App &app, Action &action);
void addImatrixCommand(CLI::App &app, Action &action);
void addInspectCommand(CLI::App &app, Action &action);
void addPerplexityCommand(CLI::App &app, Action &action);
void addQuantizeCommand(CLI::App &app, Action &action);
void addRunCommand(CLI::App &app, Action &action);
void addTokenizeCommand(CLI::App &app, Action &action);
void addTrainCommand(CLI::App &app, Action &action);
void addTuneCommand(CLI::App &app, Action &action);

// An error of the command line rather than of the work: the process exits with 2.
absl::Status usageError(absl::string_view message);
bool isUsageError(const absl::Status &status);

} // namespace llmc::cli

#endif
