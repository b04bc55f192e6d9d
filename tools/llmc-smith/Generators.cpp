#include "tools/llmc-smith/Generators.h"
#include <cmath>

using namespace mlir;

namespace llmc::smith {
namespace {

// Single operations, in any order.

void norm(Body &g) { g.normed(g.rows()); }

void linear(Body &g) { g.linear(g.rows(), g.width()); }

// Several products of one input, which fusion joins.
void linears(Body &g) {
  Value x = chance(g.random, 0.7) ? g.normed(g.rows()) : g.rows();
  for (int64_t i = pick(g.random, {2, 3, 4}); i > 0; --i)
    g.linear(x, g.width());
}

void add(Body &g) {
  Value a = g.rows(), b = g.rows(llm::getWidth(a));
  g.offer(llm::AddOp::create(g.b, a, b), g.sizeOf(a) + g.sizeOf(b));
}

void mul(Body &g) {
  Value a = g.rows(), b = g.rows(llm::getWidth(a));
  g.offer(llm::MulOp::create(g.b, a, b), g.sizeOf(a) * g.sizeOf(b));
}

void silu(Body &g) {
  Value x = g.rows();
  g.offer(llm::SiluOp::create(g.b, x), g.sizeOf(x));
}

void gelu(Body &g) {
  Value x = g.rows();
  g.offer(llm::GeluOp::create(g.b, x), g.sizeOf(x));
}

template <class Op>
void gated(Body &g) {
  Value gate = g.rows(), up = g.rows(llm::getWidth(gate));
  g.offer(Op::create(g.b, gate, up), g.sizeOf(gate) * g.sizeOf(up));
}

void scale(Body &g) {
  Value x = g.rows();
  const double factor = g.random.uniform(-4, 4);
  g.offer(llm::ScaleOp::create(g.b, x, g.b.getF32FloatAttr(float(factor))), 4 * g.sizeOf(x));
}

void softcap(Body &g) {
  Value x = g.rows();
  const double cap = g.random.uniform(0.5, 30);
  g.offer(llm::SoftcapOp::create(g.b, x, g.b.getF32FloatAttr(float(cap))),
          std::min(cap, g.sizeOf(x)));
}

void rope(Body &g) {
  Value table = pick<Value>(g.random, g.context.tables);
  const int64_t head = llm::getWidth(table) + 2 * pick(g.random, {0, 0, 1, 6});
  Value x = g.rows(head * pick(g.random, {1, 2, 3}));
  const bool halves = chance(g.random, 0.5);
  g.offer(llm::RopeOp::create(g.b, x.getType(), x, table, head, halves), 1.5 * g.sizeOf(x));
}

void dropout(Body &g) {
  Value x = g.rows(), layer = g.context.layer;
  const int64_t site = g.random.bits() % 100;
  g.offer(llm::DropoutOp::create(g.b, x.getType(), x, g.context.start, layer,
                                 g.b.getI64IntegerAttr(site),
                                 g.b.getF32FloatAttr(chance(g.random, 0.5) ? 0.1f : 0.5f)),
          2 * g.sizeOf(x));
}

void noise(Body &g) {
  Value x = g.rows();
  const int64_t site = g.random.bits() % 100;
  const double amplitude = g.random.uniform(0, 2);
  g.offer(llm::NoiseOp::create(g.b, x.getType(), x, g.context.start, g.b.getI64IntegerAttr(site),
                               g.b.getF32FloatAttr(float(amplitude))),
          g.sizeOf(x) + amplitude);
}

// Parts of models.

// Rows of the hidden state's width plus what was made of them.
void addResidual(Body &g, Value x, Value y) {
  Value lhs = x, rhs = y;
  if (chance(g.random, 0.3))
    std::swap(lhs, rhs);
  g.offer(llm::AddOp::create(g.b, lhs, rhs), g.sizeOf(x) + g.sizeOf(y));
}

Value rotated(Body &g, Value x, int64_t head, Value table, bool halves) {
  return llm::RopeOp::create(g.b, x.getType(), x, table, head, halves);
}

int64_t anyWindow(Body &g) { return chance(g.random, 0.3) ? pick(g.random, {1, 3, 16, 20}) : 0; }

// Near what models have.
FloatAttr anyScale(Body &g, int64_t key) {
  return g.b.getF32FloatAttr(float(g.random.uniform(0.5, 1.5) / std::sqrt(double(key))));
}

// Queries and keys, sometimes with norms of their heads, and often rotated.
void rotate(Body &g, Value &q, Value &k, int64_t head) {
  if (chance(g.random, 0.15)) {
    q = g.rmsNorm(q, head);
    k = g.rmsNorm(k, head);
  }
  std::vector<Value> tables;
  for (Value table : g.context.tables)
    if (llm::getWidth(table) <= head)
      tables.push_back(table);
  if (tables.empty() || chance(g.random, 0.2))
    return;
  Value table = pick<Value>(g.random, tables);
  const bool halves = chance(g.random, 0.4);
  q = rotated(g, q, head, table, halves);
  if (chance(g.random, 0.1)) // as no model has it, so that fusion must see it
    table = pick<Value>(g.random, tables);
  k = rotated(g, k, head, table, chance(g.random, 0.05) ? !halves : halves);
}

// Of sequences to themselves, for training.
void causalAttention(Body &g) {
  const int64_t kvHeads = pick(g.random, {1, 2, 3}), heads = kvHeads * pick(g.random, {1, 2, 3});
  const int64_t key = pick(g.random, {6, 8, 16, 20, 32}), value = pick(g.random, {5, 8, 16, 32});
  Value x = g.rows(), y = g.normed(x);
  Value q = g.linear(y, heads * key), k = g.linear(y, kvHeads * key);
  Value v = g.linear(y, kvHeads * value);
  rotate(g, q, k, key);
  const int64_t window = anyWindow(g);
  Value a =
      llm::CausalAttentionOp::create(g.b, g.rowsType(heads * value), g.rowsType(heads), q, k, v,
                                     g.b.getI64IntegerAttr(heads), g.b.getI64IntegerAttr(kvHeads),
                                     g.b.getI64IntegerAttr(g.context.sequence), anyScale(g, key),
                                     g.b.getI64IntegerAttr(window))
          .getResult();
  g.offer(a, g.sizeOf(v));
  addResidual(g, x, g.linear(a, llm::getWidth(x)));
}

void attention(Body &g) {
  if (g.context.sequence)
    return causalAttention(g);
  Value cache = pick<Value>(g.random, g.context.caches);
  auto type = cast<llm::KvCacheType>(cache.getType());
  const int64_t heads = type.getHeads() * pick(g.random, {1, 1, 2, 3, 4, 8});
  Value x = g.rows(), y = g.normed(x);
  Value q = g.linear(y, heads * type.getKey());
  Value k = g.linear(y, type.getHeads() * type.getKey());
  Value v = g.linear(y, type.getHeads() * type.getValue());
  rotate(g, q, k, type.getKey());
  llm::CacheWriteOp::create(g.b, cache, g.context.layer, g.context.start, k, v);
  // Now and then what was written is read twice.
  for (int64_t reads = chance(g.random, 0.1) ? 2 : 1; reads > 0; --reads) {
    FloatAttr scale = anyScale(g, type.getKey());
    IntegerAttr window = g.b.getI64IntegerAttr(anyWindow(g));
    const float softcap = chance(g.random, 0.2) ? float(g.random.uniform(1, 50)) : 0;
    Value a = llm::AttentionOp::create(g.b, g.rowsType(heads * type.getValue()), q, cache,
                                       g.context.layer, g.context.start, scale, window,
                                       g.b.getF32FloatAttr(softcap));
    g.offer(a, g.sizeOf(v));
    if (chance(g.random, 0.8))
      addResidual(g, x, g.linear(a, llm::getWidth(x)));
  }
}

void feedForward(Body &g) {
  Value x = g.rows(), y = chance(g.random, 0.9) ? g.normed(x) : x;
  const int64_t hidden = g.width();
  const bool trains = g.context.sequence;
  Value gate = g.linear(y, hidden);
  if (!trains && chance(g.random, 0.2)) { // no gate, but gelu
    Value f = llm::GeluOp::create(g.b, gate);
    g.offer(f, g.sizeOf(gate));
    return addResidual(g, x, g.linear(f, llm::getWidth(x)));
  }
  Value up = g.linear(y, hidden), f;
  if (chance(g.random, 0.4)) {
    f = llm::SwigluOp::create(g.b, gate, up);
  } else if (!trains && chance(g.random, 0.5)) {
    f = llm::GegluOp::create(g.b, gate, up);
  } else {
    Value s = llm::SiluOp::create(g.b, gate);
    f = chance(g.random, 0.5) ? llm::MulOp::create(g.b, s, up) : llm::MulOp::create(g.b, up, s);
  }
  g.offer(f, g.sizeOf(gate) * g.sizeOf(up));
  addResidual(g, x, g.linear(f, llm::getWidth(x)));
}

// A feed-forward layer of which each token takes some experts.
void experts(Body &g) {
  const int64_t count = pick(g.random, {1, 3, 5, 8}), hidden = pick(g.random, {16, 32, 64, 256});
  const int64_t used = 1 + g.random.bits() % std::min<int64_t>(count, 3);
  Value x = g.rows(g.multipleOf16()), y = g.normed(x);
  const int64_t width = llm::getWidth(x);
  Value logits = g.linear(y, count);
  auto ids = RankedTensorType::get({ShapedType::kDynamic, used}, g.b.getI32Type());
  auto route = llm::RouteOp::create(g.b, ids, g.rowsType(used), logits, chance(g.random, 0.5));
  auto product = [&](Value input, int64_t n, int64_t k) -> Value {
    Value weight = g.matrices(count, n, k);
    return llm::ExpertLinearOp::create(g.b, g.rowsType(used * n), input, route.getIds(), weight);
  };
  Value gate = product(y, hidden, width), up = product(y, hidden, width);
  Value f = llm::SwigluOp::create(g.b, gate, up);
  Value sum = llm::ExpertSumOp::create(g.b, x.getType(), product(f, width, hidden),
                                       route.getWeights(), Value());
  g.offer(sum, 20);
  addResidual(g, x, sum);
}

constexpr Generator kGenerators[] = {
    {"norm", 2, norm},
    {"linear", 3, linear},
    {"linears", 2, linears},
    {"add", 2, add},
    {"mul", 1, mul},
    {"silu", 1, silu},
    {"swiglu", 1, gated<llm::SwigluOp>},
    {"gelu", 1, gelu, Generator::Inference},
    {"geglu", 1, gated<llm::GegluOp>, Generator::Inference},
    {"scale", 1, scale, Generator::Inference},
    {"softcap", 1, softcap, Generator::Inference},
    {"rope", 1, rope, Generator::Attention},
    {"dropout", 1, dropout, Generator::Training},
    {"noise", 1, noise, Generator::Training},
    {"attention", 4, attention, Generator::Attention},
    {"feed-forward", 3, feedForward},
    {"experts", 2, experts, Generator::Inference},
};

bool isPossible(Generator::Needs needs, const Context &context) {
  switch (needs) {
  case Generator::Nothing:
    return true;
  case Generator::Attention:
    return context.attends();
  case Generator::Training:
    return context.sequence;
  case Generator::Inference:
    return !context.sequence;
  }
  llvm_unreachable("a need that nobody knows");
}

} // namespace

ArrayRef<Generator> generators() { return kGenerators; }

void emitAny(Body &body) {
  std::vector<const Generator *> choices;
  for (const Generator &generator : kGenerators)
    if (isPossible(generator.needs, body.context))
      choices.insert(choices.end(), generator.weight, &generator);
  pick<const Generator *>(body.random, choices)->emit(body);
}

} // namespace llmc::smith
