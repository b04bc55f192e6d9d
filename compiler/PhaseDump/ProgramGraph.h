// A function as a data-flow graph, to be drawn.
#ifndef LLMC_COMPILER_PHASEDUMP_PROGRAMGRAPH_H
#define LLMC_COMPILER_PHASEDUMP_PROGRAMGRAPH_H

#include "compiler/PhaseDump/PhaseText.h"

namespace llmc {

struct GraphWeight {
  std::string name, format, shape;
  uint64_t bytes; // of one tensor
  int64_t count;  // of tensors: one, or one per layer
};

struct GraphNode {
  std::string label;     // "linear attn_q"
  std::string operation; // "llm.linear"; empty for a parameter of the function
  unsigned line;         // where it is printed
  std::vector<GraphWeight> weights;
  struct Edge {
    unsigned from;    // a node before this one
    std::string type; // of what flows
  };
  std::vector<Edge> inputs;
};

struct ProgramGraph {
  std::string function;
  std::vector<GraphNode> nodes; // the operands of each before it
};

// The graphs of a module's functions after snapshot(). Numbers such as positions do not flow in
// them.
std::vector<ProgramGraph> programGraphs(mlir::ModuleOp module);

} // namespace llmc

#endif
