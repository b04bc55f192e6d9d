// What the functions that emit a layer are made of: norms, products and attention by the names of
// the layer's tensors. The same layer serves programs that generate and programs that train, which
// differ in where keys and values are kept and in how adapters are computed.
#ifndef LLMC_FRONTENDS_GGUF_IMPORT_BLOCKBUILDER_H
#define LLMC_FRONTENDS_GGUF_IMPORT_BLOCKBUILDER_H

#include "frontends/gguf/import/ModelParameters.h"

namespace llmc {

class BlockBuilder {
public:
  // What a kind of program does in its own way.
  struct Environment {
    // Attention of rotated queries to rotated keys and values, all heads side by side.
    std::function<mlir::Value(BlockBuilder &, mlir::Value query, mlir::Value keys,
                              mlir::Value values)>
        attend;
    // Adds an adapter's part to a product `y` of a weight and `x`. `site` numbers the weights of a
    // layer.
    std::function<mlir::Value(BlockBuilder &, const ModelBuilder::Adapter &, int64_t site,
                              mlir::Value x, mlir::Value y)>
        adapt;
  };

  // `in.shared` begins with the rotary tables.
  BlockBuilder(ModelBuilder &m, const ModelParameters &p, const ModelBuilder::BlockArguments &in,
               const Environment &environment)
      : b(m.b), p(p), in(in), m(m), environment(environment) {}

  mlir::ImplicitLocOpBuilder &b;
  const ModelParameters &p;
  const ModelBuilder::BlockArguments &in;

  // By a tensor's name; null where the file has none.
  mlir::Value weight(const std::string &name) { return in.weights.at(name); }
  // tensor<?xNxf32>
  mlir::RankedTensorType rows(int64_t width) { return m.rows(width); }
  // Operands that all layers share, after the rotary tables.
  mlir::Value shared(size_t index) { return in.shared[p.ropes.size() + index]; }
  const AttentionKind &attentionKind() const { return p.attentionKinds[in.kind]; }

  // Of tensor `name`.weight.
  mlir::Value rmsNorm(const std::string &name, mlir::Value x);
  // The product with `name`.weight plus `name`.bias, where there is one, plus the residual, if
  // given.
  mlir::Value linear(const std::string &name, mlir::Value x, mlir::Value residual = {});
  // Queries or keys, all heads side by side, rotated by the layer's table.
  mlir::Value rope(mlir::Value x);
  mlir::Value attend(mlir::Value query, mlir::Value keys, mlir::Value values) {
    return environment.attend(*this, query, keys, values);
  }
  mlir::Value swiglu(mlir::Value gate, mlir::Value up);

private:
  ModelBuilder &m;
  const Environment &environment;
  int64_t sites = 0;
};

} // namespace llmc

#endif
