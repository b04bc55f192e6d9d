// decode_shares [--threads=N] [--steps=N] BASE MODEL...
//
// How much of the memory's bandwidth models reach when they generate, beside a base model, such as
//
//   decode_shares shape:tinyllama-1.1b:q8_0 shape:gemma-3-1b:q8_0 shape:qwen3-0.6b:q8_0
//
// Models are files or shapes; all weights are one small number. Both stay in memory and take turns,
// a token each, so that what else the machine does meets both alike; the ratio is the median of
// those of neighbouring tokens.
#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "compiler/Driver/ModelLoader.h"
#include "runtime/llm/Session.h"
#include <algorithm>
#include <chrono>
#include <cstdio>

ABSL_FLAG(unsigned, threads, 2, "threads");
ABSL_FLAG(int, steps, 60, "tokens of each model that are timed");

using namespace llmc;

namespace {

constexpr int kWarmUp = 4;

class Model {
public:
  static absl::StatusOr<std::unique_ptr<Model>> open(const std::string &path, ThreadTeam &team) {
    auto model = std::make_unique<Model>();
    LoadOptions options;
    options.splatWeights = true;
    absl::StatusOr<LoadedModel> loaded = loadModel(path, team, options);
    if (!loaded.ok())
      return loaded.status();
    model->loaded_ = *std::move(loaded);
    auto session = Session::create(model->loaded_.program, team,
                                   {.context = kWarmUp + absl::GetFlag(FLAGS_steps)});
    if (!session.ok())
      return session.status();
    model->session_ = *std::move(session);
    return model;
  }

  // Generates a token; returns the GB/s that were read for it.
  absl::StatusOr<double> step() {
    const ProgramManifest &manifest = loaded_.program.manifest;
    const int64_t position = session_->position();
    const int32_t token = static_cast<int32_t>(position * 7919 % manifest.vocabulary);
    const auto start = std::chrono::steady_clock::now();
    if (absl::Status status = session_->evaluate({&token, 1}); !status.ok())
      return status;
    session_->lastLogits();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    return manifest.bytesPerStep(1, double(position + 1)) / seconds.count() / 1e9;
  }

  void rewind() { session_->rewind(0); }

private:
  LoadedModel loaded_;
  std::unique_ptr<Session> session_;
};

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

absl::Status compare(Model &base, const std::string &path, ThreadTeam &team) {
  absl::StatusOr<std::unique_ptr<Model>> model = Model::open(path, team);
  if (!model.ok())
    return model.status();
  base.rewind();
  std::vector<double> ofBase, ofModel, ratios;
  for (int i = 0; i < kWarmUp + absl::GetFlag(FLAGS_steps); ++i) {
    absl::StatusOr<double> first = base.step(), second = (*model)->step();
    if (!first.ok() || !second.ok())
      return first.ok() ? second.status() : first.status();
    if (i < kWarmUp)
      continue;
    ofBase.push_back(*first);
    ofModel.push_back(*second);
    ratios.push_back(*second / *first);
  }
  std::printf("| %-32s | %9.1f | %9.1f | %5.2f |\n", path.c_str(), median(ofBase), median(ofModel),
              median(ratios));
  std::fflush(stdout);
  return absl::OkStatus();
}

absl::Status run(std::span<char *> models) {
  if (models.size() < 2 || absl::GetFlag(FLAGS_threads) < 1 || absl::GetFlag(FLAGS_steps) < 1)
    return absl::InvalidArgumentError("wants a base and models; see --help");
  ThreadTeam team(absl::GetFlag(FLAGS_threads));
  absl::StatusOr<std::unique_ptr<Model>> base = Model::open(models[0], team);
  if (!base.ok())
    return base.status();
  std::printf("| %-32s | base GB/s |      GB/s | ratio |\n", models[0]);
  std::printf("| -------------------------------- | --------: | --------: | ----: |\n");
  for (char *path : models.subspan(1))
    if (absl::Status status = compare(**base, path, team); !status.ok())
      return status;
  return absl::OkStatus();
}

} // namespace

int main(int argc, char **argv) {
  absl::SetProgramUsageMessage("decode_shares [--threads=N] [--steps=N] BASE MODEL...");
  std::vector<char *> arguments = absl::ParseCommandLine(argc, argv);
  absl::Status status = run(std::span(arguments).subspan(1));
  if (status.ok())
    return 0;
  std::fprintf(stderr, "decode_shares: %s\n", std::string(status.message()).c_str());
  return 1;
}
