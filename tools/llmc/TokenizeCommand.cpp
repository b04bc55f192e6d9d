#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "frontends/gguf/file/GgufFile.h"
#include "frontends/tokenizer/GgufTokenizer.h"
#include "tools/llmc/Commands.h"
#include "tools/llmc/Console.h"
#include "tools/llmc/Engine.h"
#include "tools/llmc/TextInput.h"
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace llmc::cli {
namespace {

struct TokenizeOptions {
  std::string model;
  TextInput text;
  std::vector<int32_t> ids;
  bool detokenize = false; // --ids was given
  bool noBos = false, parseSpecial = false, count = false, json = false;
};

void printTokens(const Tokenizer &tokenizer, const std::vector<int32_t> &tokens,
                 const TokenizeOptions &options) {
  if (options.count) {
    absl::flat_hash_set<int32_t> unique(tokens.begin(), tokens.end());
    return printJson({{"tokens", tokens.size()}, {"unique", unique.size()}});
  }
  if (!options.json)
    return print(absl::StrCat(absl::StrJoin(tokens, " "), "\n"));
  std::vector<std::string> pieces;
  for (int32_t token : tokens)
    pieces.push_back(tokenizer.piece(token, /*renderSpecial=*/true));
  printJson({{"tokens", tokens}, {"pieces", pieces}});
}

absl::Status detokenize(const Tokenizer &tokenizer, const TokenizeOptions &options) {
  for (int32_t id : options.ids)
    if (id < 0 || id >= tokenizer.vocabSize())
      return absl::OutOfRangeError(absl::StrCat(options.model, ": there is no token ", id,
                                                ", the vocabulary ends at ",
                                                tokenizer.vocabSize() - 1));
  std::string text = tokenizer.decode(
      options.ids, {.renderSpecial = options.parseSpecial, .stripSpacePrefix = true});
  if (options.json)
    printJson({{"tokens", options.ids}, {"text", text}});
  else
    print(text + "\n");
  return absl::OkStatus();
}

absl::Status tokenize(const TokenizeOptions &options) {
  if (options.detokenize == options.text.given())
    return usageError("give one of -p TEXT, -f FILE and --ids");
  absl::StatusOr<std::shared_ptr<gguf::GgufFile>> file = gguf::GgufFile::open(options.model);
  if (!file.ok())
    return file.status();
  absl::StatusOr<std::unique_ptr<Tokenizer>> tokenizer = loadTokenizer(**file);
  if (!tokenizer.ok())
    return tokenizer.status();
  if (options.detokenize)
    return detokenize(**tokenizer, options);
  absl::StatusOr<std::string> text = options.text.read();
  if (!text.ok())
    return text.status();
  absl::StatusOr<std::vector<int32_t>> tokens =
      (*tokenizer)
          ->encode(*text, {.addSpecial = !options.noBos, .parseSpecial = options.parseSpecial});
  if (!tokens.ok())
    return atPlace(tokens.status(), options.text.name());
  printTokens(**tokenizer, *tokens, options);
  return absl::OkStatus();
}

} // namespace

void addTokenizeCommand(CLI::App &app, Action &action) {
  CLI::App *command = app.add_subcommand("tokenize", "Turn text into token ids, or back");
  auto options = std::make_shared<TokenizeOptions>();
  addModelArgument(*command, options->model);
  options->text.addTo(*command);
  CLI::Option *ids = command
                         ->add_option("--ids", options->ids,
                                      "Print the text of these tokens instead, as in 1,15043,3186")
                         ->delimiter(',')
                         ->type_name("ID,...");
  command->add_flag("--no-bos", options->noBos,
                    "Leave out BOS (and EOS) where the vocabulary adds them");
  command->add_flag(
      "--parse-special", options->parseSpecial,
      "Special tokens in the text, such as <s>, count as such; with --ids: show them");
  command->add_flag("--count", options->count,
                    "Print {\"tokens\",\"unique\"}, the number of tokens and of different ones");
  addJsonFlag(*command, options->json,
              "Print {\"tokens\":[ids],\"pieces\":[texts]}; with --ids {\"tokens\",\"text\"}");
  command->footer("MODEL may be a vocabulary-only GGUF. Ids are printed in one line.");
  command->callback([options, ids, &action] {
    options->detokenize = ids->count() > 0;
    action = [options] { return tokenize(*options); };
  });
}

} // namespace llmc::cli
