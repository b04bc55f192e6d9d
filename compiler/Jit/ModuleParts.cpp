#include "compiler/Jit/ModuleParts.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "llvm/ADT/StringSet.h"
#include <algorithm>

using namespace mlir;

namespace llmc {
namespace {

// Operations that a part is worth having for, and the most parts.
constexpr size_t kPartOperations = 2048, kMostParts = 16;

struct Definition {
  LLVM::LLVMFuncOp function;
  size_t size = 0, part = 0;
};

size_t sizeOf(LLVM::LLVMFuncOp function) {
  size_t size = 0;
  for (Block &block : function.getBody())
    size += block.getOperations().size();
  return size;
}

// Gives each definition its part, the largest first, to the part that has least; returns how many
// parts there are.
size_t distribute(std::vector<Definition> &definitions) {
  size_t total = 0;
  std::vector<Definition *> bySize;
  for (Definition &definition : definitions) {
    total += definition.size;
    bySize.push_back(&definition);
  }
  std::ranges::stable_sort(bySize, std::greater(), &Definition::size);
  std::vector<size_t> load(std::clamp<size_t>(total / kPartOperations, 1, kMostParts));
  for (Definition *definition : bySize) {
    definition->part = std::ranges::min_element(load) - load.begin();
    load[definition->part] += definition->size;
  }
  return load.size();
}

} // namespace

ModuleParts::ModuleParts(ModuleOp whole) : whole_(whole) {
  std::vector<Definition> definitions;
  for (Operation &op : *whole.getBody()) {
    order_.push_back(&op);
    if (auto function = dyn_cast<LLVM::LLVMFuncOp>(op); function && !function.isExternal())
      definitions.push_back({function, sizeOf(function)});
  }
  const size_t count = distribute(definitions);
  for (size_t i = 0; i < count; ++i) {
    parts_.push_back(ModuleOp::create(whole.getLoc()));
    ModuleOp part = *parts_.back();
    part->setAttrs(whole->getAttrDictionary());
    OpBuilder b = OpBuilder::atBlockEnd(part.getBody());
    llvm::StringSet<> constants;
    for (Definition &definition : definitions) {
      if (definition.part == i)
        definition.function.walk(
            [&](LLVM::AddressOfOp use) { constants.insert(use.getGlobalName()); });
      else
        LLVM::LLVMFuncOp::create(b, definition.function.getLoc(), definition.function.getSymName(),
                                 definition.function.getFunctionType());
    }
    for (Operation *op : order_) {
      auto function = dyn_cast<LLVM::LLVMFuncOp>(op);
      auto global = dyn_cast<LLVM::GlobalOp>(op);
      if ((function && function.isExternal()) ||
          (global && constants.contains(global.getSymName())))
        b.clone(*op);
    }
  }
  for (Definition &definition : definitions) {
    Block *body = parts_[definition.part]->getBody();
    definition.function->moveBefore(body, body->end());
  }
}

ModuleParts::~ModuleParts() {
  Block *body = whole_.getBody();
  for (Operation *op : order_)
    op->moveBefore(body, body->end());
}

std::vector<ModuleOp> ModuleParts::modules() const {
  std::vector<ModuleOp> modules;
  for (const OwningOpRef<ModuleOp> &part : parts_)
    modules.push_back(*part);
  return modules;
}

} // namespace llmc
