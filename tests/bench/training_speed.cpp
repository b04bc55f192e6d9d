// training_speed SHAPE BATCH SEQUENCE RANK THREADS STEPS [f32] [keep]
//
// Seconds of a step of training on a shape without a file ("shape:openllama-3b:q8_0"), all of whose
// weights are one small number, and the memory that it takes. `f32`: products with frozen weights
// in f32; `keep`: no gradient checkpointing.
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "compiler/Driver/ModelLoader.h"
#include "compiler/Driver/TrainingLoader.h"
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <sys/resource.h>

using namespace llmc;

namespace {

absl::Status run(int argc, char **argv) {
  int64_t numbers[5];
  if (argc < 7)
    return absl::InvalidArgumentError("see the first lines of training_speed.cpp");
  for (int i = 0; i < 5; ++i)
    if (!absl::SimpleAtoi(argv[2 + i], &numbers[i]))
      return absl::InvalidArgumentError(absl::StrCat(argv[2 + i], " is no number"));
  auto [batch, sequence, rank, threads, steps] = numbers;
  absl::StatusOr<std::shared_ptr<gguf::GgufFile>> file = openModel(argv[1], true);
  if (!file.ok())
    return file.status();
  TrainingLoadOptions options;
  options.import.sequence = sequence;
  options.batch = batch;
  options.splatWeights = true;
  for (int i = 7; i < argc; ++i) {
    if (argv[i] == std::string("f32"))
      options.compile.phases.compute = PhaseOptions::Compute::F32;
    if (argv[i] == std::string("keep"))
      options.compile.phases.gradientCheckpointing = false;
  }
  for (const gguf::TensorInfo &tensor : (*file)->tensors())
    if (absl::StartsWith(tensor.name, "blk.") && tensor.shape.size() == 2)
      options.import.adapters.push_back({std::string(tensor.name), rank, 1.0f});
  ThreadTeam team(static_cast<unsigned>(threads));
  auto model = loadTraining(*file, team, options);
  if (!model.ok())
    return model.status();
  std::vector<int32_t> tokens(static_cast<size_t>(batch * sequence), 5), targets(tokens);
  for (size_t i = 0; i < tokens.size(); ++i)
    tokens[i] = static_cast<int32_t>(3 + i % 1000);
  std::vector<double> seconds;
  for (int64_t i = 0; i < steps; ++i) {
    auto start = std::chrono::steady_clock::now();
    auto losses = (*model)->addGradients(tokens, targets, -1, {});
    if (!losses.ok())
      return losses.status();
    seconds.push_back(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  std::sort(seconds.begin(), seconds.end());
  std::printf(
      "%s, batch %ld x %ld, rank %ld, %ld threads: %.3f s a step (median of %ld, best %.3f)\n",
      argv[1], long(batch), long(sequence), long(rank), long(threads), seconds[seconds.size() / 2],
      long(steps), seconds[0]);
  for (const TrainingModel::Memory &part : (*model)->memory())
    std::printf("  %-12s %8.1f MiB\n", part.part.c_str(), double(part.bytes) / (1 << 20));
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  std::printf("  peak         %8.1f MiB\n", double(usage.ru_maxrss) / 1024);
  return absl::OkStatus();
}

} // namespace

int main(int argc, char **argv) {
  absl::Status status = run(argc, argv);
  if (status.ok())
    return 0;
  std::fprintf(stderr, "training_speed: %s\n", std::string(status.message()).c_str());
  return 1;
}
