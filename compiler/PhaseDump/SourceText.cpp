#include "compiler/PhaseDump/SourceText.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "compiler/PhaseDump/WeightNames.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;

namespace llmc {
namespace {

constexpr int kNameWidth = 34;

// "0-3, 6" of [0, 1, 2, 3, 6]
std::string rangesText(ArrayRef<int32_t> numbers) {
  std::vector<std::string> parts;
  for (size_t i = 0; i < numbers.size();) {
    size_t end = i + 1;
    while (end < numbers.size() && numbers[end] == numbers[end - 1] + 1)
      ++end;
    parts.push_back(end - i == 1 ? absl::StrCat(numbers[i])
                                 : absl::StrCat(numbers[i], "-", numbers[end - 1]));
    i = end;
  }
  return absl::StrJoin(parts, ", ");
}

// A name as a file may have it, on one line.
std::string escaped(StringRef name) {
  std::string text;
  llvm::raw_string_ostream(text).write_escaped(name);
  return text;
}

std::string bytesText(uint64_t bytes) {
  return bytes < (1 << 20) ? absl::StrFormat("%.2f KiB", bytes / 1024.0)
                           : absl::StrFormat("%.2f MiB", bytes / 1048576.0);
}

std::string weightLine(llm::WeightOp weight) {
  std::string line = absl::StrFormat(
      "%-*s %-7s %-14s %12s", kNameWidth, escaped(weight.getSource()), formatName(weight),
      absl::StrJoin(cast<RankedTensorType>(weight.getType()).getShape(), " x "),
      bytesText(fileBytes(weight)));
  if (weight.getLayers())
    absl::StrAppend(&line, " x ", weight.getCount(), ", layers ", rangesText(*weight.getLayers()));
  return line;
}

} // namespace

PhaseText sourceText(ModuleOp module, PhaseText &imported) {
  PhaseText source;
  source.name = "source";
  source.description = "the tensors of the file, and what the architecture's builder makes of them";
  unsigned count = 0;
  auto append = [&](absl::string_view line) {
    absl::StrAppend(&source.text, line, "\n");
    return ++count;
  };
  auto begin = [&](absl::string_view title, std::string name) {
    if (count)
      append("");
    append(title);
    source.symbols.push_back({std::move(name), count, count, {}});
  };
  WeightNames names(module);
  llvm::DenseMap<Operation *, unsigned> lineOfWeight;
  begin("# tensors: name, type, shape, bytes", "tensors");
  for (auto weight : module.getOps<llm::WeightOp>()) {
    lineOfWeight[weight] = append(weightLine(weight));
    imported.setOrigins(lineOf(weight), {count});
    source.symbols.back().last = count;
  }
  auto architecture = module->getAttrOfType<StringAttr>("llm.architecture");
  for (auto function : module.getOps<func::FuncOp>()) {
    if (function.isExternal())
      continue;
    begin(absl::StrCat("# ", architecture ? escaped(architecture.getValue()) : "model", ": ",
                       function.getName().str()),
          function.getName().str());
    imported.setOrigins(lineOf(function), {count});
    for (Operation &op : function.front().without_terminator()) {
      SmallVector<llm::WeightOp> weights = names.readBy(&op);
      std::string line = "  " + escaped(names.describe(&op));
      if (auto get = dyn_cast<llm::GetWeightOp>(op)) {
        // Only names what another operation reads.
        imported.setOrigins(lineOf(&op), {lineOfWeight[names.find(get)]});
        continue;
      }
      Lines origins;
      for (llm::WeightOp weight : weights)
        origins.push_back(lineOfWeight[weight]);
      origins.push_back(append(line));
      llvm::sort(origins);
      origins.erase(llvm::unique(origins), origins.end());
      imported.setOrigins(lineOf(&op), std::move(origins));
      source.symbols.back().last = count;
    }
  }
  source.origins.resize(count);
  return source;
}

} // namespace llmc
