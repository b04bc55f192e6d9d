// adapter_config.json of PEFT and mlx-lm directories.
#ifndef LLMC_FRONTENDS_LORA_ADAPTER_PEFTCONFIG_H
#define LLMC_FRONTENDS_LORA_ADAPTER_PEFTCONFIG_H

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "frontends/lora/adapter/PeftAdapter.h"
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace llmc::lora {

class PeftConfig {
public:
  // Errors name `path` and the key. Trained biases and whole modules (modules_to_save) are errors,
  // because without them the adapter would say something else.
  static absl::StatusOr<PeftConfig> read(const std::string &path);

  // The alpha of a module ("model.layers.0.self_attn.q_proj") such that s = alpha / rank.
  float alpha(const std::string &module, uint64_t rank) const;

  bool dora() const { return dora_; }

private:
  double alpha_ = 0;
  // PEFT's alpha_pattern: the first key that, as a regular expression, matches the end of a
  // module's path.
  std::vector<std::pair<std::string, double>> alphaPattern_;
  bool rslora_ = false, dora_ = false;
  double mlxScale_ = 0; // mlx-lm: s itself; 0 when the file is PEFT's
};

// The text of a config for `adapter`.
absl::StatusOr<std::string> peftConfigText(const Adapter &adapter, const BaseModel &base,
                                           const PeftOptions &options);

} // namespace llmc::lora

#endif
