#include "dialects/kernel/IR/AttentionPlan.h"
#include "dialects/kernel/IR/DotTable.h"
#include "llvm/Support/MathExtras.h"

namespace llmc::kernel {

AttentionTiles attentionTiles(Dot dot, int64_t group) {
  const RegisterFit &fit = dotRow(dot).fit;
  // As few tiles as can be, of nearly the same width.
  const int64_t tiles = llvm::divideCeil(group, fit.tokenQueries);
  return {int64_t(llvm::divideCeil(group, tiles)), fit.promptQueries, fit.attentionSums};
}

AttentionScratch::AttentionScratch(int64_t tile, int64_t key, int64_t value) {
  queryRow = llvm::alignTo(key, 16) * 4;
  outputRow = llvm::alignTo(value, 16) * 4;
  bytes = 0;
  auto take = [&](int64_t count) {
    int64_t at = bytes;
    bytes += llvm::alignTo(count, 64);
    return at;
  };
  queries = take(tile * queryRow);
  scores = take(tile * kAttentionBlock * 4);
  scaled = take(tile * kAttentionBlock * 4);
  outputs = take(tile * outputRow);
  highest = take(tile * 64);
  totals = take(tile * 64);
  maxima = take(tile * 4);
  factors = take(tile * 4);
  positions = take(tile * 4);
}

bool hasAmxAttention(Dot dot, llm::KvCacheType cache) {
  constexpr int64_t kLongest = 1024;
  return dot == Dot::Amx && cache.getKey() <= kLongest && cache.getValue() <= kLongest &&
         !cache.getKeyType().isF32() && !cache.getValueType().isF32();
}

AmxAttentionScratch::AmxAttentionScratch(int64_t key, int64_t value) {
  keyBlocks = llvm::divideCeil(key, 32);
  valueTiles = llvm::divideCeil(value, 16);
  outputRow = valueTiles * 64;
  bytes = 0;
  auto take = [&](int64_t count) {
    int64_t at = bytes;
    bytes += llvm::alignTo(count, 64);
    return at;
  };
  row = take(keyBlocks * 128);
  queries = take(kAmxQueries / 16 * keyBlocks * 2 * kAmxTileBytes);
  keys = take(kAttentionBlock / 16 * keyBlocks * 2 * kAmxTileBytes);
  values = take(kAttentionBlock / 32 * valueTiles * 2 * kAmxTileBytes);
  scores = take(32 * kAttentionBlock * 4);
  weights = take(2 * 32 * kAttentionBlock * 2);
  outputs = take(kAmxQueries * outputRow);
  totals = take(kAmxQueries * 64);
  maxima = take(kAmxQueries * 4);
  positions = take(kAmxQueries * 4);
}

CacheWriteScratch::CacheWriteScratch(llm::KvCacheType cache) {
  row = 0;
  block = llvm::alignTo(cache.getKey(), 16) * 4;
  bytes = block + llm::kCacheBlock * 4;
}

int64_t attentionScratchBytes(Dot dot, llm::KvCacheType cache, int64_t group) {
  const int64_t key = cache.getKey(), value = cache.getValue();
  AttentionTiles tiles = attentionTiles(dot, group);
  int64_t bytes = AttentionScratch(std::max(tiles.token, tiles.prompt), key, value).bytes;
  if (hasAmxAttention(dot, cache))
    bytes = std::max(bytes, AmxAttentionScratch(key, value).bytes);
  return bytes;
}

} // namespace llmc::kernel
