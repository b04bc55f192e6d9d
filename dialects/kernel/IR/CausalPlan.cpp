#include "dialects/kernel/IR/CausalPlan.h"
#include "llvm/Support/MathExtras.h"

namespace llmc::kernel {
namespace {

// Lays arrays out one after the other.
struct Places {
  int64_t bytes = 0;
  int64_t take(int64_t size) {
    int64_t at = bytes;
    bytes += llvm::alignTo(size, 64);
    return at;
  }
};

// Elements of a head, so that whole tiles of rows of sums and whole vectors may be read.
int64_t lines(BroadcastTile tile, int64_t elements) {
  return llvm::alignTo(llvm::alignTo(elements, tile.rows), 16);
}

} // namespace

CausalScratch::CausalScratch(Dot dot, int64_t key, int64_t value)
    : tile(dotRow(dot).fit.broadcast) {
  keyLines = lines(tile, key);
  valueLines = lines(tile, value);
  keyRow = keyLines * 4;
  valueRow = valueLines * 4;
  const int64_t lane = tile.lanes() * 4, padded = llvm::alignTo(kCausalKeys, tile.rows);
  Places places;
  keys = places.take(padded * keyRow);
  values = places.take(kCausalKeys * valueRow);
  scores = places.take(padded * lane);
  rows = places.take(tile.lanes() * std::max(keyRow, valueRow));
  queries = places.take(kCausalTiles * keyLines * lane);
  outputs = places.take(kCausalTiles * valueLines * lane);
  maxima = places.take(kCausalTiles * lane);
  totals = places.take(kCausalTiles * lane);
  bytes = places.bytes;
}

CausalAdjointScratch::CausalAdjointScratch(Dot dot, int64_t key, int64_t value)
    : tile(dotRow(dot).fit.broadcast) {
  queryCount = 32 / tile.rows * tile.rows;
  keyLines = lines(tile, key);
  valueLines = lines(tile, value);
  keyRow = keyLines * 4;
  valueRow = valueLines * 4;
  Places places;
  keys = places.take(kCausalKeys * keyRow);
  rows = places.take(kCausalKeys * std::max(keyRow, valueRow));
  keyColumns = places.take(keyLines * kLine);
  valueColumns = places.take(valueLines * kLine);
  keySums = places.take(keyLines * kLine);
  valueSums = places.take(valueLines * kLine);
  queries = places.take(queryCount * keyRow);
  adjoints = places.take(queryCount * valueRow);
  weights = places.take(queryCount * kLine);
  slopes = places.take(queryCount * kLine);
  logSums = places.take(queryCount * 4);
  means = places.take(queryCount * 4);
  bytes = places.bytes;
}

} // namespace llmc::kernel
