#include "tools/llmc/Bench.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "frontends/gguf/shape/ModelShape.h"
#include "frontends/tokenizer/GgufTokenizer.h"
#include "runtime/core/AtomicFile.h"
#include "runtime/core/Interrupt.h"
#include "runtime/core/ReadBandwidth.h"
#include "tools/llmc/BenchModels.h"
#include "tools/llmc/BenchReport.h"
#include "tools/llmc/BenchRunner.h"
#include "tools/llmc/Commands.h"
#include "tools/llmc/Console.h"
#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

namespace llmc::cli {
namespace {

using quantize::FileType;

constexpr unsigned kBandwidthRepeats = 3;

// What memory there is for the buffer of measureReadBandwidth(), which is large so that no cache
// holds it.
uint64_t bufferBytes(int64_t wantedMiB) {
  constexpr uint64_t kLeast = 64, kPart = 4;
  uint64_t bytes = uint64_t(wantedMiB) << 20;
  std::ifstream file("/proc/meminfo");
  std::string word;
  while (file >> word)
    if (uint64_t kibibytes; word == "MemAvailable:" && file >> kibibytes)
      bytes = std::min(bytes, std::max(kibibytes / 1024 / kPart, kLeast) << 20);
  return bytes;
}

class Bench {
public:
  explicit Bench(const BenchOptions &options) : options_(options) {}
  absl::Status operator()();

private:
  absl::Status readOptions();
  std::vector<BenchTest> testsOf() const;
  absl::StatusOr<std::vector<const FileType *>> wantedTypes();
  absl::Status measureModel(const std::string &path, const FileType *type);
  absl::Status measureThreads(Engine &engine);
  absl::Status measurePerplexity(Engine &engine);
  absl::Status fillBandwidth(Engine &engine, std::span<BenchRow> rows);
  absl::Status probe(Engine &engine, double &gigabytesPerSecond);
  void show(absl::string_view what, double share = 0);
  absl::Status write(AtomicFile *svg);

