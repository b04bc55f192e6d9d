// Adjoints of norms: by their input, and what each row adds to that by their weight.
#include "passes/Vector/TrainingKernels.h"

using namespace mlir;

namespace llmc::kernel {

void emitRmsNormAdjoint(OpEmission &emission, RmsNormAdjointOp op) {
  BufferType type = op.getInput().getType();
  const int64_t width = cast<RankedTensorType>(op.getWeight().getType()).getDimSize(0);
  const int64_t heads = type.getWidth() / width;
  // Heads that are no multiple of a vector begin anywhere.
  const unsigned align = width % kLanes ? 4 : 64;
  Values pointers{emission.operand(op.getAdjoint()), emission.operand(op.getInput()),
                  emission.operand(op.getWeight()), emission.operand(op.getOut()),
                  emission.e.cf(op.getEps().convertToFloat())};
  std::string name = "rms_norm_adjoint." + std::to_string(width);
  if (heads > 1)
    name += "." + std::to_string(heads);
  Value units = heads > 1 ? emission.e.mul(emission.rows, emission.e.c64(heads)) : emission.rows;
  emitUnits(
      emission, op.getLoc(), name, units, pointers, [&](Emitter &e, Value unit, ValueRange p) {
        Value offset = e.mul(e.div(unit, e.c64(heads)), e.c64(type.getRowBytes()));
        offset = e.add(offset, e.mul(e.rem(unit, e.c64(heads)), e.c64(4 * width)));
        Value adjoint = e.gep(p[0], offset), input = e.gep(p[1], offset), out = e.gep(p[3], offset);
        // x and dy * weight
        auto both = [&](Value bytes, Value mask) -> std::pair<Value, Value> {
          Value g = e.fmul(loadVector(e, e.gep(adjoint, bytes), mask, align),
                           loadVector(e, e.gep(p[2], bytes), mask, 4));
          return {loadVector(e, e.gep(input, bytes), mask, align), g};
        };
        Value zero = e.splatF(e.vf32, 0);
        Values sums =
            emitRow(e, width, {zero, zero}, [&](Value bytes, Value mask, ValueRange c) -> Values {
              auto [x, g] = both(bytes, mask);
              return {e.fma(x, x, c[0]), e.fma(g, x, c[1])};
            });
        auto mean = [&](Value sum) {
          return e.fdiv(e.reduce(vector::CombiningKind::ADD, sum), e.cf(double(width)));
        };
        Value square = e.fadd(mean(sums[0]), p[4]);
        Value slope = e.broadcast(e.vf32, e.fdiv(mean(sums[1]), square));
        Value root = e.create<LLVM::SqrtOp>(e.f32, square);
        Value factor = e.broadcast(e.vf32, e.fdiv(e.cf(1), root));
        emitRow(e, width, {}, [&](Value bytes, Value mask, ValueRange) {
          auto [x, g] = both(bytes, mask);
          Value y = e.fmul(e.fsub(g, e.fmul(x, slope)), factor);
          // Behind the last element there is the next head, or nothing that counts.
          if (mask && heads > 1)
            e.maskedStore(y, e.gep(out, bytes), mask, 4);
          else
            e.store(y, e.gep(out, bytes), align);
          return Values();
        });
      });
}

void emitLayerNormAdjoint(OpEmission &emission, LayerNormAdjointOp op) {
  BufferType type = op.getInput().getType();
  const int64_t width = type.getWidth();
  Values pointers{emission.operand(op.getAdjoint()), emission.operand(op.getInput()),
                  emission.operand(op.getWeight()), emission.operand(op.getOut()),
                  emission.e.cf(op.getEps().convertToFloat())};
  emitUnits(
      emission, op.getLoc(), "layer_norm_adjoint." + std::to_string(width), emission.rows, pointers,
      [&](Emitter &e, Value token, ValueRange p) {
        Value offset = e.mul(token, e.c64(type.getRowBytes()));
        Value adjoint = e.gep(p[0], offset), input = e.gep(p[1], offset), out = e.gep(p[3], offset);
        auto [mean, factor] = emitMeanAndFactor(e, input, width, p[4]);
        Value zero = e.splatF(e.vf32, 0);
        // What the row was normalized to, and dy * weight; 0 in lanes that are not there.
        auto both = [&, mean = mean, factor = factor](Value bytes,
                                                      Value mask) -> std::pair<Value, Value> {
          Value n = e.fmul(e.fsub(loadVector(e, e.gep(input, bytes), mask, 64), mean), factor);
          Value g = e.fmul(loadVector(e, e.gep(adjoint, bytes), mask, 64),
                           loadVector(e, e.gep(p[2], bytes), mask, 4));
          return {n, mask ? e.select(mask, g, zero) : g};
        };
        Values sums =
            emitRow(e, width, {zero, zero}, [&](Value bytes, Value mask, ValueRange c) -> Values {
              auto [n, g] = both(bytes, mask);
              return {e.fadd(g, c[0]), e.fma(g, n, c[1])};
            });
        auto average = [&](Value sum) {
          sum = e.fdiv(e.reduce(vector::CombiningKind::ADD, sum), e.cf(double(width)));
          return e.broadcast(e.vf32, sum);
        };
        Value level = average(sums[0]), slope = average(sums[1]);
        emitRow(e, width, {}, [&, factor = factor](Value bytes, Value mask, ValueRange) {
          auto [n, g] = both(bytes, mask);
          // Behind the last element there is nothing that counts.
          e.store(e.fmul(e.fsub(e.fsub(g, level), e.fmul(n, slope)), factor), e.gep(out, bytes),
                  64);
          return Values();
        });
      });
}

void emitNormTerms(OpEmission &emission, NormTermsOp op) {
  BufferType type = op.getInput().getType();
  const int64_t head = op.getHead(), heads = type.getWidth() / head;
  const bool centered = op.getCentered();
  // Heads that are no multiple of a vector begin anywhere.
  const unsigned align = head % kLanes ? 4 : 64;
  Values pointers{emission.operand(op.getAdjoint()), emission.operand(op.getInput()),
                  emission.operand(op.getOut()), emission.e.cf(op.getEps().convertToFloat())};
  std::string name = "norm_terms." + std::to_string(head) + "." + std::to_string(heads) +
                     (centered ? ".centered" : "");
  Value units = emission.e.mul(emission.rows, emission.e.c64(heads));
  emitUnits(
      emission, op.getLoc(), name, units, pointers, [&](Emitter &e, Value unit, ValueRange p) {
        Value offset = e.mul(e.div(unit, e.c64(heads)), e.c64(type.getRowBytes()));
        offset = e.add(offset, e.mul(e.rem(unit, e.c64(heads)), e.c64(4 * head)));
        Value adjoint = e.gep(p[0], offset), input = e.gep(p[1], offset), out = e.gep(p[2], offset);
        Value mean, factor;
        if (centered)
          std::tie(mean, factor) = emitMeanAndFactor(e, input, head, p[3]);
        else
          factor = e.broadcast(e.vf32, emitRmsFactor(e, input, head, p[3]));
        emitRow(e, head, {}, [&](Value bytes, Value mask, ValueRange) {
          Value x = loadVector(e, e.gep(input, bytes), mask, align);
          if (centered)
            x = e.fsub(x, mean);
          Value y = e.fmul(e.fmul(x, factor), loadVector(e, e.gep(adjoint, bytes), mask, align));
          // Behind the last element there is the next head, or nothing that counts.
          if (mask && heads > 1)
            e.maskedStore(y, e.gep(out, bytes), mask, 4);
          else
            e.store(y, e.gep(out, bytes), align);
          return Values();
        });
      });
}

} // namespace llmc::kernel
