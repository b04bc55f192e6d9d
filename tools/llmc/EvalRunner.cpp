#include "tools/llmc/EvalRunner.h"
#include "absl/strings/str_cat.h"
#include "frontends/eval/ExactMatch.h"
#include "frontends/tokenizer/Utf8.h"
#include "runtime/core/Interrupt.h"
#include "runtime/sampling/Sampler.h"
#include "runtime/text/Utf8Stream.h"
#include "tools/llmc/RowScorer.h"
#include <algorithm>
#include <numeric>

namespace llmc::cli {
namespace {

using eval::Continuation;
using eval::EvalSample;
using eval::RecordKind;

constexpr size_t kMoreTokens = 8;

size_t sharedPrefix(std::span<const int32_t> a, std::span<const int32_t> b) {
  return static_cast<size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
}

class Runner {
public:
  Runner(Engine &engine, const Tokenizer &tokenizer, Session &session, const EvalTasks &tasks,
         const EvalLimits &limits)
      : tokenizer_(tokenizer), session_(session), tasks_(tasks), limits_(limits),
        scorer_(engine.team(), static_cast<size_t>(engine.program().manifest.vocabulary),
                [this](std::span<const float>, std::span<const double> losses) {
                  loss_ = std::accumulate(losses.begin(), losses.end(), loss_);
                  return absl::OkStatus();
                }) {}

  // Positions that a record needs; a Text takes what there is.
  size_t positionsOf(const EvalSample &sample) const {
    // Windows of a text step by all but their first token.
    size_t most = sample.kind == RecordKind::Text ? 2 : 0;
    for (const Continuation &continuation : sample.continuations)
      if (sample.kind != RecordKind::Text)
        most = std::max(most, continuation.tokens.size());
    if (sample.kind == RecordKind::Completion && tasks_.exact)
      most = std::max(most, sample.prompt.size() + answerLimit(sample));
    return most;
  }

  absl::StatusOr<RecordResult> run(const EvalSample &sample) {
    RecordResult result;
    absl::Status status;
    switch (sample.kind) {
    case RecordKind::Completion:
      // First, so that a prompt is read as `llmc run` reads it.
      if (tasks_.exact)
        status = answer(sample, result);
      if (status.ok() && tasks_.perplexity && hasTokens(sample.continuations[0]))
        status = score(sample.continuations[0], result);
      break;
    case RecordKind::Choice:
      if (tasks_.choice)
        status = choose(sample, result);
      break;
    case RecordKind::Text:
      if (tasks_.perplexity)
        status = scoreText(sample.continuations[0], result);
      break;
    }
    if (!status.ok())
      return status;
    return result;
  }

private:
  static bool hasTokens(const Continuation &continuation) {
    return continuation.first < continuation.tokens.size();
  }

  size_t answerLimit(const EvalSample &sample) const {
    const Continuation &completion = sample.continuations[0];
    return limits_.maxTokens > 0 ? static_cast<size_t>(limits_.maxTokens)
                                 : completion.tokens.size() - completion.first + kMoreTokens;
  }

  absl::Status evaluate(std::span<const int32_t> tokens) {
    seen_.insert(seen_.end(), tokens.begin(), tokens.end());
    return session_.evaluate(tokens);
  }
  void rewind(size_t position) {
    session_.rewind(static_cast<int64_t>(position));
    seen_.resize(position);
  }

  absl::Status answer(const EvalSample &sample, RecordResult &result) {
    const std::string &wanted = sample.continuations[0].text;
    absl::StatusOr<Sampler> likeliest = Sampler::create({.temperature = 0});
    if (!likeliest.ok())
      return likeliest.status();
    Utf8Stream stream;
    rewind(0);
    absl::Status status = evaluate(sample.prompt);
    size_t left = answerLimit(sample);
    while (status.ok() && left-- > 0 && !InterruptGuard::interrupted()) {
      absl::StatusOr<int32_t> token = likeliest->sample(session_.lastLogits());
      if (!token.ok())
        return token.status();
      if (tokenizer_.isEndOfGeneration(*token))
        break;
      result.text += stream.push(tokenizer_.piece(*token));
      if (eval::hasAllLines(result.text, wanted))
        break;
      if (left > 0)
        status = evaluate({&*token, 1});
    }
    result.text += stream.finish();
    result.exact = eval::isExactMatch(result.text, wanted);
    return status;
  }

