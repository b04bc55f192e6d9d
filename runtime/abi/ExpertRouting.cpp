#include "runtime/abi/ExpertRouting.h"
#include "runtime/abi/EntryPoints.h"
#include <cmath>

namespace {

template <class T>
T *at(void *table, int64_t offset) {
  return reinterpret_cast<T *>(static_cast<char *>(table) + offset);
}

// The `count` largest of `logits`, largest first, of equal ones the first. Ids are valid and
// distinct even where logits are no numbers.
void choose(const float *logits, int64_t experts, int64_t count, int32_t *ids) {
  for (int64_t s = 0; s < count; ++s) {
    int64_t best = -1;
    for (int64_t e = 0; e < experts; ++e) {
      if (best >= 0 && !(logits[e] > logits[best]))
        continue;
      if (std::find(ids, ids + s, int32_t(e)) == ids + s)
        best = e;
    }
    ids[s] = int32_t(best);
  }
}

} // namespace

void llmc_route(void *table, const float *logits, int64_t rowBytes, int64_t first, int64_t last,
                int64_t experts, int64_t topK, int64_t tile, int64_t maxRows, int64_t normalize) {
  const llmc::RoutingLayout layout(experts, topK, tile, maxRows);
  for (int64_t t = first; t < last; ++t) {
    const float *row =
        reinterpret_cast<const float *>(reinterpret_cast<const char *>(logits) + t * rowBytes);
    int32_t *ids = at<int32_t>(table, layout.ids) + t * topK;
    float *weights = at<float>(table, layout.weights) + t * topK;
    choose(row, experts, topK, ids);
    const float largest = row[ids[0]];
    float sum = 0;
    for (int64_t s = 0; s < topK; ++s)
      weights[s] = std::exp(row[ids[s]] - largest);
    if (normalize)
      for (int64_t s = 0; s < topK; ++s)
        sum += weights[s];
    else
      for (int64_t e = 0; e < experts; ++e)
        sum += std::exp(row[e] - largest);
    for (int64_t s = 0; s < topK; ++s)
      weights[s] /= sum;
  }
}

void llmc_group_tokens(void *table, int64_t rows, int64_t experts, int64_t topK, int64_t tile,
                       int64_t maxRows) {
  const llmc::RoutingLayout layout(experts, topK, tile, maxRows);
  const int32_t *ids = at<int32_t>(table, layout.ids);
  int32_t *cursors = at<int32_t>(table, layout.cursors);
  int32_t *places = at<int32_t>(table, layout.places);
  int32_t *runOfTile = at<int32_t>(table, layout.runOfTile);
  int32_t *tokens = at<int32_t>(table, layout.tokens);
  llmc::ExpertRun *runs = at<llmc::ExpertRun>(table, layout.runs);

  std::fill(cursors, cursors + experts, 0);
  for (int64_t pair = 0; pair < rows * topK; ++pair)
    ++cursors[ids[pair]];
  llmc::RoutingHeader header = {};
  for (int64_t e = 0; e < experts; ++e) {
    const int64_t count = cursors[e];
    if (count == 0)
      continue;
    runs[header.runs] = {e, count, header.tiles, header.work};
    cursors[e] = int32_t(header.tiles * tile);
    for (int64_t end = header.tiles + (count + tile - 1) / tile; header.tiles < end; ++header.tiles)
      runOfTile[header.tiles] = int32_t(header.runs);
    header.work += count + llmc::kUnpackWork;
    ++header.runs;
  }
  for (int64_t pair = 0; pair < rows * topK; ++pair) {
    places[pair] = cursors[ids[pair]]++;
    tokens[places[pair]] = int32_t(pair / topK);
  }
  *at<llmc::RoutingHeader>(table, 0) = header;
}
