#include "compiler/Driver/BindProgram.h"
#include "absl/strings/str_cat.h"
#include "compiler/Jit/ObjectCode.h"
#include <algorithm>

namespace llmc {

absl::Status bindCode(CompiledModel &compiled,
                      std::initializer_list<std::pair<const char *, StepFunction *>> functions,
                      Program &program) {
  if (!runsHere(compiled.target))
    return absl::FailedPreconditionError(absl::StrCat(
        "code for ", compiled.target.cpu, " does not run on this CPU; leave out --target-cpu"));
  absl::StatusOr<std::unique_ptr<LoadedCode>> code = LoadedCode::load(compiled.object);
  if (!code.ok())
    return code.status();
  for (auto [name, function] : functions) {
    absl::StatusOr<StepFunction> found = (*code)->find(name);
    if (!found.ok())
      return found.status();
    *function = *found;
  }
  for (const ProgramWeight &weight : compiled.manifest.weights) {
    auto known = [&](const auto &packer) { return packer.first == weight.format; };
    if (!weight.packed || std::ranges::any_of(program.packers, known))
      continue;
    absl::StatusOr<StepFunction> found = (*code)->find(absl::StrCat("pack.", weight.format->name));
    if (!found.ok())
      return found.status();
    program.packers.push_back({weight.format, *found});
  }
  program.owners.push_back(std::shared_ptr<LoadedCode>(std::move(*code)));
  program.manifest = std::move(compiled.manifest);
  return absl::OkStatus();
}

absl::Status bindSource(Program &program, ThreadTeam &team,
                        absl::FunctionRef<PackSource(const std::string &)> source,
                        const std::function<void(double)> &progress) {
  std::vector<PackSource> sources;
  for (const ProgramWeight &weight : program.manifest.weights) {
    PackSource whole = source(weight.name);
    sources.push_back({whole.data + weight.sourceOffset(), whole.mapped});
  }
  return packWeights(program, sources, team, [&](double share) {
    if (progress)
      progress(share);
  });
}

} // namespace llmc
