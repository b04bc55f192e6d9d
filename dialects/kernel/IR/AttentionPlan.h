// How attention is cut into pieces: what its operations, the memory plan and the code agree on.
#ifndef LLMC_DIALECTS_KERNEL_IR_ATTENTIONPLAN_H
#define LLMC_DIALECTS_KERNEL_IR_ATTENTIONPLAN_H

#include "dialects/kernel/IR/KernelDialect.h"

namespace llmc::kernel {

// Positions whose scores are kept at a time.
inline constexpr int64_t kAttentionBlock = 128;
// The positions that the query heads of one token see are cut into at most so many parts of equal
// length, a multiple of kAttentionBlock. The number of threads has no say in it, so that it does
// not change results.
inline constexpr int64_t kAttentionParts = 32;

// Queries of a tile, which share every line of the cache that is loaded, and the vectors of sums
// that stay in registers with a tile's other operands.
struct AttentionTiles {
  int64_t token;  // queries of a tile in a step of one token
  int64_t prompt; // in longer steps
  int64_t sums;
};
// For `group` query heads per key/value head.
AttentionTiles attentionTiles(Dot dot, int64_t group);

// Bytes of a row of !kernel.parts: `value` elements, padded to 16, then the maximum and the total.
constexpr int64_t partsRowBytes(int64_t value) { return ((value + 15) / 16 + 1) * 64; }

// Where a tile of queries keeps its numbers in scratch memory, f32, in bytes.
struct AttentionScratch {
  AttentionScratch(int64_t tile, int64_t key, int64_t value);

  int64_t queries;   // [tile][key], rows padded to 16
  int64_t scores;    // [tile][kAttentionBlock]
  int64_t scaled;    // the same, times the scales of quantized values
  int64_t outputs;   // [tile][value], rows padded to 16
  int64_t highest;   // [tile][16], of each lane of a block
  int64_t totals;    // [tile][16], of each lane
  int64_t maxima;    // [tile], of all lanes and blocks
  int64_t factors;   // [tile]
  int64_t positions; // [tile], i32
  int64_t bytes;

  int64_t queryRow, outputRow; // bytes
};

// Steps of at least so many queries per key/value head take the matrix unit where there is one; so
// many queries share what is unpacked for it.
inline constexpr int64_t kAmxLeastQueries = 16, kAmxQueries = 256;
inline constexpr int64_t kAmxTileBytes = 1024;

// Whether the matrix unit attends to a cache: it keeps 16 bits of each factor, which is more than
// an f16 cache has, but less than an f32 cache is chosen for; and it keeps no longer keys and
// values than 1024.
bool hasAmxAttention(Dot dot, llm::KvCacheType cache);

// Where that kernel keeps its numbers in scratch memory, in bytes. Tiles of bf16 lie in pairs: the
// upper bits of 512 numbers, then the rest.
struct AmxAttentionScratch {
  AmxAttentionScratch(int64_t key, int64_t value);

  int64_t row;       // a query, f32
  int64_t queries;   // tiles [kAmxQueries / 16][keyBlocks]
  int64_t keys;      // tiles [kAttentionBlock / 16][keyBlocks]
  int64_t values;    // tiles [kAttentionBlock / 32][valueTiles]
  int64_t scores;    // [32][kAttentionBlock], f32
  int64_t weights;   // [2][32][kAttentionBlock], bf16
  int64_t outputs;   // [kAmxQueries][value], f32, rows padded to 16
  int64_t totals;    // [kAmxQueries][16], f32
  int64_t maxima;    // [kAmxQueries], f32
  int64_t positions; // [kAmxQueries], i32
  int64_t bytes;

  int64_t keyBlocks;  // of 32 elements
  int64_t valueTiles; // of 16 elements
  int64_t outputRow;  // bytes
};

// Scratch memory of a thread for writing to a cache: a key, and 32 elements of it as i32.
struct CacheWriteScratch {
  explicit CacheWriteScratch(llm::KvCacheType cache);
  int64_t row, block, bytes;
};

// Scratch memory of a thread for attention over a cache.
int64_t attentionScratchBytes(Dot dot, llm::KvCacheType cache, int64_t group);

} // namespace llmc::kernel

#endif
