// The body of a function while it is made up: the values that are there, and what makes more.
#ifndef LLMC_TOOLS_LLMC_SMITH_BODY_H
#define LLMC_TOOLS_LLMC_SMITH_BODY_H

#include "compiler/Check/RandomData.h"
#include "dialects/llm/IR/LlmDialect.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace llmc::smith {

// One of them.
template <class T>
const T &pick(Random &random, llvm::ArrayRef<T> from) {
  return from[random.bits() % from.size()];
}
inline int64_t pick(Random &random, std::initializer_list<int64_t> from) {
  return from.begin()[random.bits() % from.size()];
}
// True with this probability.
inline bool chance(Random &random, double probability) {
  return random.uniform(0, 1) < probability;
}

// What operations need besides rows.
struct Context {
  mlir::Value layer;
  mlir::Value start; // of the step, or in training the seed of dropout
  // Of attention: there is none where both are missing.
  llvm::SmallVector<mlir::Value> caches;
  int64_t sequence = 0; // tokens of each sequence of a training step
  llvm::SmallVector<mlir::Value> tables;

  bool attends() const { return !caches.empty() || sequence; }
};

class Body {
public:
  // Adds a weight of this type and yields its value. `what` says which numbers are in it: "matrix",
  // "norm" (near 1), "bias" (around 0) or "parameter" (a matrix that is trained).
  using AddWeight = std::function<mlir::Value(mlir::RankedTensorType, llvm::StringRef what)>;

  Body(mlir::ImplicitLocOpBuilder &b, Random &random, llvm::ArrayRef<const BlockFormat *> formats,
       Context context, AddWeight addWeight)
      : b(b), random(random), context(std::move(context)), formats_(formats),
        addWeight_(std::move(addWeight)) {}

  mlir::ImplicitLocOpBuilder &b;
  Random &random;
  Context context;

  // Makes rows available whose elements are about `size`.
  void offer(mlir::Value rows, double size);
  // Some of the rows, tame enough for any operation.
  mlir::Value rows();
  // The same with this width: from a linear layer if there are none.
  mlir::Value rows(int64_t width);
  // How large elements of rows are, about.
  double sizeOf(mlir::Value rows) const { return sizes_.lookup(rows); }

  // A width for rows within the body.
  int64_t width();
  // One that expert layers can have, often of rows that are there.
  int64_t multipleOf16();
  mlir::RankedTensorType rowsType(int64_t width);

  // Weights, of which some are used more than once. A matrix has a format that its rows allow.
  mlir::Value matrix(int64_t n, int64_t k);
  mlir::Value matrices(int64_t experts, int64_t n, int64_t k);
  mlir::Value norm(int64_t n) { return vector(n, "norm"); }
  mlir::Value bias(int64_t n) { return vector(n, "bias"); }

  // Rows of `n` columns from a linear layer of `x`, with or without bias, sometimes with an
  // adapter, in training with one that is trained.
  mlir::Value linear(mlir::Value x, int64_t n);
  // Adds the product of `x` with a trained matrix of low rank to `y`.
  mlir::Value trained(mlir::Value x, mlir::Value y);
  // Rows whose elements are about 1, from a norm of any kind.
  mlir::Value normed(mlir::Value x);
  // From an rms_norm of each head of `head` elements.
  mlir::Value rmsNorm(mlir::Value x, int64_t head);

private:
  mlir::Value vector(int64_t n, llvm::StringRef what);
  // Of a weight whose rows have `k` elements.
  mlir::Type element(int64_t k);

  llvm::ArrayRef<const BlockFormat *> formats_;
  AddWeight addWeight_;
  std::vector<mlir::Value> rows_;
  llvm::DenseMap<mlir::Value, double> sizes_;
  std::vector<std::pair<std::string, mlir::Value>> weights_;
};

} // namespace llmc::smith

#endif
