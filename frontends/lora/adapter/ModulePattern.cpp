#include "frontends/lora/adapter/ModulePattern.h"
#include "absl/strings/str_cat.h"
#include <memory>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

namespace llmc::lora {
namespace {

constexpr uint32_t kMostSteps = 100'000;
constexpr size_t kMostPattern = 1 << 12;

struct Free {
  void operator()(pcre2_code *code) const { pcre2_code_free(code); }
  void operator()(pcre2_match_data *data) const { pcre2_match_data_free(data); }
  void operator()(pcre2_match_context *context) const { pcre2_match_context_free(context); }
};

std::unique_ptr<pcre2_code, Free> compile(const std::string &pattern) {
  if (pattern.size() > kMostPattern)
    return nullptr;
  const std::string whole = absl::StrCat("(?:.*\\.)?(?:", pattern, ")");
  int error;
  size_t offset;
  return std::unique_ptr<pcre2_code, Free>(pcre2_compile(
      reinterpret_cast<PCRE2_SPTR>(whole.data()), whole.size(),
      PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_NEVER_BACKSLASH_C, &error, &offset, nullptr));
}

} // namespace

bool isModulePattern(const std::string &pattern) { return compile(pattern) != nullptr; }

bool matchesModule(const std::string &pattern, const std::string &module) {
  const auto code = compile(pattern);
  const std::unique_ptr<pcre2_match_context, Free> context(pcre2_match_context_create(nullptr));
  if (!code || !context)
    return false;
  pcre2_set_match_limit(context.get(), kMostSteps);
  pcre2_set_heap_limit(context.get(), 1024);
  const std::unique_ptr<pcre2_match_data, Free> data(
      pcre2_match_data_create_from_pattern(code.get(), nullptr));
  return data && pcre2_match(code.get(), reinterpret_cast<PCRE2_SPTR>(module.data()), module.size(),
                             0, 0, data.get(), context.get()) >= 0;
}

} // namespace llmc::lora
