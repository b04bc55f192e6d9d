#include "compiler/PhaseDump/ProgramGraph.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "compiler/PhaseDump/WeightNames.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;

namespace llmc {
namespace {

// "? x 2048 f32", "kv cache"
std::string typeText(Type type) {
  if (isa<llm::KvCacheType>(type))
    return "kv cache";
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor)
    return "";
  std::vector<std::string> sizes;
  for (int64_t size : tensor.getShape())
    sizes.push_back(ShapedType::isDynamic(size) ? "n" : absl::StrCat(size));
  std::string text = absl::StrJoin(sizes, " x ") + " ";
  llvm::raw_string_ostream(text) << tensor.getElementType();
  return text;
}

ProgramGraph graphOf(func::FuncOp function, const WeightNames &names) {
  ProgramGraph graph{function.getName().str(), {}};
  llvm::DenseMap<Value, unsigned> nodeOf;
  auto add = [&](GraphNode node) {
    graph.nodes.push_back(std::move(node));
    return graph.nodes.size() - 1;
  };
  for (BlockArgument argument : function.getArguments())
    if (!argument.use_empty() && !names.find(argument) && !typeText(argument.getType()).empty())
      nodeOf[argument] = add({names.describe(argument), "", lineOf(function), {}, {}});
  for (Operation &op : function.front()) {
    if (isa<llm::GetWeightOp>(op))
      continue;
    GraphNode node{names.describe(&op), op.getName().getStringRef().str(), lineOf(&op), {}, {}};
    for (llm::WeightOp weight : names.readBy(&op))
      node.weights.push_back(
          {weight.getSource().str(), formatName(weight),
           absl::StrJoin(cast<RankedTensorType>(weight.getType()).getShape(), " x "),
           fileBytes(weight), weight.getCount()});
    for (Value operand : op.getOperands())
      if (auto found = nodeOf.find(operand); found != nodeOf.end())
        node.inputs.push_back({found->second, typeText(operand.getType())});
    const unsigned index = add(std::move(node));
    for (Value result : op.getResults())
      if (!typeText(result.getType()).empty())
        nodeOf[result] = index;
  }
  return graph;
}

} // namespace

std::vector<ProgramGraph> programGraphs(ModuleOp module) {
  WeightNames names(module);
  std::vector<ProgramGraph> graphs;
  for (auto function : module.getOps<func::FuncOp>())
    if (!function.isExternal())
      graphs.push_back(graphOf(function, names));
  return graphs;
}

} // namespace llmc
