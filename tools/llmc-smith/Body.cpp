#include "tools/llmc-smith/Body.h"

using namespace mlir;

namespace llmc::smith {

// Rows that are larger pass a norm before anything else is made of them, so that no product of
// products leaves the range of f32.
static constexpr double kTame = 100;

void Body::offer(Value rows, double size) {
  rows_.push_back(rows);
  sizes_[rows] = size;
}

Value Body::rows() {
  // The newest ones most, so that operations follow each other.
  size_t last = rows_.size() - 1;
  size_t at = chance(random, 0.5) ? last : random.bits() % rows_.size();
  return sizeOf(rows_[at]) > kTame ? normed(rows_[at]) : rows_[at];
}

Value Body::rows(int64_t width) {
  std::vector<Value> known;
  for (Value v : rows_)
    if (llm::getWidth(v) == width && sizeOf(v) <= kTame)
      known.push_back(v);
  return known.empty() ? linear(rows(), width) : pick<Value>(random, known);
}

int64_t Body::width() {
  if (chance(random, 0.4))
    return llm::getWidth(pick<Value>(random, rows_));
  return pick(random, {12, 16, 24, 32, 33, 48, 64, 96, 160, 256});
}

int64_t Body::multipleOf16() {
  std::vector<int64_t> widths{32};
  for (Value v : rows_)
    if (llm::getWidth(v) % 16 == 0)
      widths.push_back(llm::getWidth(v));
  return pick<int64_t>(random, widths);
}

RankedTensorType Body::rowsType(int64_t width) {
  return RankedTensorType::get({ShapedType::kDynamic, width}, b.getF32Type());
}

Type Body::element(int64_t k) {
  std::vector<const BlockFormat *> fitting;
  for (const BlockFormat *format : formats_)
    if (k % format->weights == 0)
      fitting.push_back(format);
  const BlockFormat *format = fitting.empty() || chance(random, 0.1)
                                  ? findBlockFormat(chance(random, 0.5) ? "f32" : "f16")
                                  : pick<const BlockFormat *>(random, fitting);
  return llm::getWeightElementType(b.getContext(), *format);
}

Value Body::matrices(int64_t experts, int64_t n, int64_t k) {
  return addWeight_(RankedTensorType::get({experts, n, k}, element(k)), "matrix");
}

Value Body::matrix(int64_t n, int64_t k) {
  auto type = RankedTensorType::get({n, k}, element(k));
  for (auto &[what, value] : weights_)
    if (value.getType() == type && chance(random, 0.2))
      return value;
  weights_.emplace_back("matrix", addWeight_(type, "matrix"));
  return weights_.back().second;
}

Value Body::vector(int64_t n, StringRef what) {
  auto type = RankedTensorType::get({n}, b.getF32Type());
  for (auto &[known, value] : weights_)
    if (known == what && value.getType() == type && chance(random, 0.2))
      return value;
  weights_.emplace_back(what.str(), addWeight_(type, what));
  return weights_.back().second;
}

Value Body::linear(Value x, int64_t n) {
  const int64_t k = llm::getWidth(x);
  Value weight = matrix(n, k), addend = chance(random, 0.25) ? bias(n) : Value();
  Value y = llm::LinearOp::create(b, rowsType(n), x, weight, addend);
  if (context.sequence) {
    if (chance(random, 0.4))
      y = trained(x, y);
  } else if (chance(random, 0.1)) { // an adapter, as importers write it
    const int64_t rank = pick(random, {1, 4, 8});
    Value u = llm::LinearOp::create(b, rowsType(rank), x, matrix(rank, k), Value());
    Value part = llm::LinearOp::create(b, rowsType(n), u, matrix(n, rank), Value());
    y = llm::AddOp::create(b, y, part);
  }
  offer(y, 1 + 2 * sizeOf(x));
  return y;
}

Value Body::trained(Value x, Value y) {
  const int64_t rank = pick(random, {1, 3, 4, 8});
  auto parameter = [&](int64_t n, int64_t k) {
    return addWeight_(RankedTensorType::get({n, k}, b.getF32Type()), "parameter");
  };
  Value narrow = parameter(rank, llm::getWidth(x)), wide = parameter(llm::getWidth(y), rank);
  const double scale = random.uniform(0.5, 2);
  Value u = llm::MatmulOp::create(b, rowsType(rank), x, narrow, Value(), b.getUnitAttr(),
                                  b.getF32FloatAttr(1));
  return llm::MatmulOp::create(b, y.getType(), u, wide, y, b.getUnitAttr(),
                               b.getF32FloatAttr(float(scale)));
}

Value Body::normed(Value x) {
  const int64_t width = llm::getWidth(x);
  if (!context.sequence && chance(random, 0.25)) {
    Value weight = norm(width), addend = bias(width);
    Value y = llm::LayerNormOp::create(b, x, weight, addend, b.getF32FloatAttr(1e-5f));
    offer(y, 3);
    return y;
  }
  const int64_t heads = chance(random, 0.1) ? pick(random, {2, 3, 4}) : 1;
  return rmsNorm(x, width % heads ? width : width / heads);
}

Value Body::rmsNorm(Value x, int64_t head) {
  const float eps = chance(random, 0.5) ? 1e-5f : 1e-6f;
  Value y = llm::RmsNormOp::create(b, x.getType(), x, norm(head), b.getF32FloatAttr(eps));
  offer(y, 2);
  return y;
}

} // namespace llmc::smith
