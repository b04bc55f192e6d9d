#include "absl/strings/str_cat.h"
#include "frontends/lora/config/ConfigKeys.h"
#include "tools/llmc-docs/Pages.h"

namespace llmc::docs {
namespace {

constexpr absl::string_view kIntroduction =
    R"(# Training configs

The keys of a config of `llmc train`, with their defaults. Keys with a dot are written in a section:
`lora: {rank: 8}`. Other programs' names are known, too. `--set lora.rank=8` overrides a config, and
`--print-config` prints all values as a config.

)";

constexpr absl::string_view kOldFlags =
    R"(
## From llama.cpp's `finetune`

The options of the program that llama.cpp had until 2024, and what they are here.

)";

} // namespace

std::string trainingPage() {
  return absl::StrCat(kIntroduction, lora::configMarkdown(), kOldFlags, lora::oldFlagsMarkdown());
}

} // namespace llmc::docs
