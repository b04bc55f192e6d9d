// Makes tokenizers from any metadata, and encodes and decodes any text with them.
//
// An input that starts as a GGUF file is one. All others are lines:
//   MODEL            tokenizer.ggml.model
//   PRE              tokenizer.ggml.pre
//   a byte for each special token's id and each flag; what is not there is missing
//   tTYPE SCORE TEXT a token: bytes for its type and its score; byte 1 in the text is a newline
//   mLEFT RIGHT      a merge
//   xTEXT            ends the list; everything up to the end of the input is the text
#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include "frontends/tokenizer/GgufTokenizer.h"
#include "tests/fuzz/Fuzz.h"

using namespace llmc;
using fuzz::require;

namespace {

void readIds(absl::string_view bytes, TokenizerMetadata &metadata) {
  for (std::optional<int32_t> *id :
       {&metadata.bos, &metadata.eos, &metadata.unknown, &metadata.eot, &metadata.eom,
        &metadata.pad, &metadata.fimPrefix, &metadata.fimSuffix, &metadata.fimMiddle}) {
    if (bytes.empty())
      return;
    if (bytes[0] != '-')
      *id = static_cast<int8_t>(bytes[0]) - '0';
    bytes.remove_prefix(1);
  }
  for (std::optional<bool> *flag : {&metadata.addBos, &metadata.addEos, &metadata.addSpacePrefix}) {
    if (bytes.empty())
      return;
    if (bytes[0] != '-')
      *flag = bytes[0] & 1;
    bytes.remove_prefix(1);
  }
}

TokenizerMetadata readLines(absl::string_view rest, std::string &text) {
  TokenizerMetadata metadata;
  metadata.model = std::string(fuzz::takeUntil(rest, "\n"));
  metadata.pre = std::string(fuzz::takeUntil(rest, "\n"));
  readIds(fuzz::takeUntil(rest, "\n"), metadata);
  while (!rest.empty() && rest[0] != 'x') {
    absl::string_view line = fuzz::takeUntil(rest, "\n");
    if (absl::StartsWith(line, "m")) {
      metadata.merges.emplace_back(line.substr(1));
    } else if (absl::StartsWith(line, "t") && line.size() > 2) {
      metadata.tokenTypes.push_back(line[1] - '0');
      metadata.scores.push_back(static_cast<int8_t>(line[2]));
      metadata.tokens.push_back(absl::StrReplaceAll(line.substr(3), {{"\1", "\n"}}));
    }
  }
  if (!rest.empty())
    text = std::string(rest.substr(1));
  // Not every file has them.
  if (metadata.pre.empty() && metadata.model != "llama")
    metadata.scores.clear();
  return metadata;
}

void use(const Tokenizer &tokenizer, absl::string_view text) {
  const int32_t size = tokenizer.vocabSize();
  for (int options = 0; options < 4; ++options) {
    const bool special = options & 1;
    absl::StatusOr<std::vector<int32_t>> tokens =
        tokenizer.encode(text, {.addSpecial = special, .parseSpecial = (options & 2) != 0});
    if (!tokens.ok()) {
      require(tokens.status().message().find('\n') == absl::string_view::npos);
      return;
    }
    std::string joined;
    for (int32_t token : *tokens) {
      require(token >= 0 && token < size);
      joined += tokenizer.piece(token, special);
      (void)tokenizer.isEndOfGeneration(token);
    }
    require(tokenizer.decode(*tokens, {.renderSpecial = special}) == joined);
    (void)tokenizer.decode(*tokens, {.stripSpacePrefix = true});
  }
  // Ids that were never encoded.
  std::vector<int32_t> ids;
  for (char byte : text)
    ids.push_back(byte);
  ids.insert(ids.end(), {-1, size, INT32_MIN, INT32_MAX});
  (void)tokenizer.decode(ids, {.renderSpecial = true});
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const absl::string_view input = fuzz::textOf({data, size});
  absl::StatusOr<std::unique_ptr<Tokenizer>> tokenizer;
  std::string text = "Hello, w\xc3\xb6rld! <s> 1234  \n\n it's <|end|> \xe2\x96\x81";
  if (absl::StartsWith(input, "GGUF")) {
    absl::StatusOr<std::shared_ptr<gguf::GgufFile>> file =
        gguf::GgufFile::parse({data, size}, "fuzz.gguf");
    if (!file.ok())
      return 0;
    tokenizer = loadTokenizer(**file);
    if (!tokenizer.ok())
      fuzz::requireError(tokenizer.status(), "fuzz.gguf: ");
  } else {
    tokenizer = Tokenizer::create(readLines(input, text));
    if (!tokenizer.ok())
      fuzz::requireError(tokenizer.status(), "");
  }
  if (tokenizer.ok())
    use(**tokenizer, text);
  return 0;
}
