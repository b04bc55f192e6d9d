#include "frontends/lora/train/TrainableParameters.h"
#include "absl/strings/strip.h"
#include <algorithm>

namespace llmc::lora {

void addToKind(std::vector<TrainableParameters::Kind> &kinds, const std::string &weight,
               uint64_t parameters, uint64_t rank) {
  // "blk.3.attn_q.weight" and "blk.3.attn_q.bias": attn_q.
  std::string name = weight.substr(0, weight.rfind('.'));
  name = name.substr(name.rfind('.') + 1);
  auto kind = std::ranges::find(kinds, name, &TrainableParameters::Kind::name);
  if (kind == kinds.end())
    kind = kinds.insert(kinds.end(), {name});
  ++kind->tensors;
  kind->parameters += parameters;
  kind->rank = std::max(kind->rank, rank);
}

} // namespace llmc::lora