  // The sum of negative log likelihoods of tokens[first...], each given all before it. What the
  // session has seen of the rest is not run again; it runs alone, so that it is the same for all
  // that share it.
  absl::StatusOr<double> lossOf(std::span<const int32_t> tokens, size_t first) {
    rewind(std::min(sharedPrefix(seen_, tokens), first - 1));
    if (seen_.size() < first - 1)
      if (absl::Status status = evaluate(tokens.subspan(seen_.size(), first - 1 - seen_.size()));
          !status.ok())
        return status;
    const std::span<const int32_t> rest = tokens.subspan(first - 1, tokens.size() - first);
    loss_ = 0;
    seen_.insert(seen_.end(), rest.begin(), rest.end());
    absl::Status status =
        session_.evaluateAll(rest, 0, [&](size_t position, std::span<const float> logits) {
          scorer_.add(logits, tokens[first + position]);
        });
    status.Update(scorer_.finish());
    if (!status.ok())
      return status;
    return loss_;
  }

  absl::Status score(const Continuation &continuation, RecordResult &result) {
    absl::StatusOr<double> loss = lossOf(continuation.tokens, continuation.first);
    if (loss.ok())
      result.loss = *loss;
    result.tokens = continuation.tokens.size() - continuation.first;
    return loss.status();
  }

  // In windows of the context, each of which begins with the last token of the one before.
  absl::Status scoreText(const Continuation &text, RecordResult &result) {
    const auto context = static_cast<size_t>(session_.context());
    const std::span<const int32_t> tokens(text.tokens);
    double sum = 0;
    for (size_t first = text.first; first < tokens.size();) {
      const size_t begin = first == text.first ? 0 : first - 1;
      const size_t end = std::min(begin + context, tokens.size());
      absl::StatusOr<double> loss = lossOf(tokens.subspan(begin, end - begin), first - begin);
      if (!loss.ok())
        return loss.status();
      sum += *loss;
      first = end;
      if (InterruptGuard::interrupted())
        return absl::CancelledError();
    }
    result.loss = sum;
    result.tokens = tokens.size() - text.first;
    return absl::OkStatus();
  }

  absl::Status choose(const EvalSample &sample, RecordResult &result) {
    std::vector<double> byCharacters;
    for (const Continuation &choice : sample.continuations) {
      absl::StatusOr<double> loss = lossOf(choice.tokens, choice.first);
      if (!loss.ok())
        return loss.status();
      result.logLikelihoods.push_back(-*loss);
      byCharacters.push_back(-*loss / static_cast<double>(tokenizer::characterCount(choice.text)));
    }
    const auto best = [](const std::vector<double> &values) {
      return static_cast<size_t>(std::ranges::max_element(values) - values.begin());
    };
    result.chosen = best(result.logLikelihoods);
    result.chosenByCharacters = best(byCharacters);
    return absl::OkStatus();
  }

  const Tokenizer &tokenizer_;
  Session &session_;
  const EvalTasks &tasks_;
  const EvalLimits &limits_;
  std::vector<int32_t> seen_; // by the session
  double loss_ = 0;           // of the rows that were scored
  RowScorer scorer_;
};

} // namespace

absl::StatusOr<std::vector<RecordResult>>
evaluateRecords(Engine &engine, const Tokenizer &tokenizer,
                std::span<const eval::EvalSample> samples, absl::string_view file,
                const EvalTasks &tasks, const EvalLimits &limits,
                absl::FunctionRef<void(size_t)> progress) {
  absl::StatusOr<std::unique_ptr<Session>> session = engine.newSession(limits.context);
  if (!session.ok())
    return session.status();
  Runner runner(engine, tokenizer, **session, tasks, limits);
  for (const EvalSample &sample : samples)
    if (const size_t needed = runner.positionsOf(sample);
        needed > static_cast<size_t>((*session)->context()))
      return absl::OutOfRangeError(absl::StrCat(
          file, ":", sample.line, ": the record needs ", needed, " tokens, the context holds ",
          (*session)->context(), "; choose a larger -c, a smaller --max-tokens, or shorten it"));
  std::vector<RecordResult> results;
  for (const EvalSample &sample : samples) {
    absl::StatusOr<RecordResult> result = runner.run(sample);
    // What it was stopped in does not count.
    if (InterruptGuard::interrupted())
      break;
    if (!result.ok())
      return atPlace(result.status(),
                     absl::StrCat(engine.file().path(), ": ", file, ":", sample.line));
    results.push_back(*std::move(result));
    progress(results.size());
  }
  return results;
}

} // namespace llmc::cli
