// The table that says which tokens of a step go to which experts: what the runtime fills and
// compiled code reads.
//
// A token's choice of an expert is a pair. Pairs are ordered by expert, then by token; each
// expert's begin at a multiple of `tile`, the widest token tile of matrix products, so that packed
// activations and products of an expert are those of a step of its own. The number that a pair gets
// in this order, gaps included, is its place. An expert with tokens, and what they are, is a run.
#ifndef LLMC_RUNTIME_ABI_EXPERTROUTING_H
#define LLMC_RUNTIME_ABI_EXPERTROUTING_H

#include <algorithm>
#include <cstdint>

namespace llmc {

struct RoutingHeader {
  int64_t runs, tiles; // of all runs
  int64_t work;        // of all runs, see ExpertRun::work
};

struct ExpertRun {
  int64_t expert, tokens, firstTile;
  int64_t work; // of the runs before, in units of what a token costs
};

// What reading and unpacking an expert's weights costs, in such units.
inline constexpr int64_t kUnpackWork = 16;

// Byte offsets inside a table for steps of up to `maxRows` tokens.
struct RoutingLayout {
  constexpr RoutingLayout(int64_t experts, int64_t topK, int64_t tile, int64_t maxRows)
      : pairs(maxRows * topK),
        // Each of at most so many runs has a last tile that is not full.
        tiles((pairs + std::min(experts, pairs) * (tile - 1)) / tile), runs(64),
        cursors(runs + experts * int64_t(sizeof(ExpertRun))), ids(aligned(cursors + 4 * experts)),
        weights(aligned(ids + 4 * pairs)), places(aligned(weights + 4 * pairs)),
        runOfTile(aligned(places + 4 * pairs)), tokens(aligned(runOfTile + 4 * tiles)),
        bytes(aligned(tokens + 4 * tiles * tile)) {}

  int64_t pairs, tiles; // the most
  int64_t runs;         // [experts] ExpertRun, behind the RoutingHeader
  int64_t cursors;      // [experts] int32_t, for whom fills the table
  int64_t ids;          // [token][topK] int32_t
  int64_t weights;      // [token][topK] float
  int64_t places;       // [token][topK] int32_t
  int64_t runOfTile;    // [tile] int32_t
  int64_t tokens;       // [place] int32_t
  int64_t bytes;

private:
  static constexpr int64_t aligned(int64_t bytes) { return (bytes + 63) / 64 * 64; }
};
static_assert(sizeof(RoutingHeader) <= 64);

} // namespace llmc

#endif
