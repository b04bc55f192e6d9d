#include "tools/llmc-smith/Program.h"
#include "absl/strings/str_cat.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "tools/llmc-smith/Generators.h"

using namespace mlir;

namespace llmc::smith {
namespace {

// A tensor of several weights.
struct JointTensor {
  Type element;
  int64_t columns, rank;
  std::string what;
  DenseI32ArrayAttr ofLayers;
  StringAttr source;
  int64_t rows = 0;
};

class ProgramMaker {
public:
  ProgramMaker(MLIRContext *context, uint32_t seed)
      : random(seed), module(ModuleOp::create(UnknownLoc::get(context))),
        b(UnknownLoc::get(context), context) {}

  OwningOpRef<ModuleOp> make();

private:
  void chooseFormats();
  Type cacheElement(int64_t &length);
  void declareCaches();
  RankedTensorType rows(int64_t columns) {
    return RankedTensorType::get({ShapedType::kDynamic, columns}, b.getF32Type());
  }
  // Calls `create` where the next symbol is to be declared, before all functions.
  template <class Create>
  auto declare(Create create);
  // A weight or a parameter, or for each of some layers one, whose name in the file has the same
  // ending.
  std::string declare(RankedTensorType type, StringRef what, const std::string &prefix,
                      DenseI32ArrayAttr ofLayers);
  Value weight(RankedTensorType type, StringRef what);
  Value ropeTable(Value start, int64_t sequence);
  func::FuncOp beginFunction(StringRef name, ArrayRef<Type> arguments);
  void endFunction(func::FuncOp function, ValueRange results);
  Body body(Context context = {}) {
    return Body(b, random, formats, std::move(context),
                [this](RankedTensorType type, StringRef what) { return weight(type, what); });
  }
  void fill(Body &body, int64_t most);
  Value layer(Body &body, Value hidden);
  Value runLayers(Value hidden, const Context &context);
  void makeStep();
  void makeLogits();
  void makeLoss();

