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

  // By a tensor's name; null where the architecture or the file has none.
  mlir::Value weight(const std::string &name);
  // tensor<?xNxf32>
  mlir::RankedTensorType rows(int64_t width) { return m.rows(width); }
  // Operands that all layers share, after the rotary tables.
  mlir::Value shared(size_t index) { return in.shared[p.ropes.size() + index]; }
  const AttentionKind &attentionKind() const { return p.attentionKinds[in.kind]; }

  // Of tensor `name`.weight.
  mlir::Value rmsNorm(const std::string &name, mlir::Value x);
  // Of tensors `name`.weight and `name`.bias.
  mlir::Value layerNorm(const std::string &name, mlir::Value x);
  // The product with `name`.weight plus `name`.bias, where there is one, plus the residual, if
  // given.
  mlir::Value linear(const std::string &name, mlir::Value x, mlir::Value residual = {});
  // Self-attention: the products with attn_q, attn_k and attn_v, whose queries and keys are
  // normalized head by head where the layer has attn_q_norm and attn_k_norm, and rotated by the
  // layer's table; then the product with attn_output plus the residual, if given.
  mlir::Value attention(mlir::Value x, mlir::Value residual = {});
  mlir::Value swiglu(mlir::Value gate, mlir::Value up);
  mlir::Value geglu(mlir::Value gate, mlir::Value up);
  mlir::Value gelu(mlir::Value x);
  mlir::Value add(mlir::Value x, mlir::Value y);

private:
  // Queries or keys, all heads side by side.
  mlir::Value positioned(const std::string &norm, mlir::Value x);

  ModelBuilder &m;
  const Environment &environment;
  int64_t sites = 0;
};

} // namespace llmc

#endif
