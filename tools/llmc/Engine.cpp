#include "tools/llmc/Engine.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "compiler/Artifact/UserKey.h"
#include "compiler/Driver/ModelLoader.h"
#include "tools/llmc/Commands.h"
#include "tools/llmc/Console.h"
#include <unistd.h>

namespace llmc::cli {
namespace {

uint64_t physicalMemory() {
  return uint64_t(sysconf(_SC_PHYS_PAGES)) * uint64_t(sysconf(_SC_PAGESIZE));
}

} // namespace

absl::StatusOr<std::unique_ptr<Engine>> Engine::open(const ModelOptions &options,
                                                     bool splatWeights) {
  if (absl::StatusOr<TargetDescription> target = describeTarget(options.targetCpu); !target.ok())
    return usageError(absl::StrCat("--target-cpu: ", target.status().message()));
  std::unique_ptr<Engine> engine(new Engine(options.threads));
  Progress progress("packing weights");
  LoadOptions load;
  load.compile.targetCpu = options.targetCpu;
  load.compile.tiles = options.tiles;
  load.compile.maxRows = options.maxRows;
  load.compile.phases = options.phases;
  if (!options.noObjectCache) {
    load.compile.cacheDirectory = engine->cacheDirectory_ = defaultCacheDirectory();
    load.compile.keyPath = userKeyPath();
  }
  load.splatWeights = splatWeights;
  load.cacheTypes = {options.keyCacheType, options.valueCacheType};
  load.adapters = options.adapters;
  load.context = options.context;
  load.progress = [&](double share) { progress.show(share); };
  absl::StatusOr<LoadedModel> model = loadModel(options.path, engine->team_, load);
  if (!model.ok())
    return model.status();
  if (model->fromArtifact && !model->codeFromCache)
    printNote(absl::StrFormat("%s: its code is not one that this user made for this CPU and these "
                              "options; compiled its program in %.1f s",
                              options.path, model->compileSeconds));
  engine->file_ = std::move(model->file);
  engine->program_ = std::move(model->program);
  return engine;
}

absl::StatusOr<std::unique_ptr<Session>> Engine::newSession(int64_t context) {
  // Memory is only taken when it is first written, so that asking for too much would not fail now
  // but kill the process later.
  uint64_t bytesPerBlock = 0, most = physicalMemory();
  constexpr int64_t kBlock = 64;
  for (const KvCacheShape &cache : program_.manifest.caches)
    bytesPerBlock += cache.bytes(kBlock);
  const uint64_t blocks = uint64_t(context) / kBlock;
  if (bytesPerBlock != 0 && blocks > most / bytesPerBlock)
    return absl::ResourceExhaustedError(absl::StrCat(
        file_->path(), ": a context of ", context, " tokens needs ",
        uint64_t(double(blocks) * double(bytesPerBlock) / (1 << 20)),
        " MiB for the KV cache, this machine has ", most >> 20, " MiB; choose a smaller -c"));
  return Session::create(program_, team_, {context});
}

absl::Status atPlace(const absl::Status &status, absl::string_view place) {
  if (status.ok())
    return status;
  return absl::Status(status.code(), absl::StrCat(place, ": ", status.message()));
}

absl::StatusOr<std::vector<int32_t>> encodeForModel(const Tokenizer &tokenizer,
                                                    absl::string_view text, absl::string_view name,
                                                    bool parseSpecial) {
  absl::StatusOr<std::vector<int32_t>> tokens =
      tokenizer.encode(text, {.addSpecial = true, .parseSpecial = parseSpecial});
  if (!tokens.ok())
    return atPlace(tokens.status(), name);
  // EOS would tell the model that the text is over.
  if (tokenizer.addsEos() && !tokens->empty() && tokens->back() == tokenizer.eosId())
    tokens->pop_back();
  return tokens;
}

} // namespace llmc::cli