  Random random;
  OwningOpRef<ModuleOp> module;
  ImplicitLocOpBuilder b;
  std::vector<const BlockFormat *> formats;
  int64_t width = 0, vocabulary = 0, layers = 0, symbols = 0;
  llm::WeightOp embedding;
  std::vector<llm::StateOp> caches;
  std::vector<JointTensor> joints;
};

void ProgramMaker::chooseFormats() {
  for (int64_t i = pick(random, {0, 1, 1, 1, 2, 3}); i > 0; --i)
    formats.push_back(&blockFormats()[random.bits() % blockFormats().size()]);
}

template <class Create>
auto ProgramMaker::declare(Create create) {
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(module->getBody());
  while (b.getInsertionPoint() != module->getBody()->end() &&
         isa<llm::WeightOp, llm::StateOp, llm::ParameterOp>(*b.getInsertionPoint()))
    b.setInsertionPointAfter(&*b.getInsertionPoint());
  return create();
}

std::string ProgramMaker::declare(RankedTensorType type, StringRef what, const std::string &prefix,
                                  DenseI32ArrayAttr ofLayers) {
  const std::string name = absl::StrCat(prefix, what.str(), ".", symbols++);
  StringAttr symbol = b.getStringAttr(name);
  StringAttr source = b.getStringAttr(ofLayers ? absl::StrCat("{layer}.", name) : name);
  if (what == "parameter") {
    declare(
        [&] { return llm::ParameterOp::create(b, symbol, TypeAttr::get(type), source, ofLayers,
                                           IntegerAttr()); });
    return name;
  }
  // Some weights are parts of a tensor with others, one behind the other.
  IntegerAttr firstRow;
  const int64_t columns = type.getRank() > 1 ? type.getShape().back() : 1;
  JointTensor *joint = nullptr;
  for (JointTensor &known : joints)
    if (known.element == type.getElementType() && known.columns == columns &&
        known.rank == type.getRank() && known.what == what && known.ofLayers == ofLayers)
      joint = &known;
  if (type.getRank() > 2) {
    joint = nullptr;
  } else if (joint && chance(random, 0.7)) {
    source = joint->source;
  } else if (chance(random, 0.1)) {
    joints.push_back(
        {type.getElementType(), columns, type.getRank(), what.str(), ofLayers, source});
    joint = &joints.back();
  } else {
    joint = nullptr;
  }
  if (joint) {
    firstRow = b.getI64IntegerAttr(joint->rows);
    joint->rows += type.getDimSize(0);
  }
  declare([&] {
    return llm::WeightOp::create(b, symbol, TypeAttr::get(type), source, ofLayers, firstRow);
  });
  return name;
}

Value ProgramMaker::weight(RankedTensorType type, StringRef what) {
  const std::string name = declare(type, what, "", {});
  if (what == "parameter")
    return llm::GetParameterOp::create(b, type, name);
  return llm::GetWeightOp::create(b, type, name);
}

// The type of cached elements, and a length of heads that it allows.
Type ProgramMaker::cacheElement(int64_t &length) {
  length = pick(random, {6, 8, 16, 20, 32, 64});
  switch (pick(random, {0, 0, 1, 2, 3})) {
  case 0:
    return b.getF16Type();
  case 1:
    return b.getF32Type();
  case 2:
    return b.getBF16Type();
  default:
    length = pick(random, {32, 64});
    return llm::BlockType::get(b.getContext(), "q8_0");
  }
}

void ProgramMaker::declareCaches() {
  for (int64_t i = pick(random, {0, 1, 1, 1, 2}); i > 0; --i) {
    int64_t key = 0, value = 0;
    Type keyType = cacheElement(key), valueType = cacheElement(value);
    const int64_t heads = pick(random, {1, 2, 3});
    auto type = llm::KvCacheType::get(b.getContext(), std::max<int64_t>(layers, 1), heads, key,
                                      keyType, value, valueType);
    caches.push_back(declare([&] {
      return llm::StateOp::create(b, absl::StrCat("kv.", caches.size()), type, ArrayAttr());
    }));
  }
}

Value ProgramMaker::ropeTable(Value start, int64_t sequence) {
  const int64_t dims = pick(random, {4, 6, 8, 16, 32});
  Value factors;
  if (chance(random, 0.2))
    factors = weight(RankedTensorType::get({dims / 2}, b.getF32Type()), "norm");
  const auto scaling = static_cast<llm::RopeScaling>(pick(random, {0, 0, 1, 2}));
  const float base = chance(random, 0.5) ? 1e4f : 5e5f;
  const float factor = scaling == llm::RopeScaling::None ? 1.0f : 4.0f;
  return llm::RopeTableOp::create(b, rows(dims), start, factors, b.getF32FloatAttr(base),
                                  llm::RopeScalingAttr::get(b.getContext(), scaling),
                                  b.getF32FloatAttr(factor),
                                  b.getF32FloatAttr(chance(random, 0.2) ? 1.25f : 1.0f),
                                  b.getF32FloatAttr(32), b.getF32FloatAttr(1), b.getF32FloatAttr(1),
                                  b.getI64IntegerAttr(scaling == llm::RopeScaling::Yarn ? 32 : 0),
                                  b.getI64IntegerAttr(sequence));
}

func::FuncOp ProgramMaker::beginFunction(StringRef name, ArrayRef<Type> arguments) {
  b.setInsertionPointToEnd(module->getBody());
  auto function = func::FuncOp::create(b, name, b.getFunctionType(arguments, {}));
  b.setInsertionPointToStart(function.addEntryBlock());
  return function;
}

void ProgramMaker::endFunction(func::FuncOp function, ValueRange results) {
  func::ReturnOp::create(b, results);
  function.setType(
      b.getFunctionType(function.front().getArgumentTypes(), TypeRange(results.getTypes())));
}

void ProgramMaker::fill(Body &body, int64_t most) {
  for (int64_t i = random.bits() % (most + 1); i > 0; --i)
    emitAny(body);
}

// The new hidden state: of the old one's size, so that many layers may follow each other.
Value ProgramMaker::layer(Body &body, Value hidden) {
  fill(body, 4);
  if (chance(random, 0.2))
    return body.normed(body.rows(width));
  Value y = body.linear(body.normed(body.rows()), width);
  return chance(random, 0.5) ? llm::AddOp::create(b, hidden, y) : llm::AddOp::create(b, y, hidden);
}

// All layers, of one signature or two.
Value ProgramMaker::runLayers(Value hidden, const Context &context) {
  SmallVector<Value> shared{context.start};
  shared.append(context.caches);
  shared.append(context.tables);
  const int64_t signatures = layers > 1 ? pick(random, {1, 1, 2}) : 1;
  SmallVector<int32_t> schedule;
  for (int64_t i = 0; i < layers; ++i) // each signature has a layer
    schedule.push_back(i < signatures ? i : random.bits() % signatures);

  SmallVector<Attribute> blocks, families;
  for (int64_t signature = 0; signature < signatures; ++signature) {
    SmallVector<int32_t> ofLayers;
    for (auto [number, block] : llvm::enumerate(schedule))
      if (block == signature)
        ofLayers.push_back(number);
    OpBuilder::InsertionGuard guard(b);
    SmallVector<Type> types{hidden.getType(), b.getIndexType()};
    llvm::append_range(types, ValueRange(shared).getTypes());
    auto function = beginFunction(absl::StrCat("block.", signature), types);
    function.setPrivate();
    auto argument = function.getArguments().begin() + 2;
    Context inside = context;
    inside.caches.clear(), inside.tables.clear();
    inside.layer = function.getArgument(1);
    inside.start = *argument++;
    for (size_t i = 0; i < context.caches.size(); ++i)
      inside.caches.push_back(*argument++);
    for (size_t i = 0; i < context.tables.size(); ++i)
      inside.tables.push_back(*argument++);
    SmallVector<Attribute> own;
    Body body(b, random, formats, inside, [&](RankedTensorType type, StringRef what) -> Value {
      const std::string name = declare(type, what, absl::StrCat("block.", signature, "."),
                                       b.getDenseI32ArrayAttr(ofLayers));
      own.push_back(FlatSymbolRefAttr::get(b.getContext(), name));
      return function.front().addArgument(type, b.getLoc());
    });
    body.offer(function.getArgument(0), 2);
    endFunction(function, layer(body, function.getArgument(0)));
    blocks.push_back(FlatSymbolRefAttr::get(b.getContext(), function.getName()));
    families.push_back(b.getArrayAttr(own));
  }
  return llm::LayersOp::create(b, hidden.getType(), TypeRange(), hidden, shared,
                               b.getArrayAttr(blocks), b.getArrayAttr(families),
                               b.getDenseI32ArrayAttr(schedule))
      .getResult();
}

void ProgramMaker::makeStep() {
  const bool embeds = chance(random, 0.8);
  auto tokens = RankedTensorType::get({ShapedType::kDynamic}, b.getI32Type());
  auto step = beginFunction("step", {embeds ? Type(tokens) : rows(width), b.getIndexType()});
  Value hidden = step.getArgument(0), start = step.getArgument(1);
  if (embeds) {
    Value matrix = llm::GetWeightOp::create(b, embedding.getType(), embedding.getSymName());
    hidden = llm::EmbedOp::create(b, rows(width), hidden, matrix);
  }
  Context context;
  context.start = start;
  for (llm::StateOp cache : caches)
    context.caches.push_back(llm::GetStateOp::create(b, cache.getType(), cache.getSymName()));
  for (int64_t i = pick(random, {1, 1, 2}); i > 0 && !caches.empty(); --i)
    context.tables.push_back(ropeTable(start, 0));
  if (layers == 0 && !caches.empty())
    context.layer = arith::ConstantIndexOp::create(b, 0);

  // Operations outside of the layers have no layer to attend to, unless there are none.
  Body outside = body(layers == 0 ? context : Context{});
  outside.offer(hidden, 2);
  fill(outside, layers == 0 ? 6 : 1);
  hidden = outside.rows(width);
  if (layers > 0) {
    hidden = runLayers(hidden, context);
    outside.offer(hidden, 4);
    fill(outside, 1);
  }
  SmallVector<Value> results{chance(random, 0.7) ? hidden : outside.rows(width)};
  if (chance(random, 0.3))
    results.push_back(outside.rows());
  endFunction(step, results);
}

void ProgramMaker::makeLogits() {
  auto logits = beginFunction("logits", {rows(width)});
  Body inside = body();
  inside.offer(logits.getArgument(0), 4);
  Value x = inside.normed(logits.getArgument(0)), y;
  if (chance(random, 0.5)) { // tied to the embedding
    Value matrix = llm::GetWeightOp::create(b, embedding.getType(), embedding.getSymName());
    y = llm::LinearOp::create(b, rows(vocabulary), x, matrix, Value());
    inside.offer(y, 4);
  } else {
    y = inside.linear(x, vocabulary);
  }
  fill(inside, 1);
  endFunction(logits, inside.rows());
}

void ProgramMaker::makeLoss() {
  auto tokens = RankedTensorType::get({ShapedType::kDynamic}, b.getI32Type());
  auto loss = beginFunction("loss", {tokens, tokens, b.getIndexType()});
  loss->setAttr(llm::kDifferentiateAttrName, b.getUnitAttr());
  Value matrix = llm::GetWeightOp::create(b, embedding.getType(), embedding.getSymName());
  Value hidden = llm::EmbedOp::create(b, rows(width), loss.getArgument(0), matrix);
  Context context;
  context.start = loss.getArgument(2);
  context.layer = arith::ConstantIndexOp::create(b, 0);
  context.sequence = pick(random, {1, 3, 5, 8, 16, 20});
  for (int64_t i = pick(random, {1, 1, 2}); i > 0; --i)
    context.tables.push_back(ropeTable(context.layer, context.sequence));

  Body outside = body(context);
  outside.offer(hidden, 2);
  fill(outside, layers == 0 ? 4 : 1);
  hidden = outside.rows(width);
  if (layers > 0) {
    hidden = runLayers(hidden, context);
    outside.offer(hidden, 4);
  }
  fill(outside, 1);
  Value x = outside.normed(outside.rows(width));
  // The loss depends on a parameter, whatever was made before.
  x = outside.trained(x, x);
  auto losses = llm::LinearCrossEntropyOp::create(b, rows(1), rows(1), x, matrix,
                                                  loss.getArgument(1), ValueRange());
  endFunction(loss, losses.getLosses());
}

OwningOpRef<ModuleOp> ProgramMaker::make() {
  const bool trains = chance(random, 0.25);
  b.setInsertionPointToStart(module->getBody());
  chooseFormats();
  width = pick(random, {16, 20, 32, 32, 48, 64, 64, 96, 256});
  vocabulary = pick(random, {17, 32, 50});
  layers = pick(random, {0, 1, 2, 3, 4});
  if (!trains)
    declareCaches();
  const BlockFormat *format = findBlockFormat("f16");
  for (const BlockFormat *f : formats)
    if (width % f->weights == 0)
      format = f;
  auto type = RankedTensorType::get({vocabulary, width},
                                    llm::getWeightElementType(b.getContext(), *format));
  embedding = declare([&] {
    return llm::WeightOp::create(b, b.getStringAttr("embedding"), TypeAttr::get(type),
                                 b.getStringAttr("embedding"), DenseI32ArrayAttr(), IntegerAttr());
  });
  if (trains) {
    makeLoss();
  } else {
    makeStep();
    makeLogits();
  }
  return std::move(module);
}

} // namespace

OwningOpRef<ModuleOp> makeProgram(MLIRContext *context, uint32_t seed) {
  return ProgramMaker(context, seed).make();
}

} // namespace llmc::smith
