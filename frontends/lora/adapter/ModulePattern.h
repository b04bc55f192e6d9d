// The keys of PEFT's rank_pattern and alpha_pattern.
#ifndef LLMC_FRONTENDS_LORA_ADAPTER_MODULEPATTERN_H
#define LLMC_FRONTENDS_LORA_ADAPTER_MODULEPATTERN_H

#include <string>

namespace llmc::lora {

// Whether `pattern` is a regular expression (PCRE2) that can be matched.
bool isModulePattern(const std::string &pattern);

// Whether `pattern` matches `module` ("model.layers.0.self_attn.q_proj") or what is behind one of
// its dots up to the end, as PEFT's get_pattern_key() has it. A pattern that takes unreasonably
// long does not match.
bool matchesModule(const std::string &pattern, const std::string &module);

} // namespace llmc::lora

#endif
