// Packing of weight matrices: each line of the packed layout is gathered from 16 rows.
#include "dialects/llm/Formats/BlockProgram.h"
#include "dialects/llm/Formats/PackedLayout.h"
#include "passes/Vector/Kernels.h"

using namespace mlir;

namespace llmc::kernel {
namespace {

class PackGroup {
public:
  PackGroup(Emitter &e, const PackedLayout &layout, Value offsets, Value mask)
      : e(e), layout(layout), format(*layout.format), program(format.program()), offsets(offsets),
        mask(mask) {}

  // One block of each row: `block` is the first row's, `header` and `body` its places in the unit.
  void emitBlock(Value block, Value header, Value body) {
    for (auto [i, field] : llvm::enumerate(program.fields))
      for (uint32_t n = 0; n < field.count; ++n) {
        const uint32_t at = field.offset + n * field.elementBytes;
        const uint32_t to = layout.fieldOffset[i] + n * field.elementBytes * kPackedRows;
        if (field.elementBytes == 4)
          e.store(gather(block, at, field.packXor), e.gep(body, to), 64);
        else
          storeSmall(element(block, at), field.elementBytes, e.gep(header, to));
      }
  }

  void emitZeros(Value header, Value body) {
    Value zero = e.splat(VectorType::get(16, e.i8), 0);
    for (auto [place, bytes] : {std::pair{header, layout.headerBytes}, {body, layout.bodyBytes}})
      for (uint32_t at = 0; at < bytes; at += 16)
        e.store(zero, e.gep(place, at), 16);
  }

  // Two columns of a 16-bit float format.
  void emitHalves(Value source, Value packed) {
    Value both = gather(source, 0, 0);
    storeSmall(both, 2, packed);
    storeSmall(e.create<arith::ShRUIOp>(both, e.splat(e.vi32, 16)), 2, e.gep(packed, 32));
  }
  // The last column of an odd number, read together with the one before, so that nothing after the
  // matrix is touched. `source` is that one's place.
  void emitLastHalf(Value source, Value packed) {
    storeSmall(e.create<arith::ShRUIOp>(gather(source, 0, 0), e.splat(e.vi32, 16)), 2, packed);
  }

private:
  // The word at byte `at` of the block of each row. Rows that are not there are zero when stored.
  Value gather(Value block, uint32_t at, uint32_t packXor) {
    Value flip = e.splat(e.vi32, int32_t(packXor));
    Value word = e.gather(e.gep(block, at), offsets, mask, flip);
    return packXor ? Value(e.create<arith::XOrIOp>(word, flip)) : word;
  }
  // The same for an element of fewer bytes, in the low bits; reads inside of the block only.
  Value element(Value block, uint32_t at) {
    const uint32_t from = std::min(at, format.bytes - 4);
    Value word = gather(block, from, 0);
    return from == at ? word
                      : Value(e.create<arith::ShRUIOp>(word, e.splat(e.vi32, 8 * (at - from))));
  }
  void storeSmall(Value words, uint32_t bytes, Value place) {
    auto type = VectorType::get(kLanes, bytes == 2 ? e.i16 : e.i8);
    e.store(e.create<arith::TruncIOp>(type, words), place, kLanes * bytes);
  }

  Emitter &e;
  const PackedLayout &layout;
  const BlockFormat &format;
  const BlockProgram &program;
  Value offsets, mask;
};

void packBlocks(Emitter &e, const PackedLayout &layout, PackGroup &group, Value source,
                Value packed, Value columns) {
  const BlockFormat &format = *layout.format;
  Value blocks = e.div(columns, e.c64(format.weights));
  Value units = e.div(e.add(blocks, e.c64(layout.unitBlocks - 1)), e.c64(layout.unitBlocks));
  e.loop(e.c64(0), units, e.c64(1), {source, packed}, [&](Value unit, ValueRange c) {
    Value firstBlock = e.mul(unit, e.c64(layout.unitBlocks));
    Value body = e.gep(c[1], layout.unitBlocks * layout.headerBytes);
    Values end = e.loop(e.c64(0), e.c64(layout.unitBlocks), e.c64(1), {c[0], c[1], body},
                        [&](Value i, ValueRange b) {
                          auto block = [&] { group.emitBlock(b[0], b[1], b[2]); };
                          if (layout.unitBlocks == 1)
                            block();
                          else
                            e.when(e.less(e.add(firstBlock, i), blocks), block,
                                   [&] { group.emitZeros(b[1], b[2]); });
                          return Values{e.gep(b[0], format.bytes), e.gep(b[1], layout.headerBytes),
                                        e.gep(b[2], layout.bodyBytes)};
                        });
    return Values{end[0], end[2]};
  });
}

void packHalves(Emitter &e, PackGroup &group, Value source, Value packed, Value columns) {
  Values end = e.loop(e.c64(0), e.div(columns, e.c64(2)), e.c64(1), {source, packed},
                      [&](Value, ValueRange c) {
                        group.emitHalves(c[0], c[1]);
                        return Values{e.gep(c[0], 4), e.gep(c[1], 64)};
                      });
  e.when(e.equal(e.rem(columns, e.c64(2)), e.c64(1)),
         [&] { group.emitLastHalf(e.gep(end[0], -2), end[1]); });
}

} // namespace

void emitPack(OpEmission &emission, PackOp op) {
  Emitter &e = emission.e;
  const BlockFormat &format = *llm::getBlockFormat(op.getFormat());
  PackedLayout layout(format);
  auto address = [&](Value v) -> Value {
    return e.create<LLVM::IntToPtrOp>(e.ptr, emission.operand(v));
  };
  Value source = address(op.getSource()), packed = address(op.getPacked());
  Value rows = emission.operand(op.getRows()), columns = emission.operand(op.getColumns());
  Value rowBytes = e.mul(e.div(columns, e.c64(format.weights)), e.c64(format.bytes));
  Value unitWeights = e.c64(layout.unitWeights());
  Value units = e.div(e.add(columns, e.sub(unitWeights, e.c64(1))), unitWeights);
  Value groupBytes = e.mul(units, e.c64(layout.unitBytes));
  Value groups = e.div(e.add(rows, e.c64(kLanes - 1)), e.c64(kLanes));
  auto [first, last] = e.split(groups, emission.team.thread, emission.team.threads);
  Value offsets = e.mul(e.iota(), e.broadcast(e.vi32, e.create<arith::TruncIOp>(e.i32, rowBytes)));
  e.loop(first, last, [&](Value index) {
    Value firstRow = e.mul(index, e.c64(kLanes));
    PackGroup group(e, layout, offsets, e.laneMask(e.sub(rows, firstRow)));
    Value from = e.gep(source, e.mul(firstRow, rowBytes)),
          to = e.gep(packed, e.mul(index, groupBytes));
    if (format.bytes == 2)
      packHalves(e, group, from, to, columns);
    else
      packBlocks(e, layout, group, from, to, columns);
  });
}

} // namespace llmc::kernel
