#include "frontends/lora/data/Segments.h"
#include "absl/strings/match.h"
#include <algorithm>

namespace llmc::lora {
namespace {

using Segments = std::span<const Segment>;

absl::Status append(const Tokenizer &tokenizer, const Segment &segment, bool continues,
                    SampleTokens &out) {
  absl::StatusOr<std::vector<int32_t>> tokens =
      tokenizer.encode(segment.text, {.parseSpecial = true, .continues = continues});
  if (!tokens.ok())
    return tokens.status();
  out.tokens.insert(out.tokens.end(), tokens->begin(), tokens->end());
  out.learned.insert(out.learned.end(), tokens->size(), segment.learned);
  return absl::OkStatus();
}

// Segments without end-of-text tokens among them. `continues`: a text stands before them.
absl::Status appendRun(const Tokenizer &tokenizer, Segments run, bool continues,
                       SampleTokens &out) {
  if (run.size() == 1)
    return append(tokenizer, run[0], continues, out);
  std::string text;
  std::vector<uint64_t> ends;
  for (const Segment &segment : run) {
    text += segment.text;
    ends.push_back(text.size());
  }
  absl::StatusOr<std::vector<int32_t>> tokens =
      tokenizer.encode(text, {.parseSpecial = true, .continues = continues});
  if (!tokens.ok())
    return tokens.status();
  const std::optional<std::vector<uint64_t>> offsets = tokenOffsets(tokenizer, text, *tokens);
  for (size_t i = 1; i < run.size(); ++i) {
    // An answer that would begin within a token.
    const bool answers = run[i].learned && !run[i - 1].learned && ends[i - 1] < text.size();
    if (offsets && (!answers || std::ranges::binary_search(*offsets, ends[i - 1])))
      continue;
    if (absl::Status status = appendRun(tokenizer, run.first(i), continues, out); !status.ok())
      return status;
    return appendRun(tokenizer, run.subspan(i), /*continues=*/true, out);
  }
  for (size_t i = 0; i < tokens->size(); ++i) {
    const size_t segment = std::ranges::upper_bound(ends, (*offsets)[i]) - ends.begin();
    out.tokens.push_back((*tokens)[i]);
    out.learned.push_back(run[std::min(segment, run.size() - 1)].learned);
  }
  return absl::OkStatus();
}

} // namespace

absl::StatusOr<SampleTokens> encodeSegments(const Tokenizer &tokenizer,
                                            std::span<const Segment> segments) {
  SampleTokens out;
  for (size_t i = 0; i < segments.size();) {
    if (segments[i].eos) {
      if (const std::optional<int32_t> eos = tokenizer.eosId()) {
        out.tokens.push_back(*eos);
        out.learned.push_back(segments[i].learned);
      }
      ++i;
      continue;
    }
    size_t end = i;
    while (end < segments.size() && !segments[end].eos)
      ++end;
    if (absl::Status status = appendRun(tokenizer, segments.subspan(i, end - i), false, out);
        !status.ok())
      return status;
    i = end;
  }
  return out;
}

std::optional<std::vector<uint64_t>>
tokenOffsets(const Tokenizer &tokenizer, absl::string_view text, std::span<const int32_t> tokens) {
  std::vector<uint64_t> offsets;
  offsets.reserve(tokens.size());
  uint64_t at = 0;
  for (int32_t token : tokens) {
    const std::string piece = tokenizer.piece(token, true);
    absl::string_view rest = piece;
    // SentencePiece puts a space in front of a text that was not there.
    if (!absl::StartsWith(text.substr(at), rest) && absl::StartsWith(rest, " "))
      rest.remove_prefix(1);
    if (!absl::StartsWith(text.substr(at), rest))
      return std::nullopt;
    offsets.push_back(at);
    at += rest.size();
  }
  if (at != text.size())
    return std::nullopt;
  return offsets;
}

} // namespace llmc::lora
