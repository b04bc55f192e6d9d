#include "frontends/eval/EvalData.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "frontends/lora/data/Segments.h"
#include "frontends/lora/data/TextFile.h"
#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

namespace llmc::eval {
namespace {

using lora::Message;
using lora::Role;
using lora::Segment;

absl::Status bad(absl::string_view what) { return absl::InvalidArgumentError(what); }

bool isSpace(char c) { return absl::ascii_isspace(static_cast<unsigned char>(c)); }

class Reader {
public:
  Reader(const Tokenizer &tokenizer, const EvalReadOptions &options)
      : tokenizer_(tokenizer), options_(options),
        format_("auto", options.modelTemplate, tokenizer) {
    if (tokenizer.addsBos())
      bos_ = tokenizer.bosId();
  }

  absl::StatusOr<EvalSample> read(absl::string_view line) const {
    absl::StatusOr<EvalRecord> record = parseEvalRecord(line, format_.isAlpaca());
    if (!record.ok())
      return record.status();
    EvalSample sample{.kind = record->kind, .answer = record->answer};
    absl::StatusOr<std::vector<Segment>> prompt = promptOf(*record);
    if (!prompt.ok())
      return prompt.status();
    if (record->kind != RecordKind::Text) {
      absl::StatusOr<std::vector<int32_t>> tokens = promptTokens(*prompt);
      if (!tokens.ok())
        return tokens.status();
      sample.prompt = *std::move(tokens);
    }
    for (std::string &text : record->completions) {
      absl::StatusOr<Continuation> continuation = continuationOf(*prompt, *record, std::move(text));
      if (!continuation.ok())
        return continuation.status();
      sample.continuations.push_back(*std::move(continuation));
    }
    return sample;
  }

private:
  absl::StatusOr<std::vector<Segment>> promptOf(const EvalRecord &record) const {
    if (record.kind == RecordKind::Text)
      return std::vector<Segment>();
    if (options_.chat)
      return rendered(record);
    if (record.messages.empty())
      return record.prompt.empty()
                 ? std::vector<Segment>()
                 : std::vector<Segment>{{.text = record.prompt, .learned = false}};
    return format_.renderPrompt(record.messages);
  }

  absl::StatusOr<std::vector<Segment>> rendered(const EvalRecord &record) const {
    std::vector<Message> messages = record.messages;
    if (messages.empty())
      messages.push_back({Role::User, record.prompt});
    if (!options_.system.empty() && messages.front().role != Role::System)
      messages.insert(messages.begin(), {Role::System, options_.system});
    absl::StatusOr<std::string> text = options_.chat->render({.messages = lora::toJson(messages)});
    if (!text.ok())
      return text.status();
    return std::vector<Segment>{{.text = *std::move(text), .learned = false}};
  }

  // BOS in front, but where a chat template has written it.
  absl::StatusOr<lora::SampleTokens> encode(const std::vector<Segment> &segments) const {
    absl::StatusOr<lora::SampleTokens> out = lora::encodeSegments(tokenizer_, segments);
    if (!out.ok() || !bos_)
      return out;
    if (options_.chat && !out->tokens.empty() && out->tokens.front() == *bos_)
      return out;
    out->tokens.insert(out->tokens.begin(), *bos_);
    out->learned.insert(out->learned.begin(), 0);
    return out;
  }

  absl::StatusOr<std::vector<int32_t>> promptTokens(const std::vector<Segment> &prompt) const {
    absl::StatusOr<lora::SampleTokens> tokens = encode(prompt);
    if (!tokens.ok())
      return tokens.status();
    if (tokens->tokens.empty() && tokenizer_.bosId())
      tokens->tokens.push_back(*tokenizer_.bosId());
    if (tokens->tokens.empty())
      return bad("the prompt is empty and the model has no token to begin with; give a prompt");
    return std::move(tokens->tokens);
  }

  absl::StatusOr<Continuation> continuationOf(const std::vector<Segment> &prompt,
                                              const EvalRecord &record, std::string text) const {
    const bool needsSpace = record.kind == RecordKind::Choice && !options_.chat &&
                            !record.prompt.empty() && !isSpace(record.prompt.back()) &&
                            !isSpace(text.front());
    std::vector<Segment> segments = prompt;
    segments.push_back({.text = absl::StrCat(needsSpace ? " " : "", text)});
    absl::StatusOr<lora::SampleTokens> tokens = encode(segments);
    if (!tokens.ok())
      return tokens.status();
    const auto learned = std::ranges::find(tokens->learned, 1);
    // Nothing comes before the first token that could predict it.
    const auto first = std::max<size_t>(1, static_cast<size_t>(learned - tokens->learned.begin()));
    if (first >= tokens->tokens.size() && record.kind == RecordKind::Text)
      return bad("the text is a single token, which nothing predicts; give a longer one");
    return Continuation{std::move(text), std::move(tokens->tokens), first};
  }

  const Tokenizer &tokenizer_;
  const EvalReadOptions &options_;
  const lora::ConversationFormat format_;
  std::optional<int32_t> bos_;
};

} // namespace

absl::StatusOr<std::vector<EvalSample>>
readEvalData(const std::string &path, const Tokenizer &tokenizer, const EvalReadOptions &options) {
  absl::StatusOr<lora::TextFile> file = lora::openText(path);
  if (!file.ok())
    return file.status();
  const Reader reader(tokenizer, options);
  std::vector<EvalSample> samples;
  absl::Status status =
      lora::forEachLine(file->text, [&](absl::string_view line, uint64_t number) -> absl::Status {
        if (options.limit > 0 && samples.size() == options.limit)
          return absl::OkStatus();
        absl::StatusOr<EvalSample> sample = reader.read(line);
        if (!sample.ok())
          return absl::Status(sample.status().code(),
                              absl::StrCat(path, ":", number, ": ", sample.status().message()));
        sample->line = number;
        samples.push_back(*std::move(sample));
        return absl::OkStatus();
      });
  if (!status.ok())
    return status;
  return samples;
}

} // namespace llmc::eval
