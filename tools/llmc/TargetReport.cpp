#include "tools/llmc/TargetReport.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "runtime/core/CacheSize.h"
#include "tools/llmc/Console.h"
#include "llvm/TargetParser/Host.h"
#include <algorithm>

namespace llmc::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string nameOf(kernel::Dot dot) { return kernel::stringifyDot(dot).str(); }

// Of the features that are asked for anywhere, those that the target has.
std::vector<std::string> featuresFound(const TargetDescription &target) {
  std::vector<std::string> found;
  for (const DotVerdict &verdict : judgeDots(target))
    for (absl::string_view name : absl::StrSplit(verdict.row->features, ',', absl::SkipEmpty()))
      if (std::ranges::find(verdict.missing, name) == verdict.missing.end() &&
          std::ranges::find(found, name) == found.end())
        found.push_back(std::string(name));
  return found;
}

// The rows that are better than the target's.
std::vector<DotVerdict> passedOver(const TargetDescription &target) {
  std::vector<DotVerdict> verdicts = judgeDots(target);
  std::erase_if(verdicts, [](const DotVerdict &verdict) { return verdict.missing.empty(); });
  std::erase_if(verdicts, [&](const DotVerdict &verdict) {
    return verdict.row > &kernel::dotRow(target.dot);
  });
  return verdicts;
}

// Features that the CPU has and the system does not let programs use.
std::vector<std::string> withheld(const TargetDescription &target,
                                  const std::vector<std::string> &missing) {
  std::vector<std::string> names;
  if (target.features.empty()) // a CPU by name
    return names;
  const auto host = llvm::sys::getHostCPUFeatures();
  for (const std::string &name : missing)
    if (host.lookup(name))
      names.push_back(name);
  return names;
}

bool attendsOnMatrixUnit(kernel::Dot dot) { return dot == kernel::Dot::Amx; }

} // namespace

Json targetJson(const TargetDescription &target) {
  const kernel::DotRow &row = kernel::dotRow(target.dot);
  const bool here = runsHere(target);
  Json passed = Json::array(), caches = Json::array();
  for (const DotVerdict &verdict : passedOver(target))
    passed.push_back({{"dot", nameOf(verdict.row->dot)},
                      {"missing", verdict.missing},
                      {"withheld", withheld(target, verdict.missing)}});
  if (here)
    for (const CacheLevel &cache : dataCaches())
      caches.push_back({{"level", cache.level}, {"bytes", cache.bytes}});
  return {{"triple", target.triple},
          {"cpu", target.cpu},
          {"runs_here", here},
          {"features", target.features},
          {"found", featuresFound(target)},
          {"dot", nameOf(target.dot)},
          {"instructions", row.instructions},
          {"passed_over", passed},
          {"vector_bits", row.fit.bits},
          {"vector_registers", row.fit.registers},
          {"tiles", target.tiles.widths},
          {"tiles_from", target.tuned ? tilesPath() : "table"},
          {"prefetch_far", target.tiles.prefetchFar},
          {"prefetch_near", target.tiles.prefetchNear},
          {"panels", row.panels},
          {"panel_cache", target.tiles.panelCache},
          {"attention",
           {{"matrix_unit", attendsOnMatrixUnit(target.dot)},
            {"token_queries", row.fit.tokenQueries},
            {"prompt_queries", row.fit.promptQueries}}},
          {"caches", caches}};
}

std::string targetText(const TargetDescription &target) {
  const kernel::DotRow &row = kernel::dotRow(target.dot);
  const bool here = runsHere(target);
  std::string out;
  auto line = [&](absl::string_view name, absl::string_view value) {
    absl::StrAppendFormat(&out, "%-10s %s\n", name, value);
  };
  line("triple", target.triple);
  line("cpu", absl::StrCat(target.cpu, target.features.empty() ? ", by its name" : ", found here",
                           here ? "" : "; its code does not run on this CPU"));
  line("features", absl::StrJoin(featuresFound(target), ", "));
  line("products", absl::StrCat(nameOf(target.dot), ": ", row.instructions));
  for (const DotVerdict &verdict : passedOver(target)) {
    const std::vector<std::string> kept = withheld(target, verdict.missing);
    line("", absl::StrCat("not ", nameOf(verdict.row->dot), ": ",
                          kept.empty() ? "the CPU lacks " : "the system withholds ",
                          absl::StrJoin(kept.empty() ? verdict.missing : kept, ", ")));
  }
  line("vectors", absl::StrFormat("%d registers of %d bits", row.fit.registers, row.fit.bits));
  line("tiles", absl::StrCat(absl::StrJoin(target.tiles.widths, ", "), " tokens, ",
                             target.tuned ? absl::StrCat("from llmc tune, ", tilesPath())
                                          : "from the table"));
  line("prefetch", absl::StrFormat("%d and %d bytes ahead", target.tiles.prefetchFar,
                                   target.tiles.prefetchNear));
  line("prompts", row.panels ? absl::StrCat("weights are unpacked once for all tokens, to ",
                                            bytesText(target.tiles.panelCache))
                             : "weights are unpacked for each tile of tokens");
  line("attention", absl::StrFormat("%d queries at a time, in prompts %s", row.fit.tokenQueries,
                                    attendsOnMatrixUnit(target.dot)
                                        ? "on the matrix unit, unless the cache is f32"
                                        : absl::StrCat(row.fit.promptQueries)));
  if (here)
    line("caches", absl::StrJoin(dataCaches(), ", ", [](std::string *to, const CacheLevel &cache) {
           absl::StrAppend(to, "L", cache.level, " ", bytesText(cache.bytes));
         }));
  return out;
}

} // namespace llmc::cli