  const BenchOptions &options_;
  std::vector<BenchTest> tests_;
  std::optional<BenchSource> source_; // with --types
  std::optional<BenchComparison> comparison_;
  std::optional<std::string> text_;
  std::vector<int32_t> textTokens_;
  std::optional<int32_t> bos_;
  BenchReport report_;
  std::optional<ReadBuffer> buffer_; // for the number of threads that is measured
  // Progress: a unit is a run of a test, or a step of what comes before.
  std::optional<Progress> progress_;
  size_t units_ = 1, done_ = 0;
};

std::vector<BenchTest> Bench::testsOf() const {
  std::vector<BenchTest> tests;
  std::vector<int64_t> depths = options_.depths, batches = options_.batches;
  std::ranges::sort(depths);
  // What the others are compared with.
  if (!batches.empty() && std::ranges::find(batches, 1) == batches.end())
    batches.push_back(1);
  std::ranges::sort(batches);
  for (int64_t depth : depths) {
    for (int64_t tokens : options_.prompts)
      if (tokens > 0)
        tests.push_back({BenchKind::Prompt, tokens, depth});
    for (int64_t tokens : options_.generations)
      if (tokens > 0)
        tests.push_back({BenchKind::Generation, tokens, depth});
    for (int64_t tokens : batches)
      tests.push_back({BenchKind::Batch, tokens, depth});
  }
  return tests;
}

absl::Status Bench::readOptions() {
  tests_ = testsOf();
  if (tests_.empty())
    return usageError("nothing to measure: give -p, -n or -b a number of tokens above 0");
  if (options_.splatWeights && options_.text.given())
    return usageError("made-up weights have no perplexity; leave out -f or --splat-weights");
  if (gguf::isShapePath(options_.model.path) && !options_.splatWeights)
    return usageError(absl::StrCat(
        options_.model.path, ": a shape has no weights; give a model file, or --splat-weights"));
  if (options_.types.empty() && (options_.allowRequantize || !options_.importance.empty()))
    return usageError("nothing is quantized without --types; leave out --allow-requantize and "
                      "--imatrix");
  if (!options_.compare.empty()) {
    absl::StatusOr<BenchComparison> loaded = BenchComparison::load(options_.compare);
    if (!loaded.ok())
      return loaded.status();
    comparison_ = *std::move(loaded);
  }
  if (options_.text.given()) {
    absl::StatusOr<std::string> text = options_.text.read();
    if (!text.ok())
      return text.status();
    text_ = *std::move(text);
    report_.text = options_.text.name();
  }
  report_.path = options_.model.path;
  report_.byType = !options_.types.empty();
  report_.repeats = options_.repeats;
  report_.window = options_.window;
  report_.bufferBytes = bufferBytes(options_.bufferMiB);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<const FileType *>> Bench::wantedTypes() {
  if (options_.types.empty())
    return std::vector<const FileType *>{nullptr};
  const bool all = absl::EqualsIgnoreCase(options_.types, "all");
  std::vector<const FileType *> types;
  for (absl::string_view name : absl::StrSplit(options_.types, ',')) {
    if (all)
      break;
    absl::StatusOr<const FileType *> type = quantize::findFileType(name);
    if (!type.ok())
      return usageError(absl::StrCat("--types: ", type.status().message(), ", or all"));
    if (std::ranges::find(types, *type) == types.end())
      types.push_back(*type);
  }
  absl::StatusOr<BenchSource> source =
      BenchSource::open(options_.model.path, options_.splatWeights);
  if (!source.ok())
    return source.status();
  source_ = *std::move(source);
  if (options_.allowRequantize)
    source_->allowRequantize();
  if (!options_.importance.empty())
    if (absl::Status status = source_->loadImportance(options_.importance); !status.ok())
      return status;
  return all ? source_->allTypes() : types;
}

void Bench::show(absl::string_view what, double share) {
  const std::string type = report_.models.empty() || report_.models.back().type.empty()
                               ? ""
                               : report_.models.back().type;
  progress_->show((double(done_) + share) / double(units_),
                  type.empty() ? std::string(what) : absl::StrCat(type, ": ", what));
}

absl::Status Bench::measurePerplexity(Engine &engine) {
  if (textTokens_.empty()) {
    absl::StatusOr<std::unique_ptr<Tokenizer>> tokenizer = loadTokenizer(engine.file());
    if (!tokenizer.ok())
      return tokenizer.status();
    absl::StatusOr<std::vector<int32_t>> tokens =
        encodeForModel(**tokenizer, *text_, report_.text, /*parseSpecial=*/false);
    if (!tokens.ok())
      return tokens.status();
    textTokens_ = *std::move(tokens);
    bos_ = (*tokenizer)->addsBos() ? (*tokenizer)->bosId() : std::nullopt;
  }
  absl::StatusOr<PerplexityAccumulator> result = benchPerplexity(
      engine, textTokens_, bos_, options_.window, [&](double share) { show("perplexity", share); });
  if (!result.ok())
    return atPlace(result.status(),
                   absl::StrCat(report_.text, ", perplexity of ", report_.models.back().type));
  report_.models.back().perplexity = result->perplexity();
  report_.models.back().perplexityError = result->standardError();
  ++done_;
  return absl::OkStatus();
}

absl::Status Bench::probe(Engine &engine, double &gigabytesPerSecond) {
  show(absl::StrCat("read bandwidth, ", threadsText(engine.team().threads())));
  if (!buffer_ || buffer_->threads() != engine.team().threads()) {
    buffer_.reset();
    absl::StatusOr<ReadBuffer> created = ReadBuffer::create(engine.team(), report_.bufferBytes);
    if (!created.ok())
      return absl::Status(
          created.status().code(),
          absl::StrCat(created.status().message(), "; --read-buffer gives it another size"));
    buffer_.emplace(*std::move(created));
  }
  absl::StatusOr<double> measured = buffer_->measure(engine.team(), kBandwidthRepeats);
  if (!measured.ok())
    return measured.status();
  gigabytesPerSecond = *measured;
  return InterruptGuard::interrupted() ? absl::CancelledError() : absl::OkStatus();
}

absl::Status Bench::measureThreads(Engine &engine) {
  int64_t context = 1;
  for (const BenchTest &test : tests_)
    context = std::max(context, test.depth + test.tokens);
  absl::StatusOr<std::unique_ptr<BenchRunner>> runner = BenchRunner::create(engine, context);
  if (!runner.ok())
    return runner.status();
  const size_t first = report_.rows.size();
  // Of the last probe, while nothing else has run since; 0: none.
  double bandwidth = 0;
  double oneToken = 0;
  for (const BenchTest &test : tests_) {
    const bool readsMemory = test.kind != BenchKind::Prompt;
    if (readsMemory && bandwidth == 0)
      if (absl::Status status = probe(engine, bandwidth); !status.ok())
        return status;
    const std::string what = absl::StrCat(test.name(), ", ", threadsText(engine.team().threads()));
    show(what);
    absl::StatusOr<BenchRow> row = (*runner)->run(test, options_.repeats, [&] {
      ++done_;
      show(what);
    });
    if (!row.ok())
      return row.status();
    row->model = report_.models.size() - 1;
    if (readsMemory) {
      row->bandwidth = bandwidth;
      if (absl::Status status = probe(engine, bandwidth); !status.ok())
        return status;
      row->bandwidth = (row->bandwidth + bandwidth) / 2;
    } else {
      bandwidth = 0;
    }
    if (test.kind == BenchKind::Batch) {
      const double step = spreadOf(row->seconds).median;
      oneToken = test.tokens == 1 ? step : oneToken;
      row->ofOneToken = step / oneToken;
    }
    report_.rows.push_back(*std::move(row));
  }
  return fillBandwidth(engine, std::span(report_.rows).subspan(first));
}

// Prompts are not limited by memory: they are told the mean of what the others were.
absl::Status Bench::fillBandwidth(Engine &engine, std::span<BenchRow> rows) {
  std::vector<double> probes;
  for (const BenchRow &row : rows)
    if (row.bandwidth > 0)
      probes.push_back(row.bandwidth);
  if (probes.empty())
    if (absl::Status status = probe(engine, probes.emplace_back()); !status.ok())
      return status;
  for (BenchRow &row : rows)
    if (row.bandwidth == 0)
      row.bandwidth = spreadOf(probes).mean;
  return absl::OkStatus();
}

absl::Status Bench::measureModel(const std::string &path, const FileType *type) {
  for (size_t i = 0; i < options_.threads.size(); ++i) {
    ModelOptions options = options_.model;
    options.path = path;
    options.threads = static_cast<unsigned>(options_.threads[i]);
    absl::StatusOr<std::unique_ptr<Engine>> engine = Engine::open(options, options_.splatWeights);
    if (!engine.ok())
      return engine.status();
    if (i == 0) {
      report_.models.back() = describeModel(**engine, type);
      if (text_)
        if (absl::Status status = measurePerplexity(**engine); !status.ok())
          return status;
    }
    if (absl::Status status = measureThreads(**engine); !status.ok())
      return status;
  }
  return absl::OkStatus();
}

absl::Status Bench::write(AtomicFile *svg) {
  progress_->clear();
  const BenchComparison *comparison = comparison_ ? &*comparison_ : nullptr;
  if (svg) {
    if (absl::Status status = svg->write(absl::string_view(benchSvg(report_, comparison)));
        !status.ok())
      return status;
    if (absl::Status status = svg->commit(); !status.ok())
      return status;
  }
  if (comparison && std::ranges::none_of(report_.rows, [&](const BenchRow &row) {
        return comparison->tokensPerSecond(report_.models[row.model], row).has_value();
      }))
    printNote(absl::StrCat(options_.compare, ": has no test of these types with as many tokens and "
                                             "threads; nothing to compare"));
  if (options_.format == "json")
    printJson(benchJson(report_, comparison));
  else
    print(options_.format == "csv" ? benchCsv(report_, comparison)
                                   : benchMarkdown(report_, comparison));
  return absl::OkStatus();
}

absl::Status Bench::operator()() {
  if (absl::Status status = readOptions(); !status.ok())
    return status;
  absl::StatusOr<std::vector<const FileType *>> types = wantedTypes();
  if (!types.ok())
    return types.status();
  if (types->empty())
    return absl::InvalidArgumentError(absl::StrCat(
        options_.model.path, ": no type is smaller than this model; name some with --types"));
  // Before the long work, so that a folder that cannot be written to shows now.
  std::optional<AtomicFile> svg;
  if (!options_.svg.empty()) {
    absl::StatusOr<AtomicFile> created = AtomicFile::create(options_.svg);
    if (!created.ok())
      return created.status();
    svg.emplace(*std::move(created));
  }
  InterruptGuard guard;
  progress_.emplace("bench");
  const size_t tests = options_.threads.size() * tests_.size() * size_t(options_.repeats + 1);
  units_ = types->size() * (tests + (text_ ? 1 : 0) + (report_.byType ? 1 : 0));
  for (const FileType *type : *types) {
    report_.models.emplace_back().type = type ? type->name : "";
    PreparedModel model{options_.model.path, nullptr};
    if (type) {
      absl::StatusOr<PreparedModel> prepared =
          source_->prepare(*type, [&](double share) { show("quantizing", share); });
      if (!prepared.ok())
        return prepared.status();
      model = *std::move(prepared);
      ++done_;
    }
    if (absl::Status status = measureModel(model.path, type); !status.ok())
      return status;
  }
  return write(svg ? &*svg : nullptr);
}

} // namespace

absl::Status runBench(const BenchOptions &options) { return Bench(options)(); }

} // namespace llmc::cli
