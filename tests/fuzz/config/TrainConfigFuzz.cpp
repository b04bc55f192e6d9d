// Feeds any text to the reader of training configs. Lines at its beginning that start with "--set "
// are overrides. What is accepted must be printed such that it reads back the same.
#include "absl/strings/strip.h"
#include "frontends/lora/config/TrainConfig.h"
#include "tests/fuzz/Fuzz.h"

using namespace llmc;
using fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  absl::string_view rest = fuzz::textOf({data, size});
  std::vector<std::string> overrides;
  while (absl::ConsumePrefix(&rest, "--set "))
    overrides.emplace_back(fuzz::takeUntil(rest, "\n"));
  absl::StatusOr<lora::TrainConfig> config = lora::parseConfig(rest, "fuzz.yaml", overrides);
  if (!config.ok()) {
    fuzz::requireError(config.status(), overrides.empty() ? "fuzz.yaml" : "");
    return 0;
  }
  const std::string printed = lora::printConfig(*config);
  absl::StatusOr<lora::TrainConfig> again = lora::parseConfig(printed, "printed.yaml");
  require(again.ok() && lora::printConfig(*again) == printed);
  require(lora::configDifferences(lora::fixedConfig(*config), *again).empty());
  (void)lora::checkComplete(*config, "fuzz.yaml");
  return 0;
}
