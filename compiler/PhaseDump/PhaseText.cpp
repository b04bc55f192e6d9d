#include "compiler/PhaseDump/PhaseText.h"
#include "dialects/llm/IR/LlmDialect.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Transforms/LocationSnapshot.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;

namespace llmc {

void PhaseText::setOrigins(unsigned line, Lines lines) {
  if (origins.size() < line)
    origins.resize(line);
  origins[line - 1] = std::move(lines);
}

Lines linesOf(LocationAttr location, StringRef file) {
  Lines lines;
  location.walk([&](Location part) {
    if (auto place = dyn_cast<FileLineColLoc>(part))
      if (place.getLine() > 0 && place.getFilename() == file)
        lines.push_back(place.getLine());
    return WalkResult::advance();
  });
  llvm::sort(lines);
  lines.erase(llvm::unique(lines), lines.end());
  return lines;
}

unsigned lineOf(Operation *op) {
  auto place = dyn_cast<FileLineColLoc>(op->getLoc());
  return place ? place.getLine() : 0;
}

namespace {

void add(Lines &to, const Lines &lines) {
  Lines both;
  std::set_union(to.begin(), to.end(), lines.begin(), lines.end(), std::back_inserter(both));
  to = std::move(both);
}

// Parameters come from the function, and those that are weights from the weights.
void locateParameters(ModuleOp module) {
  for (auto function : module.getOps<func::FuncOp>())
    for (BlockArgument argument : function.getArguments())
      argument.setLoc(function.getLoc());
  module.walk([&](llm::LayersOp layers) {
    for (auto [block, families] : llvm::zip(layers.getBlocks(), layers.getWeights())) {
      auto function = module.lookupSymbol<func::FuncOp>(cast<FlatSymbolRefAttr>(block).getValue());
      auto symbols = cast<ArrayAttr>(families).getAsRange<FlatSymbolRefAttr>();
      unsigned next = function.getNumArguments() - cast<ArrayAttr>(families).size();
      for (FlatSymbolRefAttr symbol : symbols)
        function.getArgument(next++).setLoc(module.lookupSymbol(symbol.getValue())->getLoc());
    }
  });
}

using SymbolUsers = llvm::MapVector<Operation *, Lines>;

// The symbols that were not there before, and the lines of all whose operations use them, be it by
// way of each other.
SymbolUsers findSymbolUsers(ModuleOp module, const PhaseText &before,
                            const llvm::DenseMap<Operation *, Lines> &origins) {
  llvm::StringSet<> known;
  for (const PhaseSymbol &symbol : before.symbols)
    known.insert(symbol.name);
  SymbolUsers users;
  for (Operation &op : *module.getBody())
    if (auto symbol = dyn_cast<SymbolOpInterface>(op); symbol && !known.contains(symbol.getName()))
      users[&op];
  if (users.empty())
    return users;
  SymbolTable table(module);
  std::vector<std::pair<Operation *, Operation *>> calls; // of new symbols by new ones
  if (auto uses = SymbolTable::getSymbolUses(&module.getBodyRegion()))
    for (const SymbolTable::SymbolUse &use : *uses) {
      auto used = users.find(table.lookup(use.getSymbolRef().getRootReference()));
      if (used == users.end())
        continue;
      Operation *user = use.getUser(), *outer = user;
      while (outer->getParentOp() != module)
        outer = outer->getParentOp();
      if (users.contains(outer))
        calls.emplace_back(outer, used->first);
      else
        add(used->second, origins.lookup(user));
    }
  for (bool changed = true; changed;) {
    changed = false;
    for (auto [caller, callee] : calls) {
      Lines &lines = users[callee];
      const size_t count = lines.size();
      add(lines, users[caller]);
      changed |= lines.size() != count;
    }
  }
  return users;
}

} // namespace

PhaseText snapshot(ModuleOp module, StringRef fileName, const PhaseText *before) {
  PhaseText result;
  result.fileName = fileName.str();
  llvm::DenseMap<Operation *, Lines> origins;
  if (before)
    module.walk([&](Operation *op) { origins[op] = linesOf(op->getLoc(), before->fileName); });
  SymbolUsers users;
  if (before)
    users = findSymbolUsers(module, *before, origins);

  llvm::raw_string_ostream out(result.text);
  generateLocationsFromIR(out, fileName, module, OpPrintingFlags());
  out << '\n';
  result.origins.resize(llvm::count(result.text, '\n'));
  module.walk<WalkOrder::PreOrder>([&](Operation *op) {
    ++result.operations[op->getName().getStringRef().str()];
    auto place = dyn_cast<FileLineColLoc>(op->getLoc());
    if (place && place.getFilename() == fileName)
      add(result.origins[place.getLine() - 1], origins.lookup(op));
    else // Terminators that are not printed are a part of what they end.
      op->setLoc(op->getParentOp() ? op->getParentOp()->getLoc() : op->getLoc());
  });
  locateParameters(module);

  for (Operation &op : *module.getBody()) {
    if (!result.symbols.empty())
      result.symbols.back().last = std::max(result.symbols.back().first, lineOf(&op) - 1);
    auto symbol = dyn_cast<SymbolOpInterface>(op);
    PhaseSymbol &added = result.symbols.emplace_back();
    added.name = symbol ? symbol.getName().str() : op.getName().getStringRef().str();
    added.first = lineOf(&op);
    added.last = result.origins.size() > 2 ? result.origins.size() - 2 : added.first;
    if (auto found = users.find(&op); found != users.end() && !found->second.empty())
      added.users = found->second;
  }
  for (const PhaseSymbol &symbol : result.symbols)
    if (!symbol.users.empty())
      for (unsigned line = symbol.first; line <= symbol.last; ++line)
        result.origins[line - 1].clear();
  return result;
}

} // namespace llmc
