#include "frontends/scratch/VocabularyTrainer.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "frontends/scratch/PieceTrainer.h"
#include <unordered_map>

namespace llmc::scratch {
namespace {

// The first number behind a text.
int64_t numberBehind(absl::string_view message, absl::string_view text) {
  const size_t at = message.find(text);
  if (at == message.npos)
    return 0;
  message.remove_prefix(at + text.size());
  int64_t number = 0;
  return absl::SimpleAtoi(message.substr(0, message.find_first_not_of("0123456789")), &number)
             ? number
             : 0;
}

// The library's messages name places of its source and its own options.
absl::Status explained(absl::string_view message, int64_t wanted) {
  constexpr absl::string_view kMost = "set it to a value <= ", kCharacters = " vs ";
  if (const int64_t most = numberBehind(message, kMost))
    return absl::InvalidArgumentError(
        absl::StrCat("scratch.vocab_size: the data has no more than ", most, " different pieces, ",
                     wanted, " are wanted; give at most ", most, ", or more data"));
  if (absl::StrContains(message, "required_chars"))
    return absl::InvalidArgumentError(
        absl::StrCat("scratch.vocab_size: the data's characters and the 256 bytes alone are ",
                     numberBehind(message, kCharacters), " tokens, ", wanted,
                     " are wanted; give more, or a lower scratch.character_coverage"));
  return absl::InternalError(
      absl::StrCat("the vocabulary cannot be made: sentencepiece: ", message));
}

// The library counts places in a word in 16 bits, and a line without blanks is one.
constexpr size_t kLongestLine = 16384;

std::vector<std::string> cutLines(std::vector<std::string> lines) {
  std::vector<std::string> out;
  for (std::string &line : lines) {
    absl::string_view rest = line;
    while (rest.size() > kLongestLine) {
      size_t end = kLongestLine;
      while (end > 1 && (rest[end] & 0xc0) == 0x80)
        --end; // not within a character
      out.emplace_back(rest.substr(0, end));
      rest.remove_prefix(end);
    }
    if (rest.size() == line.size())
      out.push_back(std::move(line));
    else
      out.emplace_back(rest);
  }
  return out;
}

} // namespace

absl::StatusOr<TrainedVocabulary> trainVocabulary(std::vector<std::string> lines,
                                                  const lora::ScratchConfig &config) {
  const int64_t wanted = config.vocabSize > 0 ? config.vocabSize : lora::kDefaultVocabulary;
  const std::unordered_map<std::string, std::string> options = {
      {"model_type", "bpe"},
      {"vocab_size", absl::StrCat(wanted)},
      {"character_coverage", absl::StrCat(config.characterCoverage)},
      {"split_digits", config.splitDigits ? "true" : "false"},
      {"byte_fallback", "true"},
      {"normalization_rule_name", "identity"},
      {"add_dummy_prefix", "false"},
      {"remove_extra_whitespaces", "false"},
      {"allow_whitespace_only_pieces", "true"},
      {"max_sentence_length", absl::StrCat(1 << 30)},
      {"minloglevel", "2"}, // errors only
  };
  PieceModel made = trainPieces(cutLines(std::move(lines)), options);
  if (!made.error.empty())
    return explained(made.error, wanted);
  TrainedVocabulary out;
  out.sentencePieceModel = std::move(made.file);
  TokenizerMetadata &metadata = out.metadata;
  metadata.model = "llama";
  for (Piece &piece : made.pieces) {
    metadata.tokens.push_back(std::move(piece.text));
    metadata.scores.push_back(piece.score);
    metadata.tokenTypes.push_back(static_cast<int32_t>(piece.type));
  }
  metadata.bos = made.bos;
  metadata.eos = made.eos;
  metadata.unknown = made.unknown;
  metadata.addBos = true;
  metadata.addEos = false;
  metadata.addSpacePrefix = false;
  return out;
}

} // namespace llmc::scratch
