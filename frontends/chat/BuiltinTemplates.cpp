#include "frontends/chat/BuiltinTemplates.h"
#include "absl/strings/str_join.h"

namespace llmc::chat {
namespace {

constexpr absl::string_view kChatMl = R"({%- for message in messages -%}
    {{- '<|im_start|>' ~ message.role ~ '\n' ~ message.content ~ '<|im_end|>\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{- '<|im_start|>assistant\n' -}}
{%- endif -%})";

constexpr absl::string_view kLlama3 = R"({{- bos_token -}}
{%- for message in messages -%}
    {{- '<|start_header_id|>' ~ message.role ~ '<|end_header_id|>\n\n' -}}
    {{- message.content | trim ~ '<|eot_id|>' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{- '<|start_header_id|>assistant<|end_header_id|>\n\n' -}}
{%- endif -%})";

constexpr absl::string_view kGemma = R"({{- bos_token -}}
{%- set ns = namespace(system='') -%}
{%- for message in messages -%}
    {%- if message.role == 'system' -%}
        {%- set ns.system = message.content | trim ~ '\n\n' -%}
        {%- continue -%}
    {%- endif -%}
    {{- '<start_of_turn>' ~ ('model' if message.role == 'assistant' else message.role) ~ '\n' -}}
    {{- ns.system ~ message.content | trim ~ '<end_of_turn>\n' -}}
    {%- set ns.system = '' -%}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{- '<start_of_turn>model\n' -}}
{%- endif -%})";

constexpr absl::string_view kPhi3 = R"({%- for message in messages -%}
    {{- '<|' ~ message.role ~ '|>\n' ~ message.content ~ '<|end|>\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{- '<|assistant|>\n' -}}
{%- endif -%})";

constexpr absl::string_view kZephyr = R"({%- for message in messages -%}
    {{- '<|' ~ message.role ~ '|>\n' ~ message.content ~ eos_token ~ '\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{- '<|assistant|>\n' -}}
{%- endif -%})";

constexpr absl::string_view kLlama2 = R"({%- set ns = namespace(system='') -%}
{%- for message in messages -%}
    {%- if message.role == 'system' -%}
        {%- set ns.system = '<<SYS>>\n' ~ message.content ~ '\n<</SYS>>\n\n' -%}
    {%- elif message.role == 'user' -%}
        {{- bos_token ~ '[INST] ' ~ ns.system ~ message.content ~ ' [/INST]' -}}
        {%- set ns.system = '' -%}
    {%- else -%}
        {{- ' ' ~ message.content | trim ~ ' ' ~ eos_token -}}
    {%- endif -%}
{%- endfor -%})";

constexpr absl::string_view kMistral = R"({{- bos_token -}}
{%- set ns = namespace(system='') -%}
{%- for message in messages -%}
    {%- if message.role == 'system' -%}
        {%- set ns.system = message.content ~ '\n\n' -%}
    {%- elif message.role == 'user' -%}
        {{- '[INST] ' ~ ns.system ~ message.content ~ ' [/INST]' -}}
        {%- set ns.system = '' -%}
    {%- else -%}
        {{- ' ' ~ message.content | trim ~ eos_token -}}
    {%- endif -%}
{%- endfor -%})";

constexpr absl::string_view kVicuna = R"({{- bos_token -}}
{%- for message in messages -%}
    {%- if message.role == 'system' -%}
        {{- message.content ~ ' ' -}}
    {%- elif message.role == 'user' -%}
        {{- 'USER: ' ~ message.content ~ ' ' -}}
    {%- else -%}
        {{- 'ASSISTANT: ' ~ message.content | trim ~ eos_token -}}
    {%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{- 'ASSISTANT:' -}}
{%- endif -%})";

constexpr absl::string_view kAlpaca = R"({{- bos_token -}}
{%- for message in messages -%}
    {%- if message.role == 'system' -%}
        {{- message.content ~ '\n\n' -}}
    {%- elif message.role == 'user' -%}
        {{- '### Instruction:\n' ~ message.content ~ '\n\n' -}}
    {%- else -%}
        {{- '### Response:\n' ~ message.content ~ eos_token ~ '\n\n' -}}
    {%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{- '### Response:\n' -}}
{%- endif -%})";

constexpr BuiltinTemplate kTemplates[] = {
    {"chatml", "<|im_start|>", kChatMl},
    {"llama3", "<|start_header_id|>", kLlama3},
    {"gemma", "<start_of_turn>", kGemma},
    {"phi3", "<|end|>", kPhi3},
    {"zephyr", "", kZephyr},
    {"llama2", "", kLlama2},
    {"mistral", "[INST]", kMistral},
    {"vicuna", "", kVicuna},
    {"alpaca", "", kAlpaca},
};

} // namespace

std::span<const BuiltinTemplate> builtinTemplates() { return kTemplates; }

const BuiltinTemplate *findBuiltinTemplate(absl::string_view name) {
  for (const BuiltinTemplate &known : kTemplates)
    if (known.name == name)
      return &known;
  return nullptr;
}

std::string builtinTemplateNames() {
  return absl::StrJoin(kTemplates, ", ", [](std::string *out, const BuiltinTemplate &known) {
    absl::StrAppend(out, known.name);
  });
}

} // namespace llmc::chat
