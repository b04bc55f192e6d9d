#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "frontends/gguf/file/GgufText.h"
#include "frontends/gguf/quantize/ImportanceStatistics.h"
#include "frontends/gguf/quantize/ImportanceSums.h"
#include "frontends/tokenizer/GgufTokenizer.h"
#include "runtime/core/Interrupt.h"
#include "tools/llmc/Commands.h"
#include "tools/llmc/Console.h"
#include "tools/llmc/Engine.h"
#include "tools/llmc/TextInput.h"
#include <CLI/CLI.hpp>
#include <chrono>
#include <nlohmann/json.hpp>

namespace llmc::cli {
namespace {

using quantize::ImportanceStatistics;
using quantize::ImportanceSums;

struct ImatrixOptions {
  ModelOptions model;
  TextInput text;
  std::string output;
  std::vector<std::string> inputs; // earlier importance matrices
  int64_t context = 512;           // tokens of a chunk
  int64_t chunks = 0;              // to measure; 0 or less: all
  bool processOutput = false, parseSpecial = false, statistics = false, json = false;

  // Where the result goes; empty: nowhere.
  std::string target() const {
    return output.empty() && !(statistics && !text.given()) ? "imatrix.gguf" : output;
  }
};

// What was measured beside the sums.
struct Measurement {
  size_t chunks = 0, tokens = 0;
  unsigned threads = 0;
  double seconds = 0;
};

// Of a tensor of experts, each of which has a row: its sums, and how many rows they are of.
absl::Status takeExperts(Session &session, size_t index, const ColumnSumsShape::Tensor &tensor,
                         ImportanceSums &sums) {
  std::vector<float> all, counts;
  for (int64_t e = 0; e < session.program().manifest.columnSums[index].experts; ++e) {
    std::span<const float> row = session.columnSums(index, tensor.row + e);
    all.insert(all.end(), row.begin(), row.end() - 1);
    counts.push_back(row.back());
  }
  return sums.addExperts(tensor.name, all, counts);
}

// What the session's program has summed since the last time.
absl::Status takeSums(Session &session, size_t tokens, ImportanceSums &sums) {
  const std::vector<ColumnSumsShape> &shapes = session.program().manifest.columnSums;
  for (size_t i = 0; i < shapes.size(); ++i)
    for (const ColumnSumsShape::Tensor &tensor : shapes[i].tensors) {
      absl::Status status = shapes[i].experts
                                ? takeExperts(session, i, tensor, sums)
                                : sums.add(tensor.name, session.columnSums(i, tensor.row), tokens);
      if (!status.ok())
        return status;
    }
  session.clearColumnSums();
  return absl::OkStatus();
}

absl::Status measureChunks(const ImatrixOptions &options, std::vector<int32_t> tokens,
                           std::optional<int32_t> bos, Engine &engine, ImportanceSums &sums,
                           Measurement &done) {
  absl::StatusOr<std::unique_ptr<Session>> session = engine.newSession(options.context);
  if (!session.ok())
    return session.status();
  Progress progress("imatrix");
  auto start = std::chrono::steady_clock::now();
  for (size_t i = 0; i < done.chunks; ++i) {
    std::span<int32_t> chunk = std::span(tokens).subspan(i * options.context, options.context);
    if (bos)
      chunk.front() = *bos;
    (*session)->rewind(0);
    auto ignore = [](size_t, std::span<const float>) {};
    // Only logits reach the output matrix.
    absl::Status status = options.processOutput ? (*session)->evaluateAll(chunk, 0, ignore)
                                                : (*session)->evaluate(chunk);
    if (status.ok())
      status = takeSums(**session, chunk.size(), sums);
    if (!status.ok())
      return atPlace(status, absl::StrCat(options.model.path, ": chunk ", i + 1));
    if (InterruptGuard::interrupted())
      return absl::CancelledError();
    progress.show(double(i + 1) / done.chunks,
                  absl::StrFormat("%d of %d chunks", i + 1, done.chunks));
  }
  std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  done.seconds = seconds.count();
  sums.addChunks(done.chunks);
  return absl::OkStatus();
}

absl::StatusOr<Measurement> measure(const ImatrixOptions &options, ImportanceSums &sums) {
  absl::StatusOr<std::string> text = options.text.read();
  if (!text.ok())
    return text.status();
  if (text->empty())
    return absl::InvalidArgumentError(
        absl::StrCat(options.text.name(), ": the text is empty; give one of the kind that the "
                                          "model will work on"));
  ModelOptions model = options.model;
  model.phases.importance =
      options.processOutput ? PhaseOptions::Importance::All : PhaseOptions::Importance::Blocks;
  absl::StatusOr<std::unique_ptr<Engine>> engine = Engine::open(model);
  if (!engine.ok())
    return engine.status();
  absl::StatusOr<std::unique_ptr<Tokenizer>> tokenizer = loadTokenizer((*engine)->file());
  if (!tokenizer.ok())
    return tokenizer.status();
  absl::StatusOr<std::vector<int32_t>> tokens =
      encodeForModel(**tokenizer, *text, options.text.name(), options.parseSpecial);
  if (!tokens.ok())
    return tokens.status();
  Measurement done;
  done.chunks = tokens->size() / options.context;
  if (done.chunks == 0)
    return absl::InvalidArgumentError(absl::StrCat(
        options.text.name(), ": the text has ", tokens->size(), " tokens, a chunk has ",
        options.context, "; give a longer text or a smaller -c"));
  if (options.chunks > 0)
    done.chunks = std::min<size_t>(done.chunks, options.chunks);
  done.tokens = done.chunks * options.context;
  done.threads = (*engine)->team().threads();
  sums.addDataset(options.text.name());
  const Tokenizer &t = **tokenizer;
  absl::Status status = measureChunks(options, *std::move(tokens),
                                      t.addsBos() ? t.bosId() : std::nullopt, **engine, sums, done);
  if (!status.ok())
    return status;
  return done;
}

nlohmann::ordered_json toJson(const ImportanceStatistics &s) {
  nlohmann::ordered_json row{
      {"tensor", s.tensor},       {"columns", s.columns}, {"sum", s.sum},
      {"min", s.least},           {"max", s.most},        {"mean", s.mean},
      {"stddev", s.deviation},    {"active", s.active},   {"entropy", s.entropy},
      {"evenness", s.evenness()}, {"high", s.high},       {"cosine", nullptr}};
  if (s.cosine)
    row["cosine"] = *s.cosine;
  return row;
}

void printStatistics(const std::vector<ImportanceStatistics> &statistics) {
  size_t width = 6;
  for (const ImportanceStatistics &s : statistics)
    width = std::max(width, gguf::printable(s.tensor, 64).size());
  const int w = static_cast<int>(width);
  print(absl::StrFormat("%-*s  %12s %11s %11s %11s %11s %8s %8s %8s %8s %7s %7s\n", w, "tensor",
                        "sum", "min", "max", "mean", "stddev", "active", "columns", "entropy",
                        "evenness", "high", "cosine"));
  for (const ImportanceStatistics &s : statistics)
    print(absl::StrFormat("%-*s  %12.4f %11.4g %11.4g %11.4g %11.4g %6.2f %% %8d %8.4f %8.4f "
                          "%5.2f %% %7s\n",
                          w, gguf::printable(s.tensor, 64), s.sum, s.least, s.most, s.mean,
                          s.deviation, 100 * s.active, s.columns, s.entropy, s.evenness(),
                          100 * s.high, s.cosine ? absl::StrFormat("%.4f", *s.cosine) : "-"));
}

void printResult(const ImatrixOptions &options, const ImportanceSums &sums,
                 const Measurement &done) {
  std::vector<ImportanceStatistics> statistics;
  if (options.statistics)
    statistics = quantize::importanceStatistics(sums);
  const std::string target = options.target();
  const double speed = done.seconds > 0 ? double(done.tokens) / done.seconds : 0;
  if (options.json) {
    nlohmann::ordered_json document{{"output", target},        {"entries", sums.entries().size()},
                                    {"chunks", sums.chunks()}, {"chunk_size", options.context},
                                    {"tokens", done.tokens},   {"threads", done.threads},
                                    {"seconds", done.seconds}, {"tokens_per_second", speed}};
    if (options.statistics) {
      document["statistics"] = nlohmann::ordered_json::array();
      for (const ImportanceStatistics &s : statistics)
        document["statistics"].push_back(toJson(s));
    }
    return printJson(document);
  }
  if (options.statistics)
    printStatistics(statistics);
  if (target.empty())
    return;
  std::string line = absl::StrFormat("%d tensors, %d chunks", sums.entries().size(), sums.chunks());
  if (done.tokens > 0)
    absl::StrAppendFormat(&line, ", %d tokens in %.1f s, %.0f tokens/s with %d threads",
                          done.tokens, done.seconds, speed, done.threads);
  print(absl::StrCat(line, ": ", target, "\n"));
}

absl::Status makeImatrix(const ImatrixOptions &options) {
  if (!options.text.given() && options.inputs.empty())
    return usageError("no text: give MODEL and -f FILE, or --in-file to join earlier results");
  if (options.text.given() != !options.model.path.empty())
    return usageError(options.text.given() ? "which model? give MODEL before -f FILE"
                                           : "a model measures a text: give -f FILE, or leave "
                                             "MODEL out to join earlier results");
  InterruptGuard guard;
  ImportanceSums sums(options.context);
  // First, because what is wrong with them is soon found.
  for (const std::string &input : options.inputs) {
    absl::StatusOr<ImportanceSums> earlier = ImportanceSums::load(input, options.context);
    if (!earlier.ok())
      return earlier.status();
    if (absl::Status status = sums.add(*earlier, input); !status.ok())
      return status;
  }
  Measurement done;
  if (options.text.given()) {
    absl::StatusOr<Measurement> measured = measure(options, sums);
    if (!measured.ok())
      return measured.status();
    done = *measured;
  }
  if (!options.target().empty())
    if (absl::Status status = sums.save(options.target()); !status.ok())
      return status;
  printResult(options, sums, done);
  return absl::OkStatus();
}

} // namespace

void addImatrixCommand(CLI::App &app, Action &action) {
  CLI::App *command = app.add_subcommand(
      "imatrix", "Measure which columns of the weights count most, for llmc quantize --imatrix");
  auto options = std::make_shared<ImatrixOptions>();
  addModelArgument(*command, options->model.path)->required(false);
  options->text.addFileTo(*command, /*required=*/false);
  command
      ->add_option("-o,--output", options->output, "The file to write; imatrix.gguf unless given")
      ->type_name("OUT.gguf");
  addContextOption(*command, options->context, 1, "Tokens of a chunk");
  command->add_option("--chunks", options->chunks, "Measure only the first N chunks; 0: all")
      ->check(integerFrom(-1))
      ->type_name("N")
      ->capture_default_str();
  command->add_flag("--process-output", options->processOutput,
                    "Also measure the output matrix, for which the logits are computed");
  command->add_flag("--parse-special", options->parseSpecial,
                    "Names of special tokens in the text stand for these tokens");
  command
      ->add_option("--in-file", options->inputs,
                   "Add the sums of an earlier importance matrix (.gguf or .dat); may be given "
                   "again, also without MODEL")
      ->type_name("FILE")
      ->allow_extra_args(false);
  command->add_flag("--show-statistics", options->statistics,
                    "Print how the importance of each tensor's columns is spread; with --in-file "
                    "alone nothing is written");
  addThreadsOption(*command, options->model.threads);
  addJsonFlag(*command, options->json,
              "Print {\"output\",\"entries\",\"chunks\",\"chunk_size\",\"tokens\",\"threads\","
              "\"seconds\",\"tokens_per_second\"}");
  addCompileOptions(*command, options->model);
  command->footer(
      "As llama-imatrix does it: adjoining chunks of -c tokens, each begun with BOS; for each "
      "weight\n"
      "matrix the sums of the squares of what it multiplied, column by column, in a GGUF.");
  command->callback([options, &action] { action = [options] { return makeImatrix(*options); }; });
}

} // namespace llmc::cli
