#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "runtime/core/ThreadTeam.h"
#include "tools/llmc/Bench.h"
#include "tools/llmc/Commands.h"
#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>

namespace llmc::cli {
namespace {

constexpr int64_t kMostTokens = 1 << 20, kMostBatch = 4096;

// Sets `numbers` to those between the commas of `text`, each once and in the order given; false
// when they are none, or not within the limits.
bool readNumbers(const std::string &text, int64_t least, int64_t most,
                 std::vector<int64_t> &numbers) {
  numbers.clear();
  for (absl::string_view part : absl::StrSplit(text, ',')) {
    int64_t number;
    if (!absl::SimpleAtoi(part, &number) || number < least || number > most)
      return false;
    if (std::ranges::find(numbers, number) == numbers.end())
      numbers.push_back(number);
  }
  return true;
}

// An option that is several numbers; `numbers` holds what they are unless given.
void addNumbers(CLI::App &command, const std::string &names, std::vector<int64_t> &numbers,
                int64_t least, int64_t most, const std::string &help) {
  auto read = [&numbers, least, most](const std::string &text) {
    readNumbers(text, least, most, numbers);
  };
  auto check = [least, most](std::string &text) -> std::string {
    std::vector<int64_t> ignored;
    return readNumbers(text, least, most, ignored)
               ? ""
               : absl::StrCat("'", text, "' is not a list like 1,2 of whole numbers from ", least,
                              " to ", most);
  };
  command.add_option_function<std::string>(names, read, help)
      ->check(CLI::Validator(check, ""))
      ->type_name("N,...")
      ->default_str(absl::StrJoin(numbers, ","));
}

} // namespace

void addBenchCommand(CLI::App &app, Action &action) {
  CLI::App *command =
      app.add_subcommand("bench", "Measure speed, by type of weights, against the memory's");
  auto options = std::make_shared<BenchOptions>();
  options->prompts = {512};
  options->generations = {128};
  options->depths = {0};
  options->threads = {0};
  addModelArgument(*command, options->model.path);
  command
      ->add_option("--types", options->types,
                   "Quantize the model to each of these (names as in 'llmc quantize') and compare "
                   "them; all: every type that is not larger than the model")
      ->type_name("all|TYPE,...");

  constexpr char kTests[] = "Tests (several numbers: each with each)";
  const size_t before = command->get_options().size();
  addNumbers(*command, "-p,--n-prompt", options->prompts, 0, kMostTokens,
             "Tokens of a prompt; 0: no such test");
  addNumbers(*command, "-n,--n-gen", options->generations, 0, kMostTokens,
             "Tokens to generate; 0: no such test");
  addNumbers(*command, "-d,--n-depth", options->depths, 0, kMostTokens,
             "Tokens that are in the context before");
  addNumbers(*command, "-b,--batch", options->batches, 1, kMostBatch,
             "Also time steps of N tokens, against steps of one");
  addNumbers(*command, "-t,--threads", options->threads, 0, ThreadTeam::kMaxThreads,
             "Threads; 0 takes one for each physical core");
  command->add_option("-r,--repetitions", options->repeats, "Repeats of each test, after a warm-up")
      ->check(integer(1, 10000, "a whole number from 1 to 10000"))
      ->type_name("N")
      ->capture_default_str();
  command
      ->add_option("--read-buffer", options->bufferMiB,
                   "MiB that the read bandwidth is measured with, at most a quarter of the free "
                   "memory; caches must be smaller")
      ->check(integer(1, 1 << 20, "a whole number from 1 to 1048576"))
      ->type_name("N")
      ->capture_default_str();
  command->add_flag("--splat-weights", options->splatWeights,
                    "Made-up weights: only the shapes of the model count, which may be "
                    "shape:NAME[:TYPE] instead of a file");
  const std::vector<CLI::Option *> added = command->get_options();
  for (size_t i = before; i < added.size(); ++i)
    added[i]->group(kTests);

  constexpr char kPerplexity[] = "Perplexity and quantization";
  options->text.addFileTo(*command);
  command->get_option("-f")
      ->required(false)
      ->description("Also measure the perplexity of this text; - is stdin")
      ->group(kPerplexity);
  addContextOption(*command, options->window, 3, "Tokens of a window of the text");
  command->get_option("-c")->group(kPerplexity);
  command
      ->add_option("--imatrix", options->importance,
                   "Importance matrix to quantize with, as in 'llmc quantize'")
      ->type_name("FILE")
      ->group(kPerplexity);
  command
      ->add_flag("--allow-requantize", options->allowRequantize,
                 "Also quantize what is quantized already, which loses twice")
      ->group(kPerplexity);

  constexpr char kOutput[] = "Output";
  command->add_option("-o,--output", options->format, "md (a table), csv or json")
      ->check(CLI::IsMember({"md", "csv", "json"}))
      ->type_name("FORMAT")
      ->capture_default_str()
      ->group(kOutput);
  command
      ->add_option("--svg", options->svg,
                   "Also draw the speed of generation against the memory's, a bar for each type")
      ->type_name("FILE")
      ->group(kOutput);
  command
      ->add_option(
          "--compare", options->compare,
          "Show beside it what 'llama-bench -o json' wrote, or 'llmc bench -o json' before")
      ->type_name("FILE")
      ->group(kOutput);
  addCompileOptions(*command, options->model);
  addLoraOption(*command, options->model.adapters);
  command->footer(
      "Tests are called pp512 (a prompt of 512 tokens), tg128 (128 tokens generated),\n"
      "tg128 @ d4096 (the same after 4096 tokens) and b4 (steps of 4 tokens). GB/s counts\n"
      "the weights that a step reads, as they lie in memory, and the KV cache at its depth.\n"
      "A plain read of memory just before and after gives the limit; where the share of it\n"
      "is marked *, a cache holds what is read. JSON is a list of\n"
      "{\"type\",\"threads\",\"test\",\"ms_per_token\",\"tokens_per_second\",\"stddev\" (of the\n"
      "latter),\"size_bytes\",\"bits_per_weight\",\"gb_per_second\",\"bandwidth_gb_per_second\",\n"
      "\"ppl\", ...}. Quantized models are temporary files in $TMPDIR.");
  command->callback([options, &action] { action = [options] { return runBench(*options); }; });
}

} // namespace llmc::cli
