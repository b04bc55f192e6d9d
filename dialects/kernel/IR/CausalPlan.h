// How attention of sequences to themselves is cut into pieces: what the memory plan and the code
// agree on.
#ifndef LLMC_DIALECTS_KERNEL_IR_CAUSALPLAN_H
#define LLMC_DIALECTS_KERNEL_IR_CAUSALPLAN_H

#include "dialects/kernel/IR/DotTable.h"

namespace llmc::kernel {

// Keys that are copied together.
inline constexpr int64_t kCausalKeys = 64;
// Tiles of queries that share a copy.
inline constexpr int64_t kCausalTiles = 8;

// Where a thread keeps its numbers in scratch memory while it attends, f32, offsets in bytes. Lanes
// are queries: a tile has tile.lanes() of them.
struct CausalScratch {
  CausalScratch(Dot dot, int64_t key, int64_t value);

  BroadcastTile tile;
  int64_t keyRow, valueRow;     // bytes of a copied row
  int64_t keyLines, valueLines; // rows of what is transposed: elements, padded
  int64_t keys;                 // [kCausalKeys, padded][keyRow]
  int64_t values;               // [kCausalKeys][valueRow]
  int64_t scores;               // [kCausalKeys, padded][lanes]
  int64_t rows;                 // [lanes][the wider row], on the way to or from a transposed tile
  int64_t queries;              // [kCausalTiles][keyLines][lanes]
  int64_t outputs;              // [kCausalTiles][valueLines][lanes]
  int64_t maxima, totals;       // [kCausalTiles][lanes]
  int64_t bytes;
};

// The same for the adjoint, where lanes are keys.
struct CausalAdjointScratch {
  CausalAdjointScratch(Dot dot, int64_t key, int64_t value);

  BroadcastTile tile;
  int64_t queryCount; // of a tile
  int64_t keyRow, valueRow, keyLines, valueLines;
  static constexpr int64_t kLine = kCausalKeys * 4; // bytes of a row of those by kCausalKeys

  int64_t keys;                     // [kCausalKeys][keyRow], times the scale
  int64_t rows;                     // [kCausalKeys][the wider row], before or after transposition
  int64_t keyColumns, valueColumns; // [lines][kCausalKeys]
  int64_t keySums, valueSums;       // the same: the adjoints
  int64_t queries;                  // [queryCount][keyRow], times log2(e)
  int64_t adjoints;                 // [queryCount][valueRow]
  int64_t weights, slopes;          // [queryCount][kCausalKeys]
  int64_t logSums, means;           // [queryCount]
  int64_t bytes;
};

} // namespace llmc::kernel

#endif
