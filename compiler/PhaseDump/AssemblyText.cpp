#include "compiler/PhaseDump/AssemblyText.h"
#include "compiler/Jit/ObjectCode.h"
#include "mlir/Dialect/LLVMIR/Transforms/Passes.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace llmc {
namespace {

bool isInstruction(StringRef line) {
  return line.size() > 1 && line[0] == '\t' && llvm::isAlpha(line[1]);
}

// "matmul.q4_K.store" of a label `matmul.q4_K.store:`, which may be in quotes. Local labels begin
// with .L.
StringRef functionLabel(StringRef line) {
  if (line.empty() || line[0] == '\t' || line.starts_with(".L") || !line.ends_with(":"))
    return {};
  line = line.drop_back();
  return line.starts_with("\"") && line.size() > 1 ? line.drop_front().drop_back() : line;
}

SmallVector<StringRef> splitLines(StringRef text) {
  SmallVector<StringRef> lines;
  text.split(lines, '\n');
  if (!lines.empty() && lines.back().empty())
    lines.pop_back();
  return lines;
}

// The assembly of a copy in which each operation is a line of the program that is debugged.
std::string annotatedAssembly(ModuleOp module, const TargetDescription &target) {
  OwningOpRef<ModuleOp> copy = module.clone();
  PassManager pm(module.getContext());
  pm.addPass(LLVM::createDIScopeForLLVMFuncOpPass());
  if (failed(pm.run(*copy)))
    return {};
  absl::StatusOr<std::string> text = emitAssembly(*copy, target);
  return text.ok() ? *std::move(text) : std::string();
}

} // namespace

std::optional<std::vector<unsigned>> lineTable(StringRef plain, StringRef annotated) {
  std::vector<unsigned> table;
  SmallVector<StringRef> wanted = splitLines(plain);
  unsigned current = 0;
  for (StringRef line : splitLines(annotated)) {
    if (table.size() == wanted.size())
      break;
    if (line == wanted[table.size()]) {
      if (!functionLabel(line).empty())
        current = 0;
      table.push_back(isInstruction(line) ? current : 0);
    } else if (StringRef rest = line; rest.consume_front("\t.loc\t")) {
      // file line column ...
      if (rest.split(' ').second.split(' ').first.getAsInteger(10, current))
        current = 0;
    }
  }
  if (table.size() != wanted.size())
    return std::nullopt;
  return table;
}

absl::StatusOr<PhaseText> assemblyText(ModuleOp module, const TargetDescription &target,
                                       StringRef fileName, const PhaseText &before) {
  absl::StatusOr<std::string> plain = emitAssembly(module, target);
  if (!plain.ok())
    return plain.status();
  PhaseText result;
  result.fileName = fileName.str();
  result.text = *std::move(plain);
  std::optional<std::vector<unsigned>> table =
      lineTable(result.text, annotatedAssembly(module, target));
  llvm::StringMap<unsigned> functions;
  for (const PhaseSymbol &symbol : before.symbols)
    functions[symbol.name] = symbol.first;

  unsigned function = 0;
  SmallVector<StringRef> lines = splitLines(result.text);
  result.origins.resize(lines.size());
  for (auto [index, line] : llvm::enumerate(lines)) {
    const unsigned number = index + 1;
    if (StringRef label = functionLabel(line); !label.empty()) {
      auto found = functions.find(label);
      function = found == functions.end() ? 0 : found->second;
      if (function) {
        result.origins[index] = {function};
        result.symbols.push_back({label.str(), number, number, {}});
      }
    }
    if (!isInstruction(line))
      continue;
    ++result.operations[line.drop_front().split('\t').first.str()];
    if (!result.symbols.empty())
      result.symbols.back().last = number;
    if (unsigned origin = table ? (*table)[index] : function)
      result.origins[index] = {origin};
  }
  return result;
}

} // namespace llmc
