#include "frontends/lora/data/ChatFormat.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace llmc::lora {
namespace {

constexpr absl::string_view kEos = "{eos}";

constexpr ChatFormat kFormats[] = {
    {"chatml", "<|im_start|>", "<|im_start|>system\n", "<|im_end|>\n", "<|im_start|>user\n",
     "<|im_end|>\n", "<|im_start|>assistant\n", "<|im_end|>", "\n", false},
    {"llama3", "<|start_header_id|>", "<|start_header_id|>system<|end_header_id|>\n\n",
     "<|eot_id|>", "<|start_header_id|>user<|end_header_id|>\n\n", "<|eot_id|>",
     "<|start_header_id|>assistant<|end_header_id|>\n\n", "<|eot_id|>", "", false},
    {"gemma", "<start_of_turn>", "", "\n\n", "<start_of_turn>user\n", "<end_of_turn>\n",
     "<start_of_turn>model\n", "<end_of_turn>", "\n", true},
    {"zephyr", "<|assistant|>", "<|system|>\n", "{eos}\n", "<|user|>\n", "{eos}\n",
     "<|assistant|>\n", "{eos}", "\n", false},
    {"llama2", "[INST]", "<<SYS>>\n", "\n<</SYS>>\n\n", "[INST] ", " [/INST]", " ", "{eos}", "",
     true},
    {"vicuna", "USER:", "", " ", "USER: ", " ", "ASSISTANT: ", "{eos}", "", false},
    {"alpaca", "### Instruction", "", "\n\n", "### Instruction:\n", "\n\n", "### Response:\n",
     "{eos}", "\n\n", false},
};

void append(std::vector<Segment> &segments, absl::string_view text, bool learned) {
  bool first = true;
  for (absl::string_view part : absl::StrSplit(text, kEos)) {
    if (!first)
      segments.push_back({.eos = true, .learned = learned});
    first = false;
    if (!part.empty())
      segments.push_back({.text = std::string(part), .learned = learned});
  }
}

} // namespace

std::span<const ChatFormat> chatFormats() { return kFormats; }

absl::StatusOr<const ChatFormat *> findChatFormat(absl::string_view name,
                                                  absl::string_view modelTemplate) {
  const bool automatic = name == "auto";
  if (automatic && modelTemplate.empty())
    name = "alpaca";
  for (const ChatFormat &format : kFormats)
    if (name == format.name || (automatic && absl::StrContains(modelTemplate, format.marker)))
      return &format;
  return absl::InvalidArgumentError(
      absl::StrCat("chat_template: the model's own template is none of those that are known; "
                   "choose one, for example chat_template: chatml"));
}

std::vector<Segment> renderChat(const ChatFormat &format, std::span<const Message> messages,
                                bool maskPrompt) {
  std::vector<Segment> segments;
  std::string system; // that waits for the user's message
  const auto content = [&](const std::string &text, bool learned) {
    if (!text.empty())
      segments.push_back({.text = text, .learned = learned});
  };
  for (const Message &message : messages) {
    switch (message.role) {
    case Role::System:
      if (format.systemInUser) {
        system = absl::StrCat(format.systemBefore, message.text, format.systemAfter);
        break;
      }
      append(segments, format.systemBefore, !maskPrompt);
      content(message.text, !maskPrompt);
      append(segments, format.systemAfter, !maskPrompt);
      break;
    case Role::User:
      append(segments, format.userBefore, !maskPrompt);
      content(absl::StrCat(std::exchange(system, ""), message.text), !maskPrompt);
      append(segments, format.userAfter, !maskPrompt);
      break;
    case Role::Assistant: {
      const bool learned = message.learned || !maskPrompt;
      append(segments, format.assistantBefore, !maskPrompt);
      content(message.text, learned);
      append(segments, format.assistantEnd, learned);
      append(segments, format.assistantAfter, !maskPrompt);
      break;
    }
    }
  }
  return segments;
}

std::vector<Segment> renderChatPrompt(const ChatFormat &format, std::span<const Message> messages) {
  std::vector<Segment> segments = renderChat(format, messages, /*maskPrompt=*/true);
  for (Segment &segment : segments)
    segment.learned = false;
  append(segments, format.assistantBefore, /*learned=*/false);
  return segments;
}

} // namespace llmc::lora
