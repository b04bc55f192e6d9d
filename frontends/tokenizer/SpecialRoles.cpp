#include "frontends/tokenizer/SpecialRoles.h"

namespace llmc::tokenizer {
namespace {

constexpr absl::string_view endOfTurn[] = {
    "<|eot_id|>",         "<|im_end|>", "<|end|>", "<end_of_turn>", "<|endoftext|>",
    "<|end_of_text|>",    "<EOT>",      "_<EOT>",  "[EOT]",         "<｜end▁of▁sentence｜>",
    "<end_of_utterance>",
};
constexpr absl::string_view endOfMessage[] = {"<|eom_id|>"};
constexpr absl::string_view fimPrefix[] = {
    "<|fim_prefix|>", "<fim-prefix>", "<fim_prefix>",    "<｜fim▁begin｜>",
    "<PRE>",          "▁<PRE>",       "<|code_prefix|>", "<|prefix|>",
};
constexpr absl::string_view fimSuffix[] = {
    "<|fim_suffix|>", "<fim-suffix>", "<fim_suffix>",    "<｜fim▁hole｜>",
    "<SUF>",          "▁<SUF>",       "<|code_suffix|>", "<|suffix|>",
};
constexpr absl::string_view fimMiddle[] = {
    "<|fim_middle|>", "<fim-middle>", "<fim_middle>",    "<｜fim▁end｜>",
    "<MID>",          "▁<MID>",       "<|code_middle|>", "<|middle|>",
};
constexpr absl::string_view fimPad[] = {"<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<PAD>", "[PAD]"};
constexpr absl::string_view fimRepo[] = {"<|fim_repo|>", "<|repo_name|>", "<fim-repo>", "<REPO>",
                                         "<reponame>"};
constexpr absl::string_view fimSeparator[] = {"<|file_sep|>"};

constexpr RoleTexts roles[] = {
    {Role::EndOfTurn, true, endOfTurn},  {Role::EndOfMessage, true, endOfMessage},
    {Role::FimPrefix, false, fimPrefix}, {Role::FimSuffix, false, fimSuffix},
    {Role::FimMiddle, false, fimMiddle}, {Role::FimPad, true, fimPad},
    {Role::FimRepo, true, fimRepo},      {Role::FimSeparator, true, fimSeparator},
};

constexpr absl::string_view endOfGeneration[] = {
    "<|eot_id|>",
    "<|im_end|>",
    "<|end|>",
    "<|return|>",
    "<|call|>",
    "<|flush|>",
    "<|calls|>",
    "<end_of_turn>",
    "<|endoftext|>",
    "</s>",
    "<|eom_id|>",
    "<EOT>",
    "_<EOT>",
    "[EOT]",
    "[EOS]",
    "<|end_of_text|>",
    "<end_of_utterance>",
    "<eos>",
    "<turn|>",
    "<|tool_response>",
    "<｜end▁of▁sentence｜>",
    "[e~[",
};

constexpr absl::string_view alwaysRendered[] = {"<|channel|>", "<|message|>", "<|start|>",
                                                "<|constrain|>"};

} // namespace

std::span<const RoleTexts> roleTexts() { return roles; }
std::span<const absl::string_view> endOfGenerationTexts() { return endOfGeneration; }
std::span<const absl::string_view> alwaysRenderedTexts() { return alwaysRendered; }

} // namespace llmc::tokenizer
