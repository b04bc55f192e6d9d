// Mixtures of experts on buffers: their tokens in the order of a routing.
#include "dialects/llm/Formats/BlockProgram.h"
#include "passes/Kernel/FunctionConverter.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace llmc::kernel {

LogicalResult FunctionConverter::convertRoute(llm::RouteOp op) {
  auto type = RoutingType::get(b.getContext(), llm::getWidth(op.getLogits()),
                               llm::getWidth(op.getIds()), target.getTiles().back());
  Value routing = alloc(op.getLoc(), type);
  RouteOp::create(b, op.getLoc(), get(op.getLogits()), routing, op.getNormalizeAttr());
  GroupTokensOp::create(b, op.getLoc(), routing);
  // Ids and weights are both in the table.
  values[op.getIds()] = values[op.getWeights()] = routing;
  return success();
}

namespace {

// The table behind ids or weights, or an error: they exist nowhere else.
FailureOr<Value> routingOf(Operation *op, Value converted) {
  if (converted && isa<RoutingType>(converted.getType()))
    return converted;
  return op->emitError() << "needs what an llm.route of the same function yields";
}

bool isFloat(Value weight) {
  return !isa<llm::BlockType>(cast<RankedTensorType>(weight.getType()).getElementType());
}

// Products of experts stay in the order of the routing, which only operations on experts know.
LogicalResult checkUsers(Operation *op) {
  for (Operation *user : op->getUsers())
    if (!isa<llm::ExpertLinearOp, llm::ExpertSwigluOp, llm::ExpertSumOp, llm::ExpertSumSquaresOp>(
            user))
      return user->emitError() << "cannot use products of experts, which are in the order of the "
                                  "experts; llm-fuse-experts makes one operation of gate, up and "
                                  "swiglu";
  return success();
}

} // namespace

LogicalResult FunctionConverter::convertExpertProducts(Operation *op, Value input, Value ids,
                                                       ValueRange weights) {
  Location loc = op->getLoc();
  FailureOr<Value> routing = routingOf(op, get(ids));
  if (failed(routing) || failed(checkUsers(op)))
    return failure();
  auto routingType = cast<RoutingType>(routing->getType());
  auto shape = cast<RankedTensorType>(weights.front().getType()).getShape();
  const int64_t n = shape[1], k = shape[2];
  Value rows = get(input);
  const bool shared = isa<BufferType>(rows.getType());
  if (shared && llm::getWidth(input) != k)
    return op->emitError() << "can take rows of several experts only from an operation on experts";

  auto pack = [&](bool floats) -> Value {
    auto type = RoutedType::get(b.getContext(), packedTypeFor(k, weights, floats), routingType);
    Value packed = alloc(loc, type);
    PackRoutedOp::create(b, loc, rows, packed, *routing, shared);
    return packed;
  };
  Value ofFloat = llvm::any_of(weights, isFloat) ? pack(true) : Value();
  Value of8Bit = llvm::all_of(weights, isFloat) ? Value() : pack(false);
  auto buffer = BufferType::get(b.getContext(), n, b.getF32Type());
  Value out = alloc(loc, RoutedType::get(b.getContext(), buffer, routingType));
  // The gate waits in the result's own buffer.
  for (auto [i, weight] : llvm::enumerate(weights))
    ExpertMatmulOp::create(b, loc, isFloat(weight) ? ofFloat : of8Bit, get(weight), out, *routing,
                           i ? out : Value(), i ? Epilogue::Swiglu : Epilogue::Store, shared);
  values[op->getResult(0)] = out;
  return success();
}

LogicalResult FunctionConverter::convertExpertSum(llm::ExpertSumOp op) {
  FailureOr<Value> routing = routingOf(op, get(op.getWeights()));
  if (failed(routing))
    return failure();
  Value rows = get(op.getInput());
  if (!isa<RoutedType>(rows.getType()))
    return op.emitError() << "can sum only what an operation on experts yields";
  ExpertSumOp::create(b, op.getLoc(), rows, outputFor(op->getResult(0)), *routing,
                      get(op.getResidual()));
  return success();
}

LogicalResult FunctionConverter::convertExpertSumSquares(llm::ExpertSumSquaresOp op) {
  FailureOr<Value> routing = routingOf(op, get(op.getIds()));
  if (failed(routing))
    return failure();
  ExpertSumSquaresOp::create(b, op.getLoc(), get(op.getInput()), get(op.getSums()),
                             get(op.getLayer()), *routing);
  return success();
}

bool FunctionConverter::convertExperts(Operation *op, LogicalResult &result) {
  auto is = [&](LogicalResult converted) {
    result = converted;
    return true;
  };
  return llvm::TypeSwitch<Operation *, bool>(op)
      .Case([&](llm::RouteOp o) { return is(convertRoute(o)); })
      .Case([&](llm::ExpertLinearOp o) {
        return is(convertExpertProducts(o, o.getInput(), o.getIds(), o.getWeight()));
      })
      .Case([&](llm::ExpertSwigluOp o) {
        return is(convertExpertProducts(o, o.getInput(), o.getIds(), {o.getGate(), o.getUp()}));
      })
      .Case([&](llm::ExpertSumOp o) { return is(convertExpertSum(o)); })
      .Case([&](llm::ExpertSumSquaresOp o) { return is(convertExpertSumSquares(o)); })
      .Default([](Operation *) { return false; });
}

} // namespace llmc::kernel
