// `llmc tune`: measures which tiles and distances this CPU is fastest with, and keeps them.
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "compiler/Target/TargetDescription.h"
#include "tools/llmc/BenchRunner.h"
#include "tools/llmc/Commands.h"
#include "tools/llmc/Console.h"
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace llmc::cli {
namespace {

using Json = nlohmann::ordered_json;

struct TuneOptions {
  ModelOptions model{.path = "shape:tinyllama-1.1b:q4_0"};
  int64_t rounds = 3;
  bool dryRun = false, json = false;
};

// What is chosen together: the candidates, and the tests that tell them apart.
struct Stage {
  const char *name;
  std::vector<TileChoice> candidates; // the first is what stands so far
  std::vector<BenchTest> tests;
};

struct Candidate {
  const char *stage;
  TileChoice tiles;
  std::vector<double> seconds; // of all tests, by round
  bool chosen = false;

  double median() const { return spreadOf(seconds).median; }
};

constexpr std::pair<int64_t, int64_t> kPrefetches[] = {{4096, 2048}, {8192, 4096}, {6144, 3072},
                                                       {8192, 2048}, {2048, 1024}, {16384, 2048}};
constexpr int64_t kPanelCaches[] = {1 << 20, 1 << 19, 3 << 19, 3 << 18};
// Those that the CPU's dot products cannot have are left out.
const std::vector<std::vector<int64_t>> kWidths = {{1, 2, 4, 8, 16},
                                                   {1, 2, 3, 4, 6, 8, 16},
                                                   {1, 2, 4, 6, 8, 16},
                                                   {1, 4, 8, 16},
                                                   {1, 2, 4, 8, 12},
                                                   {1, 2, 3, 4, 6, 8, 12},
                                                   {1, 2, 4, 6, 12},
                                                   {1, 4, 8, 12},
                                                   {1, 2},
                                                   {1, 2, 3},
                                                   {1, 2, 4},
                                                   {1}};
// A choice is left for one that is faster by more than this share.
constexpr double kWorthwhile = 0.01;

Stage prefetchStage(const TileChoice &now) {
  Stage stage{"prefetch", {now}, {{BenchKind::Generation, 24, 0}}};
  for (auto [far, near] : kPrefetches) {
    TileChoice tiles = now;
    tiles.prefetchFar = far;
    tiles.prefetchNear = near;
    stage.candidates.push_back(tiles);
  }
  return stage;
}

Stage widthStage(const TileChoice &now) {
  Stage stage{"tiles", {now}, {}};
  for (int64_t tokens : {2, 3, 4, 6, 8, 12})
    stage.tests.push_back({BenchKind::Batch, tokens, 0});
  for (const std::vector<int64_t> &widths : kWidths) {
    TileChoice tiles = now;
    tiles.widths = widths;
    stage.candidates.push_back(tiles);
  }
  return stage;
}

Stage panelStage(const TileChoice &now) {
  Stage stage{"panels", {now}, {{BenchKind::Prompt, 256, 0}}};
  for (int64_t bytes : kPanelCaches) {
    TileChoice tiles = now;
    tiles.panelCache = bytes;
    stage.candidates.push_back(tiles);
  }
  return stage;
}

std::string choiceText(absl::string_view stage, const TileChoice &tiles) {
  if (stage == "prefetch")
    return absl::StrCat(tiles.prefetchFar, " and ", tiles.prefetchNear, " bytes ahead");
  if (stage == "tiles")
    return absl::StrCat(absl::StrJoin(tiles.widths, ", "), " tokens");
  return bytesText(tiles.panelCache);
}

// Seconds of all tests of a stage with these tiles.
absl::StatusOr<double> timeTests(ModelOptions model, const TileChoice &tiles,
                                 std::span<const BenchTest> tests) {
  model.tiles = tiles;
  absl::StatusOr<std::unique_ptr<Engine>> engine = Engine::open(model, /*splatWeights=*/true);
  if (!engine.ok())
    return engine.status();
  absl::StatusOr<std::unique_ptr<BenchRunner>> runner = BenchRunner::create(**engine, 512);
  if (!runner.ok())
    return runner.status();
  double seconds = 0;
  for (const BenchTest &test : tests) {
    absl::StatusOr<BenchRow> row = (*runner)->run(test, 3, [] {});
    if (!row.ok())
      return row.status();
    seconds += spreadOf(row->seconds).median;
  }
  return seconds;
}

// Measures a stage's candidates in turns, so that all see the same noise, and marks the best.
absl::StatusOr<std::vector<Candidate>> measure(const TuneOptions &options, const Stage &stage,
                                               kernel::Dot dot) {
  std::vector<Candidate> candidates;
  for (const TileChoice &tiles : stage.candidates)
    if (checkTiles(dot, tiles).ok() &&
        std::ranges::find(candidates, tiles, &Candidate::tiles) == candidates.end())
      candidates.push_back({stage.name, tiles, {}});
  Progress progress(absl::StrCat("measuring ", stage.name));
  const double total = double(options.rounds) * double(candidates.size());
  double done = 0;
  for (int64_t round = 0; round < options.rounds && candidates.size() > 1; ++round)
    for (Candidate &candidate : candidates) {
      absl::StatusOr<double> seconds = timeTests(options.model, candidate.tiles, stage.tests);
      if (!seconds.ok())
        return seconds.status();
      candidate.seconds.push_back(*seconds);
      progress.show(++done / total);
    }
  if (candidates.size() == 1)
    return std::vector<Candidate>();
  Candidate *best = &candidates.front();
  for (Candidate &candidate : candidates)
    if (candidate.median() < (best == &candidates.front() ? 1 - kWorthwhile : 1) * best->median())
      best = &candidate;
  best->chosen = true;
  return candidates;
}

Json choiceJson(const TileChoice &tiles) {
  return {{"tiles", tiles.widths},
          {"prefetch_far", tiles.prefetchFar},
          {"prefetch_near", tiles.prefetchNear},
          {"panel_cache", tiles.panelCache}};
}

void report(const TuneOptions &options, const TargetDescription &target,
            const std::vector<Candidate> &measured, const TileChoice &chosen) {
  if (options.json) {
    Json candidates = Json::array();
    for (const Candidate &candidate : measured)
      candidates.push_back({{"stage", candidate.stage},
                            {"choice", choiceJson(candidate.tiles)},
                            {"ms", candidate.median() * 1000},
                            {"chosen", candidate.chosen}});
    printJson({{"cpu", target.cpu},
               {"dot", kernel::stringifyDot(target.dot).str()},
               {"candidates", candidates},
               {"chosen", choiceJson(chosen)},
               {"kept", options.dryRun ? Json() : Json(tilesPath())}});
    return;
  }
  print("| choice of | candidate                    |       ms | of the first |   |\n"
        "| --------- | ---------------------------- | -------: | -----------: | - |\n");
  double first = 0;
  const char *stage = nullptr;
  for (const Candidate &candidate : measured) {
    if (candidate.stage != stage)
      first = candidate.median();
    stage = candidate.stage;
    print(absl::StrFormat("| %-9s | %-28s | %8.2f | %12.3f | %s |\n", stage,
                          choiceText(stage, candidate.tiles), candidate.median() * 1000,
                          candidate.median() / first, candidate.chosen ? "*" : " "));
  }
  print(options.dryRun
            ? std::string("\n* chosen; nothing is kept\n")
            : absl::StrCat("\n* chosen, and kept for ", target.cpu, " in ", tilesPath(), "\n"));
}

absl::Status tune(const TuneOptions &options) {
  absl::StatusOr<TargetDescription> target = describeTarget(options.model.targetCpu);
  if (!target.ok())
    return usageError(target.status().message());
  if (!runsHere(*target))
    return usageError(absl::StrCat("code for ", target->cpu, " does not run on this CPU"));
  TileChoice now = builtInTiles(target->dot);
  std::vector<Candidate> measured;
  for (Stage (*stage)(const TileChoice &) : {prefetchStage, widthStage, panelStage}) {
    absl::StatusOr<std::vector<Candidate>> candidates = measure(options, stage(now), target->dot);
    if (!candidates.ok())
      return candidates.status();
    for (const Candidate &candidate : *candidates)
      if (candidate.chosen)
        now = candidate.tiles;
    measured.insert(measured.end(), candidates->begin(), candidates->end());
  }
  if (!options.dryRun)
    if (absl::Status status = keepTiles(target->dot, target->cpu, now); !status.ok())
      return status;
  report(options, *target, measured, now);
  return absl::OkStatus();
}

} // namespace

void addTuneCommand(CLI::App &app, Action &action) {
  CLI::App *command =
      app.add_subcommand("tune", "Measure which tiles suit this CPU, and keep them");
  auto options = std::make_shared<TuneOptions>();
  command
      ->add_option("MODEL", options->model.path,
                   "What is timed: a shape:NAME:TYPE or the shapes of a model file; it should be "
                   "larger than the caches")
      ->capture_default_str();
  addThreadsOption(*command, options->model.threads);
  command->add_option("--rounds", options->rounds, "Rounds over the candidates")
      ->check(integer(1, 100, "a whole number from 1 to 100"))
      ->type_name("N")
      ->capture_default_str();
  command
      ->add_option("--target-cpu", options->model.targetCpu,
                   "CPU to make code for: native, or a name as clang's -mcpu takes it")
      ->type_name("NAME")
      ->capture_default_str();
  command->add_flag("--dry-run", options->dryRun, "Measure only");
  addJsonFlag(*command, options->json, "Print the measurements and the choice as JSON");
  command->footer(
      "Token tile widths of matrix products, how far ahead packed weights are asked for, and\n"
      "how much of the second-level cache unpacked weights take: speed depends on them, results\n"
      "do not. The choice is kept in $XDG_CONFIG_HOME/llmc/tiles.json (or ~/.config) for this\n"
      "kind of CPU; 'llmc inspect --target' shows it, and without the file llmc's own table "
      "holds.\n"
      "It takes a few minutes, during which nothing else should run.");
  command->callback([options, &action] { action = [options] { return tune(*options); }; });
}

} // namespace llmc::cli
