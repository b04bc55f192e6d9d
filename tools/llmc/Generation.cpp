#include "tools/llmc/Generation.h"
#include "absl/strings/str_format.h"
#include "runtime/core/Interrupt.h"
#include "runtime/text/Utf8Stream.h"
#include "tools/llmc/Console.h"
#include "tools/llmc/HostBandwidth.h"
#include <chrono>

namespace llmc::cli {
namespace {

using Clock = std::chrono::steady_clock;

double milliseconds(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double, std::milli>(to - from).count();
}

} // namespace

absl::Status readPrompt(const Engine &engine, Session &session, Sampler &sampler,
                        std::span<const int32_t> prompt, Generation &result) {
  Progress progress("reading the prompt");
  const Clock::time_point start = Clock::now();
  const size_t chunk = engine.program().manifest.maxRows;
  result.promptTokens = prompt.size();
  for (size_t at = 0; at < prompt.size() && !InterruptGuard::interrupted(); at += chunk) {
    progress.show(double(at) / prompt.size());
    if (absl::Status status =
            session.evaluate(prompt.subspan(at, std::min(chunk, prompt.size() - at)));
        !status.ok())
      return status;
  }
  for (int32_t token : prompt)
    sampler.accept(token);
  result.promptMs = milliseconds(start, Clock::now());
  return absl::OkStatus();
}

absl::Status generate(const Engine &engine, const Tokenizer &tokenizer, Session &session,
                      Sampler &sampler, const GenerationLimits &limits,
                      absl::FunctionRef<void(absl::string_view)> emit, Generation &result) {
  Utf8Stream stream;
  Clock::time_point first = {};
  const auto give = [&](const std::string &text) {
    emit(text);
    result.text += text;
  };
  while (limits.tokens < 0 || int64_t(result.tokens.size()) < limits.tokens) {
    if (InterruptGuard::interrupted()) {
      result.stop = "interrupted";
      break;
    }
    if (!result.tokens.empty()) {
      if (session.position() == session.context()) {
        result.stop = "context";
        break;
      }
      if (absl::Status status = session.evaluate({&result.tokens.back(), 1}); !status.ok())
        return status;
    }
    absl::StatusOr<int32_t> token = sampler.sample(session.lastLogits());
    if (!token.ok())
      return atPlace(token.status(), engine.file().path());
    if (!limits.ignoreEos && tokenizer.isEndOfGeneration(*token)) {
      result.stop = "end";
      break;
    }
    sampler.accept(*token);
    // Of the first token, the time is the prompt's.
    if (result.tokens.empty())
      first = Clock::now();
    result.tokens.push_back(*token);
    result.generationMs = milliseconds(first, Clock::now());
    give(stream.push(tokenizer.piece(*token)));
  }
  give(stream.finish());
  return absl::OkStatus();
}

GenerationSpeed speedOf(Engine &engine, const Generation &generation) {
  GenerationSpeed speed;
  const double bytes = engine.program().manifest.bytesPerStep(1, generation.meanPositions());
  speed.gigabytesPerSecond = generation.tokensPerSecond() * bytes / 1e9;
  speed.fitsCaches = fitsCaches(bytes);
  if (generation.steps())
    speed.bandwidth = hostReadBandwidth(engine);
  if (speed.bandwidth)
    speed.percent = 100 * speed.gigabytesPerSecond / *speed.bandwidth;
  return speed;
}

std::string speedText(const Generation &generation, const GenerationSpeed &speed) {
  std::string line = absl::StrFormat(
      "prompt: %d tokens, %.1f tokens/s", generation.promptTokens,
      generation.promptMs > 0 ? generation.promptTokens * 1000 / generation.promptMs : 0.0);
  if (generation.cachedTokens)
    absl::StrAppendFormat(&line, " (%d before it kept)", generation.cachedTokens);
  absl::StrAppendFormat(&line, "; generated: %d tokens", generation.tokens.size());
  if (generation.steps())
    absl::StrAppendFormat(&line, ", %.1f tokens/s, %.2f ms/token, %.1f GB/s",
                          generation.tokensPerSecond(), generation.msPerToken(),
                          speed.gigabytesPerSecond);
  if (speed.percent)
    absl::StrAppendFormat(
        &line, ", %.0f %% of the read bandwidth of %.1f GB/s%s", *speed.percent, *speed.bandwidth,
        *speed.percent > 100 && speed.fitsCaches ? " (the weights fit the caches)" : "");
  return line;
}

} // namespace llmc::cli
